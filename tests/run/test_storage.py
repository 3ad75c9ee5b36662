"""A disk that is full, read-only or not a folder: one line, the documented exit code, nothing half-written, nothing finished lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import bench, bench_process


def hidden(folder: Path) -> list[Path]:
    """What an interrupted writing would leave."""
    return [path for path in folder.rglob(".*") if path.name != ".bench"]


@pytest.mark.parametrize("name", [".bench", "leaderboard"])
def test_a_file_in_place_of_a_folder_ends_a_run_before_it_starts(workspace_folder, name):
    (workspace_folder / name).touch()
    found = bench("run", "--all", "--device", "cpu", cwd=workspace_folder)
    assert found.returncode == 2
    assert found.stderr == f"bench: {workspace_folder / name}: a file lies where a folder is needed; move it away\n"
    assert found.stdout == ""


@pytest.mark.parametrize("name", [".bench", "leaderboard"])
def test_a_read_only_folder_ends_a_run_before_it_starts(workspace_folder, small_disk, name):
    small_disk(workspace_folder / name, megabytes=1, read_only=True)
    found = bench("run", "--all", "--device", "cpu", cwd=workspace_folder)
    assert found.returncode == 2
    assert found.stderr == f"bench: {workspace_folder / name}: the file system is read-only; make it writable, or use another folder\n"


def test_a_plan_of_a_read_only_workspace_is_shown(workspace_folder, small_disk):
    small_disk(workspace_folder / ".bench", megabytes=1, read_only=True)
    assert bench("plan", "--all", "--device", "cpu", cwd=workspace_folder).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("part", ["results", "locks", "checkpoints"])
def test_a_file_within_the_state_folder_fails_cells_and_says_where(workspace_folder, part):
    (workspace_folder / ".bench").mkdir()
    (workspace_folder / ".bench" / part).touch()
    found = bench("run", "letters", "--probe", "none", "--device", "cpu", cwd=workspace_folder)
    assert found.returncode in {2, 3}
    assert f"{workspace_folder / '.bench' / part}: a file lies where a folder is needed; move it away" in found.stdout + found.stderr
    assert "Traceback" not in found.stdout + found.stderr


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_full_disk_fails_cells_by_name_and_a_larger_one_finishes_them(workspace_folder, small_disk, jobs):
    state = workspace_folder / ".bench"
    small_disk(state, megabytes=0.3)
    command = ("run", "--all", "--probe", "none", "--device", "cpu", "--jobs", jobs, "--json")
    full = bench_process(*command, cwd=workspace_folder)
    assert full.returncode == 3
    assert "Traceback" not in full.stdout + full.stderr
    end = json.loads(full.stdout.splitlines()[-1])
    because = [error for error in end["problems"].values() if "was not made" not in error]
    assert because
    assert all(error.startswith(str(state)) and "no space is left on the disk; free some" in error and "\n" not in error for error in because)
    assert hidden(state) == []
    done = [json.loads(path.read_text(encoding="utf-8")) for path in (state / "results").rglob("*.json")]
    assert sum(result["status"] == "done" for result in done) == end["computed"] > 0
    small_disk(state, megabytes=50)
    again = bench_process(*command, cwd=workspace_folder)
    assert again.returncode == 0, again.stdout
    later = json.loads(again.stdout.splitlines()[-1])
    assert (later["reused"], later["computed"]) == (end["computed"], 15 - end["computed"])


@pytest.mark.slow
def test_a_board_that_cannot_be_written_is_still_shown(workspace_folder, small_disk):
    small_disk(workspace_folder / "leaderboard", megabytes=0.008)
    found = bench("run", "letters", "--probe", "none", "--device", "cpu", "--publish", cwd=workspace_folder)
    assert found.returncode == 2
    assert "5 cells computed" in found.stdout
    assert "letters" in found.stdout.splitlines()[4]
    assert found.stderr.splitlines()[-1].startswith(f"bench: {workspace_folder / 'leaderboard'}")
    assert "no space is left on the disk" in found.stderr.splitlines()[-1]
    assert hidden(workspace_folder / "leaderboard") == []


def test_pretraining_into_a_file_is_refused(tmp_path):
    (tmp_path / "corpus.txt").write_text("मी घरी जातो\n", encoding="utf-8")
    (tmp_path / "base").touch()
    found = bench("pretrain", "--corpus", "corpus.txt", "--out", "base", cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr == "bench: base: a file lies where a folder is needed; move it away\n"
