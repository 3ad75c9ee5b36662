"""Cards to specs: reads `models/*.toml` and `tasks/*/task.toml`, and reports every problem with file, line and field.

A workspace's own cards stand before those that come with the package: own suites may name built-in tasks and bases, and built-in suites can be run from any
workspace. Of two of one name, the own one counts, also for built-in cards that name it; a built-in card that does not fit an own one is left out.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from bench.cards.candidate import Candidate
from bench.cards.fields import Flaw
from bench.cards.lines import line_of
from bench.cards.read import Reading, read_card
from bench.cards.recipes import Base, DataSets, Recipe
from bench.cards.suites import Suite, suite_flaws
from bench.cards.tasks import TaskCard, sharing_flaws, task_flaws
from bench.cards.workspace import Workspace, builtin_content, is_builtin
from bench.errors import CardError, Problem, SelectionError, nearest

T = TypeVar("T")
SHARED = ("subsets", "labels", "rules", "score_range", "parallel", "folder")
"""What a card with `data = "other"` has from the other card."""


@dataclasses.dataclass(frozen=True)
class Library:
    """Every card of a workspace and every built-in one, checked; candidates of a suite are expanded and carry their parents.

    Suites stand in order: the own ones, then those that come with the package.
    """

    tasks: dict[str, TaskCard]
    suites: dict[str, Suite]
    candidates: dict[str, tuple[Candidate, ...]]

    def chosen_suites(self, name: str | None) -> dict[str, Suite]:
        """The suite of this name; without one, the workspace's own ones, or all where it has none, as in the folder of the package itself.

        Raises:
            SelectionError: There is no such suite.
        """
        if name is not None:
            return pick([name], self.suites, "suite")
        return {name: suite for name, suite in self.suites.items() if not is_builtin(suite.file)} or self.suites

    def chosen_tasks(self, suite: str | None) -> dict[str, TaskCard]:
        """What a suite is tried on and trained on; without a name, that of the own suites and every own card, or everything where nothing is an own one.

        Raises:
            SelectionError: There is no such suite.
        """
        named = {name for one in self.chosen_suites(suite).values() for name in one.data_sets}
        own = set() if suite else {name for name, card in self.tasks.items() if not is_builtin(card.folder)}
        everything = suite is None and not own and all(is_builtin(one.file) for one in self.suites.values())
        return {name: card for name, card in self.tasks.items() if everything or name in named | own}

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
    """Read every card of the workspace, and those that come with the package.

    Raises:
        CardError: Lists every problem of every card.
    """
    builtin = _builtin(workspace)
    problems: list[Problem] = []
    own, all_read = _load_tasks(workspace, problems)
    tasks = _beside(own, builtin.tasks)
    readings = [(path, read_card(path, Suite, problems)) for path in sorted(workspace.models.glob("*.toml"))]
    suites_read = [reading.card for _, reading in readings if reading.card is not None]
    named, refused = _from_mteb(suites_read, tasks) if all_read else ({}, {})  # a name may be that of a card that could not be read
    tasks |= named
    suites = _load_suites(readings, DataSets(tasks, workspace.models, all_read, refused=refused), builtin, problems)
    for card in own.values():
        problems.extend(_told(card.folder / "task.toml", sharing_flaws(card, tasks)))
    if problems:
        raise CardError(problems)
    changed = own.keys() & builtin.tasks.keys()
    suites |= {name: suite for name, suite in builtin.suites.items() if name not in suites and not (changed and any(_flaws(suite, tasks)))}
    return Library(tasks, suites, {name: suite.expand() for name, suite in suites.items()})


def _builtin(workspace: Workspace) -> Library:
    """The cards that come with the package, for a workspace that is another; none for that of the package itself, which reads them as its own."""
    content = builtin_content()
    return Library({}, {}, {}) if workspace.content == content else load_library(Workspace(content, content))


def _beside(own: dict[str, TaskCard], builtin: dict[str, TaskCard]) -> dict[str, TaskCard]:
    """Own tasks, and the built-in ones of other names; of those that share the rows of another card only the ones that it still fits."""
    every = own | {name: card for name, card in builtin.items() if name not in own}
    return {name: card for name, card in every.items() if name in own or not any(sharing_flaws(card, every))}


def _from_mteb(suites: Iterable[Suite], tasks: Mapping[str, TaskCard]) -> tuple[dict[str, TaskCard], dict[str, str]]:
    """The tasks of mteb that suites name and no card has, and why others cannot be had. Nothing is imported where every name is known."""
    unknown = {name: None for suite in suites for name in suite.suite.tasks if name not in tasks}
    if not unknown:
        return {}, {}
    from bench.cards.mteb_names import mteb_card

    found = {name: mteb_card(name) for name in unknown}
    return {name: one for name, one in found.items() if isinstance(one, TaskCard)}, {name: one for name, one in found.items() if isinstance(one, str)}


def _bases(library: Library) -> dict[str, Base]:
    """The bases of all suites by name, with paths that hold from any card."""
    found = {}
    for suite in library.suites.values():
        for name, base in suite.bases.items():
            inside = base.path is None or base.package is not None
            found[name] = base if inside else dataclasses.replace(base, path=str(base.card.parent / str(base.path)))
    return found


def _recipes(library: Library) -> dict[str, Recipe]:
    """The recipes of all suites, each by the name of its suite and its own: `small/two-phase`."""
    return {f"{suite.name}/{name}": recipe for suite in library.suites.values() for name, recipe in suite.recipes.items()}


def _flaws(suite: Suite, tasks: dict[str, TaskCard]) -> Iterator[Flaw]:
    return suite_flaws(suite, DataSets(tasks, suite.file.parent, complete=True))


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


def _load_suites(readings: Iterable[tuple[Path, Reading[Suite]]], data: DataSets, builtin: Library, problems: list[Problem]) -> dict[str, Suite]:
    """The suites that could be read, by name; what is wrong with them goes to `problems`.

    Each has the bases that come with the package beside its own, and of the recipes that come with it those that it names.
    """
    bases, recipes = _bases(builtin), _recipes(builtin)
    suites: dict[str, Suite] = {}
    for path, reading in readings:
        suite = reading.card
        if suite is None:
            continue
        if suite.name in suites:
            problems.append(Problem(path, line_of(path, ("suite", "name")), "suite.name", f"{suite.name!r} is also the name of {suites[suite.name].file}"))
        own = {name: dataclasses.replace(base, card=path) for name, base in suite.bases.items()}
        borrowed = {name: recipes[name] for name in sorted(suite.named_recipes) if name in recipes}
        suite = dataclasses.replace(suite, file=path, bases={**bases, **own}, recipes={**suite.recipes, **borrowed})
        suites[suite.name] = suite
        problems.extend(_told(path, reading.sure(suite_flaws(suite, data, recipes))))
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
