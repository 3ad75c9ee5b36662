"""`bench list`: rows can be told apart, filtered and read by a program."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench.cards.load import load_library
from bench.cards.workspace import builtin_content, find_workspace
from bench.cli import app, listing
from bench.errors import BenchError
from tests.builders import write_workspace

SUITE = """\
[suite]
name = "mine"
tasks = ["KasautiSTS"]

[recipes.all]
dimensions = [64, 32]

[[recipes.all.phases]]
kind = "sts"
data = ["KasautiSTS"]

[[grids]]
kind = "pruned"
bases = ["mini"]
strategies = ["top"]
keep = [6, 2]
precisions = ["fp32", "int8"]
vocabularies = [{ corpus = ["KasautiNLI"], size = 3000 }, { corpus = ["KasautiNLI"], size = 4000 }]

[[grids]]
kind = "nested"
bases = ["mini"]
keep = [6]
dimensions = [64, 32]
recipes = ["all"]

[[candidates]]
name = "odd"
kind = "pruned"
base = "mini"
layers = [0, 2, 4]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    write_workspace(folder, tasks={}, suites={"mine.toml": SUITE})
    return folder


def listed(place, *words: str):
    """What the command prints; an error of ours is raised."""
    found = CliRunner().invoke(app, ["list", *words, "--workspace", str(place)])
    if found.exception is not None:
        raise found.exception
    return found


def as_json(place, *words: str) -> list[dict]:
    return json.loads(listed(place, *words, "--json").stdout)


def test_no_two_models_look_alike(place):
    rows = as_json(place, "models")
    assert len(rows) == 11
    said = [json.dumps({key: value for key, value in row.items() if key != "candidate"}, sort_keys=True) for row in rows]
    assert len(set(said)) == len(rows)


def test_a_model_says_its_precision_vocabulary_layers_and_dimensions(place):
    rows = {row["candidate"]: row for row in as_json(place, "models")}
    assert rows["odd"]["kept_layers"] == [0, 2, 4]
    assert {rows[name]["dimensions"] for name in rows if "nested" in name} == {64, 32}
    cut = rows["mini-top6-v3000-int8"]
    assert (cut["precision"], cut["vocabulary"], cut["keep"]) == ("int8", 3000, 6)


@pytest.mark.parametrize("what", ["models", "tasks", "suites"])
def test_no_key_has_a_space_and_counts_are_numbers(place, what):
    rows = as_json(place, what)
    assert not [key for row in rows for key in row if " " in key]
    for row in rows:
        if what == "tasks" and row["rows"] is not None:
            assert all(isinstance(count, int) for splits in row["rows"].values() for count in splits.values())
    if what == "tasks":
        assert next(row for row in rows if row["task"] == "KasautiSTS")["rows"]["mr"]["test"] > 100


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["models", "*-v3000*", "odd"], {"mini-top6-v3000", "mini-top6-v3000-int8", "mini-top2-v3000", "mini-top2-v3000-int8", "odd"}),
        (["models", "--kind", "nested"], {"mini-nested6-d64", "mini-nested6-d32"}),
        (["models", "char*", "--suite", "mini"], {"char-3gram"}),
        (["tasks", "KasautiT*", "--kind", "Classification"], {"KasautiTopic", "KasautiTopic-kNN"}),
        (["suites", "m*"], {"mine", "mini"}),
    ],
)
def test_names_and_kinds_filter(place, words, names):
    assert {row.get("candidate") or row.get("task") or row["suite"] for row in as_json(place, *words)} == names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["models", "odds"], "no model 'odds'; did you mean 'odd'?"),
        (["models", "--kind", "purned"], "models have no kind 'purned'; did you mean 'pruned'?"),
        (["tasks", "--kind", "pruned"], "tasks have no kind 'pruned'"),
        (["models", "--suite", "mni"], "did you mean 'mini'?"),
    ],
)
def test_what_matches_nothing_is_told(place, words, message):
    with pytest.raises(BenchError) as caught:
        listed(place, *words)
    assert message in str(caught.value)


def test_lists_say_what_is_built_in(place):
    assert {row["suite"]: row["from"] for row in as_json(place, "suites")}["mine"] == "own"
    assert {row["from"] for row in as_json(place, "suites") if row["suite"] != "mine"} == {"built in"}
    assert {row["from"] for row in as_json(place, "tasks")} == {"built in"}


def test_models_are_those_of_own_suites_and_the_others_are_pointed_to(place):
    found = listed(place, "models")
    assert {row["suite"] for row in as_json(place, "models")} == {"mine"}
    assert "small" in found.stderr


@pytest.mark.parametrize("width", [40, 80, 300])
@pytest.mark.parametrize("what", ["models", "tasks"])
def test_no_name_is_cut_however_narrow_the_terminal(place, monkeypatch, width, what):
    library = load_library(find_workspace(place if what == "models" else builtin_content()))
    names = [one.name for one in library.candidates["mine"]] if what == "models" else list(library.tasks)
    rows = as_json(place, what)
    shown = io.StringIO()
    monkeypatch.setattr("rich.console.Console", lambda **more: Console(**{"file": shown, "width": width, "force_terminal": True, **more}))
    with contextlib.redirect_stderr(io.StringIO()):
        listing._show(rows, what)
    assert [name for name in names if name not in shown.getvalue()] == []
    assert "…" not in shown.getvalue()


def test_what_all_models_have_in_common_stands_once(place):
    shown = listed(place, "models").stdout
    assert "all: suite mine, base mini, seed 0" in shown
    assert "seed" not in shown.splitlines()[1]


def test_a_list_that_is_piped_has_one_line_a_row(place):
    lines = listed(place, "tasks").stdout.splitlines()
    assert len([line for line in lines if "KasautiSTS" in line]) == len([row for row in as_json(place, "tasks") if "KasautiSTS" in row["task"]])
