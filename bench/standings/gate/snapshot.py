"""What a gate compares: the cells of a suite as they are now, or as they were when they were blessed."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any

from bench.plan.current import CandidateKeys, CurrentKeys, TaskInfo
from bench.standings.gate.packed import pack_estimate, read_estimate
from bench.statistics.estimate import Estimate, mean
from bench.store import Result, Store

COSTS = ("single", "offline", "memory", "bytes_on_disk", "threads", "reference", "relative", "validity")
"""What is kept of a measurement, as far as it has it."""
ROUNDS = "rounds"
"""The times of single rounds, which are not kept."""


@dataclasses.dataclass(frozen=True)
class Score:
    """A candidate on a task.

    Attributes:
        parts: What the score was decided by (`bench.plan.keys.evaluate_parts`), versions of libraries apart.
        where: The machine, and on what it encoded and scored: device and threads.
        versions: Of libraries.
        main: Subset -> main score.
        n: Subset -> how many test examples.
        estimates: Subset -> `Estimate.record`, replicates packed or not; None where the variation is not known.
    """

    parts: dict[str, Any]
    where: dict[str, Any]
    versions: dict[str, str]
    main: dict[str, float]
    n: dict[str, int]
    estimates: dict[str, Any]

    @property
    def value(self) -> float:
        """The mean over subsets."""
        return statistics.fmean(self.main.values())

    @property
    def examples(self) -> int:
        """Of all subsets."""
        return sum(self.n.values())

    def estimate(self) -> Estimate | None:
        """The mean over subsets with its variation, as on the board; None where that of a subset is not known."""
        stored = list(self.estimates.values())
        return mean([read_estimate(one) for one in stored]) if stored and all(stored) else None


@dataclasses.dataclass(frozen=True)
class Cost:
    """A measurement: the profile and protocol, the machine, the versions of libraries, and what was measured (`COSTS`)."""

    how: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, str]
    measured: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A candidate: its checkpoint's digest and number of parameters, its scores by task, and what it costs. `problem` says why there is no checkpoint."""

    content: str | None = None
    parameters: dict[str, int] | None = None
    scores: dict[str, Score] = dataclasses.field(default_factory=dict)
    cost: Cost | None = None
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A suite on one type of device."""

    suite: str
    device: str
    tasks: dict[str, TaskInfo]
    candidates: dict[str, Entry]

    @property
    def empty(self) -> bool:
        """True where no candidate has a score."""
        return not any(entry.scores for entry in self.candidates.values())

    def record(self) -> dict[str, Any]:
        """As plain JSON types, replicates packed."""
        candidates = {name: _entry_record(entry) for name, entry in self.candidates.items() if entry.content is not None}
        tasks = {name: dataclasses.asdict(info) for name, info in self.tasks.items()}
        return {"suite": self.suite, "device": self.device, "tasks": tasks, "candidates": candidates}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Snapshot:
        """What `record` wrote.

        Raises:
            KeyError: A member is missing.
            TypeError: A member is something else.
            ValueError: So is one inside a score or a measurement.
        """
        tasks = {name: TaskInfo(**one) for name, one in record["tasks"].items()}
        return cls(record["suite"], record["device"], tasks, {name: _read_entry(one) for name, one in record["candidates"].items()})


def read_cells(keys: CurrentKeys, store: Store) -> Snapshot:
    """The stored cells under these keys; a cell that failed counts as one that is not there."""
    return Snapshot(keys.suite, keys.device, keys.tasks, {name: _entry(one, store) for name, one in keys.candidates.items()})


def _entry(keys: CandidateKeys, store: Store) -> Entry:
    made = None if keys.made is None else store.get(keys.made)
    if made is None:
        return Entry(problem=keys.problem or "not made yet")
    results = {task: store.get(key) for task, key in keys.scores.items()}
    scores = {task: _score(result) for task, result in results.items() if result is not None and result["status"] == "done"}
    costs = (store.get(key) for key in keys.costs)
    cost = next((_cost(result) for result in costs if result is not None and result["status"] == "done"), None)
    return Entry(made["content"], made["parameters"], scores, cost)


def _score(result: Result) -> Score:
    parts = {name: value for name, value in result["key_parts"].items() if name != "versions"}
    where = {"machine": _machine(result), "scored": result["computed_on"], "encoded": result["encoding"]["encoded_on"]}
    n = {subset: _count(examples) for subset, examples in result["examples"].items()}
    return Score(parts, where, result["versions"], result["main"], n, result["estimates"])


def _count(examples: Mapping[str, Any]) -> int:
    """How many test examples a subset has: pairs, or the length of a text of 0 and 1."""
    return len(examples["gold"]) if "gold" in examples else len(examples["correct"][0])


def _cost(result: Result) -> Cost:
    how = {name: result["key_parts"].get(name) for name in ("profile", "protocol", "arithmetic", "prompt")}
    measured = {name: _without_rounds(result[name]) for name in COSTS if name in result}
    return Cost(how, _machine(result), result["versions"], measured)


def _machine(result: Result) -> dict[str, Any]:
    """The fingerprint, and the processor as it is told, which the name in the fingerprint may hide."""
    processor = result["computed_on"].get("processor")
    return {**result["machine"], **({"processor": processor} if processor else {})}


def _without_rounds(value: Any) -> Any:
    return {name: one for name, one in value.items() if not (name == ROUNDS and isinstance(one, dict))} if isinstance(value, dict) else value


def _entry_record(entry: Entry) -> dict[str, Any]:
    scores = {
        task: {
            **{field.name: getattr(score, field.name) for field in dataclasses.fields(score)},
            "estimates": {subset: None if one is None else pack_estimate(one) for subset, one in score.estimates.items()},
        }
        for task, score in entry.scores.items()
    }
    cost = None if entry.cost is None else dataclasses.asdict(entry.cost)
    return {"content": entry.content, "parameters": entry.parameters, "scores": scores, "cost": cost}


def _read_entry(record: Mapping[str, Any]) -> Entry:
    scores = {task: Score(**one) for task, one in record["scores"].items()}
    cost = None if record["cost"] is None else Cost(**record["cost"])
    if flaw := next((flaw for flaw in (*map(_score_flaw, scores.values()), _cost_flaw(cost)) if flaw), _numbers_flaw("parameters", record["parameters"])):
        raise ValueError(flaw)
    return Entry(record["content"], record["parameters"], scores, cost)


def _score_flaw(score: Score) -> str | None:
    """What in a score that was read is not what `Score` says; None where all is."""
    for name in ("parts", "where", "versions", "estimates"):
        if not isinstance(getattr(score, name), dict):
            return f"{name} is {getattr(score, name)!r:.40}"
    if flaw := _numbers_flaw("main", score.main) or _numbers_flaw("n", score.n):
        return flaw
    if not score.main or not score.main.keys() == score.n.keys() == score.estimates.keys() or not all(score.n.values()):
        return "main, n and estimates are not of the same subsets"
    arithmetic = score.parts.get("arithmetic", {})
    return None if isinstance(arithmetic, dict) and "machine" in score.where else "it does not say how and where it was computed"


def _cost_flaw(cost: Cost | None) -> str | None:
    """The same of a measurement."""
    if cost is None:
        return None
    for name in ("how", "machine", "versions", "measured"):
        if not isinstance(getattr(cost, name), dict):
            return f"{name} is {getattr(cost, name)!r:.40}"
    measured = cost.measured
    for name in ("memory", "relative", "reference", "validity"):
        if not isinstance(measured.get(name) or {}, dict):
            return f"{name} is {measured[name]!r:.40}"
    if "memory" not in measured or "profile" not in cost.how:
        return "a measurement without its memory or its profile"
    peaks = {name: measured["memory"].get(name) for name in ("peak_while_encoding", "cuda_allocated_peak") if measured["memory"].get(name) is not None}
    if flaw := _numbers_flaw("memory", peaks) or _numbers_flaw("size", {"bytes_on_disk": measured.get("bytes_on_disk")}):
        return flaw
    ratios = [one for one in (measured.get("relative") or {}).values() if one is not None]
    told = all(isinstance(one, dict) and all(_number(one.get(name)) and one[name] > 0 for name in ("ratio", "low", "high", "rounds")) for one in ratios)
    return None if told and all(peaks.values()) else "its numbers are not all above zero"


def _numbers_flaw(name: str, found: Any) -> str | None:
    """What is wrong with a table of numbers; None is one that is not known."""
    if found is None and name == "parameters":
        return None
    return None if isinstance(found, dict) and all(map(_number, found.values())) else f"{name} is {found!r:.40}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
