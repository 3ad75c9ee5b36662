"""A board's rows as plain values: what leaderboard.json and leaderboard.csv hold of them."""

from __future__ import annotations

from typing import Any

from bench.standings.board import Board, Row


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
