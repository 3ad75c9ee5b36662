"""Several candidates at a time: nothing is lost, nothing is done twice, and a process that dies takes its own work only."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import psutil
import pytest

from bench.errors import SelectionError
from bench.plan.cells import summary
from bench.plan.planning import Plan
from bench.run.execute import execute
from bench.run.units import units
from bench.run.workers import COPIES, MEMORY, automatic_jobs
from tests.builders import board_of, plan_anew
from tests.make.test_distill import PRUNED, RECIPE, add
from tests.make.test_kinds import STATIC
from tests.run.test_run import Silent, run

GIB = 1 << 30
IN_INT8 = """
[[candidates]]
name = "in-int8"
kind = "pruned"
base = "tiny"
strategy = "top"
keep = 2
recipe = "short"
precision = "int8"
"""


class Counting(Silent):
    """Notes which cells were started and which were finished."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.finished: dict[str, str | None] = {}

    def start(self, cell) -> None:
        self.started.append(str(cell))

    def finish(self, cell, seconds, error) -> None:
        self.finished[str(cell)] = error


def planner_of(folder: Path, jobs: int) -> Plan:
    return plan_anew(folder, jobs=jobs)


def test_a_static_model_whose_tokens_the_whole_base_embeds_is_not_left_for_the_end(workspace_folder):
    add(workspace_folder, STATIC)
    costs = {name: unit.cost for unit in units(plan_anew(workspace_folder).candidates.values()) for name in unit.names}
    assert costs["static"] >= 4  # layers
    assert costs["static"] > costs["letters"]


def test_what_takes_long_besides_training_is_begun_early_too(workspace_folder):
    """A teacher embeds what its student learns from, an int8 model takes one text at a time, and what shares a checkpoint is encoded each by itself."""

    def costs() -> dict[str, int]:
        return {name: unit.cost for unit in units(plan_anew(workspace_folder).candidates.values()) for name in unit.names}

    alone = costs()["tiny-top2"]
    add(workspace_folder, RECIPE, PRUNED, IN_INT8)
    found = costs()
    assert found["student"] == alone + 4  # layers of its teacher
    assert found["tiny-top2"] == found["in-int8"] == alone + 2 * 2  # layers


@pytest.mark.slow
def test_two_at_a_time_compute_every_cell_once_and_report_it(workspace_folder):
    reporter = Counting()
    planner = planner_of(workspace_folder, 2)
    outcome = execute(planner, reporter)
    assert outcome.complete, outcome
    assert summary(planner_of(workspace_folder, 2).cells) == {"done": 15, "to do": 0, "failed": 0, "cannot run": 0}
    assert outcome.computed == 15
    assert sorted(reporter.started) == sorted(reporter.finished)
    assert len(reporter.started) == 15
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_teacher_is_made_before_its_student_also_in_another_process(workspace_folder):
    add(workspace_folder, RECIPE, PRUNED)
    reporter = Counting()
    outcome = execute(planner_of(workspace_folder, 3), reporter)
    assert outcome.complete, outcome
    assert list(reporter.finished).index("tiny make") < reporter.started.index("student make")


@pytest.mark.slow
def test_a_process_that_dies_fails_its_own_cells_and_the_next_run_computes_them(workspace_folder):
    class Killing(Counting):
        def start(self, cell) -> None:
            super().start(cell)
            if str(cell) == "tiny make":
                busiest = min(multiprocessing.active_children(), key=lambda child: psutil.Process(child.pid).create_time())
                busiest.kill()  # the first worker has the deepest candidate

    reporter = Killing()
    outcome = execute(planner_of(workspace_folder, 2), reporter)
    assert {cell.candidate for cell in outcome.failed} == {"tiny"}
    assert all("was killed (SIGKILL), possibly for want of memory: try fewer --jobs" in error for error in outcome.failed.values())
    assert outcome.computed == 10
    _, again = run(workspace_folder)
    assert again.complete
    assert (again.computed, again.reused) == (5, 10)


def test_an_interruption_ends_every_process(workspace_folder):
    class Interrupting(Silent):
        def start(self, cell) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(planner_of(workspace_folder, 2), Interrupting())
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_failing_candidate_fails_alone_with_its_own_words(workspace_folder):
    folder = workspace_folder / "models" / "broken"
    (workspace_folder / "models" / "tiny").rename(folder)
    (workspace_folder / "models" / "tiny").mkdir()
    for path in folder.iterdir():
        data = path.read_bytes()
        (workspace_folder / "models" / "tiny" / path.name).write_bytes(data[: len(data) // 2] if path.suffix == ".safetensors" else data)
    planner = planner_of(workspace_folder, 2)
    outcome = execute(planner, Silent())
    assert {cell.candidate for cell in outcome.failed} == {"tiny", "tiny-top2"}
    assert any("cannot be loaded" in error for error in outcome.failed.values())
    rows = {row.name: row for row in board_of(planner).rows}
    assert rows["letters"].problem is None
    assert "making failed" in rows["tiny"].problem


@pytest.mark.parametrize(
    ("units", "seconds", "device", "base", "expected"),
    [
        (100, 0, "cpu", 0, 4),
        (9, 0, "cpu", 0, 2),
        (3, 0, "cpu", 0, 1),
        (3, 30, "cpu", 0, 1),
        (3, 150, "cpu", 0, 2),
        (3, 900, "cpu", 0, 3),
        (1, 900, "cpu", 0, 1),
        (100, 900, "cuda", 0, 1),
        (100, 900, "cpu", 10 * GIB, 1),
        (100, 900, "cpu", GIB, 3),
    ],
    ids=["cores", "work", "little work", "short", "minutes", "long", "one alone", "a GPU", "a base larger than the memory", "memory"],
)
def test_as_many_as_cores_memory_and_work_allow(monkeypatch, units, seconds, device, base, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("bench.run.workers.usable_cores", lambda: 4)
    free = 3 * (MEMORY + COPIES * GIB) if base else 100 * GIB
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": free})())
    assert automatic_jobs(units, seconds=seconds, device=device, largest_base=base) == expected


def test_a_limit_on_threads_is_a_limit_on_cores(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("bench.run.workers.usable_cores", lambda: 4)
    assert automatic_jobs(100, seconds=0, device="cpu", largest_base=0) == 1


def test_a_limit_on_threads_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    with pytest.raises(SelectionError, match="OMP_NUM_THREADS must be a whole number"):
        automatic_jobs(100, seconds=0, device="cpu", largest_base=0)
