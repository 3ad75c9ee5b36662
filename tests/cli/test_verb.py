"""What every verb has: whole help, the nearest name for a slip, defaults from `bench.toml`, completion."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from bench.cards.defaults import KEYS, read_defaults
from bench.cards.workspace import Workspace
from bench.cli import app
from bench.errors import CardError, did_you_mean, nearest
from tests.cli.command import bench

COMMANDS: dict[str, Any] = vars(get_command(app))["commands"]
VERBS = [*COMMANDS, *(f"{group} {name}" for group in ("data", "cache") for name in COMMANDS[group].commands)]


def shown(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), prog_name="bench")
    return result.output


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_is_whole(verb):
    """Three dots stand behind names of arguments only, which are in capitals."""
    assert not re.search(r"[a-z]\.\.\.", shown(*verb.split(), "--help"))


@pytest.mark.parametrize("verb", VERBS)
def test_examples_stand_one_a_line(verb):
    group, _, name = verb.partition(" ")
    command = COMMANDS[group].commands[name] if name else COMMANDS[group]
    examples = re.findall(r"^ *(bench .*?)\s*$", command.epilog or "", flags=re.MULTILINE)
    lines = [line.strip() for line in shown(*verb.split(), "--help").splitlines()]
    assert [line for line in examples if line not in lines] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "No such command 'rnu'; did you mean 'run'?"),
        (["data", "stats"], "No such command 'stats'; did you mean 'status'?"),
        (["run", "--al"], "No such option: --al; did you mean '--all'?"),
        (["plan", "--sute=x"], "No such option: --sute; did you mean '--suite'?"),
    ],
)
def test_a_slip_on_the_command_line_is_told_the_one_nearest_name(words, message):
    assert message in shown(*words).splitlines()[-1]


@pytest.mark.parametrize("words", [["xyz"], ["run", "--nonsense"], ["data", "xyz"]])
def test_what_is_near_to_nothing_is_told_no_name(words):
    last = shown(*words).splitlines()[-1]
    assert "No such" in last
    assert "mean" not in last


def test_nearest_offers_one_name_only_where_it_is_near_and_else_lists_not_too_many():
    assert nearest("kasautists", ["KasautiSTS", "MahaSTS"]) == "; did you mean 'KasautiSTS'?"
    assert nearest("qqq", ["b", "a"]) == "; valid: a, b"
    assert nearest("qqq", map(str, range(1000))).endswith("and 995 more")
    assert did_you_mean("qqq", ["a"]) == ""
    assert nearest("top", []) == ""


@pytest.fixture
def defaults(workspace_folder):
    """Writes the workspace's `bench.toml`, and gives what a verb then does."""

    def run(text: str, *words: str, **env: str):
        (workspace_folder / "bench.toml").write_text(text, encoding="utf-8")
        return bench(*words, cwd=workspace_folder / "tasks", env={**os.environ, **env})

    return run


def test_defaults_count_where_the_command_line_says_nothing(defaults):
    text = 'suite = "mini"\ndevice = "cpu"\nprobe = "none"\n'
    cells = json.loads(defaults(text, "plan", "--all", "--json").stdout)["cells"]
    assert {cell["candidate"] for cell in cells} >= {"char-3gram"}
    assert {cell["stage"] for cell in cells} == {"make", "evaluate"}


def test_the_command_line_counts_before_the_defaults(defaults):
    text = 'suite = "mini"\ndevice = "cuda:99"\nprobe = "none"\n'
    cells = json.loads(defaults(text, "plan", "letters", "--json", "--suite", "small", "--device", "cpu", "--probe", "quick").stdout)["cells"]
    assert {cell["stage"] for cell in cells} == {"make", "evaluate", "probe"}


def test_an_environment_variable_counts_before_the_defaults_and_these_are_relative_to_the_file(defaults, workspace_folder, tmp_path):
    for folder in (workspace_folder / "here", tmp_path / "there"):
        folder.mkdir()

    def told(**env: str) -> str:
        return defaults('data-dir = "here"\n', "data", "status", "--suite", "public", **env).stdout

    assert str(workspace_folder / "here" / "l3cube-pune") in told()
    assert str(tmp_path / "there" / "l3cube-pune") in told(KASAUTI_DATA_DIR=str(tmp_path / "there"))


def test_the_default_suite_narrows_no_search(defaults):
    assert "letters" in defaults('suite = "mini"\n', "list", "models").stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('\nsiute = "mini"', "bench.toml:2: siute: no option of this name has a default here; did you mean 'suite'?"),
        ("data_dir = 'x'", "did you mean 'data-dir'?"),
        ("xyz = 1", "valid: check, data-dir, device, jobs, probe, suite"),
        ("jobs = -1", "bench.toml:1: jobs: expected a whole number, 0 or more, found -1"),
        ("jobs = true", "found True"),
        ("suite = 3", "expected a text in quotes, found 3"),
        ('probe = "fast"', "expected one of quick, full, none, found 'fast'"),
        ("[run]\njobs = 1", "run: no option of this name"),
        ("jobs = 1\nsuite = x", "bench.toml:2: TOML"),
    ],
)
def test_what_is_wrong_with_the_defaults_is_told_with_line_and_key(tmp_path, text, message):
    (tmp_path / "bench.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CardError) as caught:
        read_defaults(Workspace(tmp_path, tmp_path))
    assert message in str(caught.value)


def test_two_mistakes_are_told_at_once(tmp_path):
    (tmp_path / "bench.toml").write_text("jobs = -1\nsute = 'x'\n", encoding="utf-8")
    with pytest.raises(CardError) as caught:
        read_defaults(Workspace(tmp_path, tmp_path))
    assert [problem.line for problem in caught.value.problems] == [1, 2]


def test_wrong_defaults_end_a_verb_with_exit_2_and_leave_its_help_alone(defaults):
    found = defaults("jbos = 1", "list", "suites")
    assert found.returncode == 2
    assert "did you mean 'jobs'?" in found.stderr
    assert "Traceback" not in found.stderr
    assert defaults("jbos = 1", "run", "--help").returncode == 0


def test_every_default_is_an_option_of_a_run():
    assert {f"--{key}" for key in KEYS} <= {name for parameter in COMMANDS["run"].params for name in parameter.opts}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("pla", {"plan"}),
        ("run --dev", {"--device"}),
        ("run --suite sm", {"small"}),
        ("run --suite small --task Top", {"Topics"}),
        ("run --suite small le", {"letters"}),
    ],
)
def test_a_shell_is_offered_verbs_options_and_the_names_of_the_workspace(workspace_folder, line, offered):
    env = {**os.environ, "_BENCH_COMPLETE": "complete_bash", "COMP_WORDS": f"bench {line}", "COMP_CWORD": str(len(line.split()))}
    assert set(bench(cwd=workspace_folder, env=env).stdout.split()) == offered
