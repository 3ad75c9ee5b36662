"""The published files of a board: LEADERBOARD.md, leaderboard.json, leaderboard.csv."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from bench.publish import markdown
from bench.publish.cells import flat, numbers
from bench.standings.board import Board
from bench.store import write_through


def to_json(board: Board) -> str:
    """The board with its columns, machines and versions, as JSON text."""
    document = {
        "suite": board.suite,
        "device": board.device,
        "columns": [dataclasses.asdict(column) for column in board.columns],
        "robustness_columns": [dataclasses.asdict(column) for column in board.robustness],
        "rows": documents(board),
        "flags": [dataclasses.asdict(flag) for flag in board.flags],
        "remarks": {task: list(remarks) for task, remarks in board.remarks.items()},
        "comparisons": [dataclasses.asdict(comparison) for comparison in board.comparisons],
        "trimmed": [dataclasses.asdict(one) for one in board.trimmed],
        "machines": board.machines,
        "versions": board.versions,
        "training_rows_left_out": board.removed,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def documents(board: Board) -> list[dict[str, Any]]:
    """The rows as plain values, with the interval of every score that has one."""
    return [
        {
            **numbers(board, row),
            "score_intervals": row.score_intervals,
            "drop_intervals": {label: drop.interval for label, drop in row.drops.items()},
            "used": None if row.used is None else dataclasses.asdict(row.used),
            "recovery": [dataclasses.asdict(point) for point in row.recovery],
        }
        for row in board.rows
    ]


def to_csv(board: Board) -> str:
    """One line a candidate, with a header; empty cells were not measured."""
    import pandas as pd

    table: str = pd.DataFrame([flat(numbers(board, row)) for row in board.rows], dtype=object).to_csv(index=False, lineterminator="\n")
    return table


FORMATS = {"md": ("LEADERBOARD.md", markdown.render), "json": ("leaderboard.json", to_json), "csv": ("leaderboard.csv", to_csv)}


def publish(board: Board, folder: Path) -> list[Path]:
    """Write every format into a folder, each whole or not at all; returns the paths.

    Raises:
        StorageError: One cannot be written.
    """
    written = []
    for name, render in FORMATS.values():
        write_through(folder / name, render(board))
        written.append(folder / name)
    return written
