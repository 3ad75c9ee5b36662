"""Tiers and shares of parents of a board's rows: what they count, and where they say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from bench.cards.kinds import Pruned
from bench.standings.board import Row
from bench.standings.ranks import add_ranks
from bench.standings.seeds import fold
from bench.statistics.estimate import Estimate

NOISE = np.random.default_rng(0).normal(size=(9, 1000))


def row(name: str, mean: float, *, parent: str | None = None, noise: int = 0, error: float = 0.01, known: bool = True) -> Row:
    estimate = Estimate(mean, mean + error * NOISE[noise]) if known else None
    return Row(name, "pruned", parent, "", None, {}, {}, None, None, mean=mean, estimate=estimate)


def ranked(*rows: Row) -> list[int | None]:
    add_ranks(rows)
    return [one.rank for one in rows]


def test_rows_get_tiers_by_what_is_surely_above_them():
    assert ranked(row("a", 0.9), row("b", 0.89, noise=1), row("c", 0.5, noise=2)) == [1, 1, 3]


def test_a_row_whose_variation_is_not_known_has_no_tier_and_is_above_nobody():
    assert ranked(row("a", 0.9, known=False), row("b", 0.5)) == [None, 1]


def test_a_share_of_the_parent_has_a_paired_interval():
    small = row("small", 0.45, parent="full")
    ranked(row("full", 0.5), small)
    assert small.of_parent == pytest.approx(0.9)
    low, high = small.of_parent_interval
    assert 0.895 < low < 0.9 < high < 0.905  # unpaired it would reach from 0.85 to 0.95


def test_a_share_of_each_score_is_paired_too_and_left_out_where_the_parents_may_be_zero():
    full, small = row("full", 0.5), row("small", 0.45, parent="full")
    full.estimates = {"Pairs": Estimate(0.8, 0.8 + 0.02 * NOISE[0]), "Topics": Estimate(0.01, 0.01 + 0.02 * NOISE[1])}
    small.estimates = {
        "Pairs": Estimate(0.6, 0.6 + 0.02 * NOISE[0]),
        "Topics": Estimate(0.01, 0.01 + 0.02 * NOISE[1]),
        "Bitext": Estimate(0.5, 0.5 + 0.01 * NOISE[2]),
    }
    ranked(full, small)
    assert small.shares.keys() == {"Pairs"}
    value, (low, high) = small.shares["Pairs"]
    assert value == pytest.approx(0.75)
    assert 0.72 < low < 0.75 < high < 0.78  # unpaired it would reach from 0.69 to 0.81
    assert full.shares == {}


@pytest.mark.parametrize(("mean", "error"), [(-0.5, 0.01), (0.0, 0.01), (0.02, 0.01), (0.5, 0.3)])
def test_a_share_of_a_parent_that_may_be_zero_or_below_is_left_out(mean, error):
    small = row("small", mean * 1.14, parent="full", noise=1)
    ranked(row("full", mean, error=error), small)
    assert (small.of_parent, small.of_parent_interval) == (None, None)


def test_a_share_is_left_out_where_the_variation_of_either_is_not_known():
    for own, parents in ((False, True), (True, False)):
        small = row("small", 0.4, parent="full", known=own)
        ranked(row("full", 0.5, known=parents), small)
        assert small.of_parent is None


def folded(name: str, means: list[float]) -> Row:
    """A row over seeds whose test error is nearly nothing."""
    candidates = [Pruned(name=f"{name}-seed{seed}", base=name, strategy="random", keep=2, seed=seed) for seed in range(len(means))]
    rows = {one.name: row(one.name, mean, error=0.0001) for one, mean in zip(candidates, means, strict=True)}
    return fold(rows, candidates)[0]


def test_the_interval_of_a_row_over_seeds_holds_the_seeds():
    low, high = folded("m", [0.4, 0.5, 0.6]).interval
    assert (low, high) == pytest.approx((0.5 - 4.303 * 0.1 / 3**0.5, 0.5 + 4.303 * 0.1 / 3**0.5), rel=1e-3)


def test_a_lead_that_other_seeds_could_turn_is_no_tier():
    steady, scattered = [0.50, 0.501, 0.499], [0.4, 0.5, 0.6]
    assert ranked(folded("a", [0.55, 0.551, 0.549]), folded("b", steady)) == [1, 2]
    assert ranked(folded("a", [0.55, 0.551, 0.549]), folded("b", scattered)) == [1, 1]
