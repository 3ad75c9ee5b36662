"""What rows are beside each other: their tiers, and their shares of their parents' means."""

from __future__ import annotations

from collections.abc import Iterable

from bench.standings.board import Row
from bench.statistics.estimate import ratio
from bench.statistics.tiers import tiers


def add_ranks(rows: Iterable[Row]) -> None:
    """Give each row its tier among the rows, and its share of its parent's mean; both only where the variation of the mean is known.

    The share is also left out where the parent's mean is not surely above zero: there it says nothing.
    """
    known = [(row, row.estimate) for row in rows if row.estimate is not None]
    by_name = {row.name: estimate for row, estimate in known}
    for (row, estimate), tier in zip(known, tiers([estimate for _, estimate in known]), strict=True):
        row.rank = tier
        parent = by_name.get(row.parent or "")
        share = None if parent is None else ratio(estimate, parent)
        if share is not None:
            row.of_parent, row.of_parent_interval = share
