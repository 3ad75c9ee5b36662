"""`bench plan`: one line a candidate, the costs, the workspace and why it is used, and an exit code that says whether anything can be scored."""

from __future__ import annotations

import json

import click
import pytest

from bench.cards.load import load_library
from bench.cli import app


@pytest.fixture
def plan(capsys):
    """Calls the verb; gives its exit code and what it prints on standard output."""

    def called(*arguments: str) -> tuple[int, str]:
        load_library.cache_clear()
        try:
            code = app(["plan", *arguments, "--device", "cpu"], standalone_mode=False) or 0
        except click.exceptions.Exit as leaving:
            code = leaving.exit_code
        return code, capsys.readouterr().out

    return called


def test_a_candidate_is_one_line_and_cells_lists_them_all(workspace_folder, plan):
    code, out = plan("--workspace", str(workspace_folder))
    assert code == 0
    assert "  tiny-top2  make: to do   evaluate: 4 to do   probe: to do\n" in out
    assert len(out.splitlines()) == 8
    assert out.splitlines()[-1] == "0 done, 18 to do, 0 failed, 0 cannot run"
    listed = plan("--workspace", str(workspace_folder), "--cells")[1]
    assert "to do       tiny-top2 evaluate Pairs\n" in listed
    assert "make: to do" not in listed


def test_time_and_disk_are_told_or_said_not_to_be_known(workspace_folder, plan):
    lines = plan("--workspace", str(workspace_folder))[1].splitlines()
    assert "time        not known for 18 cells: nothing like them has been computed here yet" in lines
    assert any(line.startswith("disk        at most 0.") and line.endswith("are free") for line in lines)


@pytest.mark.parametrize("where", ["given", "here", "above", "package"])
def test_the_workspace_is_named_with_the_reason_for_it(workspace_folder, plan, monkeypatch, tmp_path, where):
    place = {"given": tmp_path, "here": workspace_folder, "above": workspace_folder / "tasks" / "pairs", "package": tmp_path}[where]
    monkeypatch.chdir(place)
    given = ["--workspace", str(workspace_folder)] if where == "given" else ["--suite", "mini"] if where == "package" else []
    first = plan(*given, *(["char*"] if where == "package" else ["letters"]))[1].splitlines()[0]
    reason = {
        "given": "given with --workspace",
        "here": "the current folder",
        "above": "the nearest one from the current folder upwards",
        "package": f"comes with the package, since no folder from here upwards is one; a run writes to {tmp_path}",
    }[where]
    assert first.endswith(f"({reason})")
    assert (str(workspace_folder) in first) == (where != "package")


def test_where_nothing_can_be_scored_the_exit_code_is_2_and_the_cause_is_told_once(workspace_folder, plan):
    (workspace_folder / "tasks" / "topics" / "test.tsv").write_text("text\tlbel\nx\ty\n", encoding="utf-8")
    assert plan("--workspace", str(workspace_folder))[0] == 0
    code, out = plan("--workspace", str(workspace_folder), "--task", "Topics")
    assert code == 2
    assert [line for line in out.splitlines() if line.startswith("cannot run")][1:] == []
    assert "cannot run  3 cells of letters, tiny, tiny-top2, task Topics: no column 'label'" in out
    code, out = plan("--workspace", str(workspace_folder), "--task", "Topics", "--json")
    assert code == 2
    document = json.loads(out)
    assert [(cause["cells"], cause["tasks"]) for cause in document["causes"]] == [(3, ["Topics"])]
    assert document["estimate"]["unknown"] == 6
    assert document["workspace"]["why"] == "given with --workspace"
