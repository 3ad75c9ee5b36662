"""The board of a part of a suite: what was asked for is judged by itself, and parents are still what shares are of."""

from __future__ import annotations

import numpy as np
import pytest

from bench.cards.suites import Suite, SuiteInfo
from bench.plan.records import Record, SuiteRecords
from bench.standings.board import Board
from bench.standings.part import build_part
from bench.statistics.estimate import Estimate
from tests.builders import make_candidate, make_card

USED = {"prompt": "", "similarity": "cosine", "precision": {"fp32": 1.0}}
WHERE = {"machine": {"cpu": "x"}, "versions": {"torch": "2"}}


def scored(value: float) -> dict:
    noise = np.random.default_rng(0).normal(0, 0.01, 1000)
    return {
        "status": "done",
        "main": {"mr": value},
        "estimates": {"mr": Estimate(value, value + noise).record()},
        "used": USED,
        "bounds": {"mr": None},
        **WHERE,
    }


def record(name: str, kind: str, scores: dict[str, float], **fields: object) -> Record:
    made = {"content": "c", "parameters": {"embeddings": 1, "body": 1}, "tokenizer_problems": [], **WHERE}
    return Record(make_candidate(kind, name=name, **fields), (0,), made, None, {task: scored(value) for task, value in scores.items()})


@pytest.fixture
def suite(tmp_path) -> SuiteRecords:
    cards = [make_card(tmp_path, "STS", {"test": ""}, name=name) for name in ("A", "B")]
    cards.append(make_card(tmp_path, "STS", {"test": ""}, name="A-digits", data="A", perturbation="digits"))
    full = [record(f"m-seed{seed}", "full", {"A": 0.8, "B": 0.4, "A-digits": 0.7}, base="m", seed=seed) for seed in (0, 1)]
    top = [record(f"top-seed{seed}", "pruned", {"A": 0.6}, base="m", strategy="top", keep=2, seed=seed, parent=f"m-seed{seed}") for seed in (0, 1)]
    unmade = Record(make_candidate("lexical", name="chars"), problem="not made yet")
    return SuiteRecords(Suite(suite=SuiteInfo(name="tiny", tasks=("A", "B"))), {card.name: card for card in cards}, "cpu", (*full, *top, unmade))


def names(board: Board) -> list[str]:
    return [row.name for row in board.rows]


def test_only_candidates_and_tasks_that_were_asked_for_are_there_and_none_is_incomplete(suite):
    board = build_part(suite, ["top-seed0", "top-seed1"], ["A"])
    assert names(board) == ["top"]
    assert [column.label for column in board.columns] == ["A"]
    assert (board.rows[0].problem, board.rows[0].rank) == (None, 1)
    assert board.rows[0].mean == pytest.approx(0.6)


def test_the_share_of_a_parent_that_was_not_asked_for_is_known(suite):
    assert build_part(suite, ["top-seed0"], ["A"]).rows[0].of_parent == pytest.approx(0.75)


def test_one_of_several_seeds_is_shown_by_itself(suite):
    board = build_part(suite, ["top-seed1"], ["A"])
    assert names(board) == ["top-seed1"]
    assert board.rows[0].scores == {"A": 0.6}


def test_a_parent_never_takes_the_scores_of_another_seed_that_was_asked_for_into_its_row(suite):
    assert names(build_part(suite, ["m-seed0", "top-seed1"], ["A"])) == ["m-seed0", "top-seed1"]


def test_a_rewritten_task_is_scored_by_itself_unless_its_clean_task_is_asked_for_too(suite):
    alone = build_part(suite, ["m-seed0"], ["A-digits"])
    assert alone.rows[0].scores == {"A-digits": 0.7}
    both = build_part(suite, ["m-seed0"], ["A", "A-digits"])
    assert both.rows[0].scores == {"A": 0.8}
    assert both.rows[0].drops["A-digits"].value == pytest.approx(0.1)


def test_what_was_asked_for_and_is_missing_is_told(suite):
    assert build_part(suite, ["top-seed0"], ["A", "B"]).rows[0].problem == "incomplete, 1 of 2 tasks: B missing"
    assert build_part(suite, ["chars"], ["A"]).rows[0].problem == "not made yet"
