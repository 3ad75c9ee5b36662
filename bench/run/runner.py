"""The cells of one candidate, run in this process: make, evaluate, probe. What fails is recorded and does not stop the rest."""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.digests import canonical, digest
from bench.errors import BenchError, ModelError
from bench.make.blueprint import Blueprint
from bench.models.hardware import hardware
from bench.plan.archive import Archive
from bench.plan.cells import Cell
from bench.plan.keys import evaluate_parts
from bench.plan.options import Options
from bench.plan.planning import PlannedTask
from bench.probe.machine import fingerprint, versions
from bench.run.report import Reporter
from bench.run.units import Job
from bench.store import Result

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from bench.evaluate.encode import Encoded


class Runner:
    """Runs cells in this process and notes what became of them.

    Args:
        archive: Where results are looked up and put.
        tasks: The suite's tasks, by name.
        options: Device, probe profile, data folder.
        reporter: Told of every cell.
    """

    def __init__(self, archive: Archive, tasks: Mapping[str, PlannedTask], options: Options, reporter: Reporter) -> None:
        self.archive, self.tasks, self.options, self.reporter = archive, tasks, options, reporter
        self.computed = 0
        self.failed: dict[Cell, str] = {}
        self._built: dict[str, AbsTask] = {}

    def make_and_evaluate(self, job: Job) -> None:
        """Make a candidate's checkpoint, if that is among the cells, and compute its scores."""
        for cell in job.cells:
            if cell.stage == "make":
                self._make(job.blueprint, cell)
        made = self.archive.made(job.blueprint)
        evaluations = [cell for cell in job.cells if cell.stage == "evaluate"]
        if made is not None:
            self._evaluate(job.blueprint, made["content"], evaluations)
        else:
            self.failed.update(dict.fromkeys(evaluations, f"{job.name} was not made"))

    def _make(self, blueprint: Blueprint, cell: Cell) -> None:
        from filelock import FileLock

        from bench.make.checkpoint import make_checkpoint

        self.archive.locks.mkdir(parents=True, exist_ok=True)
        with self._cell(cell, blueprint.key_parts, lineage=blueprint.lineage) as record, FileLock(self.archive.locks / blueprint.key[:32]):
            if (made := self.archive.made(blueprint)) is not None:
                record.update(made)  # as it is: it tells what made it, and how long that took
                return

            def progress(what: str, fraction: float) -> None:
                self.reporter.progress(cell, what, fraction)

            folder = self.archive.checkpoint_folder(blueprint)
            record.update(make_checkpoint(blueprint, folder, teacher=self._teacher(blueprint), device=self.options.device, progress=progress))

    def _teacher(self, blueprint: Blueprint) -> Path | None:
        """The checkpoint of a distilled candidate's teacher, which was made before; None for other kinds.

        Raises:
            ModelError: It could not be made.
        """
        teacher = blueprint.teacher
        if teacher is None:
            return None
        if self.archive.made(teacher) is None:
            raise ModelError(f"{blueprint.candidate.name}: its teacher {teacher.candidate.name} was not made")
        return self.archive.checkpoint_folder(teacher)

    def _evaluate(self, blueprint: Blueprint, content: str, cells: list[Cell]) -> None:
        """Encode the texts of all tasks in one go, then score task by task. Cells that another run has finished meanwhile are not computed again."""
        from bench.evaluate.score import LookupEncoder, score_task

        ready = [cell for cell in cells if not self._finished_or_unreadable(blueprint, content, cell)]
        if not ready:
            return
        encoded = self._encode(blueprint, content, ready)
        for cell in ready:
            with self._cell(cell, self._evaluate_parts(blueprint, content, cell)) as record:
                if isinstance(encoded, Exception):
                    raise encoded
                one = encoded[cell.target]
                lookup = LookupEncoder(one.store, blueprint.candidate.name, content[:16], similarity=one.used["similarity"], dtype=one.dtype)
                record.update(
                    score_task(self.tasks[cell.target].card, self._task(cell.target), lookup, one.used["precision"]), used=one.used, encoding=one.cost
                )

    def _evaluate_parts(self, blueprint: Blueprint, content: str, cell: Cell) -> dict[str, Any]:
        return evaluate_parts(blueprint.candidate, content, self.tasks[cell.target].digest, self.options.device)

    def _finished_or_unreadable(self, blueprint: Blueprint, content: str, cell: Cell) -> bool:
        """True when the cell is stored already, or when its task cannot be read: then that is its error."""
        parts = self._evaluate_parts(blueprint, content, cell)
        if self.archive.store.done(digest(parts)):
            return True
        with self._cell(cell, parts, keep=False):
            self._task(cell.target)
        return cell in self.failed

    def _encode(self, blueprint: Blueprint, content: str, cells: list[Cell]) -> dict[str, Encoded] | Exception:
        """The embeddings of each cell's task; an error is returned, so that each cell can record it."""
        from bench.evaluate.embeddings import EmbeddingStore
        from bench.evaluate.encode import encode_tasks
        from bench.models.loading import load_encoder

        candidate = blueprint.candidate
        tasks = {cell.target: (self.tasks[cell.target].card, self._task(cell.target)) for cell in cells}

        def progress(fraction: float) -> None:
            self.reporter.progress(cells[0], "encode", fraction)

        def store(prompt: str) -> EmbeddingStore:
            return EmbeddingStore(
                self.archive.embeddings_folder(candidate, content, prompt), hardware=hardware(self.options.device), notices=self.archive.notices
            )

        try:
            folder = self.archive.checkpoint_folder(blueprint)
            encoder = load_encoder(folder, prompt=candidate.prompt, precision=candidate.runs_in, device=self.options.device, progress=progress)
            return encode_tasks(encoder, tasks, store, similarity=candidate.similarity)
        except Exception as error:
            return error

    def probe(self, blueprint: Blueprint, cell: Cell) -> None:
        """Measure a made checkpoint."""
        from bench.probe.protocol import probe, probe_parts

        candidate, how = blueprint.candidate, self.options
        made = self.archive.made(blueprint)
        if made is None:
            self.failed[cell] = f"{candidate.name} was not made"
            return
        folder = self.archive.checkpoint_folder(blueprint)
        parts = probe_parts(made["content"], candidate.prompt, candidate.runs_in, how.device, how.probe)
        if self.archive.store.done(digest(parts)):  # its checkpoint was made again, and is the same
            return
        with self._cell(cell, parts) as record:
            record.update(probe(folder, prompt=candidate.prompt, precision=candidate.runs_in, device=how.device, profile=how.probe))

    def _task(self, name: str) -> AbsTask:
        if name not in self._built:
            from bench.data.rows import load_rows
            from bench.evaluate.tasks import build_task

            planned = self.tasks[name]
            rows = load_rows(planned.card, self.options.data_dir, offline=self.options.offline)
            self._built[name] = build_task(planned.card, rows, planned.digest[:16])
        return self._built[name]

    @contextmanager
    def _cell(self, cell: Cell, key_parts: dict[str, Any], *, keep: bool = True, **more: Any) -> Iterator[Result]:
        """Run the body as one cell: store what it puts into the record, or its error. With `keep` false only an error is stored.

        A record that the body found stored under this very key stays as it is.
        """
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
            **more,
            "key_parts": canonical(key_parts),
            "seconds": {"wall": round(seconds, 3), "cpu": round(time.process_time() - cpu, 3)},
            "computed_on": hardware(self.options.device),
            "machine": fingerprint(self.options.device),
            "versions": versions(),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        key = digest(key_parts)
        if error or record.get("key") != key:
            self.archive.store.put(key, result)
        if error:
            self.failed[cell] = error
        else:
            self.computed += 1
        self.reporter.finish(cell, seconds, error)
