"""Timings to a stored measurement: medians, percentiles that may be printed, ratios to the reference with their intervals, and whether all that holds."""

from __future__ import annotations

import statistics
from typing import Any

from bench.probe import energy, noise
from bench.probe.profiles import Profile
from bench.probe.rounds import Taken, Turn, by_process, ratios, spread
from bench.probe.texts import block
from bench.statistics.latency import middle_interval, percentile_at_most, percentile_of

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def summary(name: str, turn: Turn, profile: Profile) -> dict[str, Any]:
    """What is stored of a model's measurement.

    Returns:
        Times in seconds, memory in bytes. `load` is from opening the folder to the first embedding, libraries being imported already. `relative` says how many
        times as fast as the reference the model is, from the rounds; None without a reference, for which `relative_missing` says why.
    """
    taken, reference = turn.taken[name], turn.reference
    offline = _offline(taken, profile)
    relative = None if reference is None else _relative(taken, reference, profile)
    longer = "" if profile.rounds_a_process else ", or with the profile full"
    reasons = noise.reasons(turn.noise, spread(taken, reference, profile), turn.foreign, longer)
    if taken.loaded["threads"] != taken.subject.threads:
        reasons.append(f"{taken.subject.threads} threads were asked for, and the library computes with {taken.loaded['threads']}")
    texts = block(profile.block, 0)
    return {
        "used": taken.loaded["used"],
        "load": taken.loaded["load"],
        "single": _single(taken),
        "offline": offline,
        "buckets": {bucket: count / statistics.median(taken.parts[taken.best][bucket]) for bucket, count in profile.block.items()},
        "reference": None if reference is None else {"candidate": reference.subject.name, "content": reference.subject.content},
        "relative": relative,
        "relative_missing": turn.missing or None,
        "validity": {"verdict": "INVALID" if reasons else "VALID", "reasons": reasons},
        "noise": turn.noise,
        "memory": _memory(taken),
        "cold": None if taken.cold is None else {name: value for name, value in taken.cold.items() if name != "memory"},
        "flops": taken.work["operations"],
        "split": taken.memory["split"],
        "energy": _energy(taken, profile),
        "threads": taken.loaded["threads"],
        "attention": taken.loaded["attention"],
        "device_name": taken.loaded["device_name"],
        "sentences": len(texts),
        "characters": sum(map(len, texts)),
    }


def _single(taken: Taken) -> dict[str, Any]:
    """Latency: each percentile, None where there are too few timings for it, and what it does not exceed."""
    seconds = [one for singles in taken.singles for one in singles]
    found: dict[str, Any] = {name: percentile_of(seconds, percentile) for name, percentile in PERCENTILES.items()}
    bounds = {name: percentile_at_most(seconds, percentile) for name, percentile in PERCENTILES.items()}
    return {**found, "at_most": bounds, "samples": len(seconds), "rounds": [statistics.median(one) for one in taken.singles]}


def _offline(taken: Taken, profile: Profile) -> dict[str, Any]:
    """Throughput: the middle of the rounds, each of which has texts of its own."""
    texts = [block(profile.block, number) for number in range(len(taken.blocks))]
    speeds = [len(some) / seconds for some, seconds in zip(texts, taken.blocks, strict=True)]
    sentences, low, high = middle_interval(by_process(speeds, profile))
    characters = statistics.median(sum(map(len, some)) / seconds for some, seconds in zip(texts, taken.blocks, strict=True))
    tokens = taken.work["tokens"]
    return {
        "sentences_per_second": sentences,
        "characters_per_second": characters,
        "tokens_per_second": None if tokens is None else tokens / len(texts[0]) * sentences,
        "batch_size": taken.batch_size,
        "sweep": {str(size): len(texts[0]) / statistics.median(taken.blocks_of(size)) for size in taken.parts},
        "did_not_fit": {str(size): used for size, used in taken.fitted.items() if used < size},
        "warm_up": taken.settled["warm_up"],
        "rounds": taken.blocks,
        "spread": (high - low) / sentences,
    }


def _relative(taken: Taken, reference: Taken, profile: Profile) -> dict[str, Any]:
    """How many times as fast as the reference, in the rounds that both had."""
    own, other = ({"offline": one.blocks, "single": [statistics.median(singles) for singles in one.singles]} for one in (taken, reference))
    found = {}
    for scenario in own:
        ratio, low, high = middle_interval(ratios(own[scenario], other[scenario], profile))
        found[scenario] = {"ratio": ratio, "low": low, "high": high, "rounds": len(own[scenario])}
    return found


def _memory(taken: Taken) -> dict[str, Any]:
    """`before_load`, `after_load` and `peak_while_encoding` are resident; `parts` split each reading into memory of its own and mapped files.

    They are of a fresh interpreter where there was one: a process that comes from the fork server has not touched all the pages of its libraries.
    """
    measured = {
        **{name: value for name, value in taken.memory.items() if name != "split"},
        "from": "fork server" if taken.cold is None else "fresh interpreter",
    }
    if taken.cold is not None:
        fresh = dict(taken.cold["memory"])
        measured |= {"peak_while_encoding": fresh.pop("peak")}
        parts = {name: dict(value) for name, value in fresh.items()}
        measured.pop("encoding")
        return {"before_load": parts["before_load"]["resident"], "after_load": parts["after_load"]["resident"], **measured, "parts": parts}
    parts = {"before_load": taken.loaded["before"], "after_load": taken.loaded["after"], "encoding": measured.pop("encoding")}
    return {"before_load": parts["before_load"]["resident"], "after_load": parts["after_load"]["resident"], **measured, "parts": parts}


def _energy(taken: Taken, profile: Profile) -> dict[str, Any]:
    """Joules a sentence, of everything that the counters see."""
    read = taken.joules[taken.best]
    known = [joules for joules in read if joules is not None]
    if len(known) < len(read):
        return {"joules_per_sentence": None, "reason": energy.NOT_MEASURED}
    sentences = len(taken.blocks) * len(block(profile.block, 0))
    return {"joules_per_sentence": sum(known) / sentences, "reason": None}
