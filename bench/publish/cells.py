"""A board's rows as text cells: what every page shows, in the order in which it shows it."""

from __future__ import annotations

from typing import Any

from bench.standings.board import Board, Difference, Row

MISSING = "–"


def headers(board: Board) -> list[str]:
    """Column titles."""
    return [
        "#",
        "candidate",
        "kind",
        "kept layers",
        "parameters, M (embeddings + body)",
        *(column.label for column in board.columns),
        "mean",
        "% of parent",
        "sentences/s",
        "p50 ms",
        "p90 ms",
        "peak MiB",
        "load s",
        "MiB on disk",
    ]


def cells(board: Board, row: Row) -> list[str]:
    """One row under `headers`; scores are shown times 100."""
    probe = row.probe
    return [
        MISSING if row.rank is None else str(row.rank),
        row.name,
        row.kind,
        row.kept or MISSING,
        _parameters(row.parameters),
        *(_percent(row.scores.get(column.label)) for column in board.columns),
        _mean(row),
        _share(row),
        *(_costs(probe) if probe is not None else [MISSING] * 6),
    ]


def numbers(board: Board, row: Row) -> dict[str, Any]:
    """One row as plain values with units in the names, for JSON.

    `scores` and `drops` by column label, apart from the rest, so that no name of a task can take another value's place.
    """
    parameters = row.parameters or {}
    return {
        "rank": row.rank,
        "candidate": row.name,
        "kind": row.kind,
        "seeds": row.seeds,
        "parent": row.parent,
        "kept_layers": row.kept or None,
        "parameters_embeddings": parameters.get("embeddings"),
        "parameters_body": parameters.get("body"),
        "scores": {column.label: row.scores.get(column.label) for column in board.columns},
        "drops": {column.label: row.drops[column.label].value if column.label in row.drops else None for column in board.robustness},
        "mean": row.mean,
        "mean_seed_spread": row.spread,
        "mean_low": row.interval and row.interval[0],
        "mean_high": row.interval and row.interval[1],
        "of_parent": row.of_parent,
        "of_parent_low": row.of_parent_interval and row.of_parent_interval[0],
        "of_parent_high": row.of_parent_interval and row.of_parent_interval[1],
        **row.costs,
        "tokenizer_problems": "; ".join(row.tokenizer_problems) or None,
        "unguarded_tests": "; ".join(row.unguarded) or None,
        "problem": row.problem,
    }


def flat(numbers: dict[str, Any]) -> dict[str, Any]:
    """What `numbers` gives as one level, for CSV: a score under its column's label, a drop under `drop` and its column's label.

    Cards have no labels that other columns have.
    """
    out: dict[str, Any] = {}
    for name, value in numbers.items():
        if name == "scores":
            out |= value
        elif name == "drops":
            out |= {f"drop {label}": drop for label, drop in value.items()}
        else:
            out[name] = value
    return out


def share_cell(share: tuple[float, tuple[float, float]] | None) -> str:
    """A share of a parent's number in percent, and half the width of its 95 % interval."""
    if share is None:
        return MISSING
    value, (low, high) = share
    return f"{100 * value:.1f} ± {50 * (high - low):.1f}"


def drop_cells(board: Board, row: Row) -> list[str]:
    """One row of the robustness table: the drop times 100, in bold where its 95 % interval excludes zero."""
    shown = []
    for column in board.robustness:
        drop = row.drops.get(column.label)
        text = MISSING if drop is None else f"{100 * drop.value:.1f}"
        sure = drop is not None and drop.interval is not None and not drop.interval[0] <= 0 <= drop.interval[1]
        shown.append(f"**{text}**" if sure else text)
    return [row.name, *shown]


def difference_cell(difference: Difference | None) -> str:
    """A method's difference to its control, times 100, in bold where it is sure."""
    if difference is None:
        return MISSING
    text = f"{100 * difference.value:+.1f} ± {100 * difference.half_width:.1f}"
    return f"**{text}**" if difference.sure else text


def interval_cell(difference: float | None, bounds: tuple[float, float] | None) -> str:
    """A paired difference with its 95 % interval, times 100, in bold where that excludes zero."""
    if difference is None or bounds is None:
        return MISSING
    low, high = bounds
    text = f"{100 * difference:+.1f} [{100 * low:.1f}, {100 * high:.1f}]"
    return text if low <= 0 <= high else f"**{text}**"


def _costs(probe: dict[str, Any]) -> list[str]:
    """The last six columns."""
    return [
        f"{probe['offline']['sentences_per_second']:,.0f}",
        f"{1000 * probe['single']['p50']:.2f}",
        _number(None if probe["single"]["p90"] is None else 1000 * probe["single"]["p90"], 2),
        _number(_peak(probe), 0),
        f"{probe['load']:.2f}",
        f"{probe['bytes_on_disk'] / 2**20:.1f}",
    ]


def _peak(probe: dict[str, Any]) -> float | None:
    """Peak of the memory that the device has: CUDA's allocator where it is one, else resident memory, in MiB."""
    peak = probe["memory"]["cuda_allocated_peak"] or probe["memory"]["peak_while_encoding"]
    return None if peak is None else peak / 2**20


def _mean(row: Row) -> str:
    """The mean and half the width of its 95 % interval; for several seeds also their spread."""
    if row.mean is None or row.interval is None:
        return _percent(row.mean)
    low, high = row.interval
    text = f"{100 * row.mean:.1f} ± {50 * (high - low):.1f}"
    return text if row.spread is None else f"{text} ({row.seeds} seeds: {100 * row.spread:.1f})"


def _share(row: Row) -> str:
    """The mean in percent of the parent's, and half the width of its 95 % interval."""
    if row.of_parent is None or row.of_parent_interval is None:
        return _percent(row.of_parent)
    return share_cell((row.of_parent, row.of_parent_interval))


def _percent(score: float | None) -> str:
    return MISSING if score is None else f"{100 * score:.1f}"


def _number(value: float | None, digits: int) -> str:
    return MISSING if value is None else f"{value:,.{digits}f}"


def _parameters(parameters: dict[str, int] | None) -> str:
    if parameters is None:
        return MISSING
    if not sum(parameters.values()):
        return "0"
    return f"{parameters['embeddings'] / 1e6:.2f} + {parameters['body'] / 1e6:.2f}"
