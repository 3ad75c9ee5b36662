"""What is stored says its own digest: one JSON per cell in `.bench/results/`, written to a temporary file, fsynced and renamed.

A cell is done when its file exists, is what was written, and holds the key; anything else counts as not done and is written anew. What is there and cannot be
used is told in one line on standard error, through Python's logging (logger `bench`): that works alike in a worker's process, and beside JSON on standard
output.

A sealed file is a JSON object whose first member, `digest`, is the sha256 of every byte after that member. So the bytes count, not the values: a file that a
tool has put into another layout does not count as what was written. Reading it costs no more than hashing its bytes, which is a small part of parsing them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import override

from bench.digests import digest, folder_digest
from bench.errors import StorageError
from bench.faults import storage

Result = dict[str, Any]
LOG = logging.getLogger("bench")
_HEAD = re.compile(rb'\{"digest": "([0-9a-f]{64})", ')
RESULTS = "results"
"""The folder of results in a workspace's state."""
MOST_LINKS = 40
"""How many symbolic links are followed; Linux follows as many."""
FOLDER_SEAL = "digest.json"
UNSEALED = "files of an earlier version, which have no digest, are not used; a run computes them anew"


class Unsound(ValueError):
    """A file is not what was written; says why."""


class Unsealed(Unsound):
    """A file that never had a digest."""


class Notices:
    """Says each thing once. It knows what was said also after it has been sent to another process."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, text: str) -> None:
        """Log one line, unless this very line was logged before."""
        if text not in self._said:
            self._said.add(text)
            LOG.warning("bench: %s", text)


class Relay(logging.Handler):
    """Hands every notice to a function: that of a worker to its parent, that of a run to its log."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Hand it on."""
        self._say(record.getMessage())


class Store:
    """The results folder of a workspace.

    Args:
        folder: Where the results lie.
        notices: Told of files that are there and cannot be used.
    """

    def __init__(self, folder: Path, notices: Notices | None = None) -> None:
        self.folder, self.notices = folder, notices or Notices()

    def path(self, key: str) -> Path:
        """Where the result with this key lies."""
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Result | None:
        """The result with this key, done or failed; None where there is none, or none that is what was written under this key.

        Raises:
            StorageError: It is there and cannot be read.
        """
        path = self.path(key)
        try:
            return read_result(path)
        except FileNotFoundError:
            return None
        except Unsealed:
            self.notices.say(f"{self.folder}: {UNSEALED}")
            return None
        except Unsound as problem:
            self.notices.say(f"{path}: {problem}; it is not used, a run computes it anew")
            return None

    def done(self, key: str) -> bool:
        """True when the cell has been computed with this very key."""
        result = self.get(key)
        return result is not None and result.get("status") == "done"

    def put(self, key: str, result: Result) -> None:
        """Write a result; not-a-number becomes null, which every JSON reader takes.

        Args:
            key: Its identity.
            result: May hold `key_parts`, what the key is the digest of: then a reader checks that.

        Raises:
            StorageError: It cannot be written.
        """
        write_atomic(self.path(key), seal({**_finite(result), "key": key}))


def read_result(path: Path) -> Result:
    """A result from its file, whose name is its key.

    Raises:
        FileNotFoundError: There is none.
        Unsealed: It has no digest.
        Unsound: It is not what was written, or not the result of this key.
        StorageError: It cannot be read.
    """
    with storage(path):
        data = path.read_bytes()
    result = unseal(data)
    _check_key(result, path.stem)
    return result


def seal(content: Mapping[str, Any]) -> str:
    """The text of a JSON file with these members (at least one) that carries its own digest."""
    assert "digest" not in content, "the digest is that of all other members"
    body = json.dumps(content, ensure_ascii=False, allow_nan=False)[1:] + "\n"
    return f'{{"digest": "{hashlib.sha256(body.encode()).hexdigest()}", {body}'


def unseal(data: bytes) -> Result:
    """The members of a sealed file, without the digest.

    Raises:
        Unsealed: It is JSON and was never sealed.
        Unsound: Its content does not match its digest.
    """
    head = _HEAD.match(data)
    if head is not None and hashlib.sha256(memoryview(data)[head.end() :]).hexdigest() == head[1].decode():
        content: Result = json.loads(data)
        del content["digest"]
        return content
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):  # the second: nested too deeply
        found = {"digest": None}
    if isinstance(found, dict) and "digest" in found:
        raise Unsound("its content does not match its digest")
    raise Unsealed("it has no digest")


def read_sealed(path: Path, of: str) -> Result | None:
    """The members of a sealed file that stands for the thing called `of`; None where there is no file.

    Raises:
        Unsound: It is not what was written, or was written for another thing.
    """
    try:
        content = unseal(path.read_bytes())
    except FileNotFoundError:
        return None
    if content.get("of") != of:
        raise Unsound(f"it was written for another thing ({content.get('of')})")
    return content


def seal_folder(folder: Path, of: str, **members: Any) -> None:
    """Write a folder's last file: the digest of all others, what the folder stands for, and these members."""
    write_atomic(folder / FOLDER_SEAL, seal({"of": of, "content": _content(folder), **members}))


def read_sealed_folder(folder: Path, of: str) -> Result | None:
    """The members that a folder was sealed with; None where it was not sealed.

    Raises:
        Unsound: A file in it is not what was written, or it was sealed for another thing.
    """
    told = read_sealed(folder / FOLDER_SEAL, of)
    if told is not None and told["content"] != _content(folder):
        raise Unsound("its files do not match their digest")
    return told


def _content(folder: Path) -> str:
    return folder_digest(folder, ignore=(FOLDER_SEAL,))


def write_atomic(path: Path, text: str) -> None:
    """Write a text file, and the folders above it, so that a reader, or a crash, sees the old content or the new, never a part.

    Raises:
        StorageError: It cannot be written; the old content is still there, and no temporary file.
    """
    with replacing(path) as handle:
        handle.write(text.encode())


def write_through(path: Path, text: str) -> None:
    """As `write_atomic`, for a file that a user names.

    Where a symbolic link lies there, what it leads to is written, and the link stays. A pipe or a device (/dev/null) is written into, and never replaced by
    a file; so is what this process has open (/dev/stdout, /dev/fd/3), after what was written there before.

    Raises:
        StorageError: It cannot be written.
    """
    with storage(path):
        if path.is_dir():
            raise StorageError(f"{path}: this is a folder; name a file")
        if (descriptor := _open_descriptor(path)) is not None:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
            with os.fdopen(os.dup(descriptor), "wb") as handle:
                handle.write(text.encode())
            return
        if path.exists() and not path.is_file():
            with path.open("wb") as handle:
                handle.write(text.encode())
            return
    write_atomic(Path(os.path.realpath(path)), text)


def _open_descriptor(path: Path) -> int | None:
    """The number of the file that this process has open under such a name (/dev/stdout, /dev/fd/3, /proc/self/fd/3); None for any other name.

    Raises:
        StorageError: Nothing is open under this number.
    """
    ours, place = re.compile(rf"/dev/fd|/proc/{os.getpid()}(/task/\d+)?/fd"), path
    for _ in range(MOST_LINKS):
        if place.name.isdecimal() and ours.fullmatch(os.path.realpath(place.parent)):
            if not place.exists():
                raise StorageError(f"{path}: this process has nothing open under this number; name a file")
            return int(place.name)
        if not place.is_symlink():
            break
        place = place.parent / place.readlink()
    return None


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


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder that becomes this one when the body ends without an error, and is removed otherwise; what was there before goes.

    Only one process at a time may do this for a folder: what another has left half-written is removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in (*folder.parent.glob(f".{folder.name}.*"), folder):
        _remove(stale)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _remove(path: Path) -> None:
    """Remove a folder, a file or a symbolic link (not what it leads to), if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Make sure, before hours of work, that files can be put into a folder, or that it can be made.

    Raises:
        StorageError: They cannot.
    """
    nearest = next(place for place in (folder, *folder.parents) if place.is_symlink() or place.exists())
    if nearest.is_symlink() and not nearest.exists():
        raise StorageError(f"{nearest}: this symbolic link leads to nothing; mend or remove it, or use another folder")
    try:
        with storage(folder), tempfile.TemporaryFile(dir=nearest):
            pass
    except FileNotFoundError:  # what /proc and the like say
        raise StorageError(f"{folder}: {nearest} takes no files; use another folder") from None


def require_writable_file(path: Path) -> None:
    """The same of a file.

    Raises:
        StorageError: It cannot be written.
    """
    if _open_descriptor(path) is not None or (path.exists() and not path.is_file() and not path.is_dir()):
        return
    place = Path(os.path.realpath(path))
    if place.is_dir():
        raise StorageError(f"{path}: a folder lies where a file is needed; name a file in it")
    require_writable(place.parent)


def _check_key(result: Result, key: str) -> None:
    if result.get("key") != key:
        raise Unsound("it holds the result of another key")
    if "key_parts" in result and digest(result["key_parts"]) != key:
        raise Unsound("its key is not that of the parts that it tells")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
