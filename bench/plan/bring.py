"""Checkpoints and embeddings of another workspace, copied into this one: each only as it was written, and whole."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.digests import file_digest
from bench.errors import StorageError
from bench.faults import storage
from bench.make.blueprint import content_digest
from bench.store import Unsound, read_sealed, replacing, replacing_folder


def sound_checkpoint(folder: Path, content: str | None) -> bool:
    """Whether a checkpoint's files are those that its making recorded."""
    return content_digest(folder) == content


def checkpoint_there(folder: Path, content: str | None) -> bool:
    """Whether this very checkpoint is here."""
    return folder.is_dir() and sound_checkpoint(folder, content)


def copy_checkpoint(source: Path, target: Path) -> None:
    """Copy a checkpoint; it appears under its name when it is whole.

    Raises:
        StorageError: It cannot be read or written.
    """
    with storage(target), replacing_folder(target) as temporary:
        shutil.copytree(source, temporary)


def copy_embeddings(source: Path, target: Path) -> None:
    """Copy the shards of a folder that are not here; what is not as it was written stays behind, since it can be encoded anew.

    Raises:
        StorageError: One cannot be read or written.
    """
    for index in sorted(source.glob("*.json")):
        vectors = index.with_suffix(".npy")
        if (target / index.name).exists() or not _sound(index, vectors):
            continue
        for path in (vectors, index):  # the index is written last, as where it was made
            with path.open("rb") as handle, replacing(target / path.name) as copy:
                shutil.copyfileobj(handle, copy)


def _sound(index: Path, vectors: Path) -> bool:
    try:
        told = read_sealed(index, index.parent.name)
        return told is not None and file_digest(vectors) == told["vectors"]
    except (Unsound, FileNotFoundError):
        return False
    except OSError as error:
        raise StorageError(f"{index}: cannot be read ({error.strerror})") from None
