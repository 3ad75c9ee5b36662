"""Complete rows beside each other: differences, Borda points, means by language, what a task can tell, and the front on one machine."""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
import time

import numpy as np
import pytest

from bench.cards.suites import Suite, SuiteInfo
from bench.cards.tasks import Source, Subset, TaskCard
from bench.plan.records import Record, SuiteRecords
from bench.publish.files import to_json, values
from bench.standings.board import Board, Row
from bench.standings.build import build_board
from bench.standings.compared import fronts
from bench.standings.part import build_part
from bench.statistics.bootstrap import score_estimate
from bench.statistics.estimate import Estimate
from bench.statistics.power import smallest_detectable
from bench.statistics.units import numbered
from tests.builders import make_candidate

USED = {"prompt": "", "similarity": "cosine", "precision": {"fp32": 1.0}}
WHERE = {"machine": {"cpu": "x"}, "versions": {"torch": "2"}}
SCORES = {"a": {"STS": (0.8, 0.6), "Bitext": (0.9,)}, "b": {"STS": (0.7, 0.7), "Bitext": (0.5,)}, "c": {"STS": (0.5, 0.3), "Bitext": (0.5,)}}


def card(name: str, kind: str, **languages: tuple[str, ...]) -> TaskCard:
    subsets = {subset: Subset(languages=of, sources=(Source(split="test", file="x.tsv"),)) for subset, of in languages.items()}
    return TaskCard(name=name, type=kind, description="d", license="cc0-1.0", subsets=subsets)


CARDS = (card("STS", "STS", mr=("mar-Deva",), hi=("hin-Deva",)), card("Bitext", "BitextMining", both=("mar-Deva", "hin-Deva")))


def result(values: tuple[float, ...], subsets: list[str], seed: int, spread: float = 0.01) -> dict:
    noise = [np.random.default_rng(10 * seed + number).normal(0, spread, 1000) for number in range(len(values))]
    main = dict(zip(subsets, values, strict=True))
    estimates = {subset: Estimate(value, value + one).record() for (subset, value), one in zip(main.items(), noise, strict=True)}
    return {"status": "done", "main": main, "estimates": estimates, "used": USED, "bounds": {}, **WHERE}


def record(name: str, number: int, parent: str | None = None, **costs: float) -> Record:
    made = {"content": "c", "parameters": {"embeddings": 1, "body": 1}, "tokenizer_problems": [], **WHERE}
    scores = {one.name: result(SCORES[name][one.name], list(one.subsets), number) for one in CARDS}
    return Record(make_candidate("lexical", name=name, parent=parent, ngram=(number, number)), (), made, None, scores, cost(**costs) if costs else None)


def cost(speed: float, peak: float, machine: str = "x") -> dict:
    return {
        "offline": {"sentences_per_second": speed, "batch_size": 1},
        "single": {"p50": 1.0, "p90": 1.0},
        "memory": {"peak_while_encoding": peak, "cuda_allocated_peak": None},
        "load": 1.0,
        "bytes_on_disk": 1,
        "machine": {"cpu": machine},
        "versions": {},
    }


def suite(*records: Record) -> SuiteRecords:
    return SuiteRecords(Suite(suite=SuiteInfo(name="tiny", tasks=("STS", "Bitext"))), {one.name: one for one in CARDS}, "cpu", records)


@pytest.fixture
def board() -> Board:
    unmade = Record(make_candidate("lexical", name="d", ngram=(9, 9)), problem="not made yet")
    return build_board(suite(record("a", 1), record("b", 2, "a"), record("c", 3, "a"), unmade))


def test_borda_points_count_the_complete_rows_that_are_beaten_task_by_task(board):
    assert {name: one.borda for name, one in board.compared.items()} == {"a": 1.5 + 2, "b": 1.5 + 0.5, "c": 0.5}
    assert sum(one.borda for one in board.compared.values()) == 2 * 3  # tasks times pairs


def test_a_row_is_compared_with_its_parent_and_with_the_next_better_mean(board):
    assert [(one.to_above and one.to_above.other, one.to_parent and one.to_parent.other) for one in board.compared.values()] == [
        (None, None),
        ("a", "a"),
        ("b", "a"),
    ]
    rows = {row.name: row for row in board.rows}
    for name, one in board.compared.items():
        for pair in filter(None, (one.to_above, one.to_parent)):
            assert pair.value == pytest.approx(rows[name].mean - rows[pair.other].mean)
            assert pair.interval == (rows[name].estimate - rows[pair.other].estimate).interval


def test_a_mean_by_language_is_over_the_tasks_in_it_and_a_pair_of_languages_is_in_neither(board):
    assert {language: one.value for language, one in board.compared["a"].languages.items()} == {"mar-Deva": pytest.approx(0.8), "hin-Deva": pytest.approx(0.6)}
    low, high = board.compared["a"].languages["mar-Deva"].interval
    assert low < 0.8 < high


def test_an_incomplete_row_is_beside_nobody(board):
    assert "d" not in board.compared


def test_what_a_task_can_tell_is_the_median_over_neighbours(board):
    rows = [row for row in board.rows if row.mean is not None]
    bitext = [smallest_detectable(one.estimates["Bitext"] - other.estimates["Bitext"]) for one, other in itertools.pairwise(rows)]
    assert board.detectable["Bitext"] == pytest.approx(statistics.median(bitext))
    assert board.detectable["STS"] < board.detectable["Bitext"]  # a mean of two independent languages varies less


def test_a_true_difference_of_the_detectable_size_is_found_in_eighty_of_a_hundred_tests():
    rng, error, found = np.random.default_rng(0), 0.02, 0
    noise = rng.normal(0, error, 1000)
    size = smallest_detectable(Estimate(0.0, noise))
    for true in rng.normal(size, error, 2000):
        found += Estimate(true, true + noise).sure
    assert found / 2000 == pytest.approx(0.8, abs=0.03)


def measured(name: str, mean: float, speed: float, peak: float, machine: str = "x") -> Row:
    return Row(name, "lexical", None, "", None, {}, {}, cost(speed, peak, machine), None, mean=mean)


def test_the_front_holds_what_nothing_on_the_same_machine_beats():
    good, fast, small = measured("good", 0.9, 10, 100), measured("fast", 0.5, 90, 100), measured("small", 0.5, 10, 9)
    beaten, elsewhere = measured("beaten", 0.5, 80, 100), measured("elsewhere", 0.1, 1, 999, machine="y")
    unmeasured = Row("unmeasured", "lexical", None, "", None, {}, {}, None, None, mean=1.0)
    found = {front.machine["cpu"]: front.rows for front in fronts([unmeasured, good, fast, small, beaten, elsewhere])}
    assert found == {"x": ("good", "fast", "small"), "y": ("elsewhere",)}


def test_a_measurement_that_does_not_count_is_on_no_front():
    noisy = measured("noisy", 0.9, 99, 1)
    noisy.probe = {**noisy.probe, "validity": {"verdict": "INVALID", "reasons": ["noise"]}}
    assert fronts([noisy, measured("sound", 0.5, 10, 10)])[0].rows == ("sound",)


def test_equals_are_both_on_the_front():
    assert fronts([measured("one", 0.5, 10, 10), measured("other", 0.5, 10, 10)])[0].rows == ("one", "other")


def test_the_part_of_a_board_is_beside_itself_and_knows_parents_that_were_not_asked_for():
    board = build_part(suite(record("a", 1, speed=1, peak=1), record("b", 2, "a", speed=1, peak=2), record("c", 3, "a")), ["b", "c"], ["STS", "Bitext"])
    assert {name: one.borda for name, one in board.compared.items()} == {"b": 1.5, "c": 0.5}
    assert [(one.to_above and one.to_above.other, one.to_parent.other) for one in board.compared.values()] == [(None, "a"), ("b", "a")]
    assert [front.rows for front in board.fronts] == [("b",)]


def test_the_published_file_holds_all_of_it(board):
    document = json.loads(to_json(values(board)))
    assert document["compared"]["b"]["to_parent"]["other"] == "a"
    assert document["compared"]["b"]["languages"]["mar-Deva"]["value"] == pytest.approx(0.7)
    assert document["detectable"].keys() == {"STS", "Bitext"}
    measured_board = dataclasses.replace(board, fronts=fronts([measured("one", 0.5, 10, 10)]))
    assert json.loads(to_json(values(measured_board)))["fronts"] == [{"machine": {"cpu": "x"}, "rows": ["one"]}]


@pytest.mark.slow
def test_thirty_candidates_on_1700_pairs_take_at_most_five_seconds_of_one_core():
    """Replicates of every score and the whole board. Time of the processor, not of the clock: other processes do not count."""
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 6, 1700).astype(float)
    truth = gold + rng.normal(0, 1, 1700)
    cosines = [truth + rng.normal(0, 0.5 + number / 20, 1700) for number in range(30)]
    pairs = card("Pairs", "STS", mr=("mar-Deva",))
    start = time.process_time()
    records = []
    for number, cosine in enumerate(cosines):
        estimate = score_estimate("cosine_spearman", 0.5, {"gold": gold, "cosine": cosine}, numbered("pairs", 1700))
        scores = {"Pairs": {**result((0.5,), ["mr"], 0), "main": {"mr": 0.5}, "estimates": {"mr": estimate.record()}}}
        made = {"parameters": None, "tokenizer_problems": [], **WHERE}
        records.append(Record(make_candidate("lexical", name=f"c{number}", ngram=(1, number + 1)), (), made, None, scores))
    board = build_board(SuiteRecords(Suite(suite=SuiteInfo(name="t", tasks=("Pairs",))), {"Pairs": pairs}, "cpu", tuple(records)))
    to_json(values(board))
    spent = time.process_time() - start
    assert len(board.compared) == 30
    assert spent <= 5, f"{spent:.1f} s"
