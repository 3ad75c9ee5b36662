"""The cells of one candidate, run in this process: make, evaluate. Probes are in `bench.run.measuring`. What fails is recorded and does not stop the rest.

What several runs of one workspace could do at the same time is done under a lock of the operating system, which goes with the process that holds it; who had to
wait looks first whether it is done.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cards.candidate import Candidate
from bench.digests import canonical, digest
from bench.errors import STOPS, BenchError, ModelError
from bench.faults import explain
from bench.make.blueprint import Blueprint
from bench.models.hardware import hardware
from bench.plan.archive import Archive
from bench.plan.cells import Cell
from bench.plan.keys import evaluate_parts
from bench.plan.options import Options
from bench.plan.planning import PlannedTask
from bench.probe.machine import fingerprint, processor, versions
from bench.run.report import Reporter
from bench.run.units import Job
from bench.store import Result

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from bench.evaluate.encode import Encoded
    from bench.make.distill import Teacher
    from bench.models.embeddings import EmbeddingStore


class Runner:
    """Runs cells in this process and notes what became of them. Every cell that it is given is reported as finished, whatever happens to it.

    Args:
        archive: Where results are looked up and put.
        tasks: The suite's tasks, by name.
        options: Device, probe profile, data folder.
        reporter: Told of every cell.
    """

    def __init__(self, archive: Archive, tasks: Mapping[str, PlannedTask], options: Options, reporter: Reporter) -> None:
        self.archive, self.tasks, self.options, self.reporter = archive, tasks, options, reporter
        self.computed = 0
        self.reused: set[Cell] = set()
        self.failed: dict[Cell, str] = {}
        self._ended: set[Cell] = set()
        self._built: dict[str, AbsTask] = {}

    def make_and_evaluate(self, job: Job) -> None:
        """Make a candidate's checkpoint, if that is among the cells, and compute its scores."""
        with self.each_ends(job.cells):
            for cell in job.cells:
                if cell.stage == "make":
                    self._make(job.blueprint, cell)
            evaluations = [cell for cell in job.cells if cell.stage == "evaluate"]
            made = self.archive.made(job.blueprint) if evaluations else None
            if made is not None:
                self._evaluate(job.blueprint, made["content"], evaluations)
            for cell in evaluations if made is None else ():
                self.end(cell, 0.0, f"{job.name} was not made")

    def reuse(self, cell: Cell) -> None:
        """Another run, or another candidate of the same content, has computed the cell meanwhile."""
        self.reused.add(cell)
        self._ended.add(cell)
        self.reporter.reuse(cell)

    def end(self, cell: Cell, seconds: float, error: str | None) -> None:
        """The cell is computed, or has failed with an error."""
        self._ended.add(cell)
        if error:
            self.failed[cell] = error
        else:
            self.computed += 1
        self.reporter.finish(cell, seconds, error)

    def folder_to_run(self, blueprint: Blueprint, content: str, cell: Cell) -> Path:
        """Where the model lies that a candidate runs: its checkpoint, or what is exported from it for another backend.

        Raises:
            ModelError: It cannot be exported.
            StorageError: The folder of the exported one cannot be written.
        """
        folder, use = self.archive.checkpoint_folder(blueprint), blueprint.candidate.use
        if use.backend == "torch":
            return folder
        from bench.models.exporting import exported

        return exported(folder, content, use, self.archive.state, lambda: self.reporter.progress(cell, f"export to {use.backend}", 0.0))

    def _make(self, blueprint: Blueprint, cell: Cell) -> None:
        from bench.make.checkpoint import make_checkpoint

        def progress(what: str, fraction: float) -> None:
            self.reporter.progress(cell, what, fraction)

        with self.lock(cell, blueprint.key[:32]):
            if self.archive.made(blueprint) is not None:
                self.reuse(cell)
                return
            with self._cell(cell, blueprint.key_parts, lineage=blueprint.lineage) as record:
                folder, bases, teacher = self.archive.checkpoint_folder(blueprint), self.archive.bases, self._teacher(blueprint, cell)
                record.update(make_checkpoint(blueprint, folder, bases=bases, teacher=teacher, device=self.options.device, progress=progress))

    def _teacher(self, blueprint: Blueprint, cell: Cell) -> Teacher | None:
        """That of a distilled candidate, which was made before; None for other kinds. It teaches as its checkpoint is stored, whatever it is evaluated in.

        Raises:
            ModelError: It could not be made.
        """
        from bench.make.distill import Teacher

        if blueprint.teacher is None:
            return None
        candidate, made = dataclasses.replace(blueprint.teacher.candidate, precision=None), self.archive.made(blueprint.teacher)
        if made is None:
            raise ModelError(f"{blueprint.candidate.name}: its teacher {candidate.name} was not made")

        @contextmanager
        def stored(prompt: str) -> Iterator[EmbeddingStore]:
            with self.lock(cell, f"teach-{made['content'][:32]}"):
                yield self._store(candidate, made["content"], prompt)

        return Teacher(self.archive.checkpoint_folder(blueprint.teacher), candidate.prompt, stored, candidate.use)

    def _store(self, candidate: Candidate, content: str, prompt: str) -> EmbeddingStore:
        """The embeddings of a checkpoint with a prompt."""
        from bench.models.embeddings import EmbeddingStore

        return EmbeddingStore(
            self.archive.embeddings_folder(candidate, content, prompt), hardware=_computing(self.options.device), notices=self.archive.notices
        )

    def _evaluate(self, blueprint: Blueprint, content: str, cells: list[Cell]) -> None:
        """Encode the texts of all tasks in one go, then score task by task. Cells that another run has finished meanwhile are not computed again."""
        from bench.evaluate.score import LookupEncoder, score_task

        with self.lock(cells[0], f"evaluate-{content[:32]}"):
            texts = {cell: found for cell in cells if (found := self._texts(blueprint, content, cell)) is not None}
            if not texts:
                return
            encoded = self._encode(blueprint, content, texts)
            for cell in texts:
                with self._cell(cell, self._evaluate_parts(blueprint, content, cell)) as record:
                    if isinstance(encoded, str):
                        raise BenchError(encoded)
                    one = encoded[cell.target]
                    lookup = LookupEncoder(one.store, blueprint.candidate.name, content[:16], similarity=one.used["similarity"], dtype=one.dtype)
                    scored = score_task(self.tasks[cell.target].card, self._task(cell.target), lookup, one.used["precision"])
                    record.update(scored, used=one.used, encoding=one.cost)

    def _evaluate_parts(self, blueprint: Blueprint, content: str, cell: Cell) -> dict[str, Any]:
        return evaluate_parts(blueprint.candidate, content, self.tasks[cell.target], self.options.device)

    def _texts(self, blueprint: Blueprint, content: str, cell: Cell) -> list[str] | None:
        """The texts that a cell's task needs embeddings of; None where the cell is stored already, or where its task cannot be read or built.

        Then that is its error.
        """
        from bench.evaluate.tasks import task_texts

        parts = self._evaluate_parts(blueprint, content, cell)
        if self.archive.store.done(digest(parts)):
            self.reuse(cell)
            return None
        texts: list[str] = []
        with self._cell(cell, parts, keep=False):
            texts.extend(task_texts(self.tasks[cell.target].card, self._task(cell.target)))
        return None if cell in self.failed else texts

    def _encode(self, blueprint: Blueprint, content: str, texts: Mapping[Cell, list[str]]) -> dict[str, Encoded] | str:
        """The embeddings of each cell's task; what went wrong is returned, so that each cell can record it."""
        from bench.evaluate.encode import encode_tasks
        from bench.models.loading import load_to_run

        candidate, first = blueprint.candidate, next(iter(texts))
        wanted = {cell.target: (self.tasks[cell.target].card, found) for cell, found in texts.items()}

        def progress(fraction: float) -> None:
            self.reporter.progress(first, "encode", fraction)

        try:
            folder = self.folder_to_run(blueprint, content, first)
            precision, device = candidate.runs_in, self.options.device
            encoder = load_to_run(folder, prompt=candidate.prompt, precision=precision, device=device, progress=progress, use=candidate.use)
            store, how = (lambda prompt: self._store(candidate, content, prompt)), candidate.similarity
            return encode_tasks(encoder, wanted, store, similarity=how, prompts=candidate.prompts)
        except STOPS:
            raise
        except BaseException as error:
            return explain(error)

    def _task(self, name: str) -> AbsTask:
        if name not in self._built:
            from bench.data.rows import load_rows
            from bench.evaluate.tasks import build_task

            planned = self.tasks[name]
            rows = load_rows(planned.card, self.options.data_dir, offline=self.options.offline)
            self._built[name] = build_task(planned.card, rows, planned.digest[:16])
        return self._built[name]

    @contextmanager
    def lock(self, cell: Cell, name: str) -> Iterator[None]:
        """Keep other runs of this workspace from doing the same; while one of them does it, the cell is said to wait."""
        from filelock import FileLock, Timeout

        self.archive.locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.archive.locks / name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.reporter.progress(cell, "waits for another run", 0.0)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _cell(self, cell: Cell, key_parts: dict[str, Any], *, keep: bool = True, **more: Any) -> Iterator[Result]:
        """Run the body as one cell: store what it puts into the record, or its error. With `keep` false only an error is stored."""
        if keep:
            self.reporter.start(cell)
        record: Result = {}
        wall, cpu = time.perf_counter(), time.process_time()
        error: str | None = None
        try:
            yield record
        except STOPS:
            raise
        except BaseException as problem:
            error = explain(problem)
        if not keep and error is None:
            return
        self.store(cell, key_parts, record, error, time.perf_counter() - wall, time.process_time() - cpu, **more)

    def store(self, cell: Cell, key_parts: dict[str, Any], record: Result, error: str | None, wall: float, cpu: float, **more: Any) -> None:
        """Store what became of a cell, and report its end.

        Args:
            cell: The cell.
            key_parts: What its key is the digest of.
            record: What was computed.
            error: Why nothing was.
            wall: Seconds that it took.
            cpu: CPU seconds of this process.
            more: Stored in any case.
        """
        result = {
            "status": "failed" if error else "done",
            "cell": dataclasses.asdict(cell),
            **({"error": error} if error else record),
            **more,
            "key_parts": canonical(key_parts),
            "seconds": {"wall": round(wall, 3), "cpu": round(cpu, 3)},
            "computed_on": _computing(self.options.device),
            "machine": fingerprint(self.options.device),
            "versions": versions(),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        try:
            self.archive.store.put(digest(key_parts), result)
        except Exception as problem:
            error = error or explain(problem)
        self.end(cell, wall, error)

    @contextmanager
    def each_ends(self, cells: tuple[Cell, ...]) -> Iterator[None]:
        """What escapes the body is the error of those cells that have not ended."""
        try:
            yield
        except STOPS:
            raise
        except BaseException as problem:
            for cell in cells:
                if cell not in self._ended:
                    self.end(cell, 0.0, explain(problem))


def _computing(device: str) -> dict[str, str | int]:
    """What computes here, as it goes with every result: in no key, but what a gate has to know before it asks for the same last bits."""
    return {**hardware(device), "processor": processor()}
