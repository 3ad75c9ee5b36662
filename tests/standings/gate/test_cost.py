"""The verdicts on speed, memory and size; measurements are made up as a probe writes them."""

from __future__ import annotations

import dataclasses

import pytest

from bench.cards.rules import Rules
from bench.standings.gate.compare import compare
from bench.standings.gate.confirm import claims, settled
from bench.standings.gate.cost import costs
from tests.standings.gate.cells import cost, entry, measured, score, snapshot

RULES = Rules()
GIB = 2**30


def found(before, now, **changes):
    return {finding.target: finding for finding in costs("a", entry(cost=before), entry(cost=now, **changes), RULES)}


def test_the_same_speed_passes_and_one_wholly_below_the_factor_is_a_regression():
    same, slower = found(cost(2.0), cost(2.0))["offline"], found(cost(2.0), cost(1.6))["offline"]
    assert (same.code, slower.code) == ("K400", "K401")
    assert slower.difference == pytest.approx(-0.2)
    assert slower.interval[1] < -0.1
    assert slower.n == 9


def test_the_very_same_measurement_passes_however_wide_its_interval_is():
    wide = cost(2.0, spread=0.3)
    assert found(wide, cost(2.1, spread=0.3))["offline"].code == "K402"
    same = found(wide, cost(2.0, spread=0.3))["offline"]
    assert (same.code, same.difference, same.reason) == ("K400", 0.0, "the same measurement")


def test_an_interval_that_holds_the_factor_says_nothing():
    assert found(cost(2.0, spread=0.1), cost(1.75, spread=0.1))["offline"].code == "K402"


def test_the_interval_of_the_quotient_holds_the_noise_of_both_measurements():
    low, high = found(cost(2.0, spread=0.03), cost(2.0, spread=0.04))["single"].interval
    assert (low, high) == pytest.approx((-0.05, 0.05), abs=0.003)


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        (cost(), cost(machine={"cpu": "another", "cores": 2}), "measured on another machine (cpu one -> another)"),
        (cost(), cost(how={"profile": "full", "protocol": 4}), "measured by another profile (quick -> full)"),
        (cost(), cost(how={"profile": "quick", "protocol": 5}), "measured by another protocol (4 -> 5)"),
        (measured(cost(), relative=None), cost(), "the baseline's measurement was not interleaved with a reference candidate"),
        (cost(), measured(cost(), reference=None), "this measurement was not interleaved with a reference candidate"),
        (cost(), measured(cost(), reference={"candidate": "letters", "content": "d"}), "measured beside another reference (letters c -> letters d)"),
        (cost(), measured(cost(), validity={"verdict": "INVALID", "reasons": ["the machine was busy"]}), "this measurement is not valid: the machine was busy"),
    ],
)
def test_speeds_of_different_machines_ways_or_references_are_not_comparable_and_fail_nothing(before, now, reason):
    one = found(before, now)["speed"]
    assert (one.code, one.verdict, one.reason) == ("K403", "NOT-COMPARABLE", reason)
    same = {"Pairs": score([0.0, 1.0, 0.5])}
    assert compare(snapshot(a=entry(scores=same, cost=before)), snapshot(a=entry(scores=same, cost=now)), RULES, "b").exit_code(strict=True) == 0


def test_a_record_of_an_earlier_protocol_without_the_fields_is_not_comparable():
    old = cost()
    bare = dataclasses.replace(old, measured={name: old.measured[name] for name in ("memory", "bytes_on_disk")})
    assert found(bare, bare)["speed"].code == "K403"


def test_memory_beyond_two_percent_on_the_same_machine_is_a_regression():
    assert found(cost(peak=5 * GIB), cost(peak=round(5.09 * GIB)))["peak"].code == "K500"
    grown = found(cost(peak=5 * GIB), cost(peak=round(5.11 * GIB)))["peak"]
    assert (grown.code, grown.reason) == ("K501", "5,120.0 -> 5,232.6 MiB")
    assert grown.difference == pytest.approx(0.022)
    assert found(cost(peak=5 * GIB), cost(peak=4 * GIB))["peak"].code == "K500"


def test_a_few_megabytes_of_resident_memory_are_noise_whatever_their_share():
    assert found(cost(peak=400 * 2**20), cost(peak=431 * 2**20))["peak"].code == "K500"
    assert found(cost(peak=400 * 2**20), cost(peak=433 * 2**20))["peak"].code == "K501"


def test_memory_of_another_machine_or_that_the_system_does_not_tell_is_not_comparable():
    assert found(cost(), cost(machine={}))["peak"].code == "K503"
    assert found(cost(), measured(cost(), memory={"peak_while_encoding": None}))["peak"].reason == "the system does not tell the peak"


def test_on_cuda_the_memory_is_that_of_its_allocator():
    peaks = [measured(cost(), memory={"peak_while_encoding": 1000, "cuda_allocated_peak": peak}) for peak in (100, 110)]
    assert found(*peaks)["peak"].difference == pytest.approx(0.1)
    assert found(*peaks)["peak"].code == "K501"  # the allocator counts exactly, so that no share is noise


def test_size_is_exact_on_any_machine():
    far = cost(size=506, machine={})
    assert (found(cost(size=500), far)["bytes on disk"].code, found(cost(size=500), far)["parameters"].code) == ("K601", "K600")
    assert found(cost(), cost(), parameters=102)["parameters"].code == "K601"
    assert found(cost(size=500), cost(size=505))["bytes on disk"].code == "K600"


def test_a_model_of_no_numbers_that_gets_some_grew():
    assert found(cost(size=0), cost(size=0))["bytes on disk"].code == "K600"
    assert found(cost(size=0), cost(size=1))["bytes on disk"].code == "K601"


def test_bytes_that_were_not_measured_here_are_not_comparable():
    assert found(cost(), None)["bytes on disk"].code == "K603"


def checked(now, before=None):
    same = {"Pairs": score([0.0, 1.0, 0.5])}
    return compare(snapshot(a=entry(scores=same, cost=before or cost(2.0))), snapshot(a=entry(scores=same, cost=now)), RULES, "b")


def test_a_slower_model_is_a_regression_only_where_a_second_measurement_says_so():
    first = checked(cost(1.5))
    assert {one.code for one in claims(first)} == {"K401"}
    again = list(costs("a", entry(cost=cost(2.0)), entry(cost=cost(1.55)), RULES))
    confirmed = settled(first, again)
    assert confirmed.exit_code() == 1
    offline = next(one for one in confirmed.findings if one.target == "offline")
    assert offline.difference == pytest.approx(-0.225)
    assert offline.reason == "measured twice"


def test_a_second_measurement_that_says_otherwise_leaves_it_inconclusive():
    again = list(costs("a", entry(cost=cost(2.0)), entry(cost=cost(2.0)), RULES))
    found = next(one for one in settled(checked(cost(1.5)), again).findings if one.target == "offline")
    assert (found.code, found.reason) == ("K402", "a second measurement does not say so (PASS, +0.0 %)")


def test_a_second_measurement_that_cannot_be_compared_says_why():
    busy = "other processes took 70% of the cores' time during it"
    again = list(costs("a", entry(cost=cost(2.0)), entry(cost=measured(cost(1.5), validity={"verdict": "INVALID", "reasons": [busy]})), RULES))
    found = next(one for one in settled(checked(cost(1.5)), again).findings if one.target == "offline")
    assert found.code == "K402"
    assert found.reason.startswith("a second measurement does not say so (NOT-COMPARABLE, ")
    assert busy in found.reason


def test_without_a_second_measurement_nothing_is_called_slower_or_larger_in_memory():
    after = settled(checked(cost(1.5, peak=GIB), before=cost(2.0, peak=GIB // 2)), why_not={"a": "there is no checkpoint"})
    assert {(one.target, one.code) for one in after.findings if one.what in {"speed", "memory"}} == {("offline", "K402"), ("single", "K402"), ("peak", "K502")}
    assert after.exit_code() == 0
    assert after.exit_code(strict=True) == 4


def test_costs_that_went_are_missing_where_they_could_be_measured_and_nothing_on_another_machine():
    here = checked(None)
    assert [one.code for one in here.findings if one.verdict == "MISSING"] == ["K302"]
    assert here.exit_code() == 3
    there = checked(None, before=cost(machine={"cpu": "another", "cores": 2}))
    assert there.counts["MISSING"] == 0
