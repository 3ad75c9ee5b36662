"""Execute a plan: make, evaluate, probe; one stored result a cell."""

from __future__ import annotations

import dataclasses

from bench.children import warm_up
from bench.plan.cells import Cell
from bench.plan.planning import Plan
from bench.run.forget import forget
from bench.run.measuring import measure_cells
from bench.run.report import Reporter
from bench.run.runner import Runner
from bench.run.units import units
from bench.run.workers import automatic_jobs, run_units
from bench.store import require_writable


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


def execute(plan: Plan, reporter: Reporter) -> Outcome:
    """Run every cell of the plan that is not done.

    Candidates are made and evaluated one after the other, or several at a time (`Options.jobs`), teachers before their students; all probes come last, when
    nothing else of ours is running. What goes wrong in a cell is that cell's error.

    Raises:
        StorageError: There is something to compute, and nothing can be stored.
    """
    blocked = {cell.cell: cell.reason for cell in plan.cells if cell.status == "cannot run"}
    todo = [cell for cell in plan.cells if cell.to_run]
    if todo:
        require_writable(plan.archive.state)
        warm_up()  # it may refuse; what is stored is forgotten after that
        forget(plan)
    runner = Runner(plan.archive, plan.tasks, plan.options, reporter)
    try:
        reporter.begin(todo)
        _make_and_evaluate(plan, runner)
        _probe(plan, runner)
    finally:
        reporter.end()
    return Outcome(runner.computed, len(plan.cells) - len(todo) - len(blocked) + len(runner.reused), runner.failed, blocked)


def _make_and_evaluate(plan: Plan, runner: Runner) -> None:
    """Every cell but the probes, in this process or in several."""
    work = units(plan.candidates.values())
    largest = max((unit.largest_base for unit in work), default=0)
    known = sum(cell.seconds or 0.0 for cell in plan.cells if cell.to_run and cell.cell.stage != "probe")
    jobs = plan.options.jobs or automatic_jobs(len(work), seconds=known, device=plan.options.device, largest_base=largest)
    if jobs > 1 and len(work) > 1:
        run_units(plan, work, runner, jobs=min(jobs, len(work)))
        return
    for unit in work:
        for job in unit.jobs:
            runner.make_and_evaluate(job)


def _probe(plan: Plan, runner: Runner) -> None:
    """Every probe, one process after the other at work: two would slow each other down."""
    jobs = [
        (planned.blueprint, cell.cell)
        for planned in plan.candidates.values()
        for cell in planned.cells
        if cell.to_run and cell.cell.stage == "probe" and planned.blueprint is not None
    ]
    if jobs:
        measure_cells(runner, jobs, lambda: plan.reference, since=plan.began)
