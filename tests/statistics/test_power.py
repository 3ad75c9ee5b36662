"""Smallest detectable differences, and p-values of several."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.statistics.estimate import Estimate
from bench.statistics.power import drop_probability, holm, smallest_detectable


def estimate(value: float, error: float, freedom: float = np.inf) -> Estimate:
    items = np.random.default_rng(0).normal(size=1000)
    return Estimate(value, value + error * (items - items.mean()) / items.std(), item_freedom=freedom)


def test_a_true_drop_of_the_smallest_detectable_size_is_seen_in_80_of_100_cases():
    smallest = smallest_detectable(estimate(0.0, 0.01))
    assert smallest == pytest.approx(0.01 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)), rel=1e-3)
    seen = np.random.default_rng(1).normal(-smallest, 0.01, 20_000) + stats.norm.ppf(0.975) * 0.01 < 0
    assert seen.mean() == pytest.approx(0.8, abs=0.01)


def test_few_degrees_of_freedom_make_it_larger():
    assert smallest_detectable(estimate(0.0, 0.01, freedom=3)) == pytest.approx(0.01 * (stats.t.ppf(0.975, 3) + stats.t.ppf(0.8, 3)))


def test_what_never_varies_is_seen_however_small():
    assert smallest_detectable(Estimate(0.0, np.zeros(1000))) == 0.0
    assert [drop_probability(Estimate(value, np.full(1000, value))) for value in (-0.1, 0.0, 0.1)] == [0.0, 1.0, 1.0]


def test_the_p_value_of_a_drop_is_students():
    assert drop_probability(estimate(-0.02, 0.01, freedom=9)) == pytest.approx(stats.t.cdf(-2, 9))


def test_several_p_values_are_corrected_as_by_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # the worked order: 3 * 0.01, 2 * 0.03, and 0.04 not below its forerunner
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
