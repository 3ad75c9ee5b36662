"""A published board is replaced only by one that has at least its scores and measurements, unless its cards ask for less now."""

import dataclasses
import json

import pytest

from bench.errors import StorageError
from bench.publish import files, guard
from bench.publish.files import values
from tests.publish.test_publish import BOARD, CHARS, FULL, PARTIAL, PROBE, ROBUST, SMALL, UNMADE


def would_lose(board, folder):
    return guard.would_lose(values(board), folder)


def with_rows(*rows, of=BOARD):
    return dataclasses.replace(of, rows=rows)


@pytest.fixture
def published(tmp_path):
    files.publish(values(ROBUST), tmp_path)
    return tmp_path


def test_where_nothing_is_published_nothing_is_lost(tmp_path):
    assert would_lose(BOARD, tmp_path) is None
    assert would_lose(BOARD, tmp_path / "not there") is None


def test_a_board_with_the_same_results_or_more_takes_the_place(published):
    assert would_lose(ROBUST, published) is None
    more = dataclasses.replace(UNMADE, scores={"Topics": 0.5}, probe=PROBE, problem=None)
    assert would_lose(with_rows(*ROBUST.rows[:-1], more, of=ROBUST), published) is None


def test_a_score_that_is_missing_now_is_named_with_its_candidate(published):
    failed = dataclasses.replace(ROBUST.rows[0], scores={"Pairs mr": 0.8, "Pairs hi": 0.7}, problem="Topics failed")
    assert would_lose(with_rows(failed, *ROBUST.rows[1:], of=ROBUST), published) == "it has 1 score that the new one lacks, of mini"


def test_a_measurement_and_a_drop_count_too(published):
    unmeasured = dataclasses.replace(ROBUST.rows[0], probe=None, drops={})
    assert would_lose(with_rows(unmeasured, *ROBUST.rows[1:], of=ROBUST), published) == "it has 3 scores and 1 measurement that the new one lacks, of mini"


def test_many_candidates_are_counted_and_only_a_few_named(published):
    unmade = [dataclasses.replace(UNMADE, name=row.name) for row in (FULL, SMALL, CHARS, PARTIAL)]
    told = would_lose(with_rows(*unmade, of=ROBUST), published)
    assert told.endswith("of mini, mini-middle6, chars and 1 more")


def test_candidates_and_tasks_that_the_cards_no_longer_have_are_not_lost(published):
    assert would_lose(with_rows(*ROBUST.rows[1:], of=ROBUST), published) is None
    without_topics = [dataclasses.replace(row, scores={label: score for label, score in row.scores.items() if label != "Topics"}) for row in ROBUST.rows]
    fewer = dataclasses.replace(ROBUST, columns=ROBUST.columns[:2], rows=tuple(without_topics))
    assert would_lose(fewer, published) is None


def test_the_board_of_another_suite_is_not_written_over(published):
    assert would_lose(dataclasses.replace(ROBUST, suite="other"), published) == "it is the board of suite 'tiny'"


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n{}", "[]", '{"suite": "tiny"}', '{"suite": "tiny", "rows": [{"candidate": "mini", "scores": null}]}', "\xff"])
def test_a_board_that_cannot_be_understood_is_left_alone(published, text):
    (published / "leaderboard.json").write_bytes(text.encode("latin-1"))
    assert "no board that can be read" in would_lose(ROBUST, published)


def test_a_board_of_an_earlier_version_without_drops_is_understood(published):
    document = json.loads((published / "leaderboard.json").read_text(encoding="utf-8"))
    for row in document["rows"]:
        del row["drops"]
    (published / "leaderboard.json").write_text(json.dumps(document), encoding="utf-8")
    assert would_lose(ROBUST, published) is None


def test_a_folder_in_the_place_of_the_board_is_an_error_of_storage(tmp_path):
    (tmp_path / "leaderboard.json").mkdir()
    with pytest.raises(StorageError, match=r"leaderboard\.json"):
        would_lose(BOARD, tmp_path)
