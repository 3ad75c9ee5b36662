"""Build the starting point of a candidate: the base whole, pruned to a list of layers, or of the same shape with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import LayerError, ModelError, first_line
from bench.make.bases import architecture, check_kept
from bench.specs import Pooling

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


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
    _drop_pooler(model[0].auto_model)
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


def keep_layers(transformer: Any, kept: Sequence[int]) -> None:
    """Prune a transformer in place to the kept layers, and say so in its configuration.

    The configuration's number of layers decides how many are built on reload: left at the old value, the missing ones come back as random weights.
    What a layer has because of its place goes along: ModernBERT's local or global attention stays with its layer, T5's relative attention bias, which the
    first block holds for all, moves to the new first one, and cache positions are counted anew.

    Raises:
        LayerError: The architecture is not supported, a layer number is out of range, or these layers cannot be kept alone (see `check_kept`).
    """
    from torch import nn

    config = transformer.config
    parent_name, _, name = architecture(config.model_type).layers.rpartition(".")
    parent = transformer.get_submodule(parent_name)
    layers = getattr(parent, name)
    if not kept or kept[-1] >= len(layers):
        raise LayerError(f"kept layers must be between 0 and {len(layers) - 1} (got {list(kept)})")
    check_kept(config.to_dict(), kept)
    if config.model_type in {"t5", "mt5"} and kept[0] != 0:
        _move_position_bias(layers[0].layer[0].SelfAttention, layers[kept[0]].layer[0].SelfAttention)
    for place, index in enumerate(kept):
        for module in layers[index].modules():
            if getattr(module, "layer_idx", None) is not None:
                module.layer_idx = place
    setattr(parent, name, nn.ModuleList([layers[index] for index in kept]))
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[index] for index in kept]
    config.num_hidden_layers = len(kept)  # transformers maps the name to the architecture's own


def _move_position_bias(source: Any, target: Any) -> None:
    """Give T5's relative attention bias, which the first block computes for all, to another block's attention."""
    target.relative_attention_bias = source.relative_attention_bias
    target.has_relative_attention_bias = True


def randomise(model: SentenceTransformer, *, layers: int, seed: int) -> None:
    """Replace a sentence model's transformer by one of the same shape and `layers` layers with random weights."""
    import copy

    import torch

    old = model[0].auto_model
    config = copy.deepcopy(old.config)
    types = getattr(config, "layer_types", None)
    if types:
        if layers > len(types):
            raise LayerError(
                f"keep must be at most {len(types)} for random weights of model_type {config.model_type!r}, whose layers differ by place (got {layers})"
            )
        config.layer_types = types[:layers]
    config.num_hidden_layers = layers
    torch.manual_seed(seed)
    model[0].model = type(old)(config)  # the same class: AutoModel would give T5 its decoder back
    _drop_pooler(model[0].auto_model)


def _drop_pooler(transformer: Any) -> None:
    """Remove BERT's pooler: mean and CLS pooling do not use it, and most bases bring none, so that it would be random weights."""
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
