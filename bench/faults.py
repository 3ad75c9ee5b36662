"""What went wrong, in words: errors of the operating system by kind, processes that died, and everything else that is raised.

Several libraries write files for us, and each reports a full disk in its own way; all of them are recognised here and nowhere else.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError, StorageError, first_line

GO_ON = "the same command goes on from here"
_FULL = f"no space is left on the disk; free some, {GO_ON}"
_IN_THE_WAY = "a file lies where a folder is needed; move it away"
_NO_PERMISSION = "permission denied; let this user read and write it, or use another folder"
_TOO_MANY_OPEN = "too many files are open; raise the limit (ulimit -n) or use fewer --jobs"
_KINDS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: f"the disk quota is used up; free some space, {GO_ON}",
    errno.EFBIG: f"the file would be larger than this process may write; raise the limit (ulimit -f), {GO_ON}",
    errno.EROFS: "the file system is read-only; make it writable, or use another folder",
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.ELOOP: "a symbolic link there leads back to itself; mend or remove it",
    errno.ENAMETOOLONG: "the name is too long for this file system; take a shorter one",
    errno.EISDIR: "a folder lies where a file is needed; move it away",
    errno.EIO: "the disk reports an input/output error; use another one",
    errno.EMFILE: _TOO_MANY_OPEN,
    errno.ENFILE: _TOO_MANY_OPEN,
}
_COLLECTED = re.compile(r"\[Errno (\d+)\]")
"""How `shutil.copytree` names the errors that it has collected; it has no number of its own."""
_RUST = re.compile(r"\(os error (\d+)\)")
"""How the Rust libraries (safetensors, tokenizers) name an error of the operating system."""
_CUT_OFF = re.compile(r"PytorchStreamWriter|inline_container|\d+ requested and \d+ written")
"""How `torch.save` and `numpy.save` name a file that they could not write; where they do not say why, the disk is full."""
_NO_MEMORY = re.compile(r"can't allocate memory|out of memory|Cannot allocate memory", re.IGNORECASE)
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, *([signal.SIGBUS] if hasattr(signal, "SIGBUS") else [])}


def storage_error(error: BaseException, path: Path | None = None) -> StorageError | None:
    """An error of the operating system as one line that names the path and the mend; None where it is of another kind.

    Args:
        error: What was raised.
        path: What was being written, for the many errors that do not say it themselves.
    """
    if isinstance(error, StorageError):
        return error
    number = _error_number(error)
    if number not in _KINDS:
        return None
    named = getattr(error, "filename2", None) or getattr(error, "filename", None)
    place = Path(named) if isinstance(named, str | Path) else path
    if place is not None and path is not None and place.absolute().parent in {path.absolute(), path.absolute().parent}:
        place = path  # not the temporary file in it or beside it
    if number in {errno.ENOTDIR, errno.EEXIST}:
        place = None if place is None else next((parent for parent in (place, *place.parents) if parent.exists() and not parent.is_dir()), None)
        if place is None:
            return None
    return StorageError(_KINDS[number] if place is None else f"{place}: {_KINDS[number]}")


def _error_number(error: BaseException) -> int | None:
    """The operating system's number of an error, whoever raised it."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    text = str(error)
    if found := _RUST.search(text) or (_COLLECTED.search(text) if isinstance(error, shutil.Error) else None):
        return int(found[1])
    if isinstance(error, OSError | RuntimeError) and _CUT_OFF.search(text):
        return next((number for number in _KINDS if os.strerror(number) in text), errno.ENOSPC)
    return None


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """What the body writes lies at or under this path.

    Raises:
        StorageError: It could not be written; the path is named.
    """
    try:
        yield
    except Exception as error:
        problem = storage_error(error, path)
        if problem is None or problem is error:
            raise
        raise problem from None


def lacks_memory(error: BaseException) -> bool:
    """True where there was not enough memory, of the machine or of the GPU."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None)


def explain(error: BaseException) -> str:
    """An error as a result keeps it: one line for what a user can mend, the traceback for a bug of ours."""
    if isinstance(error, BenchError):
        return str(error)
    if lacks_memory(error):
        return f"there is not enough memory; try fewer --jobs or smaller batches ({first_line(error)})"
    problem = storage_error(error)
    if problem is not None:
        return str(problem)
    return "unexpected error, please report it:\n" + "".join(traceback.format_exception(error))


def ended(exit_code: int | None) -> str:
    """How a process ended, to be put behind its name.

    Args:
        exit_code: As `multiprocessing` gives it: the signal's negative number where one ended the process. A child that ends in an orderly way on SIGTERM has
            143, as a shell would show it.
    """
    if exit_code == 128 + signal.SIGTERM:
        exit_code = -signal.SIGTERM
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        number = signal.Signals(-exit_code)
    except ValueError:
        return f"was ended by signal {-exit_code}"
    if number.name == "SIGKILL":
        return "was killed (SIGKILL), possibly for want of memory: try fewer --jobs"
    return f"crashed in native code ({number.name})" if number in _CRASHES else f"was ended by {number.name}"
