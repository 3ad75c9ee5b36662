"""Bounds of scores: equal to what scipy, scikit-learn and mteb's rules give the worst, the best and the ignorant model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, average_precision_score, f1_score

from bench.statistics.floors import bounds

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("levels", [2, 3, 11, 1000])
def test_the_highest_spearman_is_that_of_different_cosines_in_the_order_of_the_gold_scores(levels):
    gold = RNG.integers(0, levels, size=60)
    best = np.argsort(np.argsort(gold, kind="stable"))
    found = bounds("STS", "cosine_spearman", gold.tolist())
    assert found.highest == pytest.approx(spearmanr(gold, best).statistic)
    assert found.lowest == pytest.approx(spearmanr(gold, -best).statistic)
    assert found.chance == 0


def test_pearson_has_the_whole_scale():
    assert bounds("STS", "cosine_pearson", [1, 1, 2]) == bounds("STS", "pearson", [3, 4]) != bounds("STS", "spearman", [1, 1, 2])


@pytest.mark.parametrize(("positive", "negative"), [(100, 100), (1, 9), (9, 1), (40, 60)])
def test_the_lowest_average_precision_is_that_of_every_negative_first_and_chance_is_the_share_of_positives(positive, negative):
    gold = [1] * positive + [0] * negative
    found = bounds("PairClassification", "cosine_ap", gold)
    assert found.lowest == pytest.approx(average_precision_score(gold, np.arange(len(gold))))
    assert found.highest == average_precision_score(gold, -np.arange(len(gold))) == 1
    assert found.chance == positive / (positive + negative)


def test_the_negation_task_stood_at_the_lowest_average_precision():
    assert bounds("PairClassification", "cosine_ap", [1, 0] * 100).lowest == pytest.approx(0.309, abs=5e-4)


@pytest.mark.parametrize("sizes", [(50, 50), (90, 10), (20, 30, 50), (25, 25, 25, 25)])
def test_chance_of_a_classification_is_the_better_of_one_answer_and_a_guess_by_frequency(sizes):
    gold = np.repeat(np.arange(len(sizes)), sizes)
    most = np.full(len(gold), np.argmax(sizes))
    guesses = [RNG.permutation(gold) for _ in range(200)]
    for metric, scored in {
        "accuracy": accuracy_score,
        "f1": lambda a, b: f1_score(a, b, average="macro"),
        "f1_weighted": lambda a, b: f1_score(a, b, average="weighted", zero_division=0),
    }.items():
        by_guess = np.mean([scored(gold, guess) for guess in guesses])
        assert bounds("Classification", metric, gold.tolist()).chance == pytest.approx(max(scored(gold, most), by_guess), abs=0.015)


@pytest.mark.parametrize(("metric", "expected"), [("max_f1", 2 * 0.3 / 1.3), ("max_accuracy", 0.7)])
def test_chance_of_the_best_threshold_is_one_answer_for_every_pair(metric, expected):
    assert bounds("PairClassification", metric, [1] * 3 + [0] * 7).chance == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["f1", "accuracy"])
def test_chance_of_bitext_mining_is_one_in_as_many_sentences(metric):
    assert bounds("BitextMining", metric, [0] * 40).chance == 1 / 40


def test_chance_of_triplets_is_a_half():
    found = bounds("Triplets", "accuracy", [0] * 7)
    assert (found.chance, found.lowest, found.highest) == (0.5, 0.0, 1.0)


@pytest.mark.parametrize(("kind", "metric", "gold"), [("STS", "spearman", []), ("PairClassification", "unheard", [0, 1]), ("Elsewhere", "accuracy", [1])])
def test_what_is_not_known_has_no_bounds(kind, metric, gold):
    assert bounds(kind, metric, gold) is None
