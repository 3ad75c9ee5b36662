"""One training for every depth, and every width where the recipe has dimensions; each candidate is that model cut off at its depth and width.

AdaptiveLayerLoss trains the embeddings after the last layer and after another one drawn at random in each step; Matryoshka2dLoss also draws how many of their
first numbers count (Li et al. 2024, "2D Matryoshka", arXiv 2402.14776). Both draw from Python's generator, which the trainer seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import ModelError
from bench.make.shared import Made, shared_model

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def nested_loss(model: SentenceTransformer, loss: Any, dimensions: Sequence[int] = ()) -> Any:
    """A loss applied to every depth, and to the full width and each of the dimensions where there are any.

    Args:
        model: The model in training.
        loss: That of the last layer at full width.
        dimensions: At most as large as the model is wide.

    Raises:
        ModelError: One is larger.
    """
    from sentence_transformers.sentence_transformer.losses import AdaptiveLayerLoss, Matryoshka2dLoss

    if not dimensions:
        return AdaptiveLayerLoss(model, loss)
    return Matryoshka2dLoss(model, loss, sorted({_width(model, max(dimensions)), *dimensions}, reverse=True))


def truncate(model: SentenceTransformer, dimensions: int) -> None:
    """Cut a model's embeddings to their first numbers, in place; where it normalises, what is left is normalised.

    By a module that picks them (Dense with the first rows of the identity, no bias, no activation) and not by the library's `truncate_dim`: that one is saved
    too, but it cuts after a Normalize, so that embeddings are no longer of length one; only `encode` looks at it, so that an export of the forward pass is of
    full width again; and releases before it was saved silently ignore it.

    Args:
        model: Its last module may be a Normalize.
        dimensions: At most as large as the model is wide.

    Raises:
        ModelError: It is larger.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    width = _width(model, dimensions)
    if dimensions == width:
        return
    pick = Dense(width, dimensions, bias=False, activation_function=None, init_weight=torch.eye(dimensions, width))
    model.insert(len(model) - isinstance(model[-1], Normalize), pick)


def _width(model: SentenceTransformer, dimensions: int) -> int:
    """How many numbers an embedding has; not fewer than `dimensions`."""
    width: int | None = model.get_embedding_dimension()
    assert width is not None, "a transformer's embeddings have a width"
    if dimensions > width:
        raise ModelError(f"'dimensions' must be at most {width}, the width of the model (got {dimensions})")
    return width


def shared_training(folder: Path, train: Callable[[], Made]) -> Made:
    """The model in `folder`, trained by the first candidate that needs it; the others only load it.

    Args:
        folder: Where the trained model of all depths and dimensions is kept.
        train: Gives the model on the CPU, and what is told of its training.
    """
    from bench.models.loading import load_sentence_model

    told = shared_model(folder, train, what="training of all depths", again="it is trained anew")
    return load_sentence_model(folder), told
