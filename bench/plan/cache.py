"""What a workspace has stored, thing by thing: whether the current cards need it, and how what they do not need is removed.

What cannot be judged here stays: what another type of device has computed, and what is stored of candidates and tasks whose data or base is not here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from bench.cards.workspace import Workspace
from bench.errors import StorageError
from bench.faults import storage
from bench.plan.keys import embeddings_behind
from bench.plan.needed import Needed, needed
from bench.probe.machine import fingerprint
from bench.store import Unsound, unseal

Kind = Literal["checkpoints", "trainings", "embeddings", "bases", "exported", "results", "rankings", "sweeps", "locks", "left over"]
KINDS: tuple[Kind, ...] = ("checkpoints", "trainings", "embeddings", "bases", "exported", "results", "rankings", "sweeps", "locks", "left over")
HIDDEN = re.compile(r"^\.(?P<name>.+?)\.(?:saving-)?(?P<pid>\d+)(?:\.tmp)?$")
"""What a process writes under until it is whole; a process that was killed leaves it."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One stored thing. `used` says that it stays, and `why` the reason: that the cards need it, or that it cannot be judged here."""

    kind: Kind
    path: Path
    bytes: int
    used: bool
    why: str


def entries(place: Workspace, devices: tuple[str, ...], data_dir: Path | None) -> list[Entry]:
    """Everything that is stored, by kind.

    Args:
        place: The workspace.
        devices: Types of devices (`cpu`, `cuda`) whose things can be judged here.
        data_dir: Folder of published data; without it, what needs such data cannot be judged.

    Raises:
        CardError: A card is wrong.
    """
    results = {path: _result(path) for path in sorted(place.state.glob("results/*/*.json"))}
    stored = frozenset(str(result["cell"]["candidate"]) for result in results.values() if result is not None)
    judge = _Judge(place.state, needed(place, devices, data_dir, stored), results)
    found = [Entry(kind, path, _size(path), *judge.verdict(kind, path)) for kind, path in _walk(place.state)]
    return sorted(found, key=lambda one: (KINDS.index(one.kind), one.path))


def remove(found: list[Entry], state: Path) -> Iterator[Entry]:
    """Remove the entries that are not used, one by one, and give each that is gone.

    Raises:
        StorageError: A run of this workspace is going on, or something cannot be removed.
    """
    for entry in found:
        if not entry.used:
            require_idle(state)
            with storage(entry.path):
                _remove(entry.path)
            yield entry


def require_idle(state: Path, done: str = "removed") -> None:
    """Make sure that no run of the workspace is going on.

    Args:
        state: Its folder of stored things.
        done: What would be done to them, for the message.

    Raises:
        StorageError: One holds a lock.
    """
    held = next((path for path in _locks(state) if _is_held(path)), None)
    if held is not None:
        raise StorageError(f"{held}: a run of this workspace holds this lock; nothing is {done} while it goes on")


def _walk(state: Path) -> Iterator[tuple[Kind, Path]]:
    for folder, kind in (("checkpoints", "checkpoints"), ("embeddings", "embeddings"), ("bases", "bases"), ("exported", "exported"), ("sweeps", "sweeps")):
        for path in state.glob(f"{folder}/*"):
            if path.name.endswith(".lock"):
                yield "locks", path
            elif HIDDEN.match(path.name):
                yield "left over", path
            else:
                yield ("trainings" if path.name.startswith((".training-", "nested-")) else kind), path  # type: ignore[misc]
                yield from (("left over", altered) for altered in path.glob("*.altered"))
    for folder, kind in (("results", "results"), ("rankings", "rankings")):
        for path in state.glob(f"{folder}/*/*"):
            yield ("left over" if HIDDEN.match(path.name) else kind), path  # type: ignore[misc]
    yield from (("locks", path) for path in state.glob("locks/*"))


@dataclasses.dataclass
class _Judge:
    """Which things are used."""

    state: Path
    needed: Needed
    results: dict[Path, dict[str, Any] | None]

    def __post_init__(self) -> None:
        self.verdicts = {path: self._of_result(path, result) for path, result in self.results.items()}
        kept = [result for path, result in self.results.items() if result is not None and self.verdicts[path][0]]
        self.candidates = {str(result["key"])[:32]: result for result in self.results.values() if result is not None and result["cell"]["stage"] == "make"}
        scores = [result for result in kept if result["cell"]["stage"] == "evaluate" and "used" in result]
        self.embeddings = {embeddings_behind(one["key_parts"], one["used"]["prompt"])[:32] for one in scores} | self.needed.embeddings

    def verdict(self, kind: Kind, path: Path) -> tuple[bool, str]:
        """Whether the thing stays, and why."""
        if kind == "results":
            return self.verdicts.get(path, (False, "no result"))
        if kind in {"rankings", "sweeps"}:
            return True, "is kept"
        if kind == "locks":
            return (True, "held") if _is_held(path) else (False, "not held")
        if kind == "left over":
            return self._of_left_over(path)
        if kind == "embeddings":
            return (True, "needed") if path.name in self.embeddings else self._unclear(_encoded_on(path), "no stored score needs them")
        if kind == "bases":
            return (True, "needed") if path.name in self.needed.bases else self._unclear(None, "no candidate starts from it")
        if kind == "exported":
            return (True, "needed") if path.name in self.needed.exported else self._unclear(None, "no candidate is run from it")
        if path.name in self.needed.checkpoints:
            return True, "needed"
        made = self.candidates.get(path.name)
        if kind == "checkpoints" and made is not None:
            return self._of_cell(made)
        return self._unclear(None, "no candidate is made from it" if kind == "trainings" else "no candidate has it")

    def _of_result(self, path: Path, result: dict[str, Any] | None) -> tuple[bool, str]:
        if result is None:
            return False, "cannot be read"
        if path.stem in self.needed.keys:
            return True, "needed"
        return self._of_cell(result)

    def _of_cell(self, result: dict[str, Any]) -> tuple[bool, str]:
        """A thing that no current card needs, by what its result tells."""
        cell = result["cell"]
        device = str((result.get("computed_on") or {}).get("device", "")).partition(":")[0]
        if device and device not in self.needed.devices:
            return True, f"computed on {device}, which is not here"
        processor = (result.get("machine") or {}).get("cpu")
        if processor not in {None, fingerprint()["cpu"]}:  # there, the same card may come to another key
            return True, f"computed on another machine ({processor})"
        for name in (cell["candidate"], cell["target"]):
            if name in self.needed.unclear:
                return True, f"cannot be judged: {self.needed.unclear[name]}"
        return False, f"of {cell['candidate']}: no current card needs it"

    def _unclear(self, device: str | None, why: str) -> tuple[bool, str]:
        """A thing that tells no candidate: it stays where it may be one's that cannot be judged."""
        if device is not None and device not in self.needed.devices:
            return True, f"computed on {device}, which is not here"
        if self.needed.unclear:
            name, problem = next(iter(self.needed.unclear.items()))
            return True, f"cannot be judged, since {name} may need it: {problem}"
        return False, why

    def _of_left_over(self, path: Path) -> tuple[bool, str]:
        writer = HIDDEN.match(path.name)
        if writer is not None and _lives(int(writer["pid"])):
            return True, f"process {writer['pid']} may be writing it"
        return False, "set aside" if path.name.endswith(".altered") else "left half-written"


def _result(path: Path) -> dict[str, Any] | None:
    """A stored result; None for what is not what was written."""
    try:
        found = unseal(path.read_bytes())
    except (OSError, Unsound):
        return None
    return found if found.get("key") == path.stem and "cell" in found else None


def _encoded_on(folder: Path) -> str | None:
    """The type of the device that some embeddings were computed on."""
    for index in folder.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads(index.read_bytes())["encoded_on"]["device"]).partition(":")[0]
    return None


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; what goes meanwhile counts nothing."""
    total = 0
    for one in [path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())]:
        with contextlib.suppress(OSError):
            total += one.lstat().st_size if not one.is_dir() else 0
    return total


def _locks(state: Path) -> Iterator[Path]:
    yield from state.glob("locks/*")
    for folder in ("checkpoints", "bases"):
        yield from state.glob(f"{folder}/.*.lock")


def _is_held(path: Path) -> bool:
    """Whether a process holds the lock; where that cannot be said, it counts as held."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def _lives(pid: int) -> bool:
    import psutil

    return pid != os.getpid() and bool(psutil.pid_exists(pid))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
