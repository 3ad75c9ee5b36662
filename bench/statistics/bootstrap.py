"""Scores of a test in each resample of its units, in numpy.

Every candidate is scored on the same resamples, and the difference of two candidates' replicates is the paired bootstrap of their difference (Efron and Tibshirani 1993, chapter 13). For
Spearman, ranks are taken anew inside each resample, ties averaged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
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
    sizes = np.add.reduceat(weight[:, order], starts, axis=1)
    middle = np.cumsum(sizes, axis=1) - sizes + (sizes + 1) / 2
    ranks = np.empty_like(weight)
    ranks[:, order] = middle[:, group_of]
    return ranks


def spearman(first: Floats, second: Floats, weight: Floats) -> Floats:
    """Spearman's correlation of two series (n,) in each resample: (resamples,)."""
    a, b = weighted_ranks(first, weight), weighted_ranks(second, weight)
    total = weight.sum(axis=1, keepdims=True)
    a -= (weight * a).sum(axis=1, keepdims=True) / total
    b -= (weight * b).sum(axis=1, keepdims=True) / total
    scale = np.sqrt((weight * a * a).sum(axis=1) * (weight * b * b).sum(axis=1))
    with np.errstate(invalid="ignore"):  # a resample of equal values has no correlation: NaN
        correlation: Floats = (weight * a * b).sum(axis=1) / scale
    return correlation


def average_precision(scores: Floats, labels: Floats, weight: Floats) -> Floats:
    """Average precision of `scores` for `labels` (0 or 1) in each resample: (resamples,).

    Sum over thresholds of precision times the gain in recall, equal scores sharing a threshold (scikit-learn, `average_precision_score`). NaN where no row of label 1 is drawn.
    """
    order = np.argsort(-scores, kind="stable")
    _, starts = np.unique(-scores[order], return_index=True)
    hits = np.add.reduceat((weight * labels)[:, order], starts, axis=1)
    seen = np.cumsum(np.add.reduceat(weight[:, order], starts, axis=1), axis=1)
    precision = np.divide(np.cumsum(hits, axis=1), seen, out=np.zeros_like(seen), where=seen > 0)
    with np.errstate(invalid="ignore"):
        found: Floats = (precision * hits).sum(axis=1) / hits.sum(axis=1)
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
