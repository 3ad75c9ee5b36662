"""What is stored of a suite, read once: all that a board is made from."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable

from bench.cards.candidate import Candidate, FromBase
from bench.cards.suites import Suite
from bench.cards.tasks import TaskCard
from bench.errors import BenchError, first_line, last_line
from bench.plan.archive import Archive
from bench.plan.keys import evaluate_key, measurement_keys
from bench.plan.planning import Plan
from bench.plan.sweeps import Similarity, layer_similarity
from bench.store import Result


@dataclasses.dataclass(frozen=True)
class Record:
    """A candidate's stored results.

    `made` is that of its make cell; where there is none, `problem` says why. `scores` are those of its evaluate cells by task, done or failed. `cost` is that
    of its probe cell: beside the suite's reference as it is now before one without a reference, then the full profile before the quick one.
    """

    candidate: Candidate
    kept: tuple[int, ...] = ()
    made: Result | None = None
    problem: str | None = None
    scores: dict[str, Result] = dataclasses.field(default_factory=dict)
    cost: Result | None = None


@dataclasses.dataclass(frozen=True)
class SuiteRecords:
    """A suite, the cards of its tasks, and what is stored of each of its candidates.

    `unread` are the tests that cannot be read now. Where one can, the key of a checkpoint that was made without it is the same only if no training row holds a
    text of it. `remarks` are what is odd about the rows of a task. `layer_similarity` is that of the
    bases of which a sweep is stored.
    """

    suite: Suite
    tasks: dict[str, TaskCard]
    device: str
    records: tuple[Record, ...]
    unread: frozenset[str] = frozenset()
    remarks: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    layer_similarity: dict[str, Similarity] = dataclasses.field(default_factory=dict)


def read_records(plan: Plan) -> SuiteRecords:
    """The stored results of every candidate of the plan's suite, chosen or not, as they are now."""
    cards = {name: task.card for name, task in plan.tasks.items()}
    beside = plan.reference.told
    records = tuple(read_record(plan, candidate, beside) for candidate in plan.selection.everyone.values())
    remarks = {name: task.remarks for name, task in plan.tasks.items() if task.remarks}
    alike = layer_similarity(plan.workspace.state, _bases(plan))
    return SuiteRecords(plan.selection.suite, cards, plan.options.device, records, frozenset(plan.resolver.unread), remarks, alike)


def _bases(plan: Plan) -> dict[str, str]:
    """The digest of the content of each base, by its name, as far as it can be found."""
    found = {}
    for candidate in plan.selection.everyone.values():
        if isinstance(candidate, FromBase):
            with contextlib.suppress(BenchError):  # why it cannot be made is told in its record
                found[candidate.base] = plan.resolver.blueprint(candidate).base_digest
    return found


def read_record(plan: Plan, candidate: Candidate, beside: str | None) -> Record:
    """What is stored of one candidate of the plan's suite. Scores need no checkpoint: it may have stayed on the machine that made it.

    Args:
        plan: The plan.
        candidate: The candidate.
        beside: Content of the reference that costs were measured beside.
    """
    archive = plan.archive
    try:
        blueprint = plan.resolver.blueprint(candidate)
    except BenchError as error:
        return Record(candidate, problem=f"cannot be made: {first_line(error)}")
    made = archive.told(blueprint)
    if made is None:
        failed = archive.store.get(blueprint.key)
        problem = f"making failed: {last_line(failed['error'])}" if failed and failed.get("error") else "not made yet"
        return Record(candidate, blueprint.kept, problem=problem)
    scores = {}
    for name, task in plan.tasks.items():
        found = None if task.problem else archive.store.get(evaluate_key(candidate, made["content"], task, archive.device))
        if found is not None:
            scores[name] = found
    return Record(candidate, blueprint.kept, made, None, scores, _cost(archive, measurement_keys(candidate, made["content"], archive.device, beside)))


def _cost(archive: Archive, keys: Iterable[str]) -> Result | None:
    found = (archive.store.get(key) for key in keys)
    return next((cost for cost in found if cost is not None and cost["status"] == "done"), None)
