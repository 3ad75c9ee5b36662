"""The keys of a suite's current cells, remembered from one command to the next.

To know them, cards and data are read and every checkpoint is digested: seconds, in which nothing new is learned where nothing has changed. So they are kept in
`.bench/current/`, beside the state of every file that they were made from: its place, size, and the times of its last changes, as git does in its index. Where
any of these differs, what is remembered is not used. Nothing is remembered where a file changed while it was being read, where a candidate was not made, or
where data is missing, since these may come from places that are not watched. What is looked up with the keys is checked as always.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cards.workspace import Workspace, builtin_content
from bench.digests import digest
from bench.errors import StorageError
from bench.plan.current import CurrentKeys, current_keys
from bench.plan.options import Options
from bench.probe.machine import SWITCHES, fingerprint, versions
from bench.store import Unsound, read_sealed, seal, write_atomic

if TYPE_CHECKING:
    from bench.plan.planning import Plan

CODE = Path(__file__).resolve().parents[1]
SLACK = 20_000_000
"""A file system's clock goes in steps of some milliseconds: a change that was this many nanoseconds ago may not show."""
DEFAULT = "default"
"""In place of a suite's name where none was asked for."""


@dataclasses.dataclass(frozen=True)
class _State:
    """What a folder or a file, with all below it, is like: a digest, and when the last change was (nanoseconds since 1970)."""

    digest: str
    changed: int


def recall(workspace: Workspace, options: Options) -> CurrentKeys | None:
    """The keys of the suite that the options name; None where they are not remembered, or anything that they were made from has changed."""
    path = _file(workspace, options.suite or DEFAULT, options.device)
    try:
        found = read_sealed(path, path.stem)
        if found is None or found["settings"] != _settings(workspace, options):
            return None
        if any(_state(Path(place)).digest != known for place, known in found["watched"].items()):
            return None
        return CurrentKeys.read(found["keys"])
    except (OSError, Unsound, KeyError, TypeError):
        return None


def remember(plan: Plan) -> CurrentKeys:
    """The keys of the plan's suite, which are kept for `recall` where that is safe."""
    looked = time.time_ns()
    keys = current_keys(plan)
    everything_there = all(one.made is not None for one in keys.candidates.values()) and not any(task.problem for task in plan.tasks.values())
    if everything_there:
        with contextlib.suppress(OSError, StorageError):  # it only saves time
            _write(plan, keys, looked)
    return keys


def _write(plan: Plan, keys: CurrentKeys, looked: int) -> None:
    state = plan.workspace.state
    watched = {place: _state(place) for place in _places(plan)}
    for place, one in watched.items():
        if one.changed >= (looked if place.is_relative_to(state) else plan.began) - SLACK:
            return
    content = {
        "settings": _settings(plan.workspace, plan.options),
        "watched": {str(place): one.digest for place, one in watched.items()},
        "keys": keys.record(),
    }
    asked_for_none = plan.options.suite is None and not plan.options.names
    for name in (keys.suite, *([DEFAULT] if asked_for_none else [])):
        path = _file(plan.workspace, name, keys.device)
        write_atomic(path, seal({"of": path.stem, **content}))


def _file(workspace: Workspace, suite: str, device: str) -> Path:
    return workspace.state / "current" / f"{digest([suite, device])[:32]}.json"


def _settings(workspace: Workspace, options: Options) -> str:
    """Whatever decides a key and is no file."""
    switches = {name: os.environ.get(name) for names in SWITCHES.values() for name in names}
    data = None if options.data_dir is None else str(options.data_dir.resolve())
    places = [str(workspace.content), str(workspace.home)]
    return digest([places, options.device, data, versions(), fingerprint(options.device), switches])


def _places(plan: Plan) -> Iterable[Path]:
    """The files and folders that the keys were made from: cards, data, bases, external models, checkpoints, and the code."""
    contents = {plan.workspace.content, builtin_content()}
    found = [CODE, *(content / part for content in contents for part in ("models", "tasks"))]
    found += [] if plan.options.data_dir is None else [plan.options.data_dir.resolve()]
    blueprints = [plan.resolver.blueprint(candidate) for candidate in plan.selection.everyone.values()]
    found += [blueprint.base.absolute() for blueprint in blueprints if blueprint.base is not None]
    found += [plan.archive.checkpoint_folder(blueprint).absolute() for blueprint in blueprints]
    found += [plan.workspace.state / "rankings", *(place.absolute() for place in _named(plan))]
    return dict.fromkeys(place for place in found if ".." in place.parts or not any(place != other and place.is_relative_to(other) for other in found))


def _named(plan: Plan) -> Iterator[Path]:
    """What cards name by a path, which may lie anywhere, as they name it: where a link on the way leads elsewhere, that is a change."""
    from bench.cards.kinds import External
    from bench.cards.tokens import token_file

    for task in plan.resolver.library.tasks.values():
        yield from (task.folder / source.file for subset in task.subsets.values() for source in subset.sources if source.file)
    origins = [base for base in plan.selection.suite.bases.values() if base.path is not None and base.package is None]
    yield from (base.card.parent / Path(str(base.path)).expanduser() for base in origins)
    for candidate in plan.selection.everyone.values():
        if isinstance(candidate, External) and candidate.path is not None and candidate.package is None:
            yield plan.selection.suite.file.parent / Path(candidate.path).expanduser()
        vocabulary = candidate.vocabulary
        texts = [*plan.resolver.blueprint(candidate).text_files, *(() if vocabulary is None else vocabulary.corpus)]
        yield from (candidate.folder / text for text in texts if text.partition(":")[0] not in plan.resolver.library.tasks)
        if vocabulary is not None and vocabulary.tokens is not None:
            yield token_file(candidate.folder, vocabulary.tokens)


def _state(place: Path) -> _State:
    entries = sorted(_entries(place))
    return _State(digest([list(entry) for entry in entries]), max((max(entry[-2:]) for entry in entries), default=0))


def _entries(place: Path) -> Iterator[tuple[str, int, int, int, int, int]]:
    """Each file below a folder, links followed: its place, what it is, its size, and when its content and its record last changed.

    Of a folder that a link shows once more only what it is: its files stand under its other place.
    """
    if place.is_file():
        yield _entry(str(place), place.stat())
    folders, seen = [str(place)] if place.is_dir() else [], set()
    while folders:
        folder = folders.pop()
        status = Path(folder).stat()
        what = (status.st_dev, status.st_ino)
        yield folder, *what, 0, 0, 0
        if what in seen:
            continue
        seen.add(what)
        with os.scandir(folder) as listing:
            for one in listing:
                if one.name == "__pycache__" or one.name == ".git":
                    continue
                if one.is_dir():
                    folders.append(one.path)
                else:
                    yield _entry(one.path, one.stat())


def _entry(path: str, status: os.stat_result) -> tuple[str, int, int, int, int, int]:
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
