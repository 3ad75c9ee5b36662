"""What is forced is computed anew, all of it and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import SelectionError, Stopped
from bench.plan.cells import PlannedCell
from bench.plan.planning import Plan
from bench.run.execute import Outcome, execute
from bench.run.report import Silent
from bench.store import Result
from tests.builders import checkpoint_of, made_of, plan_anew
from tests.run.test_run import run

pytestmark = pytest.mark.usefixtures("brief_probes")
EVERYTHING = {"names": ("letters",), "tasks": ("Pairs",)}


def result_of(plan: Plan, cell: PlannedCell) -> Result:
    assert cell.key is not None
    result = plan.archive.store.get(cell.key)
    assert result is not None
    return result


def stored(plan: Plan, stage: str) -> Result:
    """The result of the cell of a stage, as a plan finds it now."""
    return next(result_of(plan, cell) for cell in plan.cells if cell.cell.stage == stage)


def mark(folder: Path, **options: object) -> None:
    """Give the stored results a mark that results computed anew have not."""
    plan = plan_anew(folder, **EVERYTHING, **options)
    for cell in plan.cells:
        plan.archive.store.put(str(cell.key), {**result_of(plan, cell), "mark": True})


@pytest.fixture
def done(workspace_folder):
    """A workspace with marked results of `letters`."""
    assert run(workspace_folder, **EVERYTHING)[1].complete
    mark(workspace_folder)
    return workspace_folder


def test_a_forced_run_computes_checkpoint_embeddings_and_scores_anew(done):
    checkpoint = checkpoint_of(plan_anew(done, **EVERYTHING), "letters")
    (checkpoint / "lexical.json").touch()
    before = (checkpoint / "lexical.json").stat().st_mtime_ns
    forced = plan_anew(done, **EVERYTHING, force=True)
    assert {cell.status for cell in forced.cells} == {"to do"}
    outcome = execute(forced, Silent())
    assert (outcome.computed, outcome.reused) == (2, 0)
    after = plan_anew(done, **EVERYTHING)
    assert "mark" not in stored(after, "make")
    assert "mark" not in stored(after, "evaluate")
    assert stored(after, "evaluate")["encoding"]["encoded_now"] > 0
    assert (checkpoint / "lexical.json").stat().st_mtime_ns > before


def test_a_forced_run_touches_no_other_task_and_no_other_candidate(done):
    run(done, names=("letters",), tasks=("Topics",))
    before = plan_anew(done).archive.store.folder
    others = {path: path.stat().st_mtime_ns for path in before.rglob("*.json")}
    run(done, **EVERYTHING, force=True)
    changed = [path for path in others if path.stat().st_mtime_ns != others[path]]
    assert len(changed) == 2
    assert plan_anew(done, names=("letters",), tasks=("Topics",)).cells[1].status == "done"


def test_a_forced_run_that_cannot_begin_forgets_nothing(done, monkeypatch):
    def refuse() -> None:
        raise SelectionError("no processes here")

    monkeypatch.setattr("bench.run.execute.warm_up", refuse)
    plan = plan_anew(done, **EVERYTHING, force=True)
    with pytest.raises(SelectionError):
        execute(plan, Silent())
    again = plan_anew(done, **EVERYTHING)
    assert [cell.status for cell in again.cells] == ["done"] * len(again.cells)


def test_what_was_forced_is_reused_by_the_next_run(done):
    run(done, **EVERYTHING, force=True)
    outcome: Outcome = run(done, **EVERYTHING)[1]
    assert (outcome.computed, outcome.reused) == (0, 2)


def test_reprobe_measures_anew_and_computes_nothing_else(done):
    run(done, **EVERYTHING, probe="quick")
    mark(done, probe="quick")
    again = plan_anew(done, **EVERYTHING, probe="quick", reprobe=True)
    assert [cell.status for cell in again.cells] == ["done", "done", "to do"]
    assert execute(again, Silent()).computed == 1
    after = plan_anew(done, **EVERYTHING, probe="quick")
    assert "mark" not in stored(after, "probe")
    assert stored(after, "evaluate")["mark"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), Stopped(15)])
def test_a_measurement_stands_until_it_is_replaced(done, monkeypatch, stop):
    """Whatever ends the run that was to measure anew."""
    run(done, **EVERYTHING, probe="quick")
    mark(done, probe="quick")

    def broken(*_: object) -> None:
        raise stop

    with monkeypatch.context() as patch:
        patch.setattr("bench.run.measuring._measure", broken)
        with pytest.raises(type(stop)):
            execute(plan_anew(done, **EVERYTHING, probe="quick", reprobe=True), Silent())
    plan = plan_anew(done, **EVERYTHING, probe="quick")
    assert {cell.status for cell in plan.cells} == {"done"}
    assert stored(plan, "probe")["mark"]


def test_a_measurement_that_was_made_while_this_run_waited_is_not_made_once_more(done):
    run(done, **EVERYTHING, probe="quick")
    waiting = plan_anew(done, **EVERYTHING, probe="quick", reprobe=True)
    mark(done, probe="quick")
    assert execute(waiting, Silent()).computed == 0


@pytest.mark.slow
def test_what_is_measured_anew_without_the_reference_does_not_stand_beside_what_was_measured_with_it(done, monkeypatch):
    both = {"names": ("letters", "tiny"), "tasks": ("Pairs",)}
    run(done, **both, probe="quick")
    assert stored(plan_anew(done, **EVERYTHING, probe="quick"), "probe")["relative"] is not None
    monkeypatch.setattr("bench.run.measuring._reference_subject", lambda *_: (None, "it has gone"))
    execute(plan_anew(done, **EVERYTHING, probe="quick", reprobe=True), Silent())
    plan = plan_anew(done, **EVERYTHING, probe="quick")
    found = [json.loads(path.read_text(encoding="utf-8")) for path in plan.archive.store.folder.rglob("*.json")]
    probes = [one for one in found if one["cell"] == {"candidate": "letters", "stage": "probe", "target": "cpu"}]
    assert [one["relative_missing"] for one in probes] == ["it has gone"]


def test_a_forced_training_begins_anew_also_one_of_all_depths(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    nested = '[[candidates]]\nname = "cut"\nkind = "nested"\nbase = "tiny"\nkeep = 2\nrecipe = "short"\n'
    card.write_text(card.read_text(encoding="utf-8").replace("[[grids]]", nested + "\n[[grids]]"), encoding="utf-8")
    how = {"names": ("cut",), "stages": ("make",)}
    plan, outcome = run(workspace_folder, **how)
    assert outcome.complete, outcome
    made = made_of(plan, "cut")
    shared = next(checkpoint_of(plan, "cut").parent.glob("nested-*"))
    (shared / "mark").touch()
    assert execute(plan_anew(workspace_folder, **how, force=True), Silent()).computed == 1
    assert not (shared / "mark").exists()
    assert made_of(plan_anew(workspace_folder, **how), "cut")["content"] == made["content"]


def test_the_folder_of_an_external_model_is_never_removed(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    run(workspace_folder, names=("letters",), stages=("make",))
    folder = checkpoint_of(plan_anew(workspace_folder), "letters").rename(workspace_folder / "models" / "mine")
    external = f'[[candidates]]\nname = "mine"\nkind = "external"\npath = "{folder.name}"\n'
    card.write_text(card.read_text(encoding="utf-8").replace("[[grids]]", external + "\n[[grids]]"), encoding="utf-8")
    how = {"names": ("mine",), "stages": ("make",)}
    run(workspace_folder, **how)
    _, outcome = run(workspace_folder, **how, force=True)
    assert folder.is_dir(), outcome
