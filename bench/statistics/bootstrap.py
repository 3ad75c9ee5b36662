"""Scores of a test in each resample of its units, in numpy.

Every candidate is scored on the same resamples, and the difference of two candidates' replicates is the paired bootstrap of their difference (Efron and
Tibshirani 1993, chapter 13). For Spearman, ranks are taken anew inside each resample, ties averaged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.statistics.estimate import Estimate, averaged
from bench.statistics.units import Unit, effective_number, weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def weighted_mean(values: Floats, weight: Floats) -> Floats:
    """Mean of `values` (n,) in each resample: (resamples,)."""
    means: Floats = weight @ values / weight.sum(axis=1)
    return means


def weighted_ranks(values: Floats, weight: Floats) -> Floats:
    """Rank of each value in each resample, ties averaged: (resamples, n). A value that is not drawn gets the rank it would tie at."""
    order = np.argsort(values, kind="stable")
    _, starts, group_of = np.unique(values[order], return_index=True, return_inverse=True)
    drawn = weight.T[order]
    sizes = drawn if len(starts) == len(order) else np.add.reduceat(drawn, starts, axis=0)
    middle = np.cumsum(sizes, axis=0) - sizes / 2 + 0.5
    ranks = np.empty_like(drawn)
    ranks[order] = middle[group_of]
    return ranks.T


def spearman(first: Floats, second: Floats, weight: Floats) -> Floats:
    """Spearman's correlation of two series (n,) in each resample: (resamples,). NaN where all drawn values of a series are equal."""
    return np.concatenate([_spearman(first, second, block) for block in _blocks(weight)])


def _spearman(first: Floats, second: Floats, weight: Floats) -> Floats:
    middle = (weight.sum(axis=1, keepdims=True) + 1) / 2  # the mean of all ranks, whatever ties
    a, b = weighted_ranks(first, weight) - middle, weighted_ranks(second, weight) - middle
    weighted = weight * a
    covariance, variance = (np.einsum("rn,rn->r", weighted, other) for other in (b, a))
    scale = np.sqrt(variance * np.einsum("rn,rn->r", weight * b, b))
    with np.errstate(invalid="ignore"):
        correlation: Floats = covariance / scale
    return correlation


def average_precision(scores: Floats, labels: Floats, weight: Floats) -> Floats:
    """Average precision of `scores` for `labels` (0 or 1) in each resample: (resamples,).

    Sum over thresholds of precision times the gain in recall, equal scores sharing a threshold (scikit-learn, `average_precision_score`). NaN where no row of
    label 1 is drawn.
    """
    return np.concatenate([_average_precision(scores, labels, block) for block in _blocks(weight)])


def _blocks(weight: Floats) -> Iterator[Floats]:
    """A few resamples at a time: what is made of them stays in the processor's cache, which halves the time."""
    return (weight[start : start + 125] for start in range(0, len(weight), 125))


def _average_precision(scores: Floats, labels: Floats, weight: Floats) -> Floats:
    order = np.argsort(-scores, kind="stable")
    _, starts = np.unique(-scores[order], return_index=True)
    drawn = weight.T[order]
    hits = np.add.reduceat(drawn * labels[order, None], starts, axis=0)
    seen = np.cumsum(np.add.reduceat(drawn, starts, axis=0), axis=0)
    precision = np.divide(np.cumsum(hits, axis=0), seen, out=np.zeros_like(seen), where=seen > 0)
    with np.errstate(invalid="ignore"):
        found: Floats = (precision * hits).sum(axis=0) / hits.sum(axis=0)
    return found


def score_estimate(metric: str, value: float, examples: dict[str, Any], units: Sequence[Unit], *, draws: str = "") -> Estimate | None:
    """A main score with all that makes it vary.

    Args:
        metric: Name of the main score.
        value: The main score.
        examples: Per-example outputs of one subset, as a result stores them.
        units: The resampling unit of each example.
        draws: What names the few-shot draws of a classification: candidates, languages and tasks with the same name share them.

    Returns:
        None for a metric that the stored outputs do not determine, or a test so small or uniform that a resample of it has no score.
    """
    units = tuple(units)
    effective = effective_number(units)
    if effective < 2:
        return None
    weight = weights(units)
    if metric in {"cosine_spearman", "spearman"} and "cosine" in examples:
        gold, cosine = (np.asarray(examples[name], dtype=np.float64) for name in ("gold", "cosine"))
        found = Estimate(value, spearman(gold, cosine, weight), item_freedom=effective - 1)
    elif metric == "cosine_ap":
        gold, cosine = (np.asarray(examples[name], dtype=np.float64) for name in ("gold", "cosine"))
        rarer = min(effective_number([unit for unit, label in zip(units, gold, strict=True) if label == one]) for one in (0, 1))
        if rarer < 2:
            return None
        found = Estimate(value, average_precision(cosine, gold, weight), item_freedom=rarer - 1)
    elif metric == "accuracy" and "correct" in examples:
        correct = np.array([[character == "1" for character in one] for one in examples["correct"]], dtype=np.float64)
        each = [Estimate(float(one.mean()), weighted_mean(one, weight), item_freedom=effective - 1) for one in correct]
        found = dataclasses.replace(averaged(each, over=f"draws {draws}"), value=value)
    elif metric == "f1" and "f1" in examples:
        found = Estimate(value, weighted_mean(np.asarray(examples["f1"], dtype=np.float64), weight), item_freedom=effective - 1)
    else:
        return None
    return found if np.isfinite(found.items).all() else None
