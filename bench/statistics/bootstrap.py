"""Paired bootstrap over test examples, in numpy.

The resamples of a test set are drawn from its name alone. Every candidate is therefore scored on the same resamples, and the difference of two candidates' replicates is the paired
bootstrap of their difference (Efron and Tibshirani 1993, chapter 13; for Spearman, ranks are taken anew inside each resample, ties averaged).

What varies here is the sample of test examples. Few-shot draws are averaged over, and a training seed is another candidate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RESAMPLES = 1000
CONFIDENCE = 0.95


def resample(n: int, *, seed: int, resamples: int = RESAMPLES) -> Floats:
    """How often each of `n` examples stands in each resample: float64 of shape (resamples, n), rows summing to `n`."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, n, size=(resamples, n)) + n * np.arange(resamples)[:, None]
    counts: Floats = np.bincount(drawn.ravel(), minlength=resamples * n).reshape(resamples, n).astype(np.float64)
    return counts


def weighted_mean(values: Floats, counts: Floats) -> Floats:
    """Mean of `values` (n,) in each resample: (resamples,)."""
    means: Floats = counts @ values / counts.sum(axis=1)
    return means


def weighted_ranks(values: Floats, counts: Floats) -> Floats:
    """Rank of each value in each resample, ties averaged: (resamples, n). A value that is not drawn gets the rank it would tie at."""
    order = np.argsort(values, kind="stable")
    _, starts, group_of = np.unique(values[order], return_index=True, return_inverse=True)
    sizes = np.add.reduceat(counts[:, order], starts, axis=1)
    middle = np.cumsum(sizes, axis=1) - sizes + (sizes + 1) / 2
    ranks = np.empty_like(counts)
    ranks[:, order] = middle[:, group_of]
    return ranks


def spearman(first: Floats, second: Floats, counts: Floats) -> Floats:
    """Spearman's correlation of two series (n,) in each resample: (resamples,)."""
    a, b = weighted_ranks(first, counts), weighted_ranks(second, counts)
    total = counts.sum(axis=1, keepdims=True)
    a -= (counts * a).sum(axis=1, keepdims=True) / total
    b -= (counts * b).sum(axis=1, keepdims=True) / total
    scale = np.sqrt((counts * a * a).sum(axis=1) * (counts * b * b).sum(axis=1))
    with np.errstate(invalid="ignore"):  # a resample of equal values has no correlation: NaN
        correlation: Floats = (counts * a * b).sum(axis=1) / scale
    return correlation


def average_precision(scores: Floats, labels: Floats, counts: Floats) -> Floats:
    """Average precision of `scores` for `labels` (0 or 1) in each resample: (resamples,).

    Sum over thresholds of precision times the gain in recall, equal scores sharing a threshold (scikit-learn, `average_precision_score`).
    """
    order = np.argsort(-scores, kind="stable")
    _, starts = np.unique(-scores[order], return_index=True)
    hits = np.add.reduceat((counts * labels)[:, order], starts, axis=1)
    seen = np.cumsum(np.add.reduceat(counts[:, order], starts, axis=1), axis=1)
    precision = np.cumsum(hits, axis=1) / np.maximum(seen, 1)
    found: Floats = (precision * hits).sum(axis=1) / np.maximum(hits.sum(axis=1), 1)
    return found


def replicates(metric: str, examples: dict[str, Any], *, seed: int) -> list[float] | None:
    """The main score in each resample.

    Args:
        metric: Name of the main score.
        examples: Per-example outputs of one subset, as a result stores them.
        seed: From the name of the rows.

    Returns:
        One score a resample; None for a metric that the stored outputs do not determine, or a set so small or uniform that a resample of it has no score.
    """
    if metric in {"cosine_spearman", "spearman"} and "cosine" in examples:
        gold, cosine = (np.asarray(examples[name], dtype=np.float64) for name in ("gold", "cosine"))
        found = spearman(gold, cosine, resample(len(gold), seed=seed))
    elif metric == "cosine_ap":
        gold, cosine = (np.asarray(examples[name], dtype=np.float64) for name in ("gold", "cosine"))
        found = average_precision(cosine, gold, resample(len(gold), seed=seed))
    elif metric == "accuracy" and "correct" in examples:
        correct = np.array([[character == "1" for character in one] for one in examples["correct"]], dtype=np.float64)
        found = weighted_mean(correct.mean(axis=0), resample(correct.shape[1], seed=seed))
    elif metric == "f1" and "f1" in examples:
        values = np.asarray(examples["f1"], dtype=np.float64)
        found = weighted_mean(values, resample(len(values), seed=seed))
    else:
        return None
    if not np.isfinite(found).all():
        return None
    return [round(float(value), 6) for value in found]


def interval(values: Floats) -> tuple[float, float]:
    """The central 95 % of replicates (percentile bootstrap)."""
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
