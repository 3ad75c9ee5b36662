"""What a score is worth before any model has been looked at: the score of chance, the lowest and the highest that a test allows.

They follow from the metric and the gold values of the test alone. A column of the board in which no candidate is above the first two, or below the last, tells
no model from another.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Scores between -1 and 1: `chance` is that of a model that knows nothing, `lowest` and `highest` are those that no model can leave."""

    chance: float
    lowest: float
    highest: float


def bounds(kind: str, metric: str, gold: Sequence[float]) -> Bounds | None:
    """The bounds of a main score on one test.

    Args:
        kind: The task's type, as on its card.
        metric: Name of the main score.
        gold: One value a test row: the gold score of `STS`, the label of `Classification` and `PairClassification` (0 or 1); of other types only their number
            counts.

    Returns:
        None for a test without rows, or a score that is not known here.
    """
    count = len(gold)
    if not count:
        return None
    if kind == "STS":
        return _correlation(metric, gold)
    if kind == "PairClassification":
        return _pairs(metric, positive=sum(1 for label in gold if label == 1), count=count)
    if kind == "Classification":
        return _classes(metric, gold)
    chance = {"BitextMining": 1 / count, "Triplets": 0.5}.get(kind)
    return None if chance is None else Bounds(chance, 0.0, 1.0)


def _correlation(metric: str, gold: Sequence[float]) -> Bounds:
    """Chance is 0.

    Cosines that are all different cannot reach a Spearman of 1 where gold scores are equal: the highest is the square root of 1 - sum(t^3 - t) / (n^3 - n).

    t are the sizes of the groups of equal gold scores: the variance that ties take from the ranks (Kendall 1945, The treatment of ties in ranking problems,
    Biometrika 33).
    """
    if not metric.endswith("spearman"):
        return Bounds(0.0, -1.0, 1.0)
    sizes = np.unique(np.asarray(gold, dtype=np.float64), return_counts=True)[1].astype(np.float64)
    total = float(len(gold))
    ties = float((sizes**3 - sizes).sum())
    highest = math.sqrt(max(0.0, 1 - ties / (total**3 - total))) if total > 1 else 0.0
    return Bounds(0.0, -highest, highest)


def _pairs(metric: str, *, positive: int, count: int) -> Bounds | None:
    """Of average precision, chance is the share of positives; the lowest has every negative first: the mean over i = 1 ... positives of i / (i + negatives).

    Boyd, Santos Costa, Davis and Page 2012, Unachievable region in precision-recall space, ICML, theorem 1. The best F1 and the best accuracy over all
    thresholds have the score of one answer for every pair as chance.
    """
    share = positive / count
    if metric.endswith("ap"):
        places = np.arange(1, positive + 1)
        lowest = float((places / (places + count - positive)).mean()) if positive else 0.0
        return Bounds(share, lowest, 1.0)
    chance = {"max_f1": 2 * share / (1 + share), "max_accuracy": max(share, 1 - share)}.get(metric)
    return None if chance is None else Bounds(chance, 0.0, 1.0)


def _classes(metric: str, gold: Sequence[float]) -> Bounds | None:
    """Chance is the better of two ways to know nothing: the most frequent class for every row, or a guess with the frequencies of the classes."""
    shares = np.unique(np.asarray(gold), return_counts=True)[1] / len(gold)
    most = float(shares.max())
    chance = {"accuracy": most, "f1": 1 / len(shares), "f1_weighted": max(2 * most**2 / (1 + most), float((shares**2).sum()))}.get(metric)
    return None if chance is None else Bounds(chance, 0.0, 1.0)
