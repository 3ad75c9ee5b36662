"""What a few timings can carry: which percentile of them may be printed, and an interval for their median without any assumption on how they are spread."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

CONFIDENCE = 0.99
"""That of MLPerf's early-stopping rule."""
COVERAGE = 0.95
"""Of the interval of a median."""


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


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median and its 95 % interval, from the lowest and highest of the middle values (the sign test turned round).

    Of n values, as many lie below the true median as heads fall in n tosses; so the k-th smallest and the k-th largest enclose it but for twice the chance of
    fewer than k heads. k is the largest for which that is at most 5 %. Six values are the fewest: their smallest and largest enclose it with 96.9 %.

    Source: Conover, Practical Nonparametric Statistics, section 3.2 (confidence interval for a quantile).

    Raises:
        ValueError: There are fewer than six values.
    """
    count, ordered = len(values), np.sort(values)
    if count < 6:
        raise ValueError(f"expected at least 6 values, found {count}")
    depth = 1
    while 2 * _above_at_most(depth, count, 0.5) <= 1 - COVERAGE:
        depth += 1
    return float(np.median(ordered)), float(ordered[depth - 1]), float(ordered[count - depth])


def _above_at_most(most: int, count: int, percentile: float) -> float:
    """The chance that at most `most` of `count` timings lie above a percentile."""
    from scipy.special import bdtr

    return float(bdtr(most, count, 1 - percentile))
