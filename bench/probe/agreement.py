"""Models that do the same work must cost the same: where they do not, something else was measured. Imports nothing heavy."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Mapping

from bench.store import Result

LIMIT = 0.03
"""How far apart the speeds of models of one shape may be, the fastest over the slowest."""


def disagreeing(measured: Mapping[str, Result], parameters: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Those that are at odds with models of the same shape and precision, and why.

    Models are of one shape when they hold as many numbers, in the same precision, and do as many operations for the same text. Where they are further apart
    than 3 %, those are named that are more than half of that from their median, which their own 95 % interval does not hold: what the rounds do not tell apart
    is no contradiction. The reference, measured beside itself in a second process, must be as fast as itself.

    Args:
        measured: Measurements by name.
        parameters: How many numbers each model holds, by part.
    """
    shapes: dict[str, dict[str, float]] = defaultdict(dict)
    for name, result in measured.items():
        speed = _speed(result)
        if speed is not None and name in parameters and result["flops"]["per_sentence"]:
            shape = [parameters[name], result["used"]["precision"], result["flops"]["per_sentence"], result["threads"]]
            shapes[json.dumps(shape, sort_keys=True)][name] = speed
    found = {}
    for name, result in measured.items():
        if (result.get("reference") or {}).get("candidate") == name and not _agrees(result, 1.0, LIMIT):
            found[name] = _told(result["relative"]["offline"]["ratio"], "itself as the reference, in another process")
    for speeds in shapes.values():
        middle, apart = statistics.median(speeds.values()), max(speeds.values()) / min(speeds.values()) - 1
        for name, speed in speeds.items() if apart > LIMIT else ():
            if not _agrees(measured[name], middle, LIMIT / 2):
                found[name] = _told(speed / middle, ", ".join(other for other in speeds if other != name))
    return found


def _told(times: float, others: str) -> str:
    return f"{times:.0%} as fast as models of its shape are ({others}; at most {LIMIT:.0%} apart): measure them again (`bench probe`, or a run with --reprobe)"


def _agrees(result: Result, middle: float, limit: float) -> bool:
    """Whether a model is as fast as others of its shape: near enough, or not told apart by the rounds."""
    told = result["relative"]["offline"]
    return abs(told["ratio"] / middle - 1) <= limit or bool(told["low"] <= middle <= told["high"])


def _speed(result: Result) -> float | None:
    """As a ratio to the reference; None for one that has none, since seconds of different moments are not compared."""
    relative = result.get("relative")
    return None if relative is None else float(relative["offline"]["ratio"])
