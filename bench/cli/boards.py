"""The board of a suite put where it is published, unless something would be lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Placed:
    """The files that were written; `kept` says in one line why there are none, where the published board stays as it was."""

    paths: tuple[Path, ...] = ()
    kept: str | None = None


def place(board: Mapping[str, Any], folder: Path, *, anyway: bool, part: bool = False) -> Placed:
    """Write the files of a board into a folder.

    Args:
        board: That of a whole suite, as its values (`bench.publish.files.values`).
        folder: Where they go.
        anyway: Also where scores or measurements of the board that is there are lost, or where `part` would keep it from being written.
        part: Only a part of the suite was asked for: an incomplete board is then not the first one to be published, since most of it would be dashes.

    Raises:
        StorageError: They cannot be written.
    """
    from bench.publish.files import publish
    from bench.publish.guard import published, would_lose

    if not any(score is not None for row in board["rows"] for score in row["scores"].values()):
        return Placed(kept=f"{folder}: not written, there are no scores")
    if part and not anyway and any(row.get("problem") is not None for row in board["rows"]) and not published(folder):
        return Placed(kept="not published, since this was a part of the suite and nothing else is scored yet; --publish writes it all the same")
    lost = None if anyway else would_lose(board, folder)
    if lost is not None:
        return Placed(kept=f"{folder} is left as it was: {lost}; --publish replaces it all the same, --out DIR writes elsewhere")
    return Placed(tuple(publish(board, folder)))
