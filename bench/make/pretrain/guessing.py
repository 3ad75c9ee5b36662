"""Has a masked language model learned more than how often each token occurs?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.make.pretrain.tokenizer import SPECIAL_TOKENS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    IntArray = NDArray[np.int32] | NDArray[np.int64]

NEAR = 0.05
"""A perplexity that is lower than that of guessing by less than this share is called guessing."""


def guessing_loss(trained_on: IntArray, batches: Sequence[IntArray], *, vocab_size: int) -> float:
    """The loss, in nats, of guessing every masked token by how often it occurs: what a model reaches that looks at no context.

    Args:
        trained_on: Token ids of the text that was trained on, shape (tokens,).
        batches: The masked tokens of each batch of held-out text, shape (n,) each; like a model's loss, the mean is over batches.
        vocab_size: Number of tokens. Each counts once more than it occurs, so that a token of the held-out text alone has a probability too.
    """
    counts = np.bincount(trained_on, minlength=vocab_size) + 1.0
    counts[: len(SPECIAL_TOKENS)] = 0.0  # these are never masked
    logs = np.log(counts, where=counts > 0, out=np.full(vocab_size, -np.inf)) - np.log(counts.sum())
    return float(-np.mean([logs[one].mean() for one in batches]))


def guesses(perplexity: float, guessing: float) -> str:
    """A sentence, with the mend, where a model's perplexity is about that of guessing or above; else nothing."""
    if perplexity < guessing * (1 - NEAR):
        return ""
    return (
        f"the held-out perplexity, {perplexity:.1f}, is no better than that of guessing each masked token by how often it occurs, {guessing:.1f}: "
        "this base has learned nothing from context; give it more --tokens (some millions), more text, or another --learning-rate"
    )
