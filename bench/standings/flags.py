"""Columns that tell no candidate from chance, or from each other because all are at the end of the scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.standings.board import Column, Flag, Row
from bench.statistics.floors import Bounds

TOLERANCE = 1e-9
"""Two scores nearer than this are equal: scores are means of floats."""
Span = tuple[float, float]


def bounds_of(results: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Bounds]:
    """What the stored results say of their tests, by task and subset; nothing for results from before there were bounds."""
    found = {}
    for result in results:
        for subset, limits in (result.get("bounds") or {}).items():
            if limits is not None:
                found[result["cell"]["target"], subset] = Bounds(**limits)
    return found


def flags(rows: Sequence[Row], columns: Sequence[Column], robustness: Sequence[Column], bounds: Mapping[tuple[str, str], Bounds]) -> tuple[Flag, ...]:
    """The columns in which the 95 % interval of every candidate that has a score touches the floor (or lies below it), or the ceiling.

    Args:
        rows: All rows of the board.
        columns: The scored columns.
        robustness: The columns of rewritten texts. Rows hold their drop, so the score is the clean one less the drop.
        bounds: See `bounds_of`.
    """
    clean = {(column.task, column.subset): column for column in columns}
    found = []
    for column in (*columns, *robustness):
        limits = bounds.get((column.task, column.subset))
        before = clean.get((column.clean or "", column.subset))
        spans = [span for row in rows if (span := _span(row, column) if column.clean is None else _rewritten_span(row, column, before)) is not None]
        if limits is not None and spans and (flag := _flag(column, limits, spans)) is not None:
            found.append(flag)
    return tuple(found)


def _flag(column: Column, limits: Bounds, spans: Sequence[Span]) -> Flag | None:
    highest_low, lowest_high = max(low for low, _ in spans), min(high for _, high in spans)
    if highest_low <= limits.lowest + TOLERANCE:
        return Flag(column.label, "lowest", limits.lowest, f"no candidate is surely above the lowest score that there is, {100 * limits.lowest:.1f}")
    if highest_low <= limits.chance + TOLERANCE:
        return Flag(column.label, "chance", limits.chance, f"no candidate is surely above chance, {100 * limits.chance:.1f}")
    if lowest_high >= limits.highest - TOLERANCE:
        return Flag(column.label, "highest", limits.highest, f"no candidate is surely below the highest score that there is, {100 * limits.highest:.1f}")
    return None


def _span(row: Row, column: Column) -> Span | None:
    """The 95 % interval of a score, the score itself being part of it; the score alone where it has no replicates."""
    score = row.scores.get(column.label)
    if score is None:
        return None
    estimate = row.estimates.get(column.label)
    return (score, score) if estimate is None else _with(score, estimate.interval)


def _rewritten_span(row: Row, column: Column, clean: Column | None) -> Span | None:
    """The same for a score on rewritten texts."""
    drop = row.drops.get(column.label)
    if clean is None or drop is None or clean.label not in row.scores:
        return None
    score = row.scores[clean.label] - drop.value
    before = row.estimates.get(clean.label)
    return (score, score) if before is None or drop.estimate is None else _with(score, (before - drop.estimate).interval)


def _with(score: float, span: Span) -> Span:
    return min(score, span[0]), max(score, span[1])
