"""`import bench`: what is public, what it costs to import, and a run from cards to a table."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import types

import pytest

import bench
import bench.errors
from tests.builders import write_workspace


def python(code: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False, **options)


def test_the_public_names_are_sorted_and_all_are_there():
    assert bench.__all__ == sorted(set(bench.__all__))
    assert [name for name in bench.__all__ if not hasattr(bench, name)] == []


def test_every_public_name_of_the_package_is_listed():
    named = {name for name, value in vars(bench).items() if not name.startswith("_") and not isinstance(value, types.ModuleType)}
    assert named | {"__version__"} == set(bench.__all__)


def test_every_error_of_ours_is_public():
    errors = {name for name, value in vars(bench.errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert errors <= set(bench.__all__)


def test_no_public_name_is_that_of_a_module_which_would_take_its_place_when_imported():
    assert {module.name for module in pkgutil.iter_modules(bench.__path__)} & set(bench.__all__) == set()


def test_importing_the_package_pulls_in_nothing_heavy():
    heavy = ("torch", "transformers", "mteb", "pandas", "scipy", "sklearn", "datasets", "sentence_transformers", "pydantic", "rich")
    assert python(f"import bench, sys; print([name for name in {heavy} if name in sys.modules])").stdout.strip() == "[]"


def test_the_cards_are_loaded_by_name(tmp_path):
    library = bench.load(write_workspace(tmp_path).home)
    assert next(iter(library.suites)) == "tiny"  # own cards before those that come with the package
    assert next(iter(library.tasks)) == "TinySTS"
    assert [candidate.name for candidate in library.candidates["tiny"]] == ["chars"]


def test_without_a_workspace_the_one_around_the_current_folder_is_loaded(tmp_path, monkeypatch):
    write_workspace(tmp_path)
    monkeypatch.chdir(tmp_path / "tasks")
    assert next(iter(bench.load().suites)) == "tiny"


def test_a_card_that_was_edited_in_the_same_session_is_read_anew(tmp_path):
    workspace = str(write_workspace(tmp_path).home)
    bench.load(workspace)
    card = tmp_path / "models" / "tiny.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('"chars"', '"letters"'), encoding="utf-8")
    assert [candidate.name for candidate in bench.load(workspace).candidates["tiny"]] == ["letters"]
    assert list(bench.make_plan(workspace=workspace, suite="tiny", device="cpu").candidates) == ["letters"]
    assert [row.name for row in bench.board("tiny", workspace=workspace, device="cpu").rows] == ["letters"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda folder: bench.load(folder / "models"), bench.BenchError, "not a workspace"),
        (lambda folder: bench.make_plan("char", suite="tiny", workspace=folder, device="cpu"), bench.SelectionError, "did you mean 'chars'?"),
        (lambda folder: bench.make_plan(suite="tiny", workspace=folder, tasks="TinySST", device="cpu"), bench.SelectionError, "did you mean 'TinySTS'?"),
        (
            lambda folder: bench.make_plan(workspace=folder, suite="tiny", probe="fast"),
            bench.SelectionError,
            "probe must be one of quick, full, none (got 'fast')",
        ),
        (lambda folder: bench.make_plan(workspace=folder, suite="tiny", jobs=-1), bench.SelectionError, r"jobs must be 0 or more (got -1)"),
        (lambda folder: bench.board("tony", workspace=folder, device="cpu"), bench.SelectionError, "no suite 'tony'; did you mean 'tiny'?"),
    ],
)
def test_what_a_caller_can_get_wrong_is_an_error_of_ours_that_says_how_to_mend_it(tmp_path, call, error, message):
    with pytest.raises(error) as caught:
        call(write_workspace(tmp_path).home)
    assert message in str(caught.value)


def test_a_wrong_card_raises_every_problem(tmp_path):
    write_workspace(tmp_path)
    card = tmp_path / "models" / "tiny.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('"sts"', '"stts"').replace('"lexical"', '"lexicl"'), encoding="utf-8")
    with pytest.raises(bench.CardError) as caught:
        bench.load(tmp_path)
    assert len(caught.value.problems) == 2
    assert all(isinstance(problem, bench.Problem) for problem in caught.value.problems)


def test_loading_a_board_leaves_the_hub_within_reach_of_the_session(tmp_path):
    folder = write_workspace(tmp_path).home
    code = f"import os, bench\nbench.board('tiny', workspace={str(folder)!r}, device='cpu')\nprint(os.environ.get('HF_HUB_OFFLINE'))\n"
    code += f"bench.make_plan(workspace={str(folder)!r}, suite='tiny', device='cpu', offline=True)\nprint(os.environ.get('HF_HUB_OFFLINE'))"
    import os

    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    assert python(code, env=environment).stdout.split() == ["None", "1"]


def test_a_run_goes_from_a_plan_to_an_outcome_to_a_table(workspace_folder):
    plan = bench.make_plan("letters", workspace=workspace_folder, tasks=["Pairs", "Topics"], device="cpu", probe="none")
    assert [(cell.cell.stage, cell.status) for cell in plan.cells] == [("make", "to do"), ("evaluate", "to do"), ("evaluate", "to do")]
    outcome = bench.execute(plan)
    assert (outcome.complete, outcome.computed, outcome.reused) == (True, 3, 0)
    again = bench.make_plan("letters", workspace=workspace_folder, tasks=["Pairs", "Topics"], device="cpu", probe="none")
    assert {cell.status for cell in again.cells} == {"done"}
    assert (bench.execute(again).computed, bench.execute(again).reused) == (0, 3)
    board = bench.board(workspace=workspace_folder, device="cpu")
    assert isinstance(board, bench.Board)
    table = board.to_frame()
    scored = table[table["score"].notna()]
    assert {tuple(line) for line in scored[["candidate", "task", "subset"]].itertuples(index=False)} == {
        ("letters", "Pairs", "mr"),
        ("letters", "Pairs", "hi"),
        ("letters", "Topics", "mr"),
    }


def test_what_is_stored_is_computed_anew_with_force_and_measured_anew_with_reprobe(workspace_folder):
    def plan(**options):
        return bench.make_plan("letters", workspace=workspace_folder, tasks="Pairs", device="cpu", probe="none", **options)

    assert bench.execute(plan()).computed == 2
    assert {cell.status for cell in plan(force=True).cells} == {"to do"}
    assert bench.execute(plan(force=True)).computed == 2
    assert plan(reprobe=True).options.reprobe


def test_who_wants_to_hear_of_a_run_hears_of_every_cell(workspace_folder):
    from bench.run.report import Silent

    class Listening(Silent):
        heard: list[str]

        def begin(self, cells):
            self.heard = [f"{len(cells)} cells"]

        def finish(self, cell, seconds, error):
            self.heard.append(f"{cell} {error}")

    reporter = Listening()
    bench.execute(bench.make_plan("letters", workspace=workspace_folder, tasks="Pairs", device="cpu", probe="none"), reporter)
    assert reporter.heard == ["2 cells", "letters make None", "letters evaluate Pairs None"]


@pytest.mark.slow
def test_a_script_that_runs_at_its_top_is_told_where_the_call_belongs(workspace_folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import bench\nbench.execute(bench.make_plan('letters', workspace={str(workspace_folder)!r}, tasks='Pairs', device='cpu', probe='none'))\n",
        encoding="utf-8",
    )
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False)
    assert 'call bench.execute under `if __name__ == "__main__":`' in found.stderr
