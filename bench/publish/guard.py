"""Whether a board may take the place of a published one: what was published is not lost for want of results on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.faults import storage
from bench.publish.files import FORMATS

NAMED = 3
"""How many candidates a message names."""
COST = ("cost", "")


def published(folder: Path) -> bool:
    """True where a board stands in a folder."""
    return (folder / FORMATS["json"][0]).exists()


def would_lose(board: Mapping[str, Any], folder: Path) -> str | None:
    """Why the board should not take the place of the one that is published in a folder; None where nothing would be lost.

    The board is given as its values (`bench.publish.files.values`).
    A published score is lost where its candidate and its task are still in the suite's cards and the new board has none. So is a measurement of cost.

    Raises:
        StorageError: The published board is there and cannot be read.
    """
    if not published(folder):
        return None
    path = folder / FORMATS["json"][0]
    with storage(path):
        data = path.read_bytes()
    try:
        there = json.loads(data)
        if there["suite"] != board["suite"]:
            return f"it is the board of suite {there['suite']!r}"
        before = {row["candidate"]: set(_results(row)) for row in there["rows"]}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return f"its {path.name} is no board that can be read, so what would be lost is not known"
    columns = (("scores", board["columns"]), ("drops", board.get("robustness_columns", ())))
    asked = {COST, *((kind, column["label"]) for kind, shown in columns for column in shown)}
    lost = {row["candidate"]: (before.get(row["candidate"], set()) & asked) - set(_results(row)) for row in board["rows"]}
    return _told({name: results for name, results in lost.items() if results})


def _results(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A name for each score and measurement that a row has."""
    for kind in ("scores", "drops"):
        yield from ((kind, label) for label, value in row.get(kind, {}).items() if value is not None)
    if row.get("sentences_per_second") is not None:
        yield COST


def _told(lost: Mapping[str, set[tuple[str, str]]]) -> str | None:
    if not lost:
        return None
    costs = sum(COST in results for results in lost.values())
    scores = sum(map(len, lost.values())) - costs
    counted = " and ".join(_count(number, what) for number, what in ((scores, "score"), (costs, "measurement")) if number)
    names = ", ".join(list(lost)[:NAMED]) + (f" and {len(lost) - NAMED} more" if len(lost) > NAMED else "")
    return f"it has {counted} that the new one lacks, of {names}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
