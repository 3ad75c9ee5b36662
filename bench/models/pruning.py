"""Build the starting point of a candidate: the base whole, pruned to a list of layers, or of the same shape with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.errors import LayerError
from bench.models.architectures import architecture, check_kept

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


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
    drop_pooler(model[0].auto_model)


def drop_pooler(transformer: Any) -> None:
    """Remove BERT's pooler: mean and CLS pooling do not use it, and most bases bring none, so that it would be random weights."""
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
