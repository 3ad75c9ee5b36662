"""The published files of a board: LEADERBOARD.md, leaderboard.json, leaderboard.csv, index.html, pictures, and pages of candidates and tasks."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.faults import storage
from bench.publish import markdown, page
from bench.publish.cells import flat, numbers
from bench.publish.document import FORMAT, Document, read
from bench.publish.origin import origin
from bench.publish.pages import candidate_pages, task_pages
from bench.publish.pictures import Picture, pictures
from bench.publish.web import GENERATOR, PICTURE
from bench.standings.board import Board
from bench.standings.losses import Example
from bench.store import write_through

NESTED = ("score_intervals", "drop_intervals", "shares", "used", "recovery", "about", "losses", "validity")
"""What a row holds that a flat table does not."""


def values(board: Board) -> dict[str, Any]:
    """The board with its columns, machines and versions, as plain values: what leaderboard.json holds."""
    return {
        "format": FORMAT,
        "suite": board.suite,
        "description": board.description,
        "device": board.device,
        "columns": [dataclasses.asdict(column) for column in board.columns],
        "robustness_columns": [dataclasses.asdict(column) for column in board.robustness],
        "rows": documents(board),
        "flags": [dataclasses.asdict(flag) for flag in board.flags],
        "remarks": {task: list(remarks) for task, remarks in board.remarks.items()},
        "comparisons": [dataclasses.asdict(comparison) for comparison in board.comparisons],
        "compared": {name: dataclasses.asdict(one) for name, one in board.compared.items()},
        "detectable": board.detectable,
        "fronts": [dataclasses.asdict(front) for front in board.fronts],
        "layer_similarity": board.layer_similarity,
        "trimmed": [dataclasses.asdict(one) for one in board.trimmed],
        "machines": board.machines,
        "versions": board.versions,
        "training_rows_left_out": board.removed,
        "tasks": board.tasks,
        "origin": origin(board.suite, board.device, board.tasks),
    }


def documents(board: Board) -> list[dict[str, Any]]:
    """The rows as plain values, with the interval of every score that has one."""
    return [
        {
            **numbers(board, row),
            "score_intervals": row.score_intervals,
            "drop_intervals": {label: drop.interval for label, drop in row.drops.items()},
            "shares": {label: (value, *span) for label, (value, span) in row.shares.items()},
            "used": None if row.used is None else dataclasses.asdict(row.used),
            "recovery": [dataclasses.asdict(point) for point in row.recovery],
            "about": row.about,
            "losses": [_loss(task, example) for task, example in row.losses],
            "validity": row.probe and row.probe.get("validity"),
        }
        for row in board.rows
    ]


def _loss(task: str, example: Example) -> dict[str, Any]:
    """A row that was lost, with three decimals: what a reader sees."""
    told = {name: value for name, value in dataclasses.asdict(example).items() if value is not None}
    return {"task": task, **{name: _rounded(value) for name, value in told.items()}}


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(one) for one in value]
    return round(value, 3) if isinstance(value, float) else value


def document(board: Board) -> Document:
    """The board as every page shows it."""
    return read(values(board))


def to_json(found: Mapping[str, Any]) -> str:
    """The values of a board as JSON text."""
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(found: Mapping[str, Any]) -> str:
    """One line a candidate, with a header; empty cells were not measured."""
    import pandas as pd

    rows = [flat({name: value for name, value in row.items() if name not in NESTED}) for row in found["rows"]]
    table: str = pd.DataFrame(rows, dtype=object).to_csv(index=False, lineterminator="\n")
    return table


def to_markdown(found: Mapping[str, Any]) -> str:
    """See `bench.publish.markdown`."""
    document = read(found)
    return markdown.render(document, _main(pictures(document)))


def to_html(found: Mapping[str, Any]) -> str:
    """See `bench.publish.page`."""
    document = read(found)
    return page.render(document, pictures(document))


FORMATS = {
    "md": ("LEADERBOARD.md", to_markdown),
    "json": ("leaderboard.json", to_json),
    "csv": ("leaderboard.csv", to_csv),
    "html": ("index.html", to_html),
}
WRITERS = 16
"""Pages that are written at a time: each waits for the disk to have it, and a disk takes many at once."""
MAIN = ("size", "speed")
"""The pictures that the Markdown page shows."""


def publish(found: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write every format, the pictures and the pages of candidates and tasks into a folder, each file whole or not at all; returns the paths of the formats.

    Pages and pictures that an earlier board had and this one has not are removed.

    Args:
        found: The values of a board: see `values`, and `bench.publish.document.load`.
        folder: Where the files go.

    Raises:
        StorageError: One cannot be written.
    """
    document = read(found)
    drawn = pictures(document)
    main = {
        "LEADERBOARD.md": markdown.render(document, _main(drawn)),
        "leaderboard.json": to_json(found),
        "leaderboard.csv": to_csv(found),
        "index.html": page.render(document, drawn),
    }
    beside = {f"pictures/{picture.name}.svg": picture.standalone for picture in drawn}
    beside |= candidate_pages(document) | task_pages(document)
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(lambda name: _write(folder / name, beside[name]), beside))
    for name, text in main.items():  # last, and the numbers never before the pages made of them
        write_through(folder / name, text)
    _remove_others(folder, set(beside))
    return [folder / name for name in main]


def _write(path: Path, text: str) -> None:
    """Write a page, unless it is there as it is."""
    with storage(path):
        if path.is_file() and path.read_bytes() == text.encode():
            return
    write_through(path, text)


def _main(drawn: list[Picture]) -> list[tuple[str, str]]:
    return [(f"{picture.title}. {picture.told}", f"pictures/{picture.name}.svg") for picture in drawn if picture.name in MAIN]


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Remove pages and pictures of ours that were not written this time."""
    for path in (*folder.glob("candidates/*.html"), *folder.glob("tasks/*.html"), *folder.glob("pictures/*.svg")):
        if path.relative_to(folder).as_posix() not in kept:
            with storage(path):
                if (PICTURE if path.suffix == ".svg" else GENERATOR) in path.read_text(encoding="utf-8", errors="replace")[:2000]:
                    path.unlink()
