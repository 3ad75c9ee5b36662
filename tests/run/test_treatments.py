"""A whole run of models with prompts, similarity and precision of their own: used, stored, shown, and part of what identifies a result."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import transformers

from bench.models.loading import load_sentence_model
from bench.plan.keys import evaluate_key
from tests.builders import blueprint_of, board_of, made_of, markdown_of
from tests.run.test_run import run

TASKS = ("Pairs", "Topics", "Paraphrases", "Translations")
SUITE = """
[suite]
name = "settings"
tasks = ["Pairs", "Topics", "Paraphrases", "Translations"]

[[candidates]]
name = "letters"
kind = "lexical"

[[candidates]]
name = "itself"
kind = "external"
path = "asked"
{line}
"""


def write(folder: Path, line: str = "") -> None:
    (folder / "models" / "settings.toml").write_text(SUITE.format(line=line), encoding="utf-8")


@pytest.fixture
def asked(workspace_folder) -> Path:
    """A workspace with a model in fp16 that compares by dot product and has prompts for STS, bitext and everything else."""
    folder = workspace_folder / "models" / "asked"
    model = load_sentence_model(workspace_folder / "models" / "tiny")
    model.prompts, model.default_prompt_name, model.similarity_fn_name = {"usual": "आज ", "STS": "पाऊस ", "BitextMining": ""}, "usual", "dot"
    model.half().save_pretrained(str(folder), create_model_card=False)
    assert transformers.AutoConfig.from_pretrained(folder).dtype
    write(workspace_folder)
    return workspace_folder


def results(planner, name: str = "itself") -> dict[str, dict]:
    candidate, content = planner.selection.everyone[name], made_of(planner, name)["content"]
    return {task: planner.archive.store.get(evaluate_key(candidate, content, planner.tasks[task], "cpu")) for task in TASKS}


def test_what_a_model_says_of_itself_is_used_stored_and_shown(asked):
    planner, outcome = run(asked, suite="settings")
    assert outcome.complete, outcome
    found = results(planner)
    prompts = {"Pairs": "पाऊस ", "Topics": "आज ", "Paraphrases": "आज ", "Translations": ""}
    assert {task: result["used"] for task, result in found.items()} == {
        task: {"prompt": prompt, "similarity": "dot", "precision": {"fp16": 1.0}} for task, prompt in prompts.items()
    }
    board = board_of(planner)
    rows = {row.name: row for row in board.rows}
    assert dataclasses.asdict(rows["itself"].used) == {"prompts": prompts, "similarity": "dot", "precision": {"fp16": 1.0}}
    assert rows["letters"].used.plain
    told = '- **itself**: prompt `"पाऊस "` for Pairs; prompt `"आज "` for Topics, Paraphrases; no prompt for Translations; similarity dot; precision fp16'
    assert told in markdown_of(board)
    assert "- **letters**" not in markdown_of(board)
    again, outcome = run(asked, suite="settings")
    assert (outcome.computed, results(again)) == (0, found)


@pytest.mark.parametrize(
    ("line", "used"),
    [
        ('prompt = "नदी "', {"prompt": "नदी ", "similarity": "dot", "precision": {"fp16": 1.0}}),
        ('prompt = ""', {"prompt": "", "similarity": "dot", "precision": {"fp16": 1.0}}),
        ('similarity = "cosine"', {"prompt": "पाऊस ", "similarity": "cosine", "precision": {"fp16": 1.0}}),
        ('precision = "fp32"', {"prompt": "पाऊस ", "similarity": "dot", "precision": {"fp32": 1.0}}),
    ],
)
def test_a_card_overrides_it_and_that_is_another_result(asked, line, used):
    before, _ = run(asked, suite="settings", names=("itself",), tasks=("Pairs",))
    write(asked, line)
    planner, outcome = run(asked, suite="settings", names=("itself",), tasks=("Pairs",))
    assert outcome.computed == 1  # the score; the model is what it was
    assert results(planner)["Pairs"]["used"] == used
    assert results(before)["Pairs"]["used"] == {"prompt": "पाऊस ", "similarity": "dot", "precision": {"fp16": 1.0}}


@pytest.mark.parametrize(
    ("change", "value"),
    [("prompts", {"usual": "आज ", "STS": "झाड "}), ("default_prompt_name", None), ("similarity_fn_name", "cosine")],
)
def test_a_folder_that_says_otherwise_is_another_model(asked, change, value):
    planner, _ = run(asked, suite="settings", names=("itself",), stages=("make",))
    before = blueprint_of(planner, "itself").key
    path = asked / "models" / "asked" / "config_sentence_transformers.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), change: value}), encoding="utf-8")
    planner, _ = run(asked, suite="settings", names=("itself",), stages=("make",))
    assert blueprint_of(planner, "itself").key != before


@pytest.mark.parametrize(
    ("name", "line", "field"),
    [("letters", 'prompt = "a"', "prompt"), ("letters", 'similarity = "dot"', "similarity"), ("letters", 'precision = "fp16"', "precision")],
)
def test_a_lexical_candidate_takes_none_of_them(asked, name, line, field):
    from bench.cards.load import load_library
    from bench.cards.workspace import find_workspace
    from bench.errors import CardError

    (asked / "models" / "settings.toml").write_text(SUITE.format(line="").replace('kind = "lexical"', f'kind = "lexical"\n{line}'), encoding="utf-8")
    load_library.cache_clear()
    with pytest.raises(CardError, match=field):
        load_library(find_workspace(asked))
