"""Methods against their controls: a claim about a way to make a model, which several training seeds must carry.

A candidate is a model; a method is what several seeds of it have in common. Two things vary: the sample of test examples, and the training seed (with it, for
the strategy `random`, the layers that are drawn). The 95 % interval of a difference holds both, and the few-shot draws of classifications, as that of any
folded row does (`bench.statistics.estimate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bench.cards.candidate import Candidate
from bench.cards.seeds import groups
from bench.standings.board import Comparison, Difference
from bench.statistics.estimate import Estimate

if TYPE_CHECKING:
    from bench.standings.board import Row

LEAST_SEEDS = 3
"""Fewer seeds say nothing about a method."""
MEAN = "mean"


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
    """The difference of every score whose variation is known for both."""
    own, others = ({MEAN: one.estimate, **one.estimates} for one in (row, control))
    found = {}
    for label, estimate in own.items():
        other = others.get(label)
        if estimate is not None and other is not None:
            found[label] = _difference(estimate - other)
    return found


def _difference(estimate: Estimate) -> Difference:
    low, high = estimate.interval
    return Difference(estimate.value, (high - low) / 2, estimate.sure)
