"""One JSON per cell in `.bench/results/`, written to a temporary file, fsynced and renamed.

A cell is done when its file exists, parses and its key matches; anything else counts as not done and is written anew.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

Result = dict[str, Any]


class Store:
    """The results folder of a workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the result with this key lies."""
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Result | None:
        """The result with this key, done or failed; None where there is none, or where the file is torn or holds another key."""
        try:
            result = json.loads(self.path(key).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
            return None
        return result if isinstance(result, dict) and result.get("key") == key else None

    def done(self, key: str) -> bool:
        """True when the cell has been computed with this very key."""
        result = self.get(key)
        return result is not None and result.get("status") == "done"

    def put(self, key: str, result: Result) -> None:
        """Write a result; not-a-number becomes null, which every JSON reader takes."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps({**_finite(result), "key": key}, ensure_ascii=False, allow_nan=False) + "\n")


def write_atomic(path: Path, text: str) -> None:
    """Write a text file so that a reader, or a crash, sees the old content or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
