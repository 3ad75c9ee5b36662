"""Methods against their controls: a claim about a way to make a model, which several training seeds must carry.

A candidate is a model; a method is what several seeds of it have in common. Two things vary: the sample of test examples, and the training seed (with it, for the strategy `random`, the
layers that are drawn). The 95 % interval of a difference holds both: its half width is the root of h^2 + (t s)^2, where h is half the interval of the paired bootstrap over test examples
of the difference between the methods' means over seeds, s^2 = s1^2 / n1 + s2^2 / n2 is the variance of that difference over seeds, and t the quantile of Student's distribution
with Welch's degrees of freedom (Welch 1947).
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bench.cards.candidate import Candidate
from bench.cards.seeds import groups
from bench.statistics.bootstrap import CONFIDENCE, interval

if TYPE_CHECKING:
    from bench.standings.board import Row

LEAST_SEEDS = 3
"""Fewer seeds say nothing about a method."""
MEAN = "mean"


@dataclasses.dataclass(frozen=True)
class Difference:
    """Method minus control, in score, and half of its 95 % interval over test examples and seeds."""

    value: float
    half_width: float

    @property
    def sure(self) -> bool:
        """True when the interval does not hold zero."""
        return abs(self.value) > self.half_width


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A method and a control of as many layers; `differences` by column label, and `mean` over tasks."""

    method: str
    control: str
    seeds: tuple[int, int]
    differences: dict[str, Difference]


def comparisons(rows: Sequence[Row], candidates: Iterable[Candidate]) -> tuple[Comparison, ...]:
    """Every method of at least three seeds against every control of the same parent and as many parameters.

    Controls are the strategy `random` and random weights (`scratch`); the first is compared with the second too.

    Args:
        rows: Folded rows of a board.
        candidates: All candidates of the suite.
    """
    by_name = {candidate.name: candidate for candidate in candidates}
    first = {folded: by_name[names[0]] for folded, names in groups(by_name.values()).items() if len(names) >= LEAST_SEEDS}
    seeded = [row for row in rows if row.name in first]
    return tuple(
        Comparison(row.name, control.name, (row.seeds, control.seeds), _differences(row, control))
        for row in seeded
        for control in seeded
        if first[control.name].control is not None and first[row.name].control != "weights" and _comparable(row, control)
    )


def _comparable(row: Row, control: Row) -> bool:
    return row.name != control.name and row.parent == control.parent and row.parameters is not None and row.parameters == control.parameters


def _differences(row: Row, control: Row) -> dict[str, Difference]:
    """The difference of every score that both have with replicates."""
    found = {}
    pairs = {MEAN: (row.replicates, control.replicates)}
    pairs |= {label: (drawn, control.score_replicates.get(label)) for label, drawn in row.score_replicates.items()}
    for label, (own, other) in pairs.items():
        if own is None or other is None:
            continue
        low, high = interval(own - other)
        first, second = row.seed_scores[label], control.seed_scores[label]
        value = statistics.fmean(first) - statistics.fmean(second)
        found[label] = Difference(value, math.hypot((high - low) / 2, _seed_half_width(first, second)))
    return found


def _seed_half_width(first: Sequence[float], second: Sequence[float]) -> float:
    """Half of Welch's interval of the difference of two means over seeds; 0 where no seed makes a difference."""
    from scipy.stats import t

    parts = [statistics.variance(scores) / len(scores) for scores in (first, second)]
    variance = sum(parts)
    if variance == 0:
        return 0.0
    freedom = variance**2 / sum(part**2 / (len(scores) - 1) for part, scores in zip(parts, (first, second), strict=True))
    return float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(variance)
