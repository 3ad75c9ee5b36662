"""Cards to specs: reads `models/*.toml` and `tasks/*/task.toml`, and reports every problem with file, line and field."""

from __future__ import annotations

import dataclasses
import functools
import re
import tomllib
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from bench.cards.candidates import candidate_problems
from bench.cards.specs import COLUMNS, MAIN_SCORES, NLI_LABELS, Candidate, Phase, Recipe, Suite, TaskCard
from bench.cards.teachers import default_parent, distillation_problems
from bench.cards.workspace import Workspace, builtin_content
from bench.errors import CardError, Problem, SelectionError, nearest

Location = tuple[str | int, ...]
T = TypeVar("T")


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
        fields = ("subsets", "labels", "rules", "score_range", "folder", "parallel")
        shared = dataclasses.replace(card, **{field: getattr(other, field) for field in fields})
        return shared if card.perturbation is None else dataclasses.replace(shared, main_score=other.main_score, evaluate_on=other.evaluate_on)


@functools.cache
def load_library(workspace: Workspace) -> Library:
    """Read every card of the workspace.

    Raises:
        CardError: Lists every problem of every card.
    """
    problems: list[Problem] = []
    tasks: dict[str, TaskCard] = {}
    for path in sorted(workspace.tasks.glob("*/task.toml")):
        card = _read(path, TaskCard, problems)
        if card is None:
            continue
        if card.name in tasks:
            problems.append(Problem(path, line_of(path, ("name",)), "name", f"{card.name!r} is also the name of {tasks[card.name].folder}/task.toml"))
        tasks[card.name] = dataclasses.replace(card, folder=path.parent)
        problems.extend(_task_problems(path, card))
    all_read = len(tasks) == len(list(workspace.tasks.glob("*/task.toml")))
    suites: dict[str, Suite] = {}
    candidates: dict[str, tuple[Candidate, ...]] = {}
    for path in sorted(workspace.models.glob("*.toml")):
        suite = _read(path, Suite, problems)
        if suite is None:
            continue
        if suite.name in suites:
            problems.append(Problem(path, line_of(path, ("suite", "name")), "suite.name", f"{suite.name!r} is also the name of {suites[suite.name].file}"))
        suites[suite.name] = dataclasses.replace(suite, file=path)
        problems.extend(_suite_problems(path, suite, tasks, all_read=all_read))
        candidates[suite.name] = _expand(suite, path.parent)
    for card in tasks.values():
        problems.extend(_alias_problems(card, tasks))
    if problems:
        raise CardError(problems)
    return Library(tasks, suites, candidates)


def shipped_task(name: str) -> TaskCard:
    """A task card that comes with the package, wherever the workspace is."""
    content = builtin_content()
    return load_library(Workspace(content, content)).task(name)


def _read(path: Path, kind: type[T], problems: list[Problem]) -> T | None:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        problems.append(Problem(path, int(found[1]) if found else 1, "TOML", str(error)))
        return None
    except UnicodeDecodeError as error:
        problems.append(Problem(path, 1, "encoding", f"expected UTF-8, found byte {error.object[error.start]:#04x} at offset {error.start}"))
        return None
    try:
        return TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        found_at = {item["loc"] for item in error.errors()}
        for item in error.errors():
            follows = item["type"] == "too_short" and any(loc[: len(item["loc"])] == item["loc"] != loc for loc in found_at)
            if not follows:
                problems.append(_translate(path, kind, item))
        return None


def _translate(path: Path, kind: type, error: Any) -> Problem:
    location: Location = tuple(part for part in error["loc"] if not (isinstance(part, str) and part.endswith("]")))
    field = ".".join(str(part) for part in location) or "card"
    kind_of_error, given = error["type"], error["input"]
    if kind_of_error in {"unexpected_keyword_argument", "is_instance_of"}:
        message = "unknown field" + nearest(str(location[-1]), _fields_at(kind, location[:-1]))
    elif kind_of_error == "missing":
        message = "missing; every card needs it"
    elif kind_of_error == "literal_error":
        expected = error["ctx"]["expected"]
        message = f"expected {expected}, found {given!r}" + nearest(str(given), re.findall(r"'([^']*)'", expected)).split("; valid")[0]
    else:
        message = f"{error['msg']}, found {given!r}"
    return Problem(path, line_of(path, location), field, message)


def _fields_at(kind: Any, location: Location) -> list[str]:
    """Field names of the dataclass that stands at a location inside a card: the types are followed down, indices and table names skipped."""
    for part in location:
        if isinstance(part, str) and dataclasses.is_dataclass(kind):
            kind = next(iter(_dataclasses_in(typing.get_type_hints(kind).get(part))), kind)
    return [field.name for field in dataclasses.fields(kind) if field.type != "Folder"]


def _dataclasses_in(hint: Any) -> Iterator[Any]:
    """Every dataclass inside a type hint, like Source in `tuple[Source, ...]`."""
    if dataclasses.is_dataclass(hint):
        yield hint
    for argument in typing.get_args(hint):
        yield from _dataclasses_in(argument)


def line_of(path: Path, location: Location) -> int:
    """The 1-based line where a field stands, or that of the nearest enclosing table; 1 where nothing of it is written out."""
    seen: dict[tuple[str, ...], int] = {}
    arrays: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    in_string = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        was_in_string, in_string = in_string, in_string ^ (line.count('"""') % 2 == 1)
        if was_in_string:
            continue
        if header := re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]", line):
            names = tuple(part.strip().strip("\"'") for part in header[2].split("."))
            table = _numbered(names, arrays)
            if header[1] == "[[":
                arrays[names] = arrays.get(names, -1) + 1
                table = (*table, str(arrays[names]))
            seen.setdefault(table, number)
        elif key := re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line):
            seen.setdefault((*table, *(part.strip("\"'") for part in key[1].split("."))), number)
    wanted = tuple(str(part) for part in location)
    return next((seen[wanted[:end]] for end in range(len(wanted), 0, -1) if wanted[:end] in seen), 1)


def _numbered(names: tuple[str, ...], arrays: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """A header's path with the index of every enclosing array of tables put in."""
    out: tuple[str, ...] = ()
    for end in range(1, len(names) + 1):
        out = (*out, names[end - 1])
        if names[:end] in arrays and end < len(names):
            out = (*out, str(arrays[names[:end]]))
    return out


def _task_problems(path: Path, card: TaskCard) -> Iterator[Problem]:
    def problem(location: Location, message: str) -> Problem:
        return Problem(path, line_of(path, location), ".".join(map(str, location)), message)

    if card.data is None and not card.subsets:
        yield problem(("subsets",), "expected at least one [subsets.NAME] table, or `data` naming a task to share rows with")
    if card.main_score is not None and card.main_score not in MAIN_SCORES.get(card.type, ()):
        yield problem(("main_score",), f"{card.main_score!r} is not a score of {card.type} tasks" + nearest(card.main_score, MAIN_SCORES.get(card.type, ())))
    for field, needed in (("evaluate_on", card.evaluated), ("train_on", card.type not in MAIN_SCORES or card.type == "Classification")):
        split = getattr(card, field)
        if needed and card.subsets and split not in _splits(card):
            yield problem((field,), f"no source has the split {split!r}" + nearest(split, _splits(card)))
    if card.score_range[0] >= card.score_range[1]:
        yield problem(("score_range",), f"expected [lowest, highest], found {list(card.score_range)}")
    if card.type == "NLI" and card.labels and set(card.labels.values()) - set(NLI_LABELS.values()):
        yield problem(("labels",), "expected 0 (entailment), 1 (neutral), 2 (contradiction) as values")
    if card.type == "PairClassification" and set(card.labels.values()) - {0, 1}:
        yield problem(("labels",), "expected 0 and 1 as values")
    if card.perturbation is not None and (card.type != "STS" or card.data is None):
        yield problem(("perturbation",), "rewrites the pairs of another STS task; needs type STS, and data with that task's name")
    if card.parallel and len(card.subsets) < 2:
        yield problem(("parallel",), "says that rows of several subsets belong together; needs two [subsets.NAME] tables or more in this card")
    for number, rule in enumerate(card.rules):
        if rule.rule in {"drop-label", "drop-characters", "keep-label"} and not rule.values:
            yield problem(("rules", number, "values"), f"{rule.rule} needs values")
        if rule.rule == "drop-seen" and rule.seen_in is None:
            yield problem(("rules", number, "seen_in"), "drop-seen needs the split that the rows were seen in")
        elif rule.seen_in is not None and rule.seen_in not in _splits(card):
            yield problem(("rules", number, "seen_in"), f"no source has the split {rule.seen_in!r}" + nearest(rule.seen_in, _splits(card)))
    for name, subset in card.subsets.items():
        for column in subset.columns:
            if column not in COLUMNS[card.type]:
                yield problem(("subsets", name, "columns", column), f"{card.type} tasks have no column {column!r}" + nearest(column, COLUMNS[card.type]))
        for number, source in enumerate(subset.sources):
            at: Location = ("subsets", name, "sources", number)
            given = [key for key in ("file", "repository", "hub") if getattr(source, key)]
            if len(given) != 1:
                yield problem(at, f"expected exactly one of file, repository, hub; found {', '.join(given) or 'none'}")
            elif source.repository and not (source.commit and source.path and source.sha256):
                yield problem(at, "a published file needs repository, commit, path and sha256")
            elif source.hub and not source.revision:
                yield problem(at, "a Hub data set needs a pinned revision")


def _alias_problems(card: TaskCard, tasks: dict[str, TaskCard]) -> Iterator[Problem]:
    """Problems of a card that shares another's rows."""
    if card.data is None:
        return
    path = card.folder / "task.toml"
    usable = {name for name, other in tasks.items() if other.type == card.type and other.data is None}
    if card.data not in usable:
        found = f"expected another {card.type} task with rows of its own, found {card.data!r}"
        yield Problem(path, line_of(path, ("data",)), "data", found + nearest(card.data, usable))
    elif card.perturbation is None and card.evaluate_on not in _splits(tasks[card.data]):
        found = f"{card.data!r} has no split {card.evaluate_on!r}"
        yield Problem(path, line_of(path, ("evaluate_on",)), "evaluate_on", found + nearest(card.evaluate_on, _splits(tasks[card.data])))


def _splits(card: TaskCard) -> set[str]:
    """The splits that every subset has."""
    return set.intersection(*({source.split for source in subset.sources} for subset in card.subsets.values())) if card.subsets else set()


def _suite_problems(path: Path, suite: Suite, tasks: dict[str, TaskCard], *, all_read: bool) -> Iterator[Problem]:
    """Problems of a suite; names of tasks are only judged where every task card could be read."""

    def problem(location: Location, message: str) -> Problem:
        return Problem(path, line_of(path, location), ".".join(map(str, location)), message)

    for name in suite.suite.tasks:
        if name not in tasks and not all_read:
            continue
        if name not in tasks:
            yield problem(("suite", "tasks"), f"no task {name!r}" + nearest(name, tasks))
        elif not tasks[name].evaluated:
            yield problem(("suite", "tasks"), f"{name!r} is training data ({tasks[name].type}); it has no score")
        elif tasks[name].perturbation and tasks[name].data not in suite.suite.tasks and tasks.keys() >= set(suite.suite.tasks):
            yield problem(("suite", "tasks"), f"{name!r} is reported as drop from {tasks[name].data!r}, which must be a task of the suite too")
    for name, base in suite.bases.items():
        if (base.path is None) == (base.hub is None):
            yield problem(("bases", name), "expected exactly one of path, hub")
        elif base.hub and not base.revision:
            yield problem(("bases", name), "a Hub model needs a pinned revision")
    for name, recipe in suite.recipes.items():
        for number, phase in enumerate(recipe.phases):
            yield from _phase_problems(problem, ("recipes", name, "phases", number), phase, path.parent, tasks, all_read=all_read)
        for reference in recipe.curve.data if recipe.curve and all_read else ():
            yield from _curve_problems(problem, ("recipes", name, "curve", "data"), reference, recipe, tasks)
    seen: set[str] = set()
    entries: list[tuple[Location, Candidate]] = [(("candidates", i), c) for i, c in enumerate(suite.candidates)]
    for number, grid in enumerate(suite.grids):
        if grid.kind != "full" and not grid.keep:
            yield problem(("grids", number, "keep"), f"a grid of {grid.kind} models needs the depths to keep")
        elif grid.kind in {"pruned", "distilled"} and not grid.strategies:
            yield problem(("grids", number, "strategies"), f"a grid of {grid.kind} models needs strategies")
        else:
            entries.extend((("grids", number), candidate) for candidate in grid.expand())
    for location, candidate in entries:
        yield from (problem((*location, field), message) for field, message in candidate_problems(candidate, suite))
        if candidate.vocabulary is not None and all_read:
            found = _corpus_problems(candidate.vocabulary.corpus, path.parent, tasks, "choose the tokens")
            yield from (problem((*location, "vocabulary", "corpus"), message) for message in found)
        if candidate.name in seen:
            yield problem((*location, "name"), f"{candidate.name!r} is the name of an earlier candidate of this suite")
        seen.add(candidate.name)
    everyone = [candidate for _, candidate in entries]
    for location, candidate in entries:
        yield from (problem((*location, field), message) for field, message in distillation_problems(candidate, suite, everyone))
        if candidate.parent is not None and candidate.parent not in seen:
            yield problem((*location, "parent"), f"no candidate {candidate.parent!r}" + nearest(candidate.parent, seen))


def _phase_problems(problem: Any, at: Location, phase: Phase, folder: Path, tasks: dict[str, TaskCard], *, all_read: bool) -> Iterator[Problem]:
    if phase.kind == "distill":
        if all_read:
            yield from (problem((*at, "data"), message) for message in _corpus_problems(phase.data, folder, tasks, "be taught"))
        return
    if phase.loss is not None:
        yield problem((*at, "loss"), f"a loss means nothing for phase {phase.kind!r}; only 'distill' has a choice")
    for reference in phase.data:
        if all_read or reference.partition(":")[0] in tasks:
            yield from _reference_problems(problem, (*at, "data"), reference, phase.kind, tasks)


def _reference_problems(problem: Any, location: Location, reference: str, kind: str, tasks: dict[str, TaskCard]) -> Iterator[Problem]:
    name, _, split = reference.partition(":")
    usable = {"nli": {"NLI", "Triplets", "PairClassification"}, "sts": {"STS"}}[kind]
    if name not in tasks:
        yield problem(location, f"no data set {name!r}" + nearest(name, tasks))
    elif tasks[name].type not in usable:
        yield problem(location, f"phase {kind!r} trains on {' or '.join(sorted(usable))}; {name!r} is {tasks[name].type}")
    elif (split or tasks[name].train_on) not in _splits(tasks[name]):
        yield problem(location, f"{name!r} has no split {split or tasks[name].train_on!r}" + nearest(split, _splits(tasks[name])))


def _curve_problems(problem: Any, location: Location, reference: str, recipe: Recipe, tasks: dict[str, TaskCard]) -> Iterator[Problem]:
    """A curve is drawn on pairs that are neither trained on nor tested on."""
    found = list(_reference_problems(problem, location, reference, "sts", tasks))
    yield from found
    if found:
        return

    def rows(text: str) -> tuple[str, str]:
        name, _, split = text.partition(":")
        return name, split or tasks[name].train_on

    name, split = rows(reference)
    if split == tasks[name].evaluate_on:
        yield problem(location, f"{reference!r} is what {name!r} is tested on; take a development split, like {name}:dev")
    elif (name, split) in {rows(other) for phase in recipe.phases for other in phase.data if other.partition(":")[0] in tasks}:
        yield problem(location, f"{reference!r} is what the recipe trains on; take a development split, like {name}:dev")


def _corpus_problems(entries: Sequence[str], folder: Path, tasks: dict[str, TaskCard], purpose: str) -> Iterator[str]:
    """What is wrong with a list of data sets and text files; `purpose` is what test texts may not be used for."""
    for entry in entries:
        name, _, split = entry.partition(":")
        if name not in tasks:
            if not (folder / entry).is_file():
                yield f"{entry!r} is neither a data set nor a text file beside this card" + nearest(name, tasks)
            continue
        card = tasks[name] if tasks[name].data is None else tasks.get(tasks[name].data or "", tasks[name])
        split = split or card.train_on
        if card.evaluated and split == card.evaluate_on:
            yield f"{entry!r} is what {name!r} is tested on; test texts may not {purpose}"
        elif split not in _splits(card):
            yield f"{name!r} has no split {split!r}" + nearest(split, _splits(card))


def _expand(suite: Suite, folder: Path) -> tuple[Candidate, ...]:
    """All candidates in card order; a smaller model's parent is the full candidate of the same base, recipe and seed, with its whole vocabulary, in fp32; see `default_parent` for a distilled one."""
    made = [*suite.candidates, *(candidate for grid in suite.grids if grid.kind == "full" or grid.keep for candidate in grid.expand())]
    full = {(c.base, c.recipe, c.seed): c.name for c in made if c.kind == "full" and c.vocabulary is None and c.precision == "fp32"}
    smaller = {"pruned", "scratch", "nested", "static"}
    return tuple(
        dataclasses.replace(
            candidate,
            folder=folder,
            parent=candidate.parent
            or (default_parent(candidate, made) if candidate.kind == "distilled" else None)
            or (
                full.get((candidate.base, candidate.recipe, candidate.seed))
                if candidate.kind in smaller or (candidate.kind == "full" and (candidate.vocabulary or candidate.precision != "fp32"))
                else None
            ),
        )
        for candidate in made
    )


def pick(names: Sequence[str], available: dict[str, T], what: str) -> dict[str, T]:
    """The named entries, in the order of `available`; all of them for no names.

    Raises:
        SelectionError: A name is not there; the message offers the nearest one.
    """
    for name in names:
        if name not in available:
            raise SelectionError(f"no {what} {name!r}" + nearest(name, available))
    return {name: item for name, item in available.items() if not names or name in names}
