"""Tiers: what is surely above what, for all pairs of a board at once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.statistics.estimate import Estimate, averaged
from bench.statistics.tiers import surely_above, tiers
from bench.statistics.units import RESAMPLES

RNG = np.random.default_rng(0)


def row(value: float, *, error: float = 1.0) -> Estimate:
    """A row whose error is its own."""
    return Estimate(value, value + error * RNG.normal(size=RESAMPLES))


def test_rows_that_are_far_apart_have_a_tier_each_in_any_order():
    assert tiers([row(0), row(20), row(10)]) == [3, 1, 2]


def test_rows_that_may_be_equal_share_a_tier():
    assert tiers([row(0.0), row(1.0), row(0.5)]) == [1, 1, 1]


def test_a_tier_counts_the_rows_above_and_not_the_tiers():
    assert tiers([row(20), row(20.1), row(0)]) == [1, 1, 3]


def test_a_lead_that_is_sure_between_two_is_not_sure_among_many():
    """2.5 standard errors are beyond 5 % for one pair and not for 45."""
    lead = 2.5 * 2**0.5
    assert tiers([row(lead), row(0)]) == [1, 2]
    assert tiers([row(lead), *[row(0) for _ in range(9)]]) == [1] * 10


def test_what_is_found_already_makes_the_rest_easier():
    """Step-down: rows far below are found first, and what is then left to be wrong about is less than among ten that are close."""
    lead, noise = 3.0 * 2**0.5, np.random.default_rng(0).normal(size=(10, RESAMPLES))
    for others, sure in ((np.arange(-100.0, -500.0, -50.0), True), (np.zeros(8), False)):
        board = [Estimate(value, value + own) for value, own in zip((lead, 0.0, *others), noise, strict=True)]
        assert surely_above(board)[0, 1] == sure


def test_what_rows_have_in_common_does_not_hide_a_difference():
    common = 10 * RNG.normal(size=RESAMPLES)
    better, worse = (Estimate(value, value + common + 0.1 * RNG.normal(size=RESAMPLES)) for value in (1.0, 0.0))
    assert tiers([better, worse]) == [1, 2]


def test_the_same_candidate_twice_is_in_one_tier_and_a_steady_lead_is_sure():
    same = row(1.0)
    assert tiers([same, same]) == [1, 1]
    assert tiers([same, same - Estimate(0.5, np.full(RESAMPLES, 0.5))]) == [1, 2]


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_few_seeds_need_a_larger_lead(seeds):
    """Two rows over seeds alone: sure where Welch's test is, give or take that the 95 % point comes from 1,000 replicates."""
    scores = np.linspace(-1, 1, seeds)
    limit = stats.t.ppf(0.975, 2 * (seeds - 1)) * np.sqrt(2) * stats.sem(scores)

    def board(lead: float) -> list[int]:
        rows = [[Estimate(float(score) + shift, np.full(RESAMPLES, score + shift)) for score in scores] for shift in (lead, 0.0)]
        return tiers([averaged(one, over=f"seeds {name}") for name, one in enumerate(rows)])

    assert board(1.3 * limit) == [1, 2]
    assert board(0.75 * limit) == [1, 1]


@pytest.mark.parametrize("count", [0, 1])
def test_a_board_of_no_pairs_has_no_claims(count):
    assert tiers([row(0)] * count) == [1] * count


def test_nothing_is_above_itself_and_no_two_are_above_each_other():
    found = surely_above([row(value) for value in (0, 3, 6, 9, 12)])
    assert not (found & found.T).any()
    assert found.any()
