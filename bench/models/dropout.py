"""How much of its activations a model drops while it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def set_dropout(model: SentenceTransformer, share: float) -> None:
    """Drop this share of activations and of attention weights in training, whatever the base's configuration says.

    Architectures keep the share in modules of their own or as a number on their attention; both are set.

    Args:
        model: A sentence model, changed in place. What is saved of it does not tell the share.
        share: From 0 (nothing is dropped) to below 1.

    Raises:
        ModelError: The model has a transformer in which nothing is dropped, so that the share would do nothing.
    """
    from torch.nn import Dropout

    found = 0
    for module in model.modules():
        names = ["p"] if isinstance(module, Dropout) else [name for name, value in vars(module).items() if "dropout" in name and isinstance(value, float)]
        for name in names:
            setattr(module, name, share)
        found += len(names)
    if found == 0:
        raise ModelError(f"'dropout' of the recipe does nothing: {type(model[0].auto_model).__name__} has no dropout; leave it out")
