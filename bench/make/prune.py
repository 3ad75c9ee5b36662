"""Build the starting point of a candidate: the base whole, pruned to a list of layers, or of the same shape with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import ModelError, first_line
from bench.make.bases import SUPPORTED
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
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{folder}: cannot be loaded: {first_line(error)}") from error
    _drop_pooler(model[0].auto_model)
    model[0].auto_model.config.dtype = torch.float32  # a base stored in fp16 must not make the checkpoint reload in fp16
    positions = getattr(model[0].auto_model.config, "max_position_embeddings", None)
    limits = [limit for limit in (positions, model.max_seq_length) if limit]
    if limits:
        model.max_seq_length = min(limits)
    return model


def keep_layers(transformer: Any, kept: Sequence[int]) -> None:
    """Prune a transformer in place to the kept layers, and say so in its configuration.

    The configuration's `num_hidden_layers` decides how many layers are built on reload: left at the old value, the missing ones come back as random weights.

    Raises:
        ModelError: The architecture is not supported, or a layer number is out of range.
    """
    from torch import nn

    kind = transformer.config.model_type
    if kind not in SUPPORTED:
        raise ModelError(f"model_type {kind!r} cannot be pruned; expected one of {', '.join(SUPPORTED)}")
    parent_name, _, name = SUPPORTED[kind].rpartition(".")
    parent = transformer.get_submodule(parent_name)
    layers = getattr(parent, name)
    if not kept or kept[-1] >= len(layers):
        raise ModelError(f"kept layers must be between 0 and {len(layers) - 1} (got {list(kept)})")
    setattr(parent, name, nn.ModuleList([layers[index] for index in kept]))
    transformer.config.num_hidden_layers = len(kept)


def randomise(model: SentenceTransformer, *, layers: int, seed: int) -> None:
    """Replace a sentence model's transformer by one of the same shape and `layers` layers with random weights."""
    import copy

    import torch
    from transformers import AutoModel

    old = model[0].auto_model
    config = copy.deepcopy(old.config)
    config.num_hidden_layers = layers
    torch.manual_seed(seed)
    model[0].model = AutoModel.from_config(config, dtype=torch.float32)
    _drop_pooler(model[0].auto_model)


def _drop_pooler(transformer: Any) -> None:
    """Remove BERT's pooler: mean and CLS pooling do not use it, and most bases bring none, so that it would be random weights."""
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
