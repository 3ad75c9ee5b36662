"""A model's folder to a model: find it, load it as a sentence model to be trained, or as an encoder to be judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cards.specs import Pooling, Precision
from bench.errors import ModelError, first_line
from bench.models.encoders import INT8_ROWS, Encoder, Progress, SentenceEncoder
from bench.models.lexical import FILE as LEXICAL_FILE
from bench.models.lexical import LexicalEncoder
from bench.models.pruning import drop_pooler

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def locate_model(name: str, *, path: str | None, hub: str | None, revision: str | None, folder: Path, offline: bool) -> Path:
    """The folder that holds a model.

    Raises:
        ModelError: The folder has no `config.json` or `modules.json`, or the Hub cannot be reached.
    """
    if path is not None:
        found = (folder / Path(path).expanduser()).resolve()
        if not (found / "config.json").is_file() and not (found / "modules.json").is_file():
            raise ModelError(f"{name}: {found} is not a model folder: expected config.json or modules.json in it")
        return found
    assert hub is not None
    from huggingface_hub import snapshot_download

    patterns = ["README.md", "*.json", "*.safetensors", "*.bin", "*.txt", "*.model", "*/*.json", "*/*.safetensors", "*/*.bin"]
    try:
        return Path(snapshot_download(hub, revision=revision, local_files_only=offline, allow_patterns=patterns))
    except Exception as error:
        hint = "run once without --offline" if offline else "check the network, the id and the revision, or give the base as a folder (path = ...)"
        raise ModelError(f"{name}: hub:{hub}@{revision} cannot be had: {first_line(error)}; {hint}") from error


def load_sentence_model(folder: Path, *, pooling: Pooling | None = None) -> SentenceTransformer:
    """A folder as a sentence model in fp32 on the CPU; its longest input is never more than it has positions for.

    Args:
        folder: A sentence-transformers folder, or a plain transformers one, which gets a pooling layer.
        pooling: Replaces the pooling of a sentence-transformers folder; `mean` by default for a plain one.

    Raises:
        ModelError: The folder cannot be loaded.
    """
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule
    from sentence_transformers.sentence_transformer.modules import Transformer

    try:
        if (folder / "modules.json").is_file():
            model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32}, local_files_only=True)
            if pooling is not None:
                model[1] = PoolingModule(model[0].get_embedding_dimension(), pooling_mode=pooling)
        else:
            transformer = Transformer(str(folder), model_kwargs={"dtype": torch.float32, "local_files_only": True})
            module = PoolingModule(transformer.get_embedding_dimension(), pooling_mode=pooling or "mean")
            model = SentenceTransformer(modules=[transformer, module], device="cpu")
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{folder}: cannot be loaded: {first_line(error)}") from error
    drop_pooler(model[0].auto_model)
    model[0].auto_model.config.dtype = torch.float32  # a base stored in fp16 must not make the checkpoint reload in fp16
    if model.tokenizer.pad_token is None:
        model.tokenizer.pad_token = model.tokenizer.eos_token  # GPT-2 was trained without padding; it is masked, so that any token will do
    limits = [limit for limit in (_positions(model[0].auto_model.config), model.max_seq_length) if limit]
    if limits:
        model.max_seq_length = min(limits)
    return model


def _positions(config: Any) -> int | None:
    """How many tokens a transformer has position embeddings for; None where it needs none. RoBERTa and MPNet leave the first ones, up to that of padding, unused."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or positions <= 0:
        return None
    unused = config.pad_token_id + 1 if config.model_type in {"roberta", "xlm-roberta", "mpnet"} else 0
    return int(positions) - unused


def load_encoder(folder: Path, *, prompt: str = "", precision: Precision = "fp32", device: str = "cpu", progress: Progress = lambda _: None) -> Encoder:
    """The encoder stored in a checkpoint folder.

    `int8` quantizes the linear layers dynamically: weights once, to 8 bits, activations batch by batch; embeddings and norms stay fp32. A lexical encoder has no weights and no precision.

    Raises:
        ModelError: The folder cannot be loaded, or the precision is not to be had on the device.
    """
    if (folder / LEXICAL_FILE).is_file():
        return LexicalEncoder.load(folder)
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    if precision == "int8" and device != "cpu":
        raise ModelError(f"precision int8 runs on the CPU only (got device {device}); use bf16 or fp16")
    try:
        model = SentenceTransformer(str(folder), device=device, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{folder}: cannot be loaded: {first_line(error)}") from error
    model.float()
    if precision == "int8":
        from torch.ao.quantization import quantize_dynamic

        return SentenceEncoder(quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8), prompt=prompt, max_rows=INT8_ROWS, progress=progress)
    if precision != "fp32":
        model.to({"bf16": torch.bfloat16, "fp16": torch.float16}[precision])
    return SentenceEncoder(model, prompt=prompt, progress=progress)
