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
from bench.standings.methods import Comparison, comparisons
from bench.standings.seeds import fold
from bench.standings.trimmed import Trimmed, trimmed_models
from bench.store import Result

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Column:
    """One score column: a task, or one subset of a task that has several. `clean` names the task whose texts are rewritten by `rule`, where they are."""

    task: str
    subset: str
    label: str
    metric: str
    clean: str | None = None
    rule: str | None = None


@dataclasses.dataclass(frozen=True)
class Drop:
    """How much of a clean score is lost on rewritten texts: clean - rewritten, with the 95 % interval of the paired difference where there is one."""

    value: float
    replicates: NDArray[np.float64] | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 %, in score."""
        return None if self.replicates is None else interval(self.replicates)


@dataclasses.dataclass(frozen=True)
class RecoveryPoint:
    """The development score, between -1 and 1, after `step` steps of a phase of fine-tuning."""

    phase: str
    step: int
    score: float


@dataclasses.dataclass
class Row:
    """One candidate, or several that differ in their training seed only.

    Of several (`seeds` of them), `spread` is the standard deviation of their means and `seed_scores` are the single ones, by column label and `mean`. `scores` maps column labels to scores
    between 0 and 1; what is not there was not computed.
    """

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
    score_replicates: dict[str, NDArray[np.float64]] = dataclasses.field(default_factory=dict)
    replicates: NDArray[np.float64] | None = None
    of_parent: float | None = None
    drops: dict[str, Drop] = dataclasses.field(default_factory=dict)
    tokenizer_problems: tuple[str, ...] = ()
    seeds: int = 1
    spread: float | None = None
    seed_scores: dict[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    recovery: tuple[RecoveryPoint, ...] = ()
    trimming: dict[str, Any] | None = None

    @property
    def score_intervals(self) -> dict[str, tuple[float, float]]:
        """95 % interval of each score that has replicates."""
        return {label: interval(drawn) for label, drawn in self.score_replicates.items()}


@dataclasses.dataclass(frozen=True)
class Board:
    """A suite's standings. `robustness` are the columns of tasks that rewrite another's texts; they count for no mean and no rank."""

    suite: str
    description: str
    device: str
    columns: tuple[Column, ...]
    robustness: tuple[Column, ...]
    rows: tuple[Row, ...]
    machines: tuple[dict[str, Any], ...]
    versions: tuple[dict[str, str], ...]
    removed: dict[str, int]
    comparisons: tuple[Comparison, ...] = ()
    trimmed: tuple[Trimmed, ...] = ()

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
    clean, rewritten = _split(planner)
    columns, robustness = _columns(planner, clean), _columns(planner, rewritten)
    used: list[Result] = []
    single = {name: _row(planner, candidate, columns, robustness, used) for name, candidate in planner.candidates.items()}
    rows = fold(single, planner.candidates.values())
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
        robustness=robustness,
        rows=(*ranked, *rest),
        machines=_distinct([result["machine"] for result in used]),
        versions=_distinct([result["versions"] for result in used]),
        removed=_removed(used),
        comparisons=comparisons(ranked, planner.candidates.values()),
        trimmed=trimmed_models(ranked, planner.candidates.values()),
    )


def is_above(better: Row, worse: Row) -> bool:
    """True when the paired difference of two means is above zero with 95 % confidence."""
    if better.replicates is None or worse.replicates is None:
        return False
    return interval(better.replicates - worse.replicates)[0] > 0


def _split(planner: Planner) -> tuple[list[str], list[str]]:
    """The suite's tasks: those that are scored, and those that rewrite the texts of one."""
    tasks = planner.suite.suite.tasks
    rewritten = [name for name in tasks if planner.library.tasks[name].perturbation]
    return [name for name in tasks if name not in rewritten], rewritten


def _columns(planner: Planner, tasks: list[str]) -> tuple[Column, ...]:
    cards = [planner.library.task(name) for name in tasks]
    return tuple(
        Column(
            task=card.name,
            subset=subset,
            label=f"{card.name} {subset}" if len(card.subsets) > 1 else card.name,
            metric=card.score_name,
            clean=card.data if card.perturbation else None,
            rule=card.perturbation,
        )
        for card in cards
        for subset in card.subsets
    )


def _row(planner: Planner, candidate: Candidate, columns: tuple[Column, ...], robustness: tuple[Column, ...], used: list[Result]) -> Row:
    kind: str = "scratch, pre-trained" if candidate.kind == "scratch" and candidate.weights == "pretrained" else candidate.kind
    if candidate.precision != "fp32":
        kind += f", {candidate.precision}"
    row = Row(candidate.name, kind, candidate.parent, "", None, {}, {}, None, None)
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
    row.tokenizer_problems = tuple(made["tokenizer_problems"])
    row.trimming = made.get("trimming")
    row.recovery = tuple(RecoveryPoint(phase["kind"], **point) for phase in made.get("phases", []) for point in phase.get("curve", []))
    if not row.kept and made.get("layers"):
        row.kept = describe_kept(range(made["layers"]))
    problems = []
    found: dict[str, Result] = {}
    for task in planner.suite.suite.tasks:
        result = _stored(planner, candidate, made, Cell(candidate.name, "evaluate", task))
        if result is None or result["status"] != "done":
            problems.append(f"{task} {'failed: ' + _last_line(result['error']) if result else 'missing'}")
        else:
            used.append(result)
            found[task] = result
    _add_scores(row, found, columns)
    _add_drops(row, found, robustness)
    for profile in ("full", "quick"):
        measured = planner.store.get(planner.probe_key(candidate, made["content"], profile))
        if row.probe is None and measured is not None and measured["status"] == "done":
            used.append(measured)
            row.probe = measured
    if problems:
        row.problem = f"incomplete, {len(found)} of {len(planner.suite.suite.tasks)} tasks: {'; '.join(problems)}"
    return row


def _add_scores(row: Row, found: dict[str, Result], columns: tuple[Column, ...]) -> None:
    """Scores and their intervals; the mean where every task is there, its interval where every task has replicates."""
    for column in columns:
        if column.task in found:
            result = found[column.task]
            row.scores[column.label] = result["main"][column.subset]
            if drawn := result["replicates"][column.subset]:
                row.score_replicates[column.label] = np.asarray(drawn)
    tasks = dict.fromkeys(column.task for column in columns)
    row.task_means = {task: statistics.fmean(found[task]["main"].values()) for task in tasks if task in found}
    if len(row.task_means) < len(tasks):
        return
    row.mean = statistics.fmean(row.task_means.values())
    replicates = [_task_replicates(found[task]) for task in tasks]
    if all(drawn is not None for drawn in replicates):
        row.replicates = np.mean([drawn for drawn in replicates if drawn is not None], axis=0)
        row.interval = interval(row.replicates)


def _add_drops(row: Row, found: dict[str, Result], columns: tuple[Column, ...]) -> None:
    for column in columns:
        rewritten, clean = found.get(column.task), found.get(column.clean or "")
        if rewritten is None or clean is None:
            continue
        before, after = (result["replicates"][column.subset] for result in (clean, rewritten))
        difference = np.subtract(before, after) if before and after else None
        row.drops[column.label] = Drop(clean["main"][column.subset] - rewritten["main"][column.subset], difference)


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
