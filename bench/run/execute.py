"""Execute a plan: make, evaluate, probe; one stored result a cell; what fails is recorded and does not stop the rest."""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bench.cards.specs import Candidate
from bench.errors import BenchError, ModelError
from bench.plan.planner import Cell, PlannedCell, Planner
from bench.probe.machine import fingerprint, versions
from bench.store import Result

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from bench.evaluate.embeddings import EmbeddingStore
    from bench.make.checkpoint import Blueprint
    from bench.run.workers import Unit


class Reporter(Protocol):
    """Who is told how the run goes."""

    def begin(self, cells: list[PlannedCell]) -> None:
        """The run starts with these cells."""

    def start(self, cell: Cell) -> None:
        """A cell starts."""

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """A running cell has done a fraction of something."""

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """A cell is done, or failed with an error."""

    def end(self) -> None:
        """Nothing more will be reported."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of the cells of a run."""

    computed: int
    reused: int
    failed: dict[Cell, str]
    blocked: dict[Cell, str]

    @property
    def complete(self) -> bool:
        """True when every cell is done."""
        return not self.failed and not self.blocked


def execute(planner: Planner, reporter: Reporter) -> Outcome:
    """Run every cell of the plan that is not done.

    Candidates are made and evaluated one after the other, or several at a time (`Options.jobs`), teachers before their students; all probes come last, when nothing else of ours is running.
    """
    flat = [cell for group in planner.groups().values() for cell in group]
    blocked = {cell.cell: cell.reason for cell in flat if cell.status == "cannot run"}
    todo = [cell for cell in flat if cell.status in {"to do", "failed"}]
    reporter.begin(todo)
    runner = Runner(planner, reporter)
    if todo:
        from bench.children import warm_up

        warm_up()
    try:
        _make_and_evaluate(runner, [cell.cell for cell in todo if cell.cell.stage != "probe"])
        for cell in todo:
            if cell.cell.stage == "probe":
                runner.probe(planner.candidates[cell.cell.candidate], cell.cell)
    finally:
        reporter.end()
    return Outcome(runner.computed, len(flat) - len(todo) - len(blocked), runner.failed, blocked)


def _make_and_evaluate(runner: Runner, cells: list[Cell]) -> None:
    """Every cell but the probes, in this process or in several."""
    from bench.run.workers import automatic_jobs, run_units

    planner = runner.planner
    units = _units(planner, cells)
    jobs = planner.options.jobs or automatic_jobs(len(units), device=planner.options.device, largest_base=_largest_base(planner, cells))
    if jobs > 1 and len(units) > 1:
        computed, failed = run_units(planner.workspace, planner.options, units, runner.reporter, jobs=min(jobs, len(units)))
        runner.computed += computed
        runner.failed.update(failed)
        return
    for unit in units:
        for name, group in unit.cells.items():
            runner.make_and_evaluate(planner.candidates[name], group)


def _units(planner: Planner, cells: list[Cell]) -> list[Unit]:
    """The cells by training: candidates of one training, or of one checkpoint, wait for each other anyway."""
    from bench.run.workers import Unit

    grouped: dict[str, dict[str, list[Cell]]] = {}
    for cell in cells:
        key = planner.blueprint(planner.candidates[cell.candidate]).training_key
        grouped.setdefault(key, {}).setdefault(cell.candidate, []).append(cell)
    units = []
    for group in grouped.values():
        blueprints = [planner.blueprint(planner.candidates[name]) for name in group]
        teachers = {blueprint.candidate.taught_by for blueprint in blueprints} - {None, *group}
        units.append(Unit(group, frozenset(name for name in teachers if name), max(map(_cost, blueprints))))
    return units


def _cost(blueprint: Blueprint) -> int:
    """Roughly how long a candidate takes beside others: training costs about twice what encoding does. A model that is not made here is taken for one of twelve layers."""
    if blueprint.candidate.kind == "external":
        return 12
    layers = blueprint.total if blueprint.candidate.kind == "nested" else len(blueprint.kept)
    return layers * (3 if blueprint.recipe.phases else 1)


def _largest_base(planner: Planner, cells: list[Cell]) -> int:
    """Bytes of the largest base that the cells need."""
    bases = {planner.blueprint(planner.candidates[cell.candidate]).base for cell in cells} - {None}
    return max((sum(path.stat().st_size for path in base.rglob("*") if path.is_file()) for base in bases if base is not None), default=0)


class Runner:
    """Runs cells in this process and notes what became of them."""

    def __init__(self, planner: Planner, reporter: Reporter) -> None:
        self.planner, self.reporter = planner, reporter
        self.computed = 0
        self.failed: dict[Cell, str] = {}
        self._tasks: dict[str, AbsTask] = {}

    def make_and_evaluate(self, candidate: Candidate, cells: list[Cell]) -> None:
        """Make a candidate's checkpoint, if that is among the cells, and compute its scores."""
        for cell in cells:
            if cell.stage == "make":
                self._make(candidate, cell)
        made = self.planner.made(candidate)
        evaluations = [cell for cell in cells if cell.stage == "evaluate"]
        if made is not None:
            self._evaluate(candidate, made["content"], evaluations)
        else:
            self.failed.update(dict.fromkeys(evaluations, f"{candidate.name} was not made"))

    def _make(self, candidate: Candidate, cell: Cell) -> None:
        from filelock import FileLock

        from bench.make.checkpoint import make_checkpoint

        blueprint = self.planner.blueprint(candidate)
        locks = self.planner.workspace.state / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with self._cell(cell, blueprint.key, lineage=blueprint.lineage) as record, FileLock(locks / blueprint.key[:32]):
            if (made := self.planner.made(candidate)) is not None:
                record.update({name: value for name, value in made.items() if name not in {"key", "status", "seconds"}})
                return

            def progress(what: str, fraction: float) -> None:
                self.reporter.progress(cell, what, fraction)

            folder = self.planner.checkpoint_folder(blueprint)
            teacher = self._teacher(candidate)
            record.update(make_checkpoint(blueprint, folder, teacher=teacher, device=self.planner.options.device, progress=progress))

    def _teacher(self, candidate: Candidate) -> Path | None:
        """The checkpoint of a distilled candidate's teacher, which was made before; None for other kinds.

        Raises:
            ModelError: It could not be made.
        """
        teacher = self.planner.teacher(candidate)
        if teacher is None:
            return None
        if self.planner.made(teacher) is None:
            raise ModelError(f"{candidate.name}: its teacher {teacher.name} was not made")
        return self.planner.checkpoint_folder(self.planner.blueprint(teacher))

    def _evaluate(self, candidate: Candidate, content: str, cells: list[Cell]) -> None:
        """Encode the texts of all tasks in one go, then score task by task. Cells that another run has finished meanwhile are not computed again."""
        from bench.evaluate.score import LookupEncoder, score_task

        planner = self.planner
        ready = [cell for cell in cells if not self._finished_or_unreadable(candidate, content, cell)]
        if not ready:
            return
        encoding, store = self._encode(candidate, content, ready)
        for cell in ready:
            with self._cell(cell, planner.key_of(candidate, cell, content)) as record:
                if isinstance(encoding, Exception):
                    raise encoding
                lookup = LookupEncoder(store, candidate.name, content[:16])
                record.update(score_task(planner.library.task(cell.target), self._task(cell.target), lookup, candidate.precision), encoding=encoding)

    def _finished_or_unreadable(self, candidate: Candidate, content: str, cell: Cell) -> bool:
        """True when the cell is stored already, or when its task cannot be read: then that is its error."""
        key = self.planner.key_of(candidate, cell, content)
        if self.planner.store.done(key):
            return True
        with self._cell(cell, key, keep=False):
            self._task(cell.target)
        return cell in self.failed

    def _encode(self, candidate: Candidate, content: str, cells: list[Cell]) -> tuple[dict[str, float] | Exception, EmbeddingStore]:
        """Fill the checkpoint's embedding store with every text of the cells; an error is returned, so that each cell can record it."""
        from bench.evaluate.embeddings import EmbeddingStore
        from bench.evaluate.tasks import task_texts
        from bench.models.loading import load_encoder

        planner = self.planner
        store = EmbeddingStore(planner.embeddings_folder(candidate, content))
        texts = dict.fromkeys(text for cell in cells for text in task_texts(planner.library.task(cell.target), self._task(cell.target)))
        start = time.perf_counter()

        def progress(fraction: float) -> None:
            self.reporter.progress(cells[0], "encode", fraction)

        try:
            folder = planner.checkpoint_folder(planner.blueprint(candidate))
            encoder = load_encoder(folder, prompt=candidate.prompt, precision=candidate.precision, device=planner.options.device, progress=progress)
            encoded = store.add(texts, encoder)
        except Exception as error:
            return error, store
        return {"texts": len(texts), "encoded_now": encoded, "seconds": round(time.perf_counter() - start, 3)}, store

    def probe(self, candidate: Candidate, cell: Cell) -> None:
        """Measure a made checkpoint."""
        from bench.probe.protocol import probe

        planner = self.planner
        made = planner.made(candidate)
        if made is None:
            self.failed[cell] = f"{candidate.name} was not made"
            return
        folder = planner.checkpoint_folder(planner.blueprint(candidate))
        with self._cell(cell, planner.key_of(candidate, cell, made["content"])) as record:
            record.update(probe(folder, prompt=candidate.prompt, precision=candidate.precision, device=planner.options.device, profile=planner.options.probe))

    def _task(self, name: str) -> AbsTask:
        if name not in self._tasks:
            from bench.evaluate.tasks import build_task

            self._tasks[name] = build_task(self.planner.library.task(name), self.planner.data.rows(name), self.planner.task_digest(name)[:16])
        return self._tasks[name]

    @contextmanager
    def _cell(self, cell: Cell, key: str, *, keep: bool = True, **parts: Any) -> Iterator[Result]:
        """Run the body as one cell: store what it puts into the record, or its error. With `keep` false only an error is stored."""
        if keep:
            self.reporter.start(cell)
        record: Result = {}
        wall, cpu = time.perf_counter(), time.process_time()
        error: str | None = None
        try:
            yield record
        except BenchError as problem:
            error = str(problem)
        except Exception:
            error = "unexpected error, please report it:\n" + traceback.format_exc()
        if not keep and error is None:
            return
        seconds = time.perf_counter() - wall
        result = {
            "status": "failed" if error else "done",
            "cell": dataclasses.asdict(cell),
            **({"error": error} if error else record),
            **parts,
            "seconds": {"wall": round(seconds, 3), "cpu": round(time.process_time() - cpu, 3)},
            "machine": fingerprint(),
            "versions": versions(),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        self.planner.store.put(key, result)
        if error:
            self.failed[cell] = error
        else:
            self.computed += 1
        self.reporter.finish(cell, seconds, error)
