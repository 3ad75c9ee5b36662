"""Under which keys the current cells of a suite are stored: all that has to be known to read them, without the cards, the data and the models behind them.

What reads cards is imported where keys are made, so that reading them costs little.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError, first_line

if TYPE_CHECKING:
    from bench.cards.candidate import Candidate
    from bench.plan.planning import Plan


@dataclasses.dataclass(frozen=True)
class TaskInfo:
    """The name of a task's main score, and whether it counts for the mean (a task with rewritten texts does not)."""

    metric: str
    counts: bool


@dataclasses.dataclass(frozen=True)
class CandidateKeys:
    """The key of a candidate's checkpoint, of its scores by task, and of its measurements, of which the first that is stored counts.

    `problem` says why there is no checkpoint.
    """

    made: str | None = None
    scores: dict[str, str] = dataclasses.field(default_factory=dict)
    costs: tuple[str, ...] = ()
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class CurrentKeys:
    """A suite on one type of device: its tasks and its candidates, chosen or not, in the order of the cards."""

    suite: str
    device: str
    tasks: dict[str, TaskInfo]
    candidates: dict[str, CandidateKeys]

    def record(self) -> dict[str, Any]:
        """As plain JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def read(cls, record: dict[str, Any]) -> CurrentKeys:
        """What `record` wrote."""
        tasks = {name: TaskInfo(**one) for name, one in record["tasks"].items()}
        candidates = {name: CandidateKeys(one["made"], one["scores"], tuple(one["costs"]), one["problem"]) for name, one in record["candidates"].items()}
        return cls(record["suite"], record["device"], tasks, candidates)


def current_keys(plan: Plan) -> CurrentKeys:
    """The keys of every candidate of the plan's suite, as cards, data and checkpoints are now."""
    tasks = {name: TaskInfo(task.card.score_name, not task.card.perturbation) for name, task in plan.tasks.items()}
    beside = plan.reference.told
    candidates = {candidate.name: _keys(plan, candidate, beside) for candidate in plan.selection.everyone.values()}
    return CurrentKeys(plan.selection.suite.name, plan.archive.device, tasks, candidates)


def _keys(plan: Plan, candidate: Candidate, beside: str | None) -> CandidateKeys:
    from bench.plan.keys import evaluate_key, measurement_keys

    device = plan.archive.device
    try:
        blueprint = plan.resolver.blueprint(candidate)
    except BenchError as error:
        return CandidateKeys(problem=f"cannot be made: {first_line(error)}")
    made = plan.archive.told(blueprint)
    if made is None:
        return CandidateKeys(problem="not made yet")
    scores = {name: evaluate_key(candidate, made["content"], task, device) for name, task in plan.tasks.items() if not task.problem}
    costs = tuple(measurement_keys(candidate, made["content"], device, beside))
    return CandidateKeys(blueprint.key, scores, costs)
