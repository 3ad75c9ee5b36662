"""A selection to a plan: every cell, what of it is stored already, and what cannot run and why. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.cards.candidate import Candidate
from bench.cards.load import load_library
from bench.cards.tasks import TaskCard
from bench.cards.workspace import Workspace
from bench.data.rows import check_data_folder, missing_files, task_digest
from bench.data.training import DataCache
from bench.errors import BenchError, CorpusError, LayerError, StorageError
from bench.make.blueprint import Blueprint
from bench.plan.archive import Archive
from bench.plan.cells import Cell, PlannedCell, Status
from bench.plan.keys import evaluate_key, measurement_key
from bench.plan.options import Options
from bench.plan.reference import Reference, reference_of
from bench.plan.resolve import Resolver
from bench.plan.selection import Selection, select
from bench.store import Result


@dataclasses.dataclass(frozen=True)
class PlannedTask:
    """A task that candidates are scored on.

    `digest` is that of its card and data; where these cannot be read or scored, it is empty and `problem` says why. `remarks` are what is odd about its rows.
    """

    card: TaskCard
    digest: str
    problem: str = ""
    remarks: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class PlannedCandidate:
    """A candidate with its cells, in the order in which they run. `blueprint` is None where it cannot be made; its make cell says why."""

    candidate: Candidate
    blueprint: Blueprint | None
    cells: tuple[PlannedCell, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run consists of. `candidates` stand in the order in which they run; `resolver` still knows those of the suite that are not chosen.

    `began` is when the first card was read, in nanoseconds since 1970.
    """

    workspace: Workspace
    options: Options
    selection: Selection
    resolver: Resolver
    archive: Archive
    tasks: dict[str, PlannedTask]
    candidates: dict[str, PlannedCandidate]
    began: int = 0

    @property
    def cells(self) -> list[PlannedCell]:
        """Every cell of the selection, and the makings of teachers that it needs."""
        return [cell for candidate in self.candidates.values() for cell in candidate.cells]

    @property
    def reference(self) -> Reference:
        """The candidate that costs are compared with, as it is now."""
        return reference_of(self.selection, self.resolver, self.archive)

    @property
    def leaderboard(self) -> Path:
        """Where the suite's board is published."""
        return self.workspace.leaderboard(self.selection.suite.name)


def make_plan(workspace: Workspace, options: Options, say: Callable[[str], None] = lambda _: None, *, step: Callable[[str], None] = lambda _: None) -> Plan:
    """Read the cards and look up every cell of what the options choose.

    Args:
        workspace: Where the cards and what is stored lie.
        options: What to choose.
        say: Told of what may take a while: the ranking of a base's layers, the conversion of a base.
        step: Told of every step: which data is read, which candidate is looked up.

    Raises:
        CardError: A card is wrong.
        DataError: The folder of published data is not there.
        SelectionError: A name matches nothing.
        CorpusError: A card asks for a corpus without text.
        LayerError: A card asks for layers, or for pruning an architecture, that cannot be had.
        StorageError: What is stored cannot be read, or a ranking cannot be stored.
    """
    check_data_folder(options.data_dir)
    began = time.time_ns()
    step("reading the cards")
    library = load_library(workspace)
    selection = select(library, options)
    resolver = Resolver(library, selection, workspace.state, options, say)
    archive = Archive(workspace.state, options.device)
    tasks = {}
    for name in selection.suite.suite.tasks:
        step(f"reading the data of {name}")
        tasks[name] = planned_task(library.task(name), resolver.data, options)
    planner = _Planner(selection, options, resolver, archive, tasks, step)
    return Plan(workspace, options, selection, resolver, archive, tasks, planner.candidates(), began)


def planned_task(card: TaskCard, data: DataCache, options: Options) -> PlannedTask:
    """A task, and why it cannot be scored here, if it cannot."""
    missing = missing_files(card, options.data_dir)
    if missing:
        return PlannedTask(card, "", missing[0])
    try:
        data.check(card.name)
        return PlannedTask(card, task_digest(card, options.data_dir), remarks=data.remarks(card.name))
    except BenchError as error:
        return PlannedTask(card, "", str(error))


@dataclasses.dataclass(frozen=True)
class _Planner:
    """Candidates to their cells."""

    selection: Selection
    options: Options
    resolver: Resolver
    archive: Archive
    tasks: dict[str, PlannedTask]
    step: Callable[[str], None]

    def candidates(self) -> dict[str, PlannedCandidate]:
        """The chosen candidates.

        A teacher comes before a student that is yet to be made: with all its cells if it is chosen too, else with its make cell, unless that is done.
        """
        found: dict[str, PlannedCandidate] = {}
        for number, candidate in enumerate(self.selection.chosen, 1):
            self.step(f"looking up candidate {number} of {len(self.selection.chosen)}, {candidate.name}")
            planned = self._candidate(candidate)
            teacher = self.resolver.teacher(candidate)
            if teacher is not None and teacher.name not in found and planned.cells[0].to_run:
                taught = self._candidate(teacher)
                if teacher in self.selection.chosen:
                    found[teacher.name] = taught
                elif taught.cells[0].status != "done":
                    found[teacher.name] = dataclasses.replace(taught, cells=taught.cells[:1])
            found.setdefault(candidate.name, planned)
        return found

    @functools.cached_property
    def _reference(self) -> Reference:
        return reference_of(self.selection, self.resolver, self.archive)

    def _candidate(self, candidate: Candidate) -> PlannedCandidate:
        make, later = Cell(candidate.name, "make"), list(self._later(candidate))
        card = self.selection.suite.file
        try:
            blueprint = self.resolver.blueprint(candidate)
        except LayerError as error:  # the card is wrong, which no other machine or data mends
            raise LayerError(f"{card}: {error}") from None
        except CorpusError as error:  # so is this one
            raise CorpusError(f"{card}: {candidate.name}: {error}") from None
        except StorageError:  # it meets every candidate
            raise
        except BenchError as error:
            blocked = [PlannedCell(cell, "cannot run", reason=f"{candidate.name} cannot be made") for cell in later]
            return PlannedCandidate(candidate, None, (PlannedCell(make, "cannot run", reason=str(error)), *blocked))
        if self.options.force and candidate in self.selection.chosen:
            return PlannedCandidate(
                candidate, blueprint, (PlannedCell(make, "to do", blueprint.key), *(self._later_cell(candidate, cell, None) for cell in later))
            )
        made, stored = self.archive.made(blueprint), self.archive.store.get(blueprint.key)
        failed = made is None and stored is not None and stored.get("status") == "failed"
        status: Status = "done" if made else "failed" if failed else "to do"
        first = PlannedCell(make, status, blueprint.key, (stored or {}).get("error", "") if failed else "")
        return PlannedCandidate(candidate, blueprint, (first, *(self._later_cell(candidate, cell, made) for cell in later)))

    def _later(self, candidate: Candidate) -> Iterator[Cell]:
        if "evaluate" in self.options.stages:
            for task in self.selection.tasks:
                yield Cell(candidate.name, "evaluate", task)
        if "probe" in self.options.stages and self.options.probe != "none":
            yield Cell(candidate.name, "probe", self.options.device)

    def _later_cell(self, candidate: Candidate, cell: Cell, made: Result | None) -> PlannedCell:
        if cell.stage == "evaluate" and (problem := self.tasks[cell.target].problem):
            return PlannedCell(cell, "cannot run", reason=problem)
        if made is None:
            return PlannedCell(cell, "to do")
        if cell.stage == "evaluate":
            key = evaluate_key(candidate, made["content"], self.tasks[cell.target], self.options.device)
        elif self._reference.content is None and self._reference.candidate in self.selection.chosen:  # this run makes it, and then measures beside it
            return PlannedCell(cell, "to do")
        else:
            how, beside = self.options, self._reference.content
            key = measurement_key(candidate, made["content"], how.device, how.probe, reference=beside, threads=how.threads)
        stored = self.archive.store.get(key)
        if stored is None or (cell.stage == "probe" and self.options.reprobe):
            return PlannedCell(cell, "to do", key)
        return PlannedCell(cell, "done" if stored.get("status") == "done" else "failed", key, stored.get("error", ""))
