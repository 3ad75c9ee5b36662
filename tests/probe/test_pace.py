"""Costs of different moments at one pace of the machine."""

from __future__ import annotations

from typing import Any

import pytest

from bench.probe.pace import paces
from bench.standings.board import Row


def measured(speed: float, machine: float = 1.0, *, cpu: str = "EPYC", profile: str = "quick", beside: str | None = "e5", told: bool = True) -> dict[str, Any]:
    """A model `speed` times as fast as its reference, which encodes 100 sentences a second, on a machine that is `machine` times as fast as usual."""
    return {
        "relative": {"offline": {"ratio": speed}, "single": {"ratio": speed} if told else None} if beside else None,
        "reference": beside and {"candidate": beside, "content": beside},
        "machine": {"cpu": cpu},
        "threads": 2,
        "key_parts": {"profile": profile},
        "offline": {"sentences_per_second": 100 * speed * machine, "batch_size": 8},
        "single": {"p50": 0.01 / speed / machine, "p90": 0.02 / speed / machine, "p99": None},
        "memory": {"peak_while_encoding": None, "cuda_allocated_peak": None},
        "load": 0.1,
        "bytes_on_disk": 1,
    }


def costs(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = paces(results)
    return {name: Row(name, "full", None, "", None, {}, {}, result, None, pace=found.get(name, {})).costs for name, result in results.items()}


def test_models_of_one_speed_have_one_speed_however_fast_the_machine_was():
    found = costs({"a": measured(2, 1.0), "b": measured(2, 0.9), "c": measured(2, 1.1)})
    assert [one["sentences_per_second"] for one in found.values()] == pytest.approx([200, 200, 200])
    assert [one["latency_p50_seconds"] for one in found.values()] == pytest.approx([0.005, 0.005, 0.005])
    assert [one["latency_p90_seconds"] for one in found.values()] == pytest.approx([0.01, 0.01, 0.01])
    assert [one["offline_pace"] for one in found.values()] == pytest.approx([1.0, 0.9, 1.1])
    assert [one["single_pace"] for one in found.values()] == pytest.approx([1.0, 0.9, 1.1])


def test_the_usual_pace_is_the_middle_one():
    found = costs({"a": measured(2, 1.2), "b": measured(4, 1.2), "c": measured(2, 0.6)})
    assert [one["sentences_per_second"] for one in found.values()] == pytest.approx([240, 480, 240])


@pytest.mark.parametrize("other", [{"cpu": "Xeon"}, {"profile": "full"}, {"beside": "mini"}])
def test_measurements_of_another_machine_profile_or_reference_have_a_pace_of_their_own(other):
    assert costs({"a": measured(2), "b": measured(2, 0.5, **other)})["b"]["sentences_per_second"] == pytest.approx(100)


def test_what_has_no_ratio_is_shown_as_it_was_measured():
    found = costs({"a": measured(2), "b": measured(2, 0.5, beside=None), "c": measured(2, 0.5, told=False)})
    assert (found["b"]["sentences_per_second"], found["b"]["offline_pace"]) == (100, None)
    assert (found["c"]["latency_p50_seconds"], found["c"]["single_pace"]) == (0.01, None)


def test_a_percentile_that_is_not_printed_stays_away():
    few = measured(2)
    few["single"] = {"p50": None, "p90": None, "p99": None}
    assert costs({"a": few})["a"]["latency_p50_seconds"] is None
