"""Tiers: who is surely above whom, with one error rate for the whole board.

Every ordered pair of rows is a claim "the first is above the second". The bootstrap gives the distribution of the largest studentised difference among all
pairs when no row is above another; a claim is made where the observed difference is beyond its 96 % quantile, and then again among the claims that are left
(step-down). So the probability that a board makes any wrong claim is at most 5 %: Romano and Wolf 2005, "Exact and approximate stepdown methods for multiple
hypothesis testing"; for ranks, Mogstad, Romano, Shaikh and Wilhelm 2024, "Inference for ranks".

Differences of rows over few seeds have few degrees of freedom each: their statistic is carried from Student's t to the normal scale before it is compared
with the others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.statistics.estimate import LEAST_VARIANCE, Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ERROR = 0.05
"""The probability that a board claims anything wrong, at most."""
MARGIN = 0.01
"""How much of it is kept in hand: the critical point comes from 1,000 resamples, and standard errors from few seeds. Without it, simulated boards err in 5.0 to
5.5 of 100 cases (docs/statistics.md)."""


def tiers(estimates: Sequence[Estimate]) -> list[int]:
    """Each one's tier: 1 + the number of others that are surely above it."""
    return [1 + int(count) for count in surely_above(estimates).sum(axis=0)]


def surely_above(estimates: Sequence[Estimate]) -> NDArray[np.bool_]:
    """Which are surely above which, for the whole board at once: bool (rows, rows), the row above the column."""
    found = np.zeros((len(estimates), len(estimates)), dtype=bool)
    pairs = list(itertools.combinations(range(len(estimates)), 2))
    if not pairs:
        return found
    studied = [_studentised(estimates[one] - estimates[other]) for one, other in pairs]
    observed = np.array([statistic for statistic, _ in studied])
    moved = np.stack([replicates for _, replicates in studied])
    above = _step_down(np.concatenate([observed, -observed]), np.concatenate([moved, -moved]))
    for place in np.flatnonzero(above):
        one, other = pairs[place % len(pairs)]
        found[(one, other) if place < len(pairs) else (other, one)] = True
    return found


def _step_down(observed: Floats, moved: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the statistics (claims,) are beyond what all that are not yet claimed could reach by chance.

    `moved` (claims, resamples) are their replicates about zero.
    """
    claimed = np.zeros(len(observed), dtype=bool)
    while not claimed.all():
        largest = np.sort(moved[~claimed].max(axis=0))
        place = math.ceil((1 - ERROR + MARGIN) * (len(largest) + 1)) - 1
        new = ~claimed & (observed > largest[min(place, len(largest) - 1)])
        if not new.any():
            break
        claimed |= new
    return claimed


def _studentised(difference: Estimate) -> tuple[float, NDArray[np.float32]]:
    """The difference in standard errors, on the normal scale, and its replicates: centred, of variance 1."""
    from scipy.special import ndtri, stdtr

    if difference.variance <= LEAST_VARIANCE:  # the two never differ, or always by the same
        return 0.0 if abs(difference.value) <= math.sqrt(LEAST_VARIANCE) else math.copysign(math.inf, difference.value), np.zeros(
            len(difference.items), dtype=np.float32
        )
    statistic = difference.value / math.sqrt(difference.variance)
    if math.isfinite(difference.freedom):
        statistic = math.copysign(float(ndtri(stdtr(difference.freedom, -abs(statistic)))), statistic)
    replicates = difference.replicates
    return statistic, ((replicates - replicates.mean()) / replicates.std()).astype(np.float32)
