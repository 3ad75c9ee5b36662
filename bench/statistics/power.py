"""How small a difference a test can see, and how sure one of several differences is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.statistics.estimate import CONFIDENCE, LEAST_VARIANCE, Estimate

POWER = 0.80
"""How often a difference of the smallest detectable size is seen."""


def smallest_detectable(difference: Estimate) -> float:
    """The smallest true difference that a paired comparison like this one finds in 80 of 100 cases: its 95 % interval then lies on one side of zero.

    (t(0.975) + t(0.8)) standard errors, with the comparison's degrees of freedom (Bloom 1995, "Minimum detectable effects", Evaluation Review 19). It depends
    on how the difference varies, not on its value.
    """
    from scipy.special import stdtrit

    if difference.variance <= LEAST_VARIANCE:
        return 0.0
    freedom = min(difference.freedom, 1e9)
    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2) + stdtrit(freedom, POWER)) * math.sqrt(difference.variance)


def drop_probability(difference: Estimate) -> float:
    """One-sided p-value of "nothing was lost": how probable a difference this far below zero is where there is none (Student's t)."""
    from scipy.special import stdtr

    if difference.variance <= LEAST_VARIANCE:
        return 0.0 if difference.value < -math.sqrt(LEAST_VARIANCE) else 1.0
    return float(stdtr(min(difference.freedom, 1e9), difference.value / math.sqrt(difference.variance)))


def holm(probabilities: Sequence[float]) -> list[float]:
    """P-values corrected for being several: Holm 1979, "A simple sequentially rejective multiple test procedure"."""
    order = sorted(range(len(probabilities)), key=lambda place: probabilities[place])
    found, largest = [0.0] * len(probabilities), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(probabilities) - rank) * probabilities[place]))
        found[place] = largest
    return found
