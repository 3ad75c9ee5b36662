"""The baseline that a git commit has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.standings.gate.baseline import place_of, read_baseline, write_baseline
from tests.standings.gate.cells import entry, score, snapshot

OLD, NEW = (snapshot(a=entry(content=content, scores={"Pairs": score([0.0, 0.5, 1.0])})) for content in ("old", "new"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """`repository/leaderboard/mini`: the first commit has no baseline, the tag `v1` has OLD; NEW lies there uncommitted."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "repository"
    where = root / "leaderboard" / "mini"
    where.mkdir(parents=True)
    (root / "README").write_text("x", encoding="utf-8")

    def git(*words):
        subprocess.run(["git", "-C", str(root), "-c", "user.name=n", "-c", "user.email=e@x", *words], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("add", "README")
    git("commit", "-qm", "first")
    git("tag", "v0")
    write_baseline(where / "baseline.json", OLD)
    git("add", ".")
    git("commit", "-qm", "second")
    git("tag", "v1")
    write_baseline(where / "baseline.json", NEW)
    return where


def test_the_file_of_a_commit_is_read_and_not_the_one_that_lies_there(folder):
    found, named = read_baseline("v1", folder, "mini")
    assert found.candidates["a"].content == "old"
    assert named == "v1:leaderboard/mini/baseline.json"
    assert read_baseline("HEAD", folder, "mini")[0].candidates["a"].content == "old"
    assert read_baseline(None, folder, "mini")[0].candidates["a"].content == "new"


def test_it_is_found_where_the_folder_is_not_there_any_more(folder):
    (folder / "baseline.json").unlink()
    folder.rmdir()
    assert read_baseline("main", folder, "mini")[0].candidates["a"].content == "old"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("v0", "v0:leaderboard/mini/baseline.json: this commit has no baseline; commit one that `bench check --update` wrote"),
        ("v9", "--baseline v9: no such file, and git knows no commit of this name here"),
        ("--output=x", "git knows no commit of this name here"),
        ("gone.json", "--baseline gone.json: no such file"),
    ],
)
def test_a_commit_that_has_none_or_is_none_is_an_error_that_says_so(folder, place, message):
    with pytest.raises(BenchError) as caught:
        read_baseline(place, folder, "mini")
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_commit_is_no_place_to_write_a_baseline_to(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(BenchError, match="--baseline v1: this is a git commit, into which nothing can be written"):
        place_of("v1", folder)
    assert place_of("baseline.json", folder) == Path("baseline.json")
    assert place_of("new.json", folder) == Path("new.json")
    assert place_of(None, folder) == folder / "baseline.json"
    with pytest.raises(BenchError, match="this is a folder; name a file"):
        place_of(str(folder), folder)


def test_outside_of_a_repository_no_commit_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(BenchError, match=r"lies in no git repository that could have a commit of this name \(fatal: not a git repository"):
        read_baseline("main", tmp_path, "mini")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match=r"\(git cannot be run: No such file"):
        read_baseline("main", tmp_path, "mini")
