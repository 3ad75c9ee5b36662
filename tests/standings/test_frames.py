"""The board as pandas tables: the same numbers as the published files, one row for every candidate, task and language."""

from __future__ import annotations

import dataclasses
import io

import pandas as pd
import pytest

from bench.publish.cells import numbers
from bench.standings.board import LONG_COLUMNS, SUMMARY_COLUMNS, Column
from tests.builders import csv_of
from tests.publish.test_publish import BOARD, CHARS, FULL, PARTIAL, ROBUST, ROBUSTNESS, SMALL


def test_the_long_table_has_one_row_for_every_candidate_task_and_subset_in_the_order_of_the_board():
    table = ROBUST.to_frame()
    columns = (*ROBUST.columns, *ROBUST.robustness)
    assert [tuple(line) for line in table[["candidate", "task", "subset", "metric"]].itertuples(index=False)] == [
        (row.name, column.task, column.subset, column.metric) for row in ROBUST.rows for column in columns
    ]
    assert not table.duplicated(["candidate", "task", "subset"]).any()


@pytest.mark.parametrize("board", [BOARD, ROBUST, dataclasses.replace(BOARD, rows=()), dataclasses.replace(BOARD, rows=(FULL,), columns=())])
def test_columns_and_their_types_are_the_same_whatever_the_board_holds(board):
    assert {name: str(kind) for name, kind in board.to_frame().dtypes.items()} == LONG_COLUMNS
    assert {name: str(kind) for name, kind in board.summary().dtypes.items()} == SUMMARY_COLUMNS


def test_scores_stand_with_their_intervals_and_what_was_not_computed_is_missing():
    table = BOARD.to_frame().set_index(["candidate", "task", "subset"]).sort_index()
    assert table.loc[("mini-top2", "Pairs", "mr"), ["score", "low", "high"]].tolist() == [0.5, 0.45, 0.55]
    assert table.loc[("mini-top2", "Pairs", "hi"), "score"] == 0.4
    assert table.loc[("mini-top2", "Topics", "mr"), ["score", "low", "high"]].isna().all()
    assert table.loc["mini-scratch2", "score"].isna().all()
    assert table.loc[("chars", "Pairs", "hi"), "score"] == 0.0
    assert table["rank"].isna().sum() == 6
    assert table.loc["mini-middle6", "parent"].unique().tolist() == ["mini"]
    assert table.loc["mini", "parent"].isna().all()


def test_every_score_of_the_board_is_in_the_long_table():
    table = BOARD.to_frame().dropna(subset=["score"])
    labels = {(column.task, column.subset): column.label for column in BOARD.columns}
    found: dict[str, dict[str, float]] = {}
    for line in table.itertuples():
        found.setdefault(line.candidate, {})[labels[line.task, line.subset]] = line.score
    assert found == {row.name: row.scores for row in BOARD.rows if row.scores}


def test_a_task_with_rewritten_texts_has_its_drop_and_the_score_that_is_left():
    table = ROBUST.to_frame()
    rewritten = table[table["clean"].notna()].set_index(["candidate", "task", "subset"]).sort_index()
    line = rewritten.loc[("mini", "Pairs-digits", "mr")]
    assert line["score"] == pytest.approx(0.8 - 0.1234)
    assert line[["drop", "drop_low", "drop_high"]].tolist() == [0.1234, 0.08, 0.16]
    assert rewritten.loc[("mini-middle6", "Pairs-digits", "hi"), ["drop_low", "drop_high"]].isna().all()
    assert rewritten.loc["chars", ["score", "drop"]].isna().all(axis=None)
    assert set(rewritten["clean"]) == {"Pairs"}
    assert table[table["clean"].isna()]["drop"].isna().all()


def test_names_of_tasks_cannot_hide_other_columns():
    names = ("candidate", "rank", "mean", "score")
    columns = tuple(Column(name, "mr", name, "accuracy") for name in names)
    row = dataclasses.replace(FULL, scores=dict.fromkeys(names, 0.25))
    table = dataclasses.replace(BOARD, columns=columns, rows=(row,)).to_frame()
    assert table["candidate"].tolist() == ["mini"] * 4
    assert table["task"].tolist() == list(names)
    assert table["rank"].tolist() == [1] * 4


def test_the_summary_says_what_the_published_file_says_of_every_candidate():
    summary = BOARD.summary()
    same = [name for name in SUMMARY_COLUMNS if name not in {"low", "high"}]
    expected = pd.DataFrame([{**numbers(BOARD, row)} for row in BOARD.rows], dtype=object)[same].astype({name: SUMMARY_COLUMNS[name] for name in same})
    pd.testing.assert_frame_equal(summary[same], expected)
    assert summary.loc[0, ["low", "high"]].tolist() == [0.80, 0.83]
    assert summary["low"].isna().tolist() == [False, True, True, True, True]
    assert summary.set_index("candidate").loc["mini-middle6", "sentences_per_second":"bytes_on_disk"].isna().all()


def test_the_published_csv_reads_back_with_pandas_as_the_numbers_that_were_written():
    table = pd.read_csv(io.StringIO(csv_of(ROBUST)))
    assert table["candidate"].tolist() == [row.name for row in ROBUST.rows]
    for index, row in enumerate((FULL, SMALL, CHARS, PARTIAL)):
        assert table.loc[index, list(row.scores)].tolist() == list(row.scores.values())
    assert table.loc[0, f"drop {ROBUSTNESS[0].label}"] == 0.1234
    assert "1.0" not in csv_of(ROBUST).splitlines()[1].split(",")[:4]


def test_the_csv_of_a_board_without_rows_is_empty_but_for_its_end_of_line():
    assert csv_of(dataclasses.replace(BOARD, rows=())).strip('"\n') == ""
