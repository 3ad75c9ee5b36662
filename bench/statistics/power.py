"""How small a difference a test can show."""

from __future__ import annotations

import math

from bench.statistics.estimate import CONFIDENCE, Estimate

POWER = 0.8
"""How often a difference of the size that is told would be found."""


def smallest_detectable(difference: Estimate) -> float:
    """The smallest true difference that a paired comparison like this one finds in 80 of 100 cases: its 95 % interval then lies on one side of zero.

    (t(0.975) + t(0.8)) standard errors, with the comparison's degrees of freedom (Bloom 1995, "Minimum detectable effects", Evaluation Review 19). It depends
    on how the difference varies, not on its value.
    """
    from scipy.special import ndtri, stdtrit

    freedom = difference.freedom
    quantiles = [float(stdtrit(freedom, share)) if math.isfinite(freedom) else float(ndtri(share)) for share in ((1 + CONFIDENCE) / 2, POWER)]
    return sum(quantiles) * math.sqrt(difference.variance)
