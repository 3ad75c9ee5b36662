"""What a plan costs: known from stored cells of the same kind on this machine, and said to be unknown otherwise."""

from __future__ import annotations

import pytest

from bench.plan.estimate import estimate, with_estimates
from bench.run.execute import execute
from bench.run.report import Silent
from tests.builders import plan_anew

LETTERS = {"names": ("letters",), "tasks": ("Pairs", "Topics"), "probe": "none"}


def test_nothing_is_known_where_nothing_is_stored(workspace_folder):
    found = estimate(plan_anew(workspace_folder))
    assert (found.seconds, found.known, found.unknown) == (0, 0, 15)


@pytest.fixture
def stored(workspace_folder):
    """A workspace with stored results of `letters`, each said to have taken 10 seconds, and its texts 5 to encode."""
    plan = plan_anew(workspace_folder, **LETTERS)
    assert execute(plan, Silent()).complete
    for cell in plan_anew(workspace_folder, **LETTERS).cells:
        assert cell.key is not None
        result = plan.archive.store.get(cell.key)
        assert result is not None
        if "encoding" in result:
            result["encoding"]["seconds"] = 5.0
        plan.archive.store.put(cell.key, {**result, "seconds": {"wall": 10.0, "cpu": 10.0}})
    return workspace_folder


def test_what_is_done_costs_nothing(stored):
    found = estimate(plan_anew(stored, **LETTERS))
    assert (found.seconds, found.known, found.unknown) == (0, 0, 0)


def test_work_of_the_same_kind_takes_as_long_and_texts_are_encoded_once(stored):
    found = estimate(plan_anew(stored, **LETTERS, force=True))
    assert (found.seconds, found.known, found.unknown) == (35.0, 3, 0)


def test_other_tasks_and_candidates_of_another_kind_are_not_known(stored):
    found = estimate(plan_anew(stored))
    assert found.known == 0
    assert found.unknown == 12


def test_each_cell_of_a_run_knows_what_it_is_expected_to_take(stored):
    cells = {str(cell.cell): (cell.seconds, cell.weight) for cell in with_estimates(plan_anew(stored, **LETTERS, force=True)).cells}
    assert cells == {"letters make": (10.0, 10.0), "letters evaluate Pairs": (15.0, 15.0), "letters evaluate Topics": (10.0, 10.0)}


def test_a_making_that_trains_weighs_more_than_one_that_does_not(workspace_folder):
    cells = {str(cell.cell): (cell.seconds, cell.weight) for cell in with_estimates(plan_anew(workspace_folder)).cells}
    assert cells["letters make"] == (None, 1.0)
    assert cells["tiny make"] == (None, 10.0)
    assert cells["tiny evaluate Pairs"] == (None, 1.0)


def test_a_making_of_which_nothing_is_known_weighs_as_much_more_as_what_is_known_takes(stored):
    """`letters` was made in 10 s, where nothing is trained, and its evaluations take 25 s: ten times as much and 12.5 times as much as thought roughly."""
    names = {"names": ("letters", "tiny"), "tasks": ("Pairs", "Topics"), "probe": "none"}
    cells = {str(cell.cell): (cell.seconds, cell.weight) for cell in with_estimates(plan_anew(stored, **names, force=True)).cells}
    assert cells["letters make"] == (10.0, 10.0)
    assert cells["tiny make"] == (None, 100.0)
    assert cells["tiny evaluate Pairs"] == (None, 12.5)


def test_a_stage_that_is_known_nowhere_weighs_as_all_that_is_known(stored):
    names = {"names": ("letters",), "tasks": ("Pairs", "Topics"), "probe": "quick"}
    cells = {str(cell.cell): (cell.seconds, cell.weight) for cell in with_estimates(plan_anew(stored, **names, force=True)).cells}
    assert cells["letters probe cpu"][0] is None
    assert cells["letters probe cpu"][1] == pytest.approx(2 * 35 / 3)


def test_what_another_machine_took_says_nothing_here(stored, monkeypatch):
    monkeypatch.setattr("bench.plan.estimate.fingerprint", lambda _: {"cpu": "another"})
    assert estimate(plan_anew(stored, **LETTERS, force=True)).known == 0


def test_a_damaged_result_is_passed_over(stored):
    for path in (stored / ".bench" / "results").rglob("*.json"):
        path.write_bytes(path.read_bytes().replace(b"10.0", b"99.0"))
    assert estimate(plan_anew(stored, **LETTERS, force=True)).known == 0


def test_a_checkpoint_needs_what_is_left_of_its_base_in_fp32(workspace_folder):
    plan = plan_anew(workspace_folder, names=("tiny",))
    whole, pruned = (estimate(plan_anew(workspace_folder, names=(name,))).checkpoint_bytes for name in ("tiny", "tiny-top2"))
    layer = (4 * 32 * 32 + 4 * 32) + (2 * 32 * 64 + 64 + 32) + 4 * 32
    assert whole - pruned == 2 * layer * 4
    in_fp16 = (plan.resolver.blueprint(plan.selection.chosen[0]).base / "model.safetensors").stat().st_size
    assert whole == pytest.approx(2 * in_fp16, rel=0.1)
