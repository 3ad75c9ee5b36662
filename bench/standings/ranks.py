"""What rows are beside each other: their tiers, and their shares of their parents' means."""

from __future__ import annotations

from collections.abc import Sequence

from bench.standings.board import Row
from bench.statistics.estimate import ratio
from bench.statistics.tiers import tiers


def add_ranks(rows: Sequence[Row]) -> None:
    """Give each row its tier among the rows, and its shares of its parent's mean and scores; all only where their variation is known.

    A share is also left out where the parent's number is not surely above zero: there it says nothing.
    """
    known = [(row, row.estimate) for row in rows if row.estimate is not None]
    by_name = {row.name: estimate for row, estimate in known}
    for (row, estimate), tier in zip(known, tiers([estimate for _, estimate in known]), strict=True):
        row.rank = tier
        parent = by_name.get(row.parent or "")
        share = None if parent is None else ratio(estimate, parent)
        if share is not None:
            row.of_parent, row.of_parent_interval = share
    estimates = {row.name: row.estimates for row in rows}
    for row in rows:
        for label, whole in estimates.get(row.parent or "", {}).items():
            if label in row.estimates and (share := ratio(row.estimates[label], whole)):
                row.shares[label] = share
