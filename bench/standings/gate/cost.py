"""Costs against those of the baseline: speed as a ratio to a reference candidate, peak memory, and size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from bench.cards.rules import Rules
from bench.standings.gate.snapshot import Cost, Entry
from bench.standings.gate.verdicts import Finding
from bench.statistics.estimate import CONFIDENCE, Z
from bench.statistics.power import POWER

RESIDENT_NOISE = 32 * 2**20
"""Bytes by which resident memory may grow whatever the factor: of models of suite mini that nobody changed, two measurements differed by up to 22 MiB."""
SCENARIOS = ("offline", "single")


def costs(name: str, before: Entry, now: Entry, rules: Rules) -> Iterator[Finding]:
    """What became of a candidate's costs.

    Speeds and memory that are worse are regressions here, and only claims until a second measurement says the same: `bench.standings.gate.confirm`.

    Args:
        name: The candidate's.
        before: As the baseline has it.
        now: As it is.
        rules: The factors.
    """
    if before.cost is not None and now.cost is not None:
        yield from _speed(name, before.cost, now.cost, rules.speed)
        yield from _memory(name, before.cost, now.cost, rules.memory)
    yield from _size(name, before, now, rules.size)


def _speed(name: str, before: Cost, now: Cost, factor: float) -> Iterator[Finding]:
    problem = _elsewhere(before, now) or _not_relative(before, now)
    if problem is not None:
        yield Finding(name, "speed", "K403", limit=factor - 1, reason=problem)
        return
    for scenario in SCENARIOS:
        old, new = (cost.measured["relative"].get(scenario) for cost in (before, now))
        if old is None or new is None:
            continue
        if before.measured == now.measured:
            yield Finding(name, scenario, "K400", 0.0, (0.0, 0.0), n=new["rounds"], limit=factor - 1, reason="the same measurement")
        else:
            yield _ratio(name, scenario, old, new, factor)


def _elsewhere(before: Cost, now: Cost) -> str | None:
    """Why two measurements were not made in the same way on the same machine; None where they were."""
    parts = [part for part in (before.machine.keys() | now.machine.keys()) if before.machine.get(part) != now.machine.get(part)]
    if parts:
        told = ", ".join(f"{part} {before.machine.get(part)} -> {now.machine.get(part)}" for part in sorted(parts))
        return f"measured on another machine ({told})"
    for part in ("profile", "protocol"):
        if before.how.get(part) != now.how.get(part):
            return f"measured by another {part} ({before.how.get(part)} -> {now.how.get(part)})"
    return None


def _not_relative(before: Cost, now: Cost) -> str | None:
    """Why two speeds are not ratios to one reference; None where they are."""
    for when, cost in (("the baseline's", before), ("this", now)):
        if not cost.measured.get("relative") or not cost.measured.get("reference"):
            return f"{when} measurement was not interleaved with a reference candidate"
        validity = cost.measured.get("validity") or {}
        if validity.get("verdict") != "VALID":
            return f"{when} measurement is not valid: {'; '.join(validity.get('reasons', [])) or 'it does not say why'}"
    old, new = before.measured["reference"], now.measured["reference"]
    if old != new:
        return (
            f"measured beside another reference ({old.get('candidate')} {str(old.get('content'))[:8]} -> {new.get('candidate')} {str(new.get('content'))[:8]})"
        )
    return None


def _ratio(name: str, scenario: str, old: Mapping[str, Any], new: Mapping[str, Any], factor: float) -> Finding:
    """How many times as fast as in the baseline; its interval is wholly below the factor, wholly above it, or says nothing.

    Arms of the two intervals are added as squares, on the logarithmic scale (Zou and Donner 2008, "Construction of confidence limits about effect measures").
    """
    value = math.log(new["ratio"] / old["ratio"])
    below = math.hypot(math.log(new["ratio"] / new["low"]), math.log(old["high"] / old["ratio"]))
    above = math.hypot(math.log(new["high"] / new["ratio"]), math.log(old["ratio"] / old["low"]))
    low, high = math.exp(value - below) - 1, math.exp(value + above) - 1
    code = "K401" if high < factor - 1 else "K400" if low > factor - 1 else "K402"
    smallest = -math.expm1(-(below + above) / 2 * (Z + POWER_Z) / Z)
    return Finding(name, scenario, code, math.exp(value) - 1, (low, high), smallest, min(old["rounds"], new["rounds"]), factor - 1)


POWER_Z = 0.8416212335729143
"""The 0.80 quantile of the normal distribution."""
assert (POWER, CONFIDENCE) == (0.80, 0.95), "POWER_Z and Z are quantiles for these"


def _memory(name: str, before: Cost, now: Cost, factor: float) -> Iterator[Finding]:
    """Peak memory while encoding: that of CUDA's allocator where there is one, else the resident one, which varies from process to process."""
    cuda = all(cost.measured["memory"].get("cuda_allocated_peak") for cost in (before, now))
    old, new = (cost.measured["memory"].get("cuda_allocated_peak" if cuda else "peak_while_encoding") for cost in (before, now))
    problem = _elsewhere(before, now) or ("the system does not tell the peak" if old is None or new is None else None)
    if problem is not None:
        yield Finding(name, "peak", "K503", limit=factor - 1, reason=problem)
        return
    growth = new / old - 1
    larger = growth > factor - 1 and (cuda or new - old > RESIDENT_NOISE)
    yield Finding(name, "peak", "K501" if larger else "K500", growth, n=1, limit=factor - 1, reason=f"{_mebi(old)} -> {_mebi(new)} MiB")


def _size(name: str, before: Entry, now: Entry, factor: float) -> Iterator[Finding]:
    """Parameters, and bytes on disk: exact, on any machine."""
    if before.parameters is not None and now.parameters is not None:
        old, new = (sum(parameters.values()) for parameters in (before.parameters, now.parameters))
        yield _growth(name, "parameters", old, new, factor, f"{old:,} -> {new:,}")
    if before.cost is not None and now.cost is not None:
        old, new = (cost.measured["bytes_on_disk"] for cost in (before.cost, now.cost))
        yield _growth(name, "bytes on disk", old, new, factor, f"{_mebi(old)} -> {_mebi(new)} MiB")
    elif before.cost is not None:
        yield Finding(name, "bytes on disk", "K603", limit=factor - 1, reason="it was not measured here")


def _growth(name: str, target: str, old: int, new: int, factor: float, told: str) -> Finding:
    growth = new / old - 1 if old else (math.inf if new else 0.0)
    return Finding(name, target, "K601" if growth > factor - 1 else "K600", None if growth == math.inf else growth, n=1, limit=factor - 1, reason=told)


def _mebi(size: float) -> str:
    return f"{size / 2**20:,.1f}"
