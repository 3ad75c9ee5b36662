"""The one table model behind every form of the board."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import BenchError
from bench.make.layers import describe_kept
from bench.plan import Cell, Planner
from bench.specs import Candidate
from bench.standings.bootstrap import interval
from bench.store import Result

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Column:
    """One score column: a task, or one subset of a task that has several."""

    task: str
    subset: str
    label: str
    metric: str


@dataclasses.dataclass
class Row:
    """One candidate. `scores` maps column labels to scores between 0 and 1; what is not there was not computed."""

    name: str
    kind: str
    parent: str | None
    kept: str
    parameters: dict[str, int] | None
    scores: dict[str, float]
    task_means: dict[str, float]
    probe: dict[str, Any] | None
    problem: str | None
    rank: int | None = None
    mean: float | None = None
    interval: tuple[float, float] | None = None
    score_intervals: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    replicates: NDArray[np.float64] | None = None
    of_parent: float | None = None


@dataclasses.dataclass(frozen=True)
class Board:
    """A suite's standings."""

    suite: str
    description: str
    device: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    machines: tuple[dict[str, Any], ...]
    versions: tuple[dict[str, str], ...]
    removed: dict[str, int]

    @property
    def empty(self) -> bool:
        """True when no row has any score: publishing it would wipe out a board for want of an option."""
        return not any(row.scores for row in self.rows)

    @property
    def complete(self) -> bool:
        """True when every row has every score."""
        return all(row.problem is None for row in self.rows)


def build_board(planner: Planner) -> Board:
    """Read the stored cells of every candidate of the planner's suite, selected or not.

    Rows are ordered by the mean over tasks (a task's score is the mean over its subsets); only rows that have every task get a mean and a rank. A row's rank is a tier: 1 + the number of
    rows whose mean is above its own with 95 % confidence in the paired bootstrap over test examples; no rank where a main score has no replicates.
    """
    suite = planner.suite
    columns = tuple(
        Column(name, subset, f"{name} {subset}" if len(card.subsets) > 1 else name, card.score_name)
        for name in suite.suite.tasks
        for card in [planner.library.task(name)]
        for subset in card.subsets
    )
    used: list[Result] = []
    rows = [_row(planner, candidate, columns, used) for candidate in planner.candidates.values()]
    ranked = sorted((row for row in rows if row.mean is not None), key=lambda row: (-(row.mean or 0.0), row.name))
    for row in ranked:
        if row.replicates is not None:
            row.rank = 1 + sum(is_above(other, row) for other in ranked)
        parent = next((other for other in ranked if other.name == row.parent), None)
        if parent is not None and parent.mean and row.mean is not None:
            row.of_parent = row.mean / parent.mean
    rest = sorted((row for row in rows if row.mean is None), key=lambda row: (-len(row.scores), row.name))
    return Board(
        suite=suite.name,
        description=suite.suite.description,
        device=planner.options.device,
        columns=columns,
        rows=(*ranked, *rest),
        machines=_distinct([result["machine"] for result in used]),
        versions=_distinct([result["versions"] for result in used]),
        removed=_removed(used),
    )


def is_above(better: Row, worse: Row) -> bool:
    """True when the paired difference of two means is above zero with 95 % confidence."""
    if better.replicates is None or worse.replicates is None:
        return False
    return interval(better.replicates - worse.replicates)[0] > 0


def _row(planner: Planner, candidate: Candidate, columns: tuple[Column, ...], used: list[Result]) -> Row:
    row = Row(candidate.name, candidate.kind, candidate.parent, "", None, {}, {}, None, None)
    try:
        blueprint = planner.blueprint(candidate)
        row.kept = describe_kept(blueprint.kept)
        made = planner.made(candidate)
    except BenchError as error:
        row.problem = f"cannot be made: {str(error).splitlines()[0]}"
        return row
    if made is None:
        failed = planner.store.get(blueprint.key)
        row.problem = f"making failed: {_last_line(failed['error'])}" if failed and failed.get("error") else "not made yet"
        return row
    used.append(made)
    row.parameters = made["parameters"]
    if not row.kept and made.get("layers"):
        row.kept = describe_kept(range(made["layers"]))
    problems = []
    replicates: list[NDArray[np.float64] | None] = []
    for task in planner.suite.suite.tasks:
        result = _stored(planner, candidate, made, Cell(candidate.name, "evaluate", task))
        if result is None or result["status"] != "done":
            problems.append(f"{task} {'failed: ' + _last_line(result['error']) if result else 'missing'}")
            continue
        used.append(result)
        row.task_means[task] = statistics.fmean(result["main"].values())
        _add_scores(row, result, [column for column in columns if column.task == task])
        replicates.append(_task_replicates(result))
    for profile in ("full", "quick"):
        measured = planner.store.get(planner.probe_key(candidate, made["content"], profile))
        if row.probe is None and measured is not None and measured["status"] == "done":
            used.append(measured)
            row.probe = measured
    if problems:
        row.problem = f"incomplete, {len(row.task_means)} of {len(planner.suite.suite.tasks)} tasks: {'; '.join(problems)}"
    else:
        row.mean = statistics.fmean(row.task_means.values())
        if all(found is not None for found in replicates):
            row.replicates = np.mean([found for found in replicates if found is not None], axis=0)
            row.interval = interval(row.replicates)
    return row


def _add_scores(row: Row, result: Result, columns: list[Column]) -> None:
    for column in columns:
        row.scores[column.label] = result["main"][column.subset]
        if drawn := result["replicates"][column.subset]:
            row.score_intervals[column.label] = interval(np.asarray(drawn))


def _task_replicates(result: Result) -> NDArray[np.float64] | None:
    """The task's score in each resample: the mean over its subsets; None where a subset has no replicates."""
    drawn = list(result["replicates"].values())
    return np.mean(drawn, axis=0) if all(drawn) else None


def _stored(planner: Planner, candidate: Candidate, made: Result, cell: Cell) -> Result | None:
    try:
        return planner.store.get(planner.key_of(candidate, cell, made["content"]))
    except BenchError:
        return None


def _last_line(error: str) -> str:
    return error.strip().splitlines()[-1]


def _distinct(items: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple({str(sorted(item.items())): item for item in items}.values())


def _removed(used: list[Result]) -> dict[str, int]:
    """Training rows left out for standing in a test, for each data set, over the trained candidates (which share their data)."""
    removed: dict[str, int] = {}
    for result in used:
        for phase in result.get("lineage", {}).get("phases", []):
            removed.update(phase["left_out_for_standing_in_a_test"])
    return removed
