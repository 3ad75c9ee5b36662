"""What a sentence model does with the outputs of its layers: another pooling in place of its own, and whether it can lose layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.cards.recipes import Pooling
from bench.errors import ModelError, first_line

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def replace_pooling(model: SentenceTransformer, pooling: Pooling, folder: Path) -> None:
    """Change how a model pools, in place, wherever among its modules it does so. Its other settings stay, such as whether the prompt is pooled.

    Args:
        model: On the CPU.
        pooling: The new kind.
        folder: For messages.

    Raises:
        ModelError: There is not exactly one pooling, or what follows it is made for another width.
    """
    from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule

    places = [place for place, module in enumerate(model) if isinstance(module, PoolingModule)]
    modules = ", ".join(type(module).__name__ for module in model)
    if len(places) != 1:
        raise ModelError(
            f"{folder}: the recipe's pooling {pooling!r} needs one Pooling module to replace, found {len(places)} ({modules}); leave `pooling` out of "
            "the recipe"
        )
    old = model[places[0]]
    model[places[0]] = PoolingModule(old.embedding_dimension, pooling_mode=pooling, include_prompt=old.include_prompt)
    if model[places[0]].get_embedding_dimension() == old.get_embedding_dimension():
        return
    try:
        model.encode(["."], show_progress_bar=False)
    except RuntimeError as error:
        raise ModelError(
            f"{folder}: pooling {pooling!r} gives {old.embedding_dimension} numbers where the modules after it ({modules}) take "
            f"{old.get_embedding_dimension()}: "
            f"{first_line(error)}; leave `pooling` out of the recipe"
        ) from error


def check_may_lose_layers(model: SentenceTransformer, folder: Path) -> None:
    """Refuse a model whose pooling has a weight for each layer: it fits one depth only.

    Args:
        model: Any.
        folder: For messages.

    Raises:
        ModelError: It has such a pooling.
    """
    from sentence_transformers.sentence_transformer.modules import WeightedLayerPooling

    if any(isinstance(module, WeightedLayerPooling) for module in model):
        raise ModelError(
            f"{folder}: its WeightedLayerPooling has a weight for each layer, so that no layer can go; take a base without that module, or kind full or static"
        )
