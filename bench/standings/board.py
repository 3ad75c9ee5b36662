"""A suite's standings as plain values: what every form of the board is made from."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from bench.statistics.estimate import Estimate


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

    Of several (`seeds` of them), `spread` is the standard deviation of their means and `seed_scores` are the single ones, by column label and `mean`.
    `scores` maps column labels to scores between 0 and 1; what is not there was not computed. `estimates` are the scores whose variation is known, `estimate`
    is the mean where all of them are. `of_parent` is the mean divided by the parent's, with its 95 % interval, where the parent's mean is surely above zero.
    `unguarded` are the tests that could not be read when it was trained, so that its training data may hold their texts.
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
    unguarded: tuple[str, ...] = ()
    used: Used | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the mean."""
        return None if self.estimate is None else self.estimate.interval

    @property
    def score_intervals(self) -> dict[str, tuple[float, float]]:
        """95 % interval of each score whose variation is known."""
        return {label: estimate.interval for label, estimate in self.estimates.items()}


@dataclasses.dataclass(frozen=True)
class Difference:
    """Method minus control, in score, and half of its 95 % interval over test examples and seeds; `sure` where the interval does not hold zero."""

    value: float
    half_width: float
    sure: bool


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A method and a control of as many layers; `differences` by column label, and `mean` over tasks."""

    method: str
    control: str
    seeds: tuple[int, int]
    differences: dict[str, Difference]


@dataclasses.dataclass(frozen=True)
class Trimmed:
    """A trimmed model. `texts_changed` and `tokens_changed` are the shares of its corpus that are cut into other tokens than by the base; `difference` is its mean minus that of `whole`."""

    name: str
    whole: str
    tokens_before: int
    tokens_after: int
    texts_changed: float
    tokens_changed: float
    difference: float | None
    difference_interval: tuple[float, float] | None


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
