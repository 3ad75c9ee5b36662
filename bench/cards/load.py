"""Cards to specs: reads `models/*.toml` and `tasks/*/task.toml`, and reports every problem with file, line and field."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from bench.cards.candidate import Candidate
from bench.cards.fields import Flaw
from bench.cards.lines import line_of
from bench.cards.read import read_card
from bench.cards.recipes import DataSets
from bench.cards.suites import Suite, suite_flaws
from bench.cards.tasks import TaskCard, sharing_flaws, task_flaws
from bench.cards.workspace import Workspace, builtin_content
from bench.errors import CardError, Problem, SelectionError, nearest

T = TypeVar("T")
SHARED = ("subsets", "labels", "rules", "score_range", "parallel", "folder")
"""What a card with `data = "other"` has from the other card."""


@dataclasses.dataclass(frozen=True)
class Library:
    """Every card of a workspace, checked; candidates of a suite are expanded and carry their parents."""

    tasks: dict[str, TaskCard]
    suites: dict[str, Suite]
    candidates: dict[str, tuple[Candidate, ...]]

    def task(self, name: str) -> TaskCard:
        """A task card with `data = "other"` resolved: its own fields, the other card's rows; a rewritten task is also scored as the other is."""
        card = self.tasks[name]
        if card.data is None:
            return card
        other = self.tasks[card.data]
        shared = dataclasses.replace(card, **{field: getattr(other, field) for field in SHARED})
        if card.perturbation is None:
            return dataclasses.replace(shared, rows=card.rows or other.rows)
        return dataclasses.replace(shared, main_score=other.main_score, evaluate_on=other.evaluate_on, rows=other.rows)


@functools.cache
def load_library(workspace: Workspace) -> Library:
    """Read every card of the workspace.

    Raises:
        CardError: Lists every problem of every card.
    """
    problems: list[Problem] = []
    tasks, all_read = _load_tasks(workspace, problems)
    suites = _load_suites(workspace, tasks, problems, all_read=all_read)
    for card in tasks.values():
        problems.extend(_told(card.folder / "task.toml", sharing_flaws(card, tasks)))
    if problems:
        raise CardError(problems)
    return Library(tasks, suites, {name: suite.expand() for name, suite in suites.items()})


def _load_tasks(workspace: Workspace, problems: list[Problem]) -> tuple[dict[str, TaskCard], bool]:
    """The task cards that can be read, by name, and whether these are all; what is wrong with each by itself goes to `problems`."""
    tasks: dict[str, TaskCard] = {}
    paths = sorted(workspace.tasks.glob("*/task.toml"))
    for path in paths:
        reading = read_card(path, TaskCard, problems)
        card = reading.card
        if card is None:
            continue
        problems.extend(_told(path, reading.sure(task_flaws(card))))
        if not reading.whole:
            continue
        if card.name in tasks:
            problems.append(Problem(path, line_of(path, ("name",)), "name", f"{card.name!r} is also the name of {tasks[card.name].folder}/task.toml"))
        tasks[card.name] = dataclasses.replace(card, folder=path.parent)
    return tasks, len(tasks) == len(paths)


def _load_suites(workspace: Workspace, tasks: dict[str, TaskCard], problems: list[Problem], *, all_read: bool) -> dict[str, Suite]:
    """The suites that can be read, by name; what is wrong with them goes to `problems`."""
    suites: dict[str, Suite] = {}
    for path in sorted(workspace.models.glob("*.toml")):
        reading = read_card(path, Suite, problems)
        suite = reading.card
        if suite is None:
            continue
        if suite.name in suites:
            problems.append(Problem(path, line_of(path, ("suite", "name")), "suite.name", f"{suite.name!r} is also the name of {suites[suite.name].file}"))
        suites[suite.name] = dataclasses.replace(suite, file=path)
        problems.extend(_told(path, reading.sure(suite_flaws(suite, DataSets(tasks, path.parent, all_read)))))
    return suites


def _told(path: Path, flaws: Iterator[Flaw]) -> Iterator[Problem]:
    """Flaws with the file and line where they stand."""
    return (Problem(path, line_of(path, location), ".".join(map(str, location)), message) for location, message in flaws)


def shipped_task(name: str) -> TaskCard:
    """A task card that comes with the package, wherever the workspace is."""
    content = builtin_content()
    return load_library(Workspace(content, content)).task(name)


def pick(names: Sequence[str], available: dict[str, T], what: str) -> dict[str, T]:
    """The named entries, in the order of `available`; all of them for no names.

    Raises:
        SelectionError: A name is not there; the message offers the nearest one.
    """
    for name in names:
        if name not in available:
            raise SelectionError(f"no {what} {name!r}" + nearest(name, available))
    return {name: item for name, item in available.items() if not names or name in names}
