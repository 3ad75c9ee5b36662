"""The probe cells of a run: measured in company, the reference in every round, and a second time where something was wrong."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench.digests import canonical, digest
from bench.errors import BenchError
from bench.faults import explain
from bench.make.blueprint import Blueprint
from bench.plan.cells import Cell
from bench.plan.keys import measurement_parts
from bench.plan.reference import Reference
from bench.probe import noise
from bench.probe.agreement import disagreeing
from bench.probe.conditions import conditions
from bench.probe.machine import usable_cores
from bench.probe.profiles import PROFILES
from bench.probe.protocol import bytes_on_disk
from bench.probe.rounds import Lab
from bench.probe.summary import summary
from bench.probe.worker import Subject
from bench.run.runner import Runner
from bench.store import Result

COMPANY = 8
"""How many models take turns at most. The reference is measured once for all of them; a round, within which they are compared, should not take long."""
ROOM = 1 << 29
"""Memory that a measuring process needs beside its model."""
COPIES = 3
"""How many times a checkpoint's file fits into what encoding with it needs."""
QUIET_SECONDS = 5.0
"""How long is waited for a busy machine to become quiet before a second attempt."""


@dataclasses.dataclass(frozen=True)
class _Job:
    """A cell that is to be measured."""

    cell: Cell
    subject: Subject
    parts: dict[str, Any]
    parameters: Mapping[str, int]
    bytes_on_disk: int


def measure_cells(runner: Runner, jobs: Sequence[tuple[Blueprint, Cell]], reference: Callable[[], Reference], *, since: int) -> None:
    """Measure made checkpoints; one run at a time in the whole workspace. Every cell is reported as finished, whatever happens.

    Args:
        runner: Stores what comes out and reports it.
        jobs: What to measure.
        reference: The suite's reference as it is when measuring begins.
        since: With `reprobe`, what was stored before this time (nanoseconds since 1970) is measured anew.
    """
    cells = tuple(cell for _, cell in jobs)
    with runner.each_ends(cells), runner.lock(cells[0], "probe"):
        beside = reference()
        todo = list(_todo(runner, jobs, beside, since))
        subject, missing = _reference_subject(runner, beside, cells[0])
        with Lab(subject, PROFILES[runner.options.probe].on(runner.options.device), missing) as lab:
            for company in _companies(todo, runner.options.device):
                _measure(runner, lab, company)


def _todo(runner: Runner, jobs: Sequence[tuple[Blueprint, Cell]], reference: Reference, since: int) -> Iterator[_Job]:
    """The cells that can be measured and are not yet."""
    how = runner.options
    for blueprint, cell in jobs:
        made = runner.archive.made(blueprint)
        if made is None:
            runner.end(cell, 0.0, f"{blueprint.candidate.name} was not made")
            continue
        parts = measurement_parts(blueprint.candidate, made["content"], how.device, how.probe, reference=reference.content, threads=how.threads)
        if runner.archive.store.done(digest(parts)) and not (how.reprobe and runner.archive.store.path(digest(parts)).stat().st_mtime_ns < since):
            runner.reuse(cell)
            continue
        try:
            subject = _subject(runner, blueprint, made["content"], cell)
            size = bytes_on_disk(subject.folder)
        except (BenchError, OSError) as error:  # it cannot be exported, or has gone since
            runner.end(cell, 0.0, explain(error))
            continue
        yield _Job(cell, subject, parts, made["parameters"], size)


def _subject(runner: Runner, blueprint: Blueprint, content: str, cell: Cell) -> Subject:
    candidate, how = blueprint.candidate, runner.options
    folder, threads = runner.folder_to_run(blueprint, content, cell), how.threads or usable_cores()
    return Subject(candidate.name, folder, content, candidate.probe_prompt, candidate.runs_in, how.device, threads, candidate.use)


def _reference_subject(runner: Runner, reference: Reference, cell: Cell) -> tuple[Subject | None, str]:
    """What is measured beside the others; None with the reason where there is nothing."""
    if reference.blueprint is None or reference.content is None:
        return None, reference.missing
    try:
        return _subject(runner, reference.blueprint, reference.content, cell), reference.missing
    except BenchError as error:
        return None, f"the reference {reference.blueprint.candidate.name} cannot be measured: {error}"


def _companies(jobs: Sequence[_Job], device: str) -> Iterator[list[_Job]]:
    """Jobs that are measured together: those of one shape with each other, as far as memory goes. On a GPU one at a time: its memory decides what fits.

    The fewer companies, the less often the reference is measured, so each shape joins the first company that has room for it, those of many models first.
    """
    import psutil

    if not jobs:
        return
    largest = max(job.bytes_on_disk for job in jobs)
    most = 1 if device != "cpu" else max(1, min(COMPANY, psutil.virtual_memory().available // (ROOM + COPIES * largest)))
    shapes: dict[str, list[_Job]] = {}
    for job in jobs:
        shapes.setdefault(str(canonical([dict(job.parameters), job.subject.precision, job.subject.use.backend])), []).append(job)
    companies: list[list[_Job]] = []
    for shape in sorted(shapes.values(), key=len, reverse=True):
        for start in range(0, len(shape), most):
            part = shape[start : start + most]
            roomy = next((company for company in companies if len(company) + len(part) <= most), None)
            if roomy is None:
                companies.append(part)
            else:
                roomy.extend(part)
    yield from companies


def _measure(runner: Runner, lab: Lab, jobs: list[_Job]) -> None:
    """Measure some models together; those that cannot be trusted once more, by themselves. Then store them."""
    wall, cpu = time.perf_counter(), time.process_time()
    firsts = {digest(job.parts): job for job in reversed(jobs)}
    for job in jobs:
        runner.reporter.start(job.cell)
    found, failed = _attempt(runner, lab, list(firsts.values()), 1)
    doubtful = [job for job in firsts.values() if job.cell.candidate in found and found[job.cell.candidate]["validity"]["reasons"]]
    if doubtful and _quiet():
        again, failed_again = _attempt(runner, lab, doubtful, 2)
        found |= again
        failed |= failed_again
    else:
        for job in doubtful:
            found[job.cell.candidate]["validity"]["reasons"].append("it was not measured a second time, since the machine was still busy")
    _mark_disagreeing(found, jobs)
    share = (time.perf_counter() - wall) / len(jobs), (time.process_time() - cpu) / len(jobs)
    for job in jobs:
        name = firsts[digest(job.parts)].cell.candidate
        if name != job.cell.candidate and name not in failed:
            runner.reuse(job.cell)
            continue
        error = explain(failed[name]) if name in failed else None
        record = found.get(name, {})
        parts = job.parts if error else _made_beside(job.parts, record)
        runner.store(job.cell, parts, record, error, *share)
        if runner.options.reprobe:
            _replace_others(runner, job.parts, parts)


def _replace_others(runner: Runner, wanted: dict[str, Any], parts: dict[str, Any]) -> None:
    """What was measured before, beside the reference or without one, does not stand beside what is measured now."""
    for key in {digest(wanted), digest({**wanted, "reference": None})} - {digest(parts)}:
        runner.archive.store.path(key).unlink(missing_ok=True)


def _made_beside(parts: dict[str, Any], record: Result) -> dict[str, Any]:
    """What a measurement is decided by, with the reference that was there in the end: where that has failed, the cell stays to be measured beside it."""
    return parts if record["reference"] is not None else {**parts, "reference": None}


def _attempt(runner: Runner, lab: Lab, jobs: list[_Job], number: int) -> tuple[dict[str, Result], dict[str, BaseException]]:
    """The measurements of some models, and the errors of those that could not be measured, by name."""
    around = conditions(runner.options.device)

    def progress(share: float) -> None:
        what = "rounds" if share < 1 else "more rounds, since those so far differ"
        for job in jobs:
            runner.reporter.progress(job.cell, what if number == 1 else f"again: {what}", min(1.0, share))

    turn = lab.measure([job.subject for job in jobs], progress)
    extra = {"attempts": number, "conditions": around}
    found = {
        job.subject.name: {**summary(job.subject.name, turn, lab.profile), **extra, "bytes_on_disk": job.bytes_on_disk}
        for job in jobs
        if job.subject.name in turn.taken
    }
    _mark_disagreeing(found, jobs)
    return found, dict(turn.failed)


def _mark_disagreeing(found: Mapping[str, Result], jobs: Sequence[_Job]) -> None:
    """Say of measurements that are at odds with those of models of their shape that they are not valid."""
    for name, reason in disagreeing(found, {job.cell.candidate: job.parameters for job in jobs}).items():
        reasons = [one for one in found[name]["validity"]["reasons"] if "models of its shape" not in one]
        found[name]["validity"] = {"verdict": "INVALID", "reasons": [*reasons, reason]}


def _quiet() -> bool:
    """Whether nothing else is going on, or stops within some seconds."""
    deadline = time.monotonic() + QUIET_SECONDS
    while noise.reasons({"before": noise.before()}, None):
        if time.monotonic() > deadline:
            return False
    return True
