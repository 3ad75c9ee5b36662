"""What identifies a value, a file, a folder: sha256 in 64 hexadecimal digits.

A value's digest is that of its canonical JSON: keys sorted, no spaces, dataclasses as objects.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from pathlib import Path
from typing import Any


def canonical(value: Any) -> Any:
    """A value made of plain JSON types; paths are left out, since where a card stands is not what it says."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {key: canonical(item) for key, item in fields.items() if not isinstance(item, Path)}
    if isinstance(value, dict):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return value


def digest(value: Any) -> str:
    """sha256 (64 hexadecimal digits) of a value's canonical JSON."""
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 (64 hexadecimal digits) of a file's bytes; within a process, a file of unchanged size and time is read once."""
    status = path.stat()
    return _file_digest(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _file_digest(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def folder_digest(folder: Path, *, ignore: tuple[str, ...] = ()) -> str:
    """sha256 over the relative names and bytes of a folder's files; hidden files, pages and names in `ignore` do not count."""
    entries = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts) and path.suffix != ".md" and path.name not in ignore:
            entries[relative.as_posix()] = file_digest(path)
    return digest(entries)
