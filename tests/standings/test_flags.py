"""Flags: a column is flagged when no candidate leaves chance, or an end of the scale, with 95 % confidence, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from bench.standings.board import Column, Drop, Row
from bench.standings.flags import bounds_of, flags
from bench.statistics.estimate import Estimate
from bench.statistics.floors import Bounds

COLUMN = Column("Negation", "mr", "Negation mr", "accuracy")
REWRITTEN = Column("Negation-digits", "mr", "Negation-digits mr", "accuracy", clean="Negation", rule="digits")
HALF = {("Negation", "mr"): Bounds(0.5, 0.0, 1.0), ("Negation-digits", "mr"): Bounds(0.5, 0.0, 1.0)}


def between(value, low, high):
    """An estimate whose 95 % interval is [low, high]."""
    return Estimate(value, np.repeat([low, high], 500))


def row(score, low=None, high=None, *, drop=None):
    estimates = {} if low is None else {COLUMN.label: between(score, low, high)}
    scores = {} if score is None else {COLUMN.label: score}
    drops = {} if drop is None else {REWRITTEN.label: drop}
    return Row("m", "full", None, "", None, scores, {}, None, None, estimates=estimates, drops=drops)


def ends(rows, bounds=HALF, columns=(COLUMN,), robustness=()):
    return [(flag.column, flag.end) for flag in flags(rows, columns, robustness, bounds)]


@pytest.mark.parametrize(
    ("rows", "end"),
    [
        ([row(0.0, 0.0, 0.0), row(0.02, 0.0, 0.05)], "lowest"),
        ([row(0.1, 0.05, 0.2), row(0.52, 0.5, 0.6)], "chance"),
        ([row(0.52, 0.45, 0.6), row(0.4, 0.3, 0.5)], "chance"),
        ([row(1.0, 1.0, 1.0), row(0.98, 0.95, 1.0)], "highest"),
    ],
    ids=["all at the lowest", "below or touching chance", "around chance", "all at the highest"],
)
def test_a_column_in_which_no_candidate_leaves_an_end_or_chance_is_flagged(rows, end):
    assert ends(rows) == [("Negation mr", end)]


@pytest.mark.parametrize(
    "rows", [[row(0.1, 0.05, 0.2), row(0.6, 0.501, 0.7)], [row(1.0, 1.0, 1.0), row(0.9, 0.8, 0.999)]], ids=["above chance", "below the highest"]
)
def test_one_candidate_that_leaves_it_is_enough_for_no_flag(rows):
    assert ends(rows) == []


def test_scores_without_an_interval_are_judged_alone():
    assert ends([row(0.5), row(0.3)]) == [("Negation mr", "chance")]
    assert ends([row(0.51), row(0.3)]) == []


def test_rows_without_the_score_are_not_asked_and_a_column_without_any_is_not_flagged():
    assert ends([row(None), row(0.1, 0.0, 0.2)]) == [("Negation mr", "lowest")]
    assert ends([row(None)]) == []


def test_a_column_whose_test_has_no_known_bounds_is_not_flagged():
    assert ends([row(0.0, 0.0, 0.0)], bounds={}) == []


def test_a_correlation_below_zero_is_below_chance():
    assert ends([row(-0.4, -0.6, -0.2), row(0.1, -0.1, 0.3)], bounds={("Negation", "mr"): Bounds(0.0, -0.99, 0.99)}) == [("Negation mr", "chance")]


@pytest.mark.parametrize(
    ("drop", "found"),
    [
        (Drop(0.4, between(0.4, 0.4, 0.4)), [("Negation-digits mr", "chance")]),
        (Drop(0.1, between(0.1, 0.1, 0.1)), []),
        (Drop(0.4), [("Negation-digits mr", "chance")]),
        (None, []),
    ],
    ids=["lost", "kept", "without an interval", "not scored"],
)
def test_a_column_of_rewritten_texts_is_judged_by_the_score_that_is_left(drop, found):
    assert ends([row(0.8, 0.75, 0.85, drop=drop)], robustness=(REWRITTEN,)) == found


def test_the_reason_names_the_score_in_plain_words():
    (flag,) = flags([row(0.3, 0.2, 0.4)], (COLUMN,), (), HALF)
    assert (flag.level, flag.reason) == (0.5, "no candidate is surely above chance, 50.0")


def test_bounds_are_read_from_results_by_task_and_subset_and_old_results_have_none():
    cell = {"candidate": "m", "stage": "evaluate", "target": "Negation"}
    stored = [{"cell": cell, "bounds": {"mr": {"chance": 0.5, "lowest": 0.0, "highest": 1.0}, "hi": None}}, {"cell": cell}, {"cell": {**cell, "stage": "make"}}]
    assert bounds_of(stored) == {("Negation", "mr"): Bounds(0.5, 0.0, 1.0)}
