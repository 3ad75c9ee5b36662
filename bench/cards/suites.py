"""A suite, `models/<name>.toml`: candidates, one by one and in grids, and the tasks that they are tried on; and what can be wrong with that."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from bench.cards.candidate import Backend, Candidate, FromBase, Precision, Strategy, Surroundings
from bench.cards.fields import LONGEST_NAME, Card, Count, Flaw, Folder, Location, LowerName, Name, Seed
from bench.cards.kinds import KINDS, AnyCandidate, External, candidate_flaws, meaningless, takes
from bench.cards.recipes import Base, DataSets, Recipe, Vocabulary, base_flaws, recipe_flaws, vocabulary_flaws
from bench.cards.seeds import seed_flaws
from bench.cards.tasks import TaskCard, TaskType, labels_of
from bench.errors import nearest

AXES = {"strategies": "strategy", "keep": "keep", "dimensions": "dimensions", "vocabularies": "vocabulary", "teacher": "teacher"}
"""Fields of a grid that only some kinds take, and what they are called on a candidate."""
NEEDS = {"keep": "the depths to keep", "strategies": "strategies"}
"""What messages call the fields that a grid of some kinds cannot do without."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grid(Card):
    """Bases x strategies x kept depths x dimensions x recipes x seeds x vocabularies x precisions x backends, expanded to candidates with readable names."""

    kind: Literal["full", "pruned", "scratch", "distilled", "nested"]
    bases: Annotated[tuple[str, ...], Field(min_length=1)]
    strategies: tuple[Strategy, ...] = ()
    keep: tuple[Count, ...] = ()
    dimensions: tuple[Count, ...] = ()
    vocabularies: tuple[Vocabulary, ...] = ()
    recipes: tuple[str, ...] = ()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    precisions: Annotated[tuple[Precision, ...], Field(min_length=1)] = ()
    backends: Annotated[tuple[Backend, ...], Field(min_length=1)] = ("torch",)
    prompt: str | None = None
    teacher: str | None = None
    parent: str | None = None

    def flaws(self) -> Iterator[Flaw]:
        """What is missing for its kind, and what means nothing for it."""
        kind = KINDS[self.kind]
        missing = next((field for field in kind.grid_needs if not getattr(self, field)), None) if issubclass(kind, FromBase) else None
        if missing is not None:
            yield (missing,), f"a grid of {self.kind} models needs {NEEDS[missing]}"
        for field, meant in AXES.items():
            if getattr(self, field) and not takes(self.kind, meant):
                yield (field,), meaningless(meant, self.kind, shown=field)

    def expand(self) -> list[Candidate]:
        """Candidates named `base[-strategyN | -scratchN | -nestedN | -distilled[-strategy]N][-dN][-vSIZE | -LIST][-recipe][-seedN][-precision][-backend]`.

        Recipe, seed, a vocabulary that is a list and the strategy of distilled ones are named where the grid has several, precision where it is not fp32,
        backend where it is not torch.
        """
        models = itertools.product(self.bases, self.strategies or (None,), self.keep or (None,), self.dimensions or (None,), self.vocabularies or (None,))
        runs = list(itertools.product(self.recipes or (None,), self.seeds, self.precisions or (None,), self.backends))
        made = []
        for (base, strategy, keep, dimensions, vocabulary), (recipe, seed, precision, backend) in itertools.product(models, runs):
            chosen = {"strategy": strategy, "keep": keep, "dimensions": dimensions, "vocabulary": vocabulary, "teacher": self.teacher}
            fields: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
            fields |= {"base": base, "recipe": recipe, "seed": seed, "precision": precision, "backend": backend}
            fields |= {"prompt": self.prompt, "parent": self.parent}
            candidate = KINDS[self.kind](name=base, **fields)
            made.append(dataclasses.replace(candidate, name=self._name(candidate)))
        return made

    def _name(self, candidate: Candidate) -> str:
        assert isinstance(candidate, FromBase)
        return "".join(
            [
                candidate.base,
                candidate.suffix(several_strategies=len(self.strategies) > 1),
                f"-d{candidate.dimensions}" if candidate.dimensions is not None else "",
                candidate.vocabulary.label(several=len(self.vocabularies) > 1) if candidate.vocabulary is not None else "",
                f"-{(candidate.recipe or '').rpartition('/')[2]}" if len(self.recipes) > 1 else "",
                f"-seed{candidate.seed}" if len(self.seeds) > 1 else "",
                f"-{candidate.precision}" if candidate.runs_in != "fp32" else "",
                f"-{candidate.backend}" if candidate.backend != "torch" else "",
            ]
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SuiteInfo(Card):
    """The head of a suite's card. `reference` names the candidate that costs are compared with; see `Suite.reference`."""

    name: LowerName
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    description: str = ""
    reference: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite(Card):
    """A named set of candidates and tasks that belong on one board: one file in `models/`."""

    suite: SuiteInfo
    bases: dict[Name, Base] = dataclasses.field(default_factory=dict)
    recipes: dict[Name, Recipe] = dataclasses.field(default_factory=dict)
    candidates: tuple[AnyCandidate, ...] = ()
    grids: tuple[Grid, ...] = ()
    file: Folder = Path()

    @property
    def name(self) -> str:
        """The suite's name."""
        return self.suite.name

    @property
    def reference(self) -> str:
        """The candidate that costs are compared with: the one that the card names, else the first full one that PyTorch runs, else the first."""
        everyone = [candidate for _, candidate in self.entries()]
        return self.suite.reference or next((one for one in everyone if one.kind == "full" and one.backend == "torch"), everyone[0]).name

    @property
    def data_sets(self) -> tuple[str, ...]:
        """The tasks, and what the recipes and curves are trained and drawn on, each once; text files stand among them under their names."""
        read = [reference for recipe in self.recipes.values() for phase in recipe.phases for reference in phase.data]
        read += [reference for recipe in self.recipes.values() if recipe.curve is not None for reference in recipe.curve.data]
        return tuple(dict.fromkeys([*self.suite.tasks, *(reference.partition(":")[0] for reference in read)]))

    @property
    def named_recipes(self) -> set[str]:
        """The recipes that its candidates and grids name."""
        single = {candidate.recipe for candidate in self.candidates if isinstance(candidate, FromBase) and candidate.recipe is not None}
        return single | {recipe for grid in self.grids for recipe in grid.recipes}

    def entries(self) -> list[tuple[Location, Candidate]]:
        """All candidates in card order, each with the place that it comes from; of grids only those in which nothing is wrong."""
        single: list[tuple[Location, Candidate]] = [(("candidates", number), candidate) for number, candidate in enumerate(self.candidates)]
        sound = [(number, grid) for number, grid in enumerate(self.grids) if not any(grid.flaws())]
        return [*single, *((("grids", number), candidate) for number, grid in sound for candidate in grid.expand())]

    def expand(self) -> tuple[Candidate, ...]:
        """All candidates with their parents, and the folder of the card."""
        everyone = [candidate for _, candidate in self.entries()]
        return tuple(dataclasses.replace(candidate, folder=self.file.parent, parent=self._parent(candidate, everyone)) for candidate in everyone)

    def _parent(self, candidate: Candidate, everyone: Sequence[Candidate]) -> str | None:
        """The parent that a card names, else the default one of its kind, else an external candidate that is its base as it was published."""
        found = candidate.parent or candidate.default_parent(everyone)
        base = self.bases.get(candidate.base) if isinstance(candidate, FromBase) and not candidate.reference else None
        if found is not None or base is None:
            return found
        same = [other.name for other in everyone if isinstance(other, External) and other.whence == base.whence]
        return same[0] if len(same) == 1 else None


def suite_flaws(suite: Suite, data: DataSets, shipped: Collection[str] = ()) -> Iterator[Flaw]:
    """Everything that is wrong with a suite; see `DataSets` for the data that it names. `shipped` are the names of recipes that come with the package."""
    data = dataclasses.replace(data, tested=_tested(suite.suite.tasks, data.cards))
    yield from _task_flaws(suite.suite.tasks, data)
    for name, base in suite.bases.items():
        yield from _below(("bases", name), base_flaws(base))
    for name, recipe in suite.recipes.items():
        yield from _below(("recipes", name), recipe_flaws(recipe, data))
    for number, grid in enumerate(suite.grids):
        yield from _below(("grids", number), grid.flaws())
    if not suite.candidates and not suite.grids:
        yield ("candidates",), "a suite needs at least one candidate: a [[candidates]] table, or a [[grids]] table"
    yield from _candidate_flaws(suite, data, shipped)
    yield from _parent_flaws(suite)
    names = [candidate.name for _, candidate in suite.entries()]
    if suite.suite.reference is not None and suite.suite.reference not in names:
        yield ("suite", "reference"), f"no candidate {suite.suite.reference!r}" + nearest(suite.suite.reference, names)


def _tested(names: Sequence[str], tasks: Mapping[str, TaskCard]) -> dict[tuple[str, str], str]:
    """See `DataSets.tested`: the rows are those of the card that has them; a task that rewrites another's texts is tested on the split of that one."""
    found: dict[tuple[str, str], str] = {}
    for card in (tasks[name] for name in names if name in tasks and tasks[name].evaluated):
        owner = tasks.get(card.data or "", card)
        found.setdefault((owner.name, owner.evaluate_on if card.perturbation else card.evaluate_on), card.name)
    return found


def _task_flaws(names: Sequence[str], data: DataSets) -> Iterator[Flaw]:
    at: Location = ("suite", "tasks")
    tasks: Mapping[str, TaskCard] = data.cards
    yield from ((at, message) for message in _column_problems(names, tasks))
    for name in dict.fromkeys(names):
        if name not in tasks:
            if name in data.refused:
                yield at, f"{name!r} {data.refused[name]}"
            elif data.complete:
                yield at, f"no task {name!r}" + nearest(name, tasks)
        elif not tasks[name].evaluated:
            why = f"it has no split {tasks[name].evaluate_on!r} to be scored on" if tasks[name].type == "Triplets" else "it has no score"
            yield at, f"{name!r} is training data ({tasks[name].type}); {why}"
        elif tasks[name].perturbation and tasks[name].data not in names and tasks.keys() >= set(names):
            yield at, f"{name!r} is reported as drop from {tasks[name].data!r}, which must be a task of the suite too"


def _column_problems(names: Sequence[str], tasks: Mapping[str, TaskCard]) -> Iterator[str]:
    """Tasks whose scores would stand under one title on the board."""
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        yield f"{repeated[0]!r} stands there more than once; leave it out but for once"
    taken: dict[str, str] = {}
    for card in (tasks[name] for name in dict.fromkeys(names) if name in tasks):
        labels = labels_of(card, tasks.get(card.data or "", card)).values()
        for title in (*labels, *(f"drop {label}" for label in labels if card.perturbation)):
            if title in taken:
                yield f"{taken[title]!r} and {card.name!r} would both have the column {title!r} on the board; rename one of them, or its subset"
            taken[title] = card.name


def _candidate_flaws(suite: Suite, data: DataSets, shipped: Collection[str]) -> Iterator[Flaw]:
    entries = suite.entries()
    around = Surroundings(suite.bases, suite.recipes, {candidate.name: candidate for _, candidate in entries}, shipped)
    seen: set[str] = set()
    for at, candidate in entries:
        yield from _below(at, candidate_flaws(candidate, around))
        if candidate.vocabulary is not None:
            yield from _below((*at, "vocabulary"), vocabulary_flaws(candidate.vocabulary, data))
        for name in candidate.prompts or ():
            if data.complete and name not in data.cards and name not in get_args(TaskType):
                yield (*at, "prompts", name), f"no task and no type of tasks {name!r}" + nearest(name, (*data.cards, *get_args(TaskType)))
        if len(candidate.name) > LONGEST_NAME:
            yield at, f"the name {candidate.name[:40]!r}... has {len(candidate.name)} characters; at most {LONGEST_NAME} fit: shorten what it is made of"
        if candidate.name in seen:
            yield (*at, "name"), f"{candidate.name!r} is the name of an earlier candidate of this suite"
        seen.add(candidate.name)
    if len(seen) == len(entries):
        place = {candidate.name: at for at, candidate in entries}
        yield from (((*place[name], "name"), message) for name, message in seed_flaws([candidate for _, candidate in entries]))


def _parent_flaws(suite: Suite) -> Iterator[Flaw]:
    """Candidates that would be compared with themselves, over one parent or several."""
    place = {candidate.name: at for at, candidate in suite.entries()}
    parent = {candidate.name: candidate.parent for candidate in suite.expand()}
    told: set[str] = set()
    for name in parent:
        way: list[str] = []
        above: str | None = name
        while above is not None and above not in way and above not in told:
            way.append(above)
            above = parent.get(above)
        if above in way:
            circle = way[way.index(above) :]
            yield (*place[circle[0]], "parent"), f"{' -> '.join([*circle, circle[0]])}: a candidate cannot be its own parent, nor that of its parents"
        told.update(way)


def _below(at: Location, flaws: Iterator[Flaw]) -> Iterator[Flaw]:
    """The flaws of a part of the card, with the way to that part."""
    return (((*at, *location), message) for location, message in flaws)
