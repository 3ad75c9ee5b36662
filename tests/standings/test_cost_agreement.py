"""Costs on the board."""

from __future__ import annotations

from bench.standings.board import Row
from bench.standings.build import _mark_disagreeing


def row(name: str, ratio: float | None) -> Row:
    probe = {
        "relative": ratio and {"offline": {"ratio": ratio, "low": ratio, "high": ratio}},
        "flops": {"per_sentence": 1e6},
        "used": {"precision": {"fp32": 1.0}},
        "threads": 2,
        "validity": {"verdict": "VALID", "reasons": []},
        "offline": {"sentences_per_second": 1.0, "batch_size": 8},
        "single": {"p50": 0.1, "p90": None},
        "memory": {"peak_while_encoding": None, "cuda_allocated_peak": None},
        "load": 0.1,
        "bytes_on_disk": 1,
    }
    return Row(name, "full", None, "", {"embeddings": 1, "body": 2}, {}, {}, probe, None)


def test_models_of_one_shape_measured_on_different_days_are_compared_on_the_board():
    rows = {name: row(name, ratio) for name, ratio in (("a", 2.0), ("b", 2.01), ("c", 0.6), ("d", None))}
    _mark_disagreeing(rows)
    assert {name: one.costs["cost_validity"] for name, one in rows.items()} == {"a": "VALID", "b": "VALID", "c": "INVALID", "d": "VALID"}
    assert rows["c"].probe is not None
    assert "30% as fast as models of its shape are (a, b" in rows["c"].probe["validity"]["reasons"][0]


def test_a_cost_is_also_a_ratio_and_counted_operations():
    costs = row("a", 2.0).costs
    assert (costs["relative_speed"], costs["relative_speed_low"], costs["relative_speed_high"]) == (2.0, 2.0, 2.0)
    assert costs["flops_per_sentence"] == 1e6
    assert row("d", None).costs["relative_speed"] is None
    assert set(Row("e", "full", None, "", None, {}, {}, None, None).costs.values()) == {None}
