"""What a candidate's page quotes of the rows that it lost."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import bench as public
from bench.plan.records import read_records
from bench.publish.document import read
from bench.publish.files import values
from bench.publish.pages import candidate_pages
from bench.run.execute import execute
from bench.run.report import Silent
from bench.standings.about import LONGEST
from bench.standings.build import build_board
from bench.standings.worst import MOST, worst_losses
from tests.builders import plan_anew
from tests.conftest import build_workspace

MORE = """
[[candidates]]
name = "cut"
kind = "pruned"
base = "tiny"
strategy = "top"
keep = 1
"""
LONG = "लांब " * LONGEST


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_base) -> Path:
    found = build_workspace(tmp_path_factory.mktemp("lost") / "workspace", tiny_base)
    card = found / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + MORE, encoding="utf-8")
    topics = found / "tasks" / "topics" / "test.tsv"
    lines = topics.read_text(encoding="utf-8").splitlines()
    topics.write_text("\n".join([lines[0], *(line.replace("\t", f" {LONG}\t") for line in lines[1:])]) + "\n", encoding="utf-8")
    assert execute(plan_anew(found, names=("cut", "letters")), Silent()).complete
    return found


@pytest.fixture
def records(folder):
    """What is stored, with the lexical candidate for a parent: layers of random weights do so little that leaving some out loses nothing."""
    found = read_records(plan_anew(folder))
    adopted = [
        dataclasses.replace(one, candidate=dataclasses.replace(one.candidate, parent="letters")) if one.candidate.name == "cut" else one
        for one in found.records
    ]
    return dataclasses.replace(found, records=tuple(adopted))


def test_a_candidate_has_the_rows_that_bench_diff_shows_against_its_parent_the_worst_of_each_task_first(folder, records):
    losses = worst_losses(records)["cut"]
    shown = {task.task: task.examples for task in public.diff("letters", "cut", workspace=folder, device="cpu", limit=MOST).tasks}
    lost = [name for name, examples in shown.items() if examples]
    assert len(losses) == min(MOST, sum(map(len, shown.values())))
    assert {name for name, _ in losses} == set(lost[:MOST])
    for name in lost:
        own = [dataclasses.replace(example, texts=()) for task, example in losses if task == name]
        assert own == [dataclasses.replace(example, texts=()) for example in shown[name][: len(own)]]


def test_a_long_text_is_cut(records):
    assert [len(text) for name, example in worst_losses(records)["cut"] for text in example.texts if name == "Topics"] == [LONGEST]


def test_what_has_to_be_fetched_or_is_rewritten_is_not_quoted(records):
    def changed(card, **fields):
        return dataclasses.replace(card, **fields)

    def fetched(card):
        subsets = {
            name: changed(subset, sources=tuple(changed(source, file=None, repository="owner/data", path="x.tsv") for source in subset.sources))
            for name, subset in card.subsets.items()
        }
        return changed(card, subsets=subsets)

    tasks = {
        name: fetched(card) if name == "Pairs" else changed(card, perturbation="digits") if name == "Topics" else card for name, card in records.tasks.items()
    }
    before, after = ({name for name, _ in worst_losses(one)["cut"]} for one in (records, dataclasses.replace(records, tasks=tasks)))
    assert {"Pairs", "Topics"} <= before
    assert not {"Pairs", "Topics"} & after


def test_a_candidate_without_a_parent_or_without_scores_has_none(records):
    assert set(worst_losses(records)) == {"cut"}
    unscored = tuple(record if record.candidate.name != "cut" else dataclasses.replace(record, scores={}) for record in records.records)
    assert worst_losses(dataclasses.replace(records, records=unscored)) == {}


def test_the_document_and_the_page_made_from_it_show_them(folder, records):
    board = json.loads(json.dumps(values(build_board(records))))
    row = next(row for row in board["rows"] if row["candidate"] == "cut")
    assert 0 < len(row["losses"]) <= MOST
    assert len(json.dumps(row["losses"], ensure_ascii=False)) < MOST * (4 * LONGEST)
    text = candidate_pages(read(board))["candidates/cut.html"]
    for loss in row["losses"]:
        assert f"{loss['subset']}, row {loss['row'] + 1}" in text
        assert all(part in text for part in loss["texts"])
    assert f"bench diff {row['parent']} cut --suite small" in text
    others = [row for row in board["rows"] if row["candidate"] != "cut"]
    assert [row["losses"] for row in others] == [[]] * len(others)
