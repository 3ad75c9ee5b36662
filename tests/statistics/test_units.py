"""Resampling units: their weights belong to the row of the file, wherever it is read."""

from __future__ import annotations

import numpy as np
import pytest

from bench.statistics.units import RESAMPLES, effective_number, numbered, weights


def test_weights_have_the_moments_of_how_often_a_bootstrap_draws_a_row():
    weight = weights(numbered("file", 3000))
    assert weight.shape == (RESAMPLES, 3000)
    assert weight.min() > 0
    centred = weight - 1
    assert [(centred**power).mean() for power in (1, 2, 3)] == pytest.approx([0, 1, 1], abs=0.01)


def test_weights_of_different_rows_resamples_and_files_are_independent():
    one, other = weights(numbered("file", 600)) - 1, weights(numbered("another file", 600)) - 1
    rows = one.T @ one / RESAMPLES
    assert np.abs(rows - np.diag(np.diag(rows))).max() < 0.25  # 180,000 correlations of 1,000 pairs each
    assert np.abs((one * other).mean()) < 0.01
    resamples = one @ one.T / 600
    assert np.abs(resamples - np.diag(np.diag(resamples))).max() < 0.3


@pytest.mark.parametrize("chosen", [[3, 1, 599], [512, 511, 0], [700]])
def test_a_row_weighs_the_same_whatever_other_rows_are_read(chosen):
    everything = weights(numbered("file", 800))
    assert (weights(tuple(("file", number) for number in chosen)) == everything[:, chosen]).all()


def test_rows_of_one_unit_weigh_the_same():
    weight = weights((("file", 0), ("file", 1), ("file", 0)))
    assert (weight[:, 0] == weight[:, 2]).all()
    assert (weight[:, 0] != weight[:, 1]).any()


def test_weights_are_shared_by_all_who_ask_and_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        weights(numbered("file", 5))[0, 0] = 2


def test_the_effective_number_of_units_counts_large_ones_for_less():
    assert effective_number(numbered("file", 40)) == 40
    assert effective_number([("file", number // 2) for number in range(40)]) == 20
    assert effective_number([("file", max(0, number - 20)) for number in range(40)]) == pytest.approx(40**2 / (21**2 + 19))
    assert effective_number([]) == 0
