"""What timings can carry."""

from __future__ import annotations

import numpy as np
import pytest

from bench.statistics.latency import fewest_samples, middle_interval, percentile_at_most, percentile_of


@pytest.mark.parametrize(("percentile", "fewest"), [(0.5, 11), (0.9, 64), (0.99, 662)])
def test_a_percentile_needs_as_many_timings_as_mlperf_asks_for(percentile, fewest):
    """The numbers of LoadGen for a single stream."""
    assert fewest_samples(percentile) == fewest
    assert percentile_of(range(fewest - 1), percentile) is None
    assert percentile_of(range(fewest), percentile) is not None


def test_what_a_percentile_does_not_exceed_holds_in_ninety_nine_of_a_hundred_samples():
    draws = np.random.default_rng(0).random((2000, 200))
    assert np.mean([percentile_at_most(row, 0.9) >= 0.9 for row in draws]) >= 0.99
    assert percentile_at_most(draws[0][:63], 0.9) is None


@pytest.mark.parametrize("tails", [2, 30])
@pytest.mark.parametrize("rounds", [6, 10, 25])
def test_the_interval_of_the_middle_of_ratios_holds_it_in_ninety_five_of_a_hundred_samples(rounds, tails):
    """Also where single rounds are far off (the heavy tails of Student's t with 2 degrees of freedom)."""
    draws = np.exp(0.1 * np.random.default_rng(1).standard_t(tails, size=(2000, rounds)))
    found = [middle_interval(row) for row in draws]
    assert 0.935 <= np.mean([low <= 1.0 <= high for _, low, high in found]) <= 0.985
    assert all(low <= middle <= high for middle, low, high in found)


def test_five_values_give_no_interval():
    with pytest.raises(ValueError, match="at least 6"):
        middle_interval(range(5))
