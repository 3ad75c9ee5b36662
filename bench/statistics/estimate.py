"""A score, or any sum or difference of scores, with all that makes it vary: the numbers behind every interval and tier. `docs/statistics.md` tells it in full.

Three things vary and are crossed with each other: the units of the test (`items`), the few-shot draws of a classification, and the training seeds (both are a
`Factor`). For a mean over the R levels of a factor and over n units, with s^2 the variance between the levels' scores, the variance is estimated as

    variance of the item replicates  +  s^2 / R  -  variance of the interaction replicates.

The first two both hold the interaction of level and unit; the third takes it out of the sum once. This is the variance of a mean in a crossed design with
random effects (Brennan 2001, "Generalizability Theory"). How resampling rows and columns counts their interaction more than once: Owen 2007, "The pigeonhole
bootstrap".

Few levels estimate s^2 badly: the interval is widened by Student's t with the degrees of freedom of Satterthwaite 1946, which for two groups of seeds are
those of Welch 1947.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.statistics.units import RESAMPLES, seeded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CONFIDENCE = 0.95
Z = 1.959963984540054
"""The 0.975 quantile of the normal distribution."""
LEAST_VARIANCE = 1e-18
"""Below it a variance of scores is a rounding error."""


@dataclasses.dataclass(frozen=True)
class Factor:
    """What else than the test units varies.

    Attributes:
        deviations: float64 (levels,): each level's score less their mean.
        with_items: float64 (resamples,): replicates of the interaction of levels and units in the mean over levels.
    """

    deviations: Floats
    with_items: Floats

    @property
    def levels(self) -> int:
        """How many draws, or seeds."""
        return len(self.deviations)

    @property
    def variance(self) -> float:
        """Variance of the mean over the levels, interaction included."""
        return float((self.deviations**2).sum()) / (self.levels * (self.levels - 1))

    def plus(self, other: Factor | None, times: float) -> Factor:
        """The factor of a sum of two scores that share their levels; `other` is None where the second score does not have it."""
        if other is None:
            return self
        return Factor(self.deviations + times * other.deviations, self.with_items + times * other.with_items)

    def times(self, number: float) -> Factor:
        """The factor of a multiple of a score."""
        return Factor(number * self.deviations, number * self.with_items)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number made of scores, and how it varies.

    Estimates are added, subtracted and scaled; what two of them share (test units, draws, seeds) stays paired.

    Attributes:
        value: The number itself.
        items: float64 (resamples,): the number on each resample of the test units.
        factors: What else varies, by name. Estimates with a factor of one name share its levels; factors of different names are independent.
        item_freedom: Degrees of freedom of the variance of `items`: the effective number of units - 1.
    """

    value: float
    items: Floats
    factors: Mapping[str, Factor] = dataclasses.field(default_factory=dict)
    item_freedom: float = math.inf

    def __add__(self, other: Estimate) -> Estimate:
        return self._plus(other, 1.0)

    def __sub__(self, other: Estimate) -> Estimate:
        return self._plus(other, -1.0)

    def __mul__(self, number: float) -> Estimate:
        factors = {name: factor.times(number) for name, factor in self.factors.items()}
        return Estimate(number * self.value, number * self.items, factors, self.item_freedom)

    def _plus(self, other: Estimate, times: float) -> Estimate:
        factors = {name: factor.plus(other.factors.get(name), times) for name, factor in self.factors.items()}
        factors |= {name: factor.times(times) for name, factor in other.factors.items() if name not in factors}
        return Estimate(self.value + times * other.value, self.items + times * other.items, factors, min(self.item_freedom, other.item_freedom))

    @functools.cached_property
    def item_variance(self) -> float:
        """Variance over test units."""
        return float(np.var(self.items))

    @functools.cached_property
    def factor_variance(self) -> float:
        """Variance over draws and seeds beyond what `item_variance` holds; 0 where their scores differ no more than the test units alone would make them."""
        return max(0.0, sum(factor.variance - float(np.var(factor.with_items)) for factor in self.factors.values()))

    @property
    def variance(self) -> float:
        """Variance over everything."""
        return self.item_variance + self.factor_variance

    @property
    def freedom(self) -> float:
        """Effective degrees of freedom of `variance`: its square over the sum of each part's square by its own degrees of freedom (Satterthwaite 1946)."""
        parts = self.item_variance**2 / self.item_freedom + sum(factor.variance**2 / (factor.levels - 1) for factor in self.factors.values())
        return max(1.0, self.variance**2 / parts) if parts > 0 else math.inf

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval.

        Without factors: the central 95 % of the item replicates (percentile bootstrap). Each arm is then lengthened for the other variance, as the root of
        the sum of squares (Zou and Donner 2008, "Construction of confidence limits about effect measures"), and stretched by t / z for the degrees of
        freedom.
        """
        low, high = (float(end) for end in np.quantile(self.items, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
        other, stretch = Z * math.sqrt(self.factor_variance), _student(self.freedom) / Z
        below, above = max(0.0, self.value - low), max(0.0, high - self.value)
        return low - (stretch * math.hypot(below, other) - below), high + (stretch * math.hypot(above, other) - above)

    @property
    def sure(self) -> bool:
        """True where the interval does not hold zero."""
        low, high = self.interval
        return low > 0 or high < 0

    @property
    def replicates(self) -> Floats:
        """Joint replicates (resamples,) over everything: the item replicates, plus each factor's deviations times normal multipliers.

        The multipliers belong to the factor's name. They are the same for all estimates that have the factor, so that replicates of different estimates may
        be compared.
        """
        held = sum(factor.variance for factor in self.factors.values())
        if held <= LEAST_VARIANCE:
            return self.items
        share = math.sqrt(self.factor_variance / held)
        moved = np.zeros_like(self.items)
        for name, factor in self.factors.items():
            multipliers = _multipliers(name, factor.levels)[: len(moved)]
            moved += multipliers @ factor.deviations / math.sqrt(factor.levels * (factor.levels - 1))
        found: Floats = self.items + share * moved
        return found

    def record(self) -> dict[str, Any]:
        """As plain JSON types; numbers keep six digits after the point, far fewer than an interval needs."""
        return {
            "value": self.value,
            "items": _rounded(self.items),
            "factors": {name: {"deviations": _rounded(one.deviations), "with_items": _rounded(one.with_items)} for name, one in self.factors.items()},
            "item_freedom": round(self.item_freedom, 3),
        }

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Estimate:
        """The estimate that `record` wrote."""
        factors = {name: Factor(np.asarray(one["deviations"]), np.asarray(one["with_items"])) for name, one in record["factors"].items()}
        return cls(record["value"], np.asarray(record["items"], dtype=np.float64), factors, record["item_freedom"])


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of fixed things: languages, tasks. Test units and draws that they share stay shared.

    Its degrees of freedom over units are the harmonic mean of the parts', weighted by their variances: right where the parts vary together, as parallel
    languages do, and too few where they do not.
    """
    total = functools.reduce(Estimate.__add__, estimates) * (1 / len(estimates))
    held, parts = sum(one.item_variance for one in estimates), sum(one.item_variance / one.item_freedom for one in estimates)
    return dataclasses.replace(total, item_freedom=held / parts if parts > 0 else math.inf)


def averaged(estimates: Sequence[Estimate], *, over: str) -> Estimate:
    """The mean over things that are themselves a sample: few-shot draws, training seeds. One alone is returned as it is.

    The interaction replicates are, in each resample, a contrast of the levels' replicates: random coefficients that sum to 0 and whose squares sum to 1, over
    the root of the number of levels. What the levels have in common falls out, and the variance of what is left is that of the interaction in the mean.
    Coefficients belong to the factor's name, so that they are the same for all candidates and differences stay linear.

    Args:
        estimates: One a level.
        over: The factor's name.
    """
    if len(estimates) == 1:
        return estimates[0]
    middle = mean(estimates)
    deviations = np.array([one.value for one in estimates]) - middle.value
    moved = np.stack([one.items - one.items.mean() for one in estimates], axis=1)
    with_items = (_contrasts(over, len(estimates))[: len(moved)] * moved).sum(axis=1) / math.sqrt(len(estimates))
    freedom = min(one.item_freedom for one in estimates)
    return dataclasses.replace(middle, factors={**middle.factors, over: Factor(deviations, with_items)}, item_freedom=freedom)


def ratio(part: Estimate, whole: Estimate) -> tuple[float, tuple[float, float]] | None:
    """`part` divided by `whole`, with its 95 % interval: the percentiles of the replicates' ratios, stretched for few degrees of freedom.

    None where `whole` is not above zero in every replicate: a share of what may be nothing says nothing.
    """
    below = whole.replicates
    if whole.value <= 0 or (below <= 0).any() or whole.interval[0] <= 0:
        return None
    value = part.value / whole.value
    stretch = _student((part - whole * value).freedom) / Z
    low, high = np.quantile(part.replicates / below, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return value, (value - stretch * (value - float(low)), value + stretch * (float(high) - value))


def _student(freedom: float) -> float:
    """The 0.975 quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) if math.isfinite(freedom) else Z


@functools.lru_cache(maxsize=256)
def _multipliers(name: str, levels: int) -> Floats:
    """Normal multipliers of a factor: (resamples, levels)."""
    return seeded("multipliers", name).standard_normal((RESAMPLES, levels))


@functools.lru_cache(maxsize=256)
def _contrasts(name: str, levels: int) -> Floats:
    """Coefficients that sum to 0, their squares to 1, in each resample: (resamples, levels)."""
    drawn = seeded("contrasts", name).standard_normal((RESAMPLES, levels))
    drawn -= drawn.mean(axis=1, keepdims=True)
    scaled: Floats = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return scaled


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 6) for value in values]
