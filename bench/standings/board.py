"""A suite's standings as plain values: what every form of the board is made from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from bench.statistics.estimate import Estimate

if TYPE_CHECKING:
    from bench.standings.methods import Comparison
    from bench.standings.trimmed import Trimmed


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
    estimate: Estimate | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 %, in score."""
        return None if self.estimate is None else self.estimate.interval


@dataclasses.dataclass(frozen=True)
class RecoveryPoint:
    """The development score, between -1 and 1, after `step` steps of a phase of fine-tuning."""

    phase: str
    step: int
    score: float


@dataclasses.dataclass
class Row:
    """One candidate, or several that differ in their training seed only.

    Of several (`seeds` of them), `spread` is the standard deviation of their means and `seed_scores` are the single ones, by column label and `mean`.
    `scores` maps column labels to scores between 0 and 1; what is not there was not computed. `estimates` are the scores whose variation is known, `estimate`
    is the mean where all of them are. `of_parent` is the mean divided by the parent's, with its 95 % interval, where the parent's mean is surely above zero.
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
    estimates: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    estimate: Estimate | None = None
    of_parent: float | None = None
    of_parent_interval: tuple[float, float] | None = None
    drops: dict[str, Drop] = dataclasses.field(default_factory=dict)
    tokenizer_problems: tuple[str, ...] = ()
    seeds: int = 1
    spread: float | None = None
    seed_scores: dict[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    recovery: tuple[RecoveryPoint, ...] = ()
    trimming: dict[str, Any] | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the mean."""
        return None if self.estimate is None else self.estimate.interval

    @property
    def score_intervals(self) -> dict[str, tuple[float, float]]:
        """95 % interval of each score whose variation is known."""
        return {label: estimate.interval for label, estimate in self.estimates.items()}


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
