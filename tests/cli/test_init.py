"""`bench init`: a workspace to begin with."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from bench.cards.load import load_library
from bench.cards.suites import Suite
from bench.cards.workspace import builtin_content, find_workspace
from bench.cli.init import TEMPLATE
from tests.builders import plan_anew
from tests.cli.command import bench


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "mine"
    found = bench("init", str(folder))
    assert found.returncode == 0, found.stderr
    assert [Path(line).is_file() for line in found.stdout.splitlines()[:4]] == [True] * 4
    return folder


def test_a_new_workspace_has_an_own_suite_on_a_built_in_and_an_own_task_and_can_be_run_whole(made):
    plan = plan_anew(made)
    assert plan.selection.suite.file == made / "models" / "mine.toml"
    folders = {name: task.card.folder for name, task in plan.tasks.items()}
    assert folders == {"KasautiSTS": builtin_content() / "tasks" / "kasauti-sts", "MyPairs": made / "tasks" / "my-pairs"}
    assert {cell.status for cell in plan.cells} == {"to do"}
    assert {candidate.kind for candidate in plan.selection.chosen} == {"lexical", "full", "pruned"}


def test_the_data_file_of_a_new_workspace_is_whole(made):
    found = json.loads(bench("data", "status", "--json", cwd=made).stdout)
    assert [entry["splits"] for entry in found if entry["task"] == "MyPairs"] == [[{"subset": "mr", "split": "test", "rows": 20, "dropped": {}}]]


def test_what_stands_commented_out_in_the_example_suite_is_valid_too(tmp_path):
    text = (TEMPLATE / "models" / "mine.toml").read_text(encoding="utf-8")
    live = re.sub(r"^# (?=\[|\w+ = )|^#$", "", text, flags=re.MULTILINE)
    suite = TypeAdapter(Suite).validate_python(tomllib.loads(live))
    assert {candidate.name for candidate in suite.candidates} >= {"my-bert", "my-model"}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.toml").write_text(live.replace(', "MyPairs"', ""), encoding="utf-8")
    library = load_library(find_workspace(tmp_path))
    assert {candidate.name: vars(candidate).get("recipe") for candidate in library.candidates["mine"]}["mini-top6"] == "short"


def test_what_stands_commented_out_in_the_example_defaults_is_taken(made, tmp_path):
    text = (made / "bench.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(text.replace("\n# ", "\n"))) == {"suite", "device", "data-dir", "jobs", "probe"}


@pytest.mark.parametrize("there", sorted(str(path.relative_to(TEMPLATE)) for path in TEMPLATE.rglob("*") if path.is_file()))
def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path, there):
    path = tmp_path / there
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    found = bench("init", str(tmp_path))
    assert found.returncode == 2
    assert f"{path}: already there" in found.stderr
    assert path.read_text(encoding="utf-8") == "mine"
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_a_file_in_the_way_of_the_folder_is_told(tmp_path):
    (tmp_path / "mine").write_text("", encoding="utf-8")
    found = bench("init", str(tmp_path / "mine"))
    assert found.returncode == 2
    assert "mine" in found.stderr
    assert "Traceback" not in found.stderr
