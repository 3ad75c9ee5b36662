"""At which pace the machine was while each model was measured: seconds of different moments become comparable. Imports nothing heavy."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Mapping

from bench.store import Result

SCENARIOS = ("offline", "single")


def paces(measured: Mapping[str, Result]) -> dict[str, dict[str, float]]:
    """How fast the reference was in the rounds of each measurement, as a multiple of the middle (median) over all that were made beside it on one machine.

    A virtual machine may be a tenth slower in one minute than in the next. The reference takes part in every round, so what a model did, divided by its
    ratio to the reference, is what the reference did at that time.

    Args:
        measured: Measurements by name.

    Returns:
        By name and scenario; nothing for a measurement without a ratio.
    """
    groups: dict[str, dict[str, Result]] = defaultdict(dict)
    for name, result in measured.items():
        if result.get("relative"):
            like = [result.get("machine"), result.get("threads"), result["reference"], result.get("key_parts", {}).get("profile")]
            groups[json.dumps(like, sort_keys=True)][name] = result
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for together in groups.values():
        for scenario in SCENARIOS:
            speeds = {name: speed for name, result in together.items() if (speed := _of_reference(result, scenario)) is not None}
            for name, speed in speeds.items():
                found[name][scenario] = speed / statistics.median(speeds.values())
    return dict(found)


def _of_reference(result: Result, scenario: str) -> float | None:
    """Sentences a second of the reference at that time; None where the measurement does not tell."""
    told = result["relative"].get(scenario)
    speed = result["offline"]["sentences_per_second"] if scenario == "offline" else _inverse(result["single"]["p50"])
    return None if told is None or speed is None else float(speed / told["ratio"])


def _inverse(seconds: float | None) -> float | None:
    return None if seconds is None else 1 / seconds
