"""Numbers as people read them: the one place where a value becomes the text of a cell."""

from __future__ import annotations

from collections.abc import Mapping

from bench.publish.document import Entry, Span
from bench.standings.board import Difference

MISSING = "–"
INVALID = "invalid"
"""The word beside a cost that does not count, whatever the colour."""


def percent(value: float | None) -> str:
    """A score or a share times 100 with one decimal."""
    return MISSING if value is None else f"{100 * value:.1f}"


def with_interval(value: float | None, span: Span | None) -> str:
    """A score or a share times 100, and half the width of its 95 % interval."""
    return percent(value) if value is None or span is None else f"{100 * value:.1f} ± {50 * (span[1] - span[0]):.1f}"


def mean(row: Entry) -> str:
    """The mean and half the width of its 95 % interval; for several seeds also their spread."""
    text = with_interval(row.mean, row.interval)
    return text if row.spread is None or row.interval is None else f"{text} ({row.seeds} seeds: {100 * row.spread:.1f})"


def seeds(row: Entry) -> str:
    """How many training seeds a row is the mean of, and the standard deviation of their means."""
    return str(row.seeds) if row.spread is None else f"{row.seeds} (spread {100 * row.spread:.1f})"


def number(value: float | None, digits: int = 0, *, factor: float = 1) -> str:
    """A number with thousands set apart."""
    return MISSING if value is None else f"{value * factor:,.{digits}f}"


def split_parameters(parameters: Mapping[str, int] | None) -> str:
    """Millions in embeddings and in the body."""
    if parameters is None:
        return MISSING
    if not sum(parameters.values()):
        return "0"
    return f"{parameters['embeddings'] / 1e6:.2f} + {parameters['body'] / 1e6:.2f}"


def millions(count: int | None) -> str:
    """A number of parameters in millions."""
    if count is None:
        return MISSING
    return f"{count / 1e6:.1f}" if count else "0"


def drop(value: float | None, span: Span | None) -> tuple[str, bool]:
    """A loss times 100, and whether its 95 % interval excludes zero."""
    return percent(value), value is not None and span is not None and not span[0] <= 0 <= span[1]


def difference(one: Difference | None) -> tuple[str, bool]:
    """A method's difference to its control, times 100, and whether it is sure."""
    return (MISSING, False) if one is None else (f"{100 * one.value:+.1f} ± {100 * one.half_width:.1f}", one.sure)


def ends(value: float | None, span: Span | None) -> tuple[str, bool]:
    """A paired difference with both ends of its 95 % interval, times 100, and whether that excludes zero."""
    if value is None or span is None:
        return MISSING, False
    low, high = span
    return f"{100 * value:+.1f} [{100 * low:.1f}, {100 * high:.1f}]", not low <= 0 <= high
