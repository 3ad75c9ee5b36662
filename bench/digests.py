"""What identifies a value, a file, a folder: sha256 in 64 hexadecimal digits.

A value's digest is that of its canonical JSON: keys sorted, no spaces, dataclasses as objects. A folder's is that of all files in it that a loader could read,
links followed.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from bench.errors import ModelError

BOOKKEEPING = frozenset({".git", ".cache", ".gitattributes", ".gitignore", ".DS_Store"})
"""Hidden names that git, the Hub's client and file managers leave in a folder. Other hidden files count: a model may be loaded from them."""
LATER = {"came later": True}
"""Metadata of a field that was not there when digests of its class were first stored: while it has its default, it is in none."""
RECORDS = ("kasauti.json", "pretraining.json")
"""What the harness notes beside a model about its making; no loader reads them."""


def canonical(value: Any) -> Any:
    """A value made of plain JSON types.

    Paths are left out, since where a card stands is not what it says; so is a field that came later (`LATER`) while it has its default, so that what was made
    before there was such a field keeps its digest.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        present = [field for field in dataclasses.fields(value) if not (field.metadata == LATER and getattr(value, field.name) == field.default)]
        fields = {field.name: getattr(value, field.name) for field in present}
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
    """sha256 (64 hexadecimal digits) of a file's bytes; within a process, a file that has not changed is read once."""
    status = path.stat()
    return _file_digest(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@functools.lru_cache(maxsize=4096)
def _file_digest(path: Path, *_status: int) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


LFS_HEAD = b"version https://git-lfs.github.com/spec/"


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file is only what Git LFS keeps in its place: a few lines that name it."""
    with path.open("rb") as handle:
        return handle.read(len(LFS_HEAD)) == LFS_HEAD


def counts(relative: PurePath) -> bool:
    """Whether a file at this place in a model's folder is part of the folder's digest: all are but pages (`.md`), bookkeeping and records."""
    return relative.suffix != ".md" and not BOOKKEEPING.intersection(relative.parts) and relative.name not in RECORDS


def folder_files(folder: Path) -> Iterator[Path]:
    """Every file below a folder but bookkeeping, sorted by folder. Links to files and to folders are followed, since a loader follows them.

    Raises:
        ModelError: A link leads back to a folder that it lies in, or a folder cannot be read.
    """
    return _files_below(folder, frozenset())


def _files_below(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    try:
        place, entries = folder.resolve(), sorted(folder.iterdir())
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read ({error.strerror})") from None
    if place in above:
        raise ModelError(f"{folder}: this link leads back to {place}, a folder that it lies in; remove the link")
    for path in entries:
        if path.name in BOOKKEEPING:
            continue
        if path.is_dir():
            yield from _files_below(path, above | {place})
        elif path.is_file():
            yield path


def folder_digest(folder: Path, *, ignore: tuple[str, ...] = ()) -> str:
    """sha256 over the relative names and bytes of a folder's files, links followed; pages, bookkeeping and names in `ignore` do not count.

    Raises:
        ModelError: A link leads back to a folder that it lies in, or something cannot be read.
    """
    entries = {}
    for path in folder_files(folder):
        if path.suffix == ".md" or path.name in ignore:
            continue
        try:
            entries[path.relative_to(folder).as_posix()] = file_digest(path)
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    return digest(entries)


def model_digest(folder: Path) -> str:
    """The content digest of a model's folder, which is what `sha256` on a card names: everything but pages, bookkeeping and records.

    Raises:
        ModelError: See `folder_digest`.
    """
    return folder_digest(folder, ignore=RECORDS)
