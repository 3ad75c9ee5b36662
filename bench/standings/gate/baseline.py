"""The blessed snapshot that a gate compares with: one sealed JSON file, or that file as a git commit has it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench.errors import BenchError, first_line
from bench.faults import storage
from bench.standings.gate.snapshot import Snapshot
from bench.store import Unsealed, Unsound, seal, unseal, write_through

FILE = "baseline.json"
KIND = "kasauti baseline"
FORMAT = 1
"""Raise it by one when an older harness could not read what is written."""
CONFLICT = b"<<<<<<< "
"""What git leaves in a file that two branches changed."""
BLESS = "`bench check --update` writes one from what is stored"


class Foreign(BenchError):
    """A file is no baseline of the suite, and never was."""


def place_of(place: str | None, folder: Path) -> Path:
    """The file that a baseline is written to.

    Args:
        place: What the command line names; None for the file in `folder`.
        folder: Where the suite's board is published.

    Raises:
        BenchError: It is a folder, or a git commit.
    """
    path = folder / FILE if place is None else Path(place)
    if os.path.isdir(path):  # noqa: PTH112
        raise BenchError(f"{path}: this is a folder; name a file")
    if place is not None and not os.path.exists(path) and _commit(place, folder) is not None:  # noqa: PTH110
        raise BenchError(f"--baseline {place}: this is a git commit, into which nothing can be written; name a file, or leave --baseline out")
    return path


def write_baseline(path: Path, snapshot: Snapshot) -> None:
    """Write a baseline, whole or not at all.

    Raises:
        StorageError: It cannot be written.
    """
    write_through(path, seal({"kind": KIND, "format": FORMAT, **snapshot.record()}))


def read_baseline(place: str | Path | None, folder: Path, suite: str) -> tuple[Snapshot, str]:
    """A baseline, and what to call it.

    Args:
        place: A file, or what git calls a commit (a branch, a tag, a hash); None for the file in `folder`.
        folder: Where the suite's board is published.
        suite: The suite that it has to be of.

    Raises:
        Foreign: It never was a baseline, or is that of another suite.
        BenchError: There is none, it is not what was written, or a newer harness wrote it.
    """
    path = folder / FILE if place is None else Path(place)
    if os.path.isfile(path):  # noqa: PTH113  # `Path.is_file` raises for a name that is too long
        with storage(path):
            return parse_baseline(path.read_bytes(), str(path), suite), str(path)
    if place is None:
        raise BenchError(f"{path}: there is no baseline; {BLESS}")
    if os.path.isdir(path):  # noqa: PTH112
        raise BenchError(f"--baseline {place}: this is a folder; give the file {FILE} in it, or a git commit")
    named = f"{place}:{_in_repository(folder)}"
    return parse_baseline(_of_commit(str(place), folder, named), named, suite), named


def parse_baseline(data: bytes, named: str, suite: str) -> Snapshot:
    """The snapshot in the bytes of a baseline file, which messages call `named`.

    Raises:
        BenchError: See `read_baseline`.
    """
    try:
        found = unseal(data)
    except Unsealed:
        raise Foreign(f"{named}: this is no baseline of `bench check`; {BLESS}") from None
    except Unsound as problem:
        if data and not data.startswith(b'{"digest": "') and CONFLICT not in data:
            raise Foreign(f"{named}: this is no baseline of `bench check`; {BLESS}") from None
        raise BenchError(f"{named}: {problem}, so it is not compared with; take it from git again, or remove it: {BLESS}") from None
    if found.get("kind") != KIND:
        raise Foreign(f"{named}: this is no baseline of `bench check`; {BLESS}")
    if not isinstance(found.get("format"), int) or found["format"] > FORMAT:
        raise BenchError(
            f"{named}: it has format {found.get('format')}, and this version reads up to {FORMAT}; install a newer kasauti, or bless anew with --update"
        )
    if (of := found.get("suite")) != suite:
        raise Foreign(f"{named}: it is the baseline of suite {of!r}, not of {suite!r}; give --suite {of}, or another --baseline")
    try:
        return Snapshot.read(found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BenchError(f"{named}: a member of it is not what was expected ({type(error).__name__}: {error}); bless anew with --update") from None


def _in_repository(folder: Path) -> str:
    """The baseline's place below the folder that git tracks."""
    there = _nearest(folder)
    prefix = _git(folder, "rev-parse", "--show-prefix") or b""
    return (Path(os.fsdecode(prefix.removesuffix(b"\n"))) / folder.relative_to(there) / FILE).as_posix()


def _of_commit(name: str, folder: Path, named: str) -> bytes:
    """The file as a commit has it."""
    if _git(folder, "rev-parse", "--git-dir") is None:
        raise BenchError(f"--baseline {name}: no such file, and {folder} lies in no git repository that could have a commit of this name ({_why_not(folder)})")
    commit = _commit(name, folder)
    if commit is None:
        raise BenchError(
            f"--baseline {name}: no such file, and git knows no commit of this name here; a shallow clone has only its newest (`git fetch` gets others)"
        )
    found = _git(folder, "show", f"{commit}:{_in_repository(folder)}")
    if found is None:
        raise BenchError(f"{named}: this commit has no baseline; commit one that `bench check --update` wrote, or name another commit")
    return found


def _commit(name: str, folder: Path) -> str | None:
    """The hash of a commit; None where git knows none of this name."""
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return None if found is None else found.decode().strip()


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _git(folder: Path, *words: str) -> bytes | None:
    """What git prints in the nearest folder that is there; None where it fails, or is not installed."""
    try:
        done = _run(folder, *words)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _why_not(folder: Path) -> str:
    """What git says of a folder in which it finds no repository: there is none, or it belongs to another user and git does not trust it."""
    try:
        return first_line(BenchError(_run(folder, "rev-parse", "--git-dir").stderr.decode(errors="replace")))
    except OSError as error:
        return f"git cannot be run: {error.strerror}"


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(_nearest(folder)), *words], capture_output=True, check=False)
