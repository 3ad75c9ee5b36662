"""Single-file models as folders that transformers load: converted once a workspace, under what identifies the file and the converter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.cards.origin import ModelFormat
from bench.digests import digest
from bench.faults import storage
from bench.models import e5_q4
from bench.store import Notices, Unsealed, Unsound, read_sealed_folder, replacing_folder, seal_folder

CONVERTERS: dict[ModelFormat, tuple[int, Callable[[Path, Path], None]]] = {"e5-q4": (e5_q4.CONVERTER_VERSION, e5_q4.convert)}
"""Version and function of each converter; the function reads a file and writes the files of a model into a folder."""


def converted(file: Path, content: str, kind: ModelFormat, state: Path, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder of a file's model in the workspace; converted where it is not there or not what was written.

    Args:
        file: The file.
        content: sha256 of its bytes.
        kind: Its format.
        state: The workspace's folder for what a run writes.
        say: Told when it is converted, which takes seconds.

    Raises:
        ModelError: The file is not of this format.
        StorageError: The folder cannot be written.
    """
    from filelock import FileLock

    _, convert = CONVERTERS[kind]
    folder = converted_folder(content, kind, state)
    key = folder.name
    model = folder / "model"  # whatever the file is called: the same bytes are the same model
    notices = Notices()
    if is_sound(folder, key, notices, "converted"):
        return model
    locks = state / "locks"
    with storage(locks):
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"base-{key}")
    with storage(folder), lock:
        if not is_sound(folder, key, notices, "converted"):
            say(f"converting {file.name} to a model's folder")
            with replacing_folder(folder) as temporary:
                place = temporary / model.name
                place.mkdir(parents=True)
                convert(file, place)
                seal_folder(temporary, key)
    return model


def converted_folder(content: str, kind: ModelFormat, state: Path) -> Path:
    """Where the folder of a file's model lies, whether or not it is there: under what identifies the file's bytes and the converter."""
    version, _ = CONVERTERS[kind]
    return state / "bases" / digest({"file": content, "format": kind, "version": version})[:32]


def is_sound(folder: Path, key: str, notices: Notices, done: str) -> bool:
    """Whether a sealed folder is there and holds what was written; where it holds something else, that is said.

    Args:
        folder: Where it would lie.
        key: What it was sealed with.
        notices: Told of a folder that is not used.
        done: How it came about, like `converted`, for the message.
    """
    if not folder.is_dir():
        return False
    try:
        if read_sealed_folder(folder, key) is None:
            raise Unsealed("it has no digest")
    except Unsound as problem:
        notices.say(f"{folder}: this is not what was {done} ({problem}); it is not used and {done} anew")
        return False
    return True
