"""Made-up cells for the tests of the gate: scores of known units, and costs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from bench.plan.current import TaskInfo
from bench.standings.gate.snapshot import Cost, Entry, Score, Snapshot
from bench.statistics.bootstrap import weighted_mean
from bench.statistics.estimate import Estimate
from bench.statistics.units import numbered, weights

MACHINE = {"cpu": "one", "cores": 2}
WHERE = {"machine": MACHINE, "scored": {"device": "cpu", "threads": 1}, "encoded": [{"device": "cpu", "threads": 1}]}
TASKS = {
    "Pairs": TaskInfo("cosine_spearman", counts=True),
    "Topics": TaskInfo("accuracy", counts=True),
    "Pairs-typos": TaskInfo("cosine_spearman", counts=False),
}


def score(values: Any, *, task: str = "Pairs", content: str = "one", **changes: Any) -> Score:
    """A score that is the mean of values of test rows."""
    values = np.asarray(values, dtype=np.float64)
    items = weighted_mean(values, weights(numbered(task, len(values))))
    estimate = Estimate(float(values.mean()), items, item_freedom=len(values) - 1).record()
    parts = {"content": content, "task": f"digest of {task}", "scoring": 4, "encoding": 2, "arithmetic": {"device": "cpu", "precision": "fp32"}, "prompt": None}
    made = Score(parts, WHERE, {"torch": "1"}, {"mr": float(values.mean())}, {"mr": len(values)}, {"mr": estimate})
    return dataclasses.replace(made, **changes)


def with_parts(one: Score, **parts: Any) -> Score:
    return dataclasses.replace(one, parts={**one.parts, **parts})


def elsewhere(one: Score) -> Score:
    return dataclasses.replace(one, where={**one.where, "machine": {"cpu": "another", "cores": 2}})


def off_by(one: Score, difference: float) -> Score:
    return dataclasses.replace(one, main={subset: value + difference for subset, value in one.main.items()})


def relative(ratio: float, *, spread: float = 0.02, rounds: int = 9) -> dict[str, Any]:
    return {"ratio": ratio, "low": ratio * (1 - spread), "high": ratio * (1 + spread), "rounds": rounds}


def cost(ratio: float = 2.0, *, spread: float = 0.02, peak: int = 1000, size: int = 500, **changes: Any) -> Cost:
    """A measurement that was interleaved with a reference candidate."""
    measured = {
        "memory": {"peak_while_encoding": peak, "cuda_allocated_peak": None},
        "bytes_on_disk": size,
        "reference": {"candidate": "letters", "content": "c"},
        "relative": {name: relative(ratio, spread=spread) for name in ("offline", "single")},
        "validity": {"verdict": "VALID", "reasons": []},
    }
    return dataclasses.replace(Cost({"profile": "quick", "protocol": 4}, MACHINE, {"torch": "1"}, measured), **changes)


def measured(one: Cost, **changes: Any) -> Cost:
    return dataclasses.replace(one, measured={**one.measured, **changes})


def entry(*, content: str = "one", parameters: int = 100, **changes: Any) -> Entry:
    return Entry(**{"content": content, "parameters": {"embeddings": 0, "body": parameters}, **changes})


def snapshot(**candidates: Entry) -> Snapshot:
    return Snapshot("mini", "cpu", TASKS, candidates)
