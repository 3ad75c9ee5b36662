"""Estimates: what two of them share stays paired, each source of variation counts once, and few levels widen the interval."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from scipy import stats

from bench.statistics.bootstrap import score_estimate
from bench.statistics.estimate import Estimate, Factor, averaged, mean, ratio
from bench.statistics.units import RESAMPLES, numbered, weights

RNG = np.random.default_rng(0)
STEADY = np.zeros(RESAMPLES)


def of_rows(values: np.ndarray, file: str = "rows") -> Estimate:
    """A mean over the rows of a file."""
    weight = weights(numbered(file, len(values)))
    return Estimate(float(values.mean()), weight @ values / weight.sum(axis=1), item_freedom=len(values) - 1)


def over_draws(right: np.ndarray, draws: str = "d", file: str = "rows") -> Estimate:
    """The mean of right answers (draws, rows)."""
    found = score_estimate(
        "accuracy", float(right.mean()), {"correct": ["".join(map(str, row)) for row in right.astype(int)]}, numbered(file, right.shape[1]), draws=draws
    )
    assert found is not None
    return found


def steady(value: float) -> Estimate:
    """A score that is the same in every resample."""
    return Estimate(value, np.full(RESAMPLES, value))


def answers(*shape: int) -> np.ndarray:
    return RNG.random(shape) < 0.7


def half(estimate: Estimate) -> float:
    low, high = estimate.interval
    return (high - low) / 2


def test_without_factors_and_with_many_units_the_interval_is_that_of_the_percentile_bootstrap():
    items = RNG.normal(size=1000)
    assert Estimate(0.0, items).interval == pytest.approx(np.quantile(items, [0.025, 0.975]), abs=1e-12)


def test_few_units_widen_the_interval_by_students_t():
    items = np.linspace(-1, 1, 1000)
    assert half(Estimate(0.0, items, item_freedom=4)) == pytest.approx(0.95 * stats.t.ppf(0.975, 4) / stats.norm.ppf(0.975), rel=1e-3)


def test_languages_of_the_same_rows_vary_together_and_those_of_other_rows_apart():
    values = RNG.normal(size=400)
    alone, same, other = of_rows(values), of_rows(values), of_rows(values, "other rows")
    assert half(mean([alone, same])) == pytest.approx(half(alone))
    assert half(mean([alone, other])) == pytest.approx(half(alone) / math.sqrt(2), rel=0.1)


def test_the_interval_holds_the_draws_as_well_as_the_rows():
    """Were all rows right in one half of the draws and wrong in the other, only the draws would vary."""
    right = np.zeros((10, 50), dtype=bool)
    right[::2] = True
    expected = stats.t.ppf(0.975, 9) * right.mean(axis=1).std(ddof=1) / math.sqrt(10)
    assert half(over_draws(right)) == pytest.approx(expected)


def test_what_rows_and_draws_decide_together_counts_once():
    """Where neither rows nor draws differ on the whole, the variance is p (1 - p) / (n R): counted with the rows, and with the draws, and taken out once."""
    found = [over_draws(answers(10, 200)) for _ in range(60)]
    variance = np.mean([one.item_variance + sum(factor.variance - np.var(factor.with_items) for factor in one.factors.values()) for one in found])
    twice = np.mean([one.item_variance + sum(factor.variance for factor in one.factors.values()) for one in found])
    assert variance == pytest.approx(0.21 / 2000, rel=0.15)
    assert twice == pytest.approx(2 * 0.21 / 2000, rel=0.15)


def test_draws_that_candidates_share_fall_out_of_their_difference():
    right = np.repeat(answers(10, 1), 300, axis=1) & answers(10, 300)
    flipped = right.copy()
    flipped[:, :5] ^= True
    shared = over_draws(right) - over_draws(flipped)
    apart = over_draws(right) - over_draws(flipped, draws="others")
    assert half(shared) < half(apart) / 3


def test_a_difference_of_equal_candidates_is_nothing_in_every_resample():
    right = answers(10, 80)
    found = over_draws(right) - over_draws(right)
    assert (found.value, found.interval, found.sure) == (0, (0, 0), False)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_interval_over_seeds_alone_is_students(seeds):
    scores = RNG.normal(size=seeds)
    found = averaged([steady(float(score)) for score in scores], over="seeds")
    expected = stats.t.interval(0.95, seeds - 1, scores.mean(), stats.sem(scores))
    assert found.interval == pytest.approx(expected)


def test_seeds_of_different_rows_are_independent_as_welch_has_it():
    first, second = (0.5, 0.6, 0.9), (0.4, 0.41, 0.44, 0.42)
    one, other = (averaged([steady(score) for score in scores], over=f"seeds {scores}") for scores in (first, second))
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    assert (one - other).interval == pytest.approx((expected.low, expected.high))


def test_seeds_that_differ_by_no_more_than_their_rows_make_them_add_nothing():
    """Three seeds that each err on rows of their own, and do not differ on the whole."""
    excess = []
    for _ in range(40):
        found = averaged([of_rows(RNG.normal(size=300)) for _ in range(3)], over="seeds")
        excess.append(found.factors["seeds"].variance - np.var(found.factors["seeds"].with_items))
    assert np.mean(excess) == pytest.approx(0, abs=0.5 / 300)  # each of the two is 1 / 900 on average


def test_one_seed_or_draw_says_nothing_about_others():
    alone = of_rows(RNG.normal(size=30))
    assert averaged([alone], over="seeds") is alone


def test_draws_stay_shared_when_seeds_are_folded():
    right = answers(10, 60)
    folded = averaged([over_draws(right), over_draws(right)], over="seeds a")
    single = over_draws(right)
    assert set(folded.factors) == {"draws d", "seeds a"}
    assert (folded - single).interval == (0, 0)


def test_sums_and_multiples_are_linear_in_everything():
    one, other = over_draws(answers(10, 60)), over_draws(answers(10, 60))
    for left, right in (((one + other) - other, one), (one * 3, one + one + one), (mean([one, other]), (one + other) * 0.5)):
        assert left.value == pytest.approx(right.value)
        assert left.items == pytest.approx(right.items)
        assert left.factors["draws d"].deviations == pytest.approx(right.factors["draws d"].deviations, abs=1e-12)
        assert left.factors["draws d"].with_items == pytest.approx(right.factors["draws d"].with_items, abs=1e-12)


def test_joint_replicates_have_the_variance_of_the_estimate():
    right = answers(10, 1) & answers(10, 150)
    found = over_draws(right)
    assert found.replicates.var() == pytest.approx(found.variance, rel=0.15)
    assert found.factor_variance > 0.3 * found.variance


def test_a_stored_estimate_is_read_back_with_six_digits():
    found = over_draws(answers(10, 60))
    again = Estimate.read(json.loads(json.dumps(found.record(), allow_nan=False)))
    assert (again.value, again.item_freedom) == (found.value, found.item_freedom)
    assert again.items == pytest.approx(found.items, abs=1e-6)
    assert again.interval == pytest.approx(found.interval, abs=1e-5)


PARENT = Estimate(0.5, np.linspace(0.4, 0.6, 1000))


def test_a_ratio_is_that_of_paired_replicates():
    value, bounds = ratio(PARENT * 0.9, PARENT)
    assert value == pytest.approx(0.9)
    assert bounds == pytest.approx((0.9, 0.9))
    _, (low, high) = ratio(Estimate(0.45, np.linspace(0.50, 0.40, 1000)), PARENT)
    assert (low, high) == pytest.approx((0.4025 / 0.595, 0.4975 / 0.405), rel=1e-3)


@pytest.mark.parametrize(
    "parent", [PARENT - Estimate(1.0, np.ones(1000)), PARENT - Estimate(0.42, np.full(1000, 0.42)), PARENT * 0], ids=["below", "perhaps", "zero"]
)
def test_a_ratio_to_what_is_not_surely_above_zero_is_undefined(parent):
    assert ratio(PARENT, parent) is None


def test_a_ratio_counts_the_seeds_of_both():
    seeds = Factor(np.array([-0.05, 0.0, 0.05]), STEADY)
    parent = dataclasses.replace(PARENT, items=np.full(1000, 0.5), factors={"seeds parent": seeds})
    _, (low, high) = ratio(parent * 0.9, parent)
    assert (low, high) == pytest.approx((0.9, 0.9))
    small = dataclasses.replace(parent * 0.9, factors={"seeds small": seeds})
    _, (low, high) = ratio(small, parent)
    assert high - low > 2 * stats.t.ppf(0.975, 3) * 0.05 / math.sqrt(3) / 0.5


@pytest.mark.parametrize("files", [("topic", "topic"), ("topic", "sentiment")])
def test_a_mean_over_tasks_has_the_variance_of_the_sum_of_its_parts(files):
    one, other = (over_draws(answers(10, 1) & answers(10, 200), draws=file, file=file) for file in files)
    found = mean([one, other])
    joint = np.var((one.items + other.items) / 2)
    assert found.item_variance == pytest.approx(joint)
    assert len(found.factors) == len(set(files))
    assert found.freedom >= 9 * 0.9
