"""A checkpoint whose transformer is run by ONNX Runtime or OpenVINO: exported once a workspace, checked against PyTorch, loaded without PyTorch's weights.

sentence-transformers does this through optimum, whose releases ask for an older transformers. So the transformer is written by PyTorch's own exporter, as one
ONNX file that both engines read; tokenizer, prompts, pooling and what comes after stay those of sentence-transformers.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers.sentence_transformer.modules import Transformer
from typing_extensions import override

from bench.cards.candidate import Backend, Use
from bench.children import in_child
from bench.errors import ModelError, first_line
from bench.faults import storage
from bench.models.encoders import Progress, SentenceEncoder
from bench.models.engines import SETTINGS, export_name
from bench.store import Notices, Unsound, read_sealed_folder, replacing_folder, seal_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

FILE = "transformer.onnx"
TOLERANCE = 1e-4
"""How far an exported model's embeddings may be from PyTorch's, as a share of their length: engines add in another order."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
CHECKED = ("एक", "बच्चे मैदान में पतंग उड़ा रहे हैं।", "हे एक थोडे मोठे वाक्य आहे, ज्यात अनेक शब्द आहेत, विरामचिन्हे आहेत आणि English शब्दही आहेत. " * 3)
"""Texts of three lengths, alone and in one padded batch: what was fixed in the export by accident shows."""


def exported(folder: Path, content: str, use: Use, state: Path, say: Callable[[], None] = lambda: None) -> Path:
    """The folder of a checkpoint's exported model; exported, in a process of its own, where it is not there or not what was written.

    Args:
        folder: The checkpoint.
        content: Its digest.
        use: How it is run; `use.backend` is not `torch`.
        state: The workspace's folder for what a run writes.
        say: Called before it is exported, which takes from seconds to a minute.

    Raises:
        ModelError: The checkpoint cannot be loaded or exported, or the exported model gives other embeddings.
        StorageError: The folder cannot be written.
    """
    from filelock import FileLock

    key = export_name(content, use)
    place, locks, notices = state / "exported" / key, state / "locks", Notices()
    with storage(locks):
        locks.mkdir(parents=True, exist_ok=True)
    with storage(place), FileLock(locks / f"export-{key}"):
        if not _is_sound(place, key, notices):
            say()
            with replacing_folder(place) as temporary:
                in_child(_export, folder, use, temporary)
                seal_folder(temporary, key)
    return place


def load_exported(folder: Path, *, prompt: str | None, progress: Progress = lambda _: None) -> SentenceEncoder:
    """The encoder of an exported folder, on as many threads as PyTorch has been given.

    Args:
        folder: As `exported` has written it.
        prompt: Put before every text; None for the folder's own prompts, "" for none.
        progress: Called with the finished fraction of what is encoded.
    """
    from sentence_transformers import SentenceTransformer

    # the class of its first module is named there and is ours, which sentence-transformers imports for trusted folders only
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=True)
    return SentenceEncoder(model, prompt=prompt, progress=progress)


class ExportedTransformer(Transformer):
    """sentence-transformers' module with an engine in place of its model."""

    @override
    def _load_model(self, model_name_or_path: str, transformer_task: Any, config: Any, backend: str, is_peft_model: bool, **model_kwargs: Any) -> Any:
        """A hook of sentence-transformers, in which its own backends are loaded too."""
        folder = Path(model_name_or_path, model_kwargs.get("subfolder", ""))
        settings = json.loads((Path(model_name_or_path) / SETTINGS).read_text(encoding="utf-8"))
        return _Engine(folder / FILE, config, settings)


class _Engine(torch.nn.Module):
    """What sentence-transformers calls a model: token ids in, token embeddings out."""

    def __init__(self, file: Path, config: Any, settings: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.numbers, self.backend = config, int(settings["numbers"]), settings["backend"]
        self._inputs: list[str] = settings["inputs"]
        self._run, self.threads = START[self.backend](file, torch.get_num_threads())

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        return_dict: bool = True,  # noqa: ARG002 (sentence-transformers gives it)
    ) -> dict[str, torch.Tensor]:
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        fed: dict[str, Any] = {name: given[name] for name in self._inputs}
        return {"last_hidden_state": torch.from_numpy(self._run({name: ids.numpy() for name, ids in fed.items()}))}


Run = Callable[[dict[str, Any]], Any]


def _start_onnx(file: Path, threads: int) -> tuple[Run, int]:
    """A session of ONNX Runtime, and the threads that it says it has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda fed: session.run(None, fed)[0], int(session.get_session_options().intra_op_num_threads)


def _start_openvino(file: Path, threads: int) -> tuple[Run, int]:
    """A model compiled by OpenVINO, and the threads that it says it has. By itself it computes in bf16 where the hardware does."""
    import openvino

    asked = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    compiled = openvino.Core().compile_model(str(file), "CPU", asked)
    return lambda fed: compiled(fed)[0], int(compiled.get_property("INFERENCE_NUM_THREADS"))


START: dict[Backend, Callable[[Path, int], tuple[Run, int]]] = {"onnx": _start_onnx, "openvino": _start_openvino}


def _is_sound(place: Path, key: str, notices: Notices) -> bool:
    """Whether the folder holds what was exported; where it holds something else, that is said."""
    if not place.is_dir():
        return False
    try:
        return read_sealed_folder(place, key) is not None
    except Unsound as problem:
        notices.say(f"{place}: this is not what was exported ({problem}); it is not used and exported anew")
        return False


def _export(folder: Path, use: Use, place: Path) -> None:
    """Write the folder, load it again, and compare its embeddings with PyTorch's."""
    from bench.models.loading import load_encoder

    encoder = load_encoder(folder, prompt="", use=Use(use.max_length))
    if not isinstance(encoder, SentenceEncoder) or not _is_plain(encoder.model):
        raise ModelError(f"{folder}: backend {use.backend} runs a model whose first part is a transformer that gives token embeddings, and this one is not")
    model = encoder.model.eval()
    expected = _embeddings(model)
    model.save_pretrained(str(place), create_model_card=False)
    modules = place / "modules.json"
    told = json.loads(modules.read_text(encoding="utf-8"))
    inside = place / told[0]["path"]
    for weights in (*inside.glob("*.safetensors"), *inside.glob("*.safetensors.index.json")):
        weights.unlink()
    _name_no_code(place)
    inputs = _write(folder, model[0], inside / FILE)
    told[0]["type"] = f"{ExportedTransformer.__module__}.{ExportedTransformer.__name__}"
    modules.write_text(json.dumps(told, indent=2), encoding="utf-8")
    numbers = sum(parameter.numel() for parameter in model[0].parameters())
    (place / SETTINGS).write_text(json.dumps({"backend": use.backend, "inputs": inputs, "numbers": numbers}), encoding="utf-8")
    _compare(folder, use.backend, expected, _embeddings(load_exported(place, prompt="").model))


def _name_no_code(place: Path) -> None:
    """Take out of configuration files what would make a loader run code: the checkpoint was loaded without it, and the exported one is loaded as trusted."""
    for file in place.rglob("*.json"):
        told = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(told, dict) and told.pop("auto_map", None) is not None:
            file.write_text(json.dumps(told, indent=2, ensure_ascii=False), encoding="utf-8")


def _is_plain(model: SentenceTransformer) -> bool:
    """True where the first module calls a transformer's `forward` and takes its last hidden state."""
    text = getattr(model[0], "modality_config", {}).get("text") if isinstance(model[0], Transformer) else None
    return text is not None and (text["method"], text["method_output_name"]) == ("forward", "last_hidden_state")


def _write(folder: Path, module: Any, file: Path) -> list[str]:
    """Export the transformer of a module; the names of its inputs."""
    features = module.preprocess(list(CHECKED))
    names = [name for name in INPUTS if name in features]
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of packages for pictures that are not installed
    try:
        with warnings.catch_warnings():  # of names of axes, and of its own use of Python
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _TokenEmbeddings(module.auto_model).eval(),
                tuple(features[name] for name in names),
                str(file),
                input_names=names,
                output_names=["last_hidden_state"],
                dynamic_shapes=tuple({0: batch, 1: length} for _ in names),
                dynamo=True,
                external_data=True,
                verbose=False,
            )
    except Exception as error:  # what the exporter raises for a model that it cannot follow is of many classes
        raise ModelError(f"{folder}: PyTorch cannot export it: {first_line(error)}; use backend 'torch'") from error
    return names


class _TokenEmbeddings(torch.nn.Module):
    """A transformer with positional inputs and one output."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> torch.Tensor:
        more = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **more).last_hidden_state  # type: ignore[no-any-return]


def _embeddings(model: SentenceTransformer) -> list[Any]:
    """Each text by itself, and all of them as one padded batch."""
    batches: Sequence[Sequence[str]] = [*([text] for text in CHECKED), CHECKED]
    return [model.encode(list(texts), batch_size=len(texts), show_progress_bar=False) for texts in batches]


def _compare(folder: Path, backend: Backend, expected: Sequence[Any], found: Sequence[Any]) -> None:
    """Raise unless every embedding is that of PyTorch."""
    worst = max(float((np.linalg.norm(a - b, axis=1) / np.linalg.norm(a, axis=1)).max()) for a, b in zip(expected, found, strict=True))
    if not worst <= TOLERANCE:
        raise ModelError(f"{folder}: run by backend {backend} its embeddings differ from PyTorch's by {worst:.2g} of their length (at most {TOLERANCE:g})")
