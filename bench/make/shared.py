"""A model that several candidates start from or are cut from: made by the first one that needs it, loaded by the others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.store import Notices, Unsealed, Unsound, read_sealed_folder, seal_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Made = tuple["SentenceTransformer", dict[str, Any]]


def shared_model(folder: Path, make: Callable[[], Made], *, what: str, again: str) -> dict[str, Any]:
    """Make sure that a folder holds the model that was saved in it, and tell what was told of its making.

    It is made under a lock of the operating system, which goes with the process that holds it, and appears under its name only when it is whole and sealed
    with the digest of its files. So two workers may need it at once, and either may be killed.

    Args:
        folder: Where the model is kept.
        make: Gives the model on the CPU, and what is told of its making.
        what: What the model is, for the word about one that is not what was saved.
        again: What happens then.
    """
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        try:
            told = _told(folder)
        except Unsound as problem:
            Notices().say(f"{folder}: this {what} is not what was saved ({problem}); {again}")
            told = None
        if told is None:
            model, told = make()
            _save(model, folder, told)
    return told


def _save(model: SentenceTransformer, folder: Path, told: dict[str, Any]) -> None:
    for stale in folder.parent.glob(f".{folder.name}.saving-*"):
        shutil.rmtree(stale)
    temporary = folder.with_name(f".{folder.name}.saving-{os.getpid()}")
    try:
        model.save_pretrained(str(temporary), create_model_card=False)
        seal_folder(temporary, folder.name, told=told)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _told(folder: Path) -> dict[str, Any] | None:
    """What is told of a model's making; None where there is none.

    Raises:
        Unsound: It is not what was saved.
    """
    if not folder.is_dir():
        return None
    record = read_sealed_folder(folder, folder.name)
    if record is None:
        raise Unsealed("it has no digest")
    told: dict[str, Any] = record["told"]
    return told
