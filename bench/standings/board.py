"""A suite's standings as plain values: what every form of the board is made from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

from bench.statistics.bootstrap import interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
    replicates: NDArray[np.float64] | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 %, in score."""
        return None if self.replicates is None else interval(self.replicates)


@dataclasses.dataclass(frozen=True)
class Flag:
    """A column, by its label, that tells nothing about the candidates: all are at one end of the scale, or at chance, whose score is `level`; `reason` says so in words."""

    column: str
    end: Literal["lowest", "chance", "highest"]
    level: float
    reason: str


@dataclasses.dataclass(frozen=True)
class RecoveryPoint:
    """The development score, between -1 and 1, after `step` steps of a phase of fine-tuning."""

    phase: str
    step: int
    score: float


@dataclasses.dataclass(frozen=True)
class Used:
    """How a candidate was used: the prompt before the texts of each task, how embeddings were compared, and which share of its numbers is held in which precision (none of a lexical one)."""

    prompts: dict[str, str]
    similarity: str
    precision: dict[str, float]

    @property
    def plain(self) -> bool:
        """True for no prompt, the cosine, and fp32 throughout."""
        return not any(self.prompts.values()) and self.similarity == "cosine" and set(self.precision) <= {"fp32"}


@dataclasses.dataclass
class Row:
    """One candidate, or several that differ in their training seed only.

    Of several (`seeds` of them), `spread` is the standard deviation of their means and `seed_scores` are the single ones, by column label and `mean`. `scores` maps column labels to scores
    between 0 and 1; what is not there was not computed. `unguarded` are the tests that could not be read when it was trained, so that its training data may hold their texts.
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
    unguarded: tuple[str, ...] = ()
    used: Used | None = None

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
    flags: tuple[Flag, ...] = ()

    @property
    def empty(self) -> bool:
        """True when no row has any score: publishing it would wipe out a board for want of an option."""
        return not any(row.scores for row in self.rows)

    @property
    def complete(self) -> bool:
        """True when every row has every score."""
        return all(row.problem is None for row in self.rows)


def is_above(better: Row, worse: Row) -> bool:
    """True when the paired difference of two means is above zero with 95 % confidence."""
    if better.replicates is None or worse.replicates is None:
        return False
    return interval(better.replicates - worse.replicates)[0] > 0
