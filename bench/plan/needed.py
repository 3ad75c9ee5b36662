"""What of the stored things the current cards come to. Computes nothing: a candidate for which something would have to be computed cannot be judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.cards.candidate import Candidate
from bench.cards.load import load_library
from bench.cards.origin import Origin
from bench.cards.workspace import Workspace, is_builtin
from bench.errors import BenchError, first_line
from bench.make.blueprint import Blueprint
from bench.make.strategies.ranked import Rankings
from bench.models.converted import converted_folder
from bench.models.engines import export_name
from bench.plan.archive import Archive
from bench.plan.keys import evaluate_key, measurement_keys
from bench.plan.options import Options
from bench.plan.planning import PlannedTask, planned_task
from bench.plan.reference import reference_of
from bench.plan.resolve import Resolver
from bench.plan.selection import select


@dataclasses.dataclass
class Needed:
    """What the cards of a workspace use, on some types of device.

    `keys` are those of results; the others are names of folders. `unclear` are candidates and tasks that cannot be judged, and why: what is stored of them may
    be needed.
    """

    devices: tuple[str, ...]
    keys: set[str] = dataclasses.field(default_factory=set)
    checkpoints: set[str] = dataclasses.field(default_factory=set)
    embeddings: set[str] = dataclasses.field(default_factory=set)
    bases: set[str] = dataclasses.field(default_factory=set)
    exported: set[str] = dataclasses.field(default_factory=set)
    unclear: dict[str, str] = dataclasses.field(default_factory=dict)


class _Stored(Rankings):
    """The rankings that are there."""

    def _ranking(self, *_: Any) -> dict[str, Any]:
        self._say = _refuse  # called before anything is computed
        return super()._ranking(*_)


def _refuse(what: str) -> None:
    raise BenchError(f"{what} has not been done here")


def needed(workspace: Workspace, devices: Iterable[str], data_dir: Path | None, stored: frozenset[str]) -> Needed:
    """What the own cards use, and those built-in candidates of which something is stored.

    Args:
        workspace: Where cards and state lie.
        devices: Types of devices to judge for.
        data_dir: Folder of published data.
        stored: Names of the candidates of which something is stored.

    Raises:
        CardError: A card is wrong.
    """
    library = load_library(workspace)
    found = Needed(tuple(devices))
    own = library.chosen_suites(None)
    for name, suite in library.suites.items():
        for base in suite.bases.values():
            found.bases.update(_converted(base, workspace.state))
        borrowed = name not in own or is_builtin(suite.file)
        names = [one for one in library.candidates[name] if not borrowed or one.name in stored]
        for origin in (one for one in names if isinstance(one, Origin)):
            found.bases.update(_converted(origin, workspace.state))
        for device in devices if names else ():
            options = Options(suite=name, device=device, data_dir=data_dir, offline=True)
            selection = select(library, options)
            resolver = Resolver(library, selection, workspace.state, options, _refuse)
            resolver.rankings = _Stored(workspace.state / "rankings", resolver.rankings.texts)
            tasks = {task: planned_task(library.task(task), resolver.data, options) for task in suite.suite.tasks}
            found.unclear.update({task: planned.problem for task, planned in tasks.items() if planned.problem})
            scored = [planned for planned in tasks.values() if not planned.problem]
            for candidate in names:
                _add(found, candidate, resolver, Archive(workspace.state, device), scored)
    return found


def _converted(origin: Origin, state: Path) -> Iterator[str]:
    if origin.format is not None and origin.sha256 is not None:
        yield converted_folder(origin.sha256, origin.format, state).name


def _add(found: Needed, candidate: Candidate, resolver: Resolver, archive: Archive, tasks: list[PlannedTask]) -> None:
    """What one candidate uses on one type of device."""
    try:
        blueprint = resolver.blueprint(candidate)
    except BenchError as error:
        found.unclear[candidate.name] = first_line(error)
        return
    for one in _with_teachers(blueprint):
        found.keys.add(one.key)
        found.checkpoints.update({one.key[:32], f"nested-{one.training_key[:32]}", f".training-{one.training_key[:32]}"})
        if one.vocabulary is not None:
            found.bases.add(one.trimmed_base_key[:32])
        made = archive.store.get(one.key)
        if made is None or made.get("status") != "done":
            continue
        content = made["content"]
        if one.candidate.backend != "torch":
            found.exported.add(export_name(content, one.candidate.use))
        scores = {key: archive.store.get(key) for key in (evaluate_key(one.candidate, content, task, archive.device) for task in tasks)}
        found.keys.update(scores)
        found.keys.update(measurement_keys(one.candidate, content, archive.device, reference_of(resolver.selection, resolver, archive).told))
        prompts = {one.candidate.prompt or "", *(score["used"]["prompt"] for score in scores.values() if score is not None and "used" in score)}
        for judged in (one.candidate, dataclasses.replace(one.candidate, precision=None)):  # the second is how it teaches
            found.embeddings.update(archive.embeddings_folder(judged, content, prompt).name for prompt in prompts)


def _with_teachers(blueprint: Blueprint | None) -> Iterator[Blueprint]:
    while blueprint is not None:
        yield blueprint
        blueprint = blueprint.teacher
