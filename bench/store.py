"""One JSON per cell in `.bench/results/`, written to a temporary file, fsynced and renamed.

A cell is done when its file exists, parses and its key matches; anything else counts as not done and is written anew.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from bench.faults import storage

Result = dict[str, Any]


class Store:
    """The results folder of a workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the result with this key lies."""
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Result | None:
        """The result with this key, done or failed; None where there is none, or where the file is torn or holds another key.

        Raises:
            StorageError: It is there and cannot be read.
        """
        path = self.path(key)
        try:
            with storage(path):
                result = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
            return None
        return result if isinstance(result, dict) and result.get("key") == key else None

    def done(self, key: str) -> bool:
        """True when the cell has been computed with this very key."""
        result = self.get(key)
        return result is not None and result.get("status") == "done"

    def put(self, key: str, result: Result) -> None:
        """Write a result; not-a-number becomes null, which every JSON reader takes.

        Raises:
            StorageError: It cannot be written.
        """
        write_atomic(self.path(key), json.dumps({**_finite(result), "key": key}, ensure_ascii=False, allow_nan=False) + "\n")


def write_atomic(path: Path, text: str) -> None:
    """Write a text file, and the folders above it, so that a reader, or a crash, sees the old content or the new, never a part.

    Raises:
        StorageError: It cannot be written; the old content is still there, and no temporary file.
    """
    with replacing(path) as handle:
        handle.write(text.encode())


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A handle whose bytes become the file when the body ends without an error: `write_atomic` for what libraries write.

    Raises:
        StorageError: It cannot be written; see `write_atomic`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as handle:
                yield handle
                handle.flush()
                os.fsync(handle.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def require_writable(folder: Path) -> None:
    """Make sure, before hours of work, that files can be put into a folder, or that it can be made.

    Raises:
        StorageError: They cannot.
    """
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    with storage(folder), tempfile.TemporaryFile(dir=nearest):
        pass


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
