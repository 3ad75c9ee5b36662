"""Intervals cover what they promise, and boards claim nothing wrong more often than they say, where the truth is known."""

from __future__ import annotations

import pytest

from tests.statistics.simulations import BOARDS, DIFFERENCES, GATES, INTERVALS, Simulation

pytestmark = pytest.mark.slow


def within(simulation: Simulation) -> bool:
    """True where the share is what it should be, give or take two standard errors of the simulation; chance is fixed, so that the answer is always the same."""
    share = simulation.run(simulation.rounds)
    return simulation.least - 2 * share.error <= share.value <= simulation.most + 2 * share.error


@pytest.mark.parametrize("simulation", INTERVALS, ids=lambda one: one.what)
def test_the_interval_covers_the_truth_in_95_of_100_cases(simulation):
    assert within(simulation)


@pytest.mark.parametrize("simulation", DIFFERENCES, ids=lambda one: one.what)
def test_equal_candidates_are_called_different_in_5_of_100_cases_at_most(simulation):
    assert within(simulation)


@pytest.mark.parametrize("simulation", BOARDS, ids=lambda one: one.what)
def test_a_board_claims_something_wrong_in_5_of_100_cases_at_most_and_finds_what_is_better(simulation):
    assert within(simulation)


@pytest.mark.parametrize("simulation", GATES, ids=lambda one: one.what)
def test_the_gate_errs_in_2_5_of_100_cases_at_most_and_sees_what_it_says_it_sees(simulation):
    share = simulation.run(simulation.rounds)  # without an allowance: this is what the gate promises
    assert simulation.least <= share.value <= simulation.most
