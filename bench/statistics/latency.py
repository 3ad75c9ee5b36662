"""What a few timings can carry: which percentile of them may be printed, and an interval for the middle of ratios of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIDENCE = 0.99
"""That of MLPerf's early-stopping rule."""
COVERAGE = 0.95
"""Of an interval."""


@functools.cache
def fewest_samples(percentile: float) -> int:
    """How many timings there must be before a percentile (between 0 and 1) may be printed: 11 for the median, 64 for p90, 662 for p99.

    The rule by which MLPerf stops a single-stream test early: the fewest n for which the second-largest of n timings is, with 99 % confidence, no smaller than
    the percentile, so that one timing above it may be set aside. Of n timings, k are above the percentile with the binomial probability of 1 - percentile.

    Source: MLPerf Inference, LoadGen, early_stopping.cc and results.cc (scenario SingleStream, tolerance 0, t = 1); Reddi et al. 2020, arXiv:1911.02549.
    """
    count = 2
    while _above_at_most(1, count, percentile) > 1 - CONFIDENCE:
        count += 1
    return count


def percentile_of(seconds: Sequence[float], percentile: float) -> float | None:
    """A percentile of timings; None where there are too few of them to print it."""
    return float(np.quantile(seconds, percentile)) if len(seconds) >= fewest_samples(percentile) else None


def percentile_at_most(seconds: Sequence[float], percentile: float) -> float | None:
    """MLPerf's estimate of a percentile: a timing that it does not exceed, with 99 % confidence; None where there are too few.

    The t-th largest timing, for the largest t that `fewest_samples` would allow in place of 1.
    """
    count = len(seconds)
    if count < fewest_samples(percentile):
        return None
    spare = 1
    while _above_at_most(spare + 1, count, percentile) <= 1 - CONFIDENCE:
        spare += 1
    return float(np.sort(seconds)[count - spare])


def middle_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The middle of positive values and its 95 % interval: those of their logarithms, by ranks (Hodges-Lehmann; Wilcoxon's signed-rank test turned round).

    Nothing is assumed but that the logarithms are spread alike on both sides of their middle, as those of a ratio of two times are that are disturbed alike.
    It is the median of the means of all pairs (each value with itself too), of which the k-th smallest and the k-th largest enclose it but for 5 %.

    Source: Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, sections 3.2 and 3.3.

    Raises:
        ValueError: There are fewer than six values, the fewest for which there is such an interval.
    """
    count = len(values)
    if count < 6:
        raise ValueError(f"expected at least 6 values, found {count}")
    logs = np.log(values)
    first, second = np.triu_indices(count)
    means = np.sort((logs[first] + logs[second]) / 2)
    chances = np.cumsum(_rank_sums(count))
    depth = int(np.searchsorted(chances, (1 - COVERAGE) / 2, side="right"))  # so many rank sums are rarer than 2.5 %, beginning with 0
    middle, low, high = np.exp([np.median(means), means[depth - 1], means[-depth]])
    return float(middle), float(low), float(high)


@functools.cache
def _rank_sums(count: int) -> NDArray[np.float64]:
    """How likely each sum of positive ranks is, from 0 on, when each of the ranks 1 to `count` is positive with the chance of a half."""
    chances = np.ones(1)
    for rank in range(1, count + 1):
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    return chances


def _above_at_most(most: int, count: int, percentile: float) -> float:
    """The chance that at most `most` of `count` timings lie above a percentile."""
    from scipy.special import bdtr

    return float(bdtr(most, count, 1 - percentile))
