"""A suite's standings as plain values: what every form of the board is made from."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Literal

from bench.standings.losses import Example
from bench.statistics.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd


_CANDIDATE = {"rank": "Int64", "candidate": "string", "kind": "string", "parent": "string", "seeds": "Int64"}
LONG_COLUMNS = {
    **_CANDIDATE,
    **dict.fromkeys(("task", "subset", "metric"), "string"),
    **dict.fromkeys(("score", "low", "high"), "float64"),
    "clean": "string",
    **dict.fromkeys(("drop", "drop_low", "drop_high"), "float64"),
}
"""Columns of `Board.to_frame` and their types in pandas."""

SUMMARY_COLUMNS = {
    **_CANDIDATE,
    "kept_layers": "string",
    **dict.fromkeys(("parameters_embeddings", "parameters_body"), "Int64"),
    **dict.fromkeys(("mean", "low", "high", "of_parent", "of_parent_low", "of_parent_high", "sentences_per_second"), "float64"),
    "batch_size": "Int64",
    **dict.fromkeys(("latency_p50_seconds", "latency_p90_seconds"), "float64"),
    **dict.fromkeys(("peak_bytes", "cuda_peak_bytes"), "Int64"),
    "load_seconds": "float64",
    "bytes_on_disk": "Int64",
    **dict.fromkeys(("relative_speed", "relative_speed_low", "relative_speed_high", "offline_pace", "single_pace"), "float64"),
    "cost_validity": "string",
    "flops_per_sentence": "float64",
    "problem": "string",
}
"""Columns of `Board.summary` and their types in pandas."""


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
    """A column, by its label, that tells nothing about the candidates: all are at one end of the scale, or at chance, whose score is `level`.

    `reason` says so in words.
    """

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
    """How a candidate was used.

    The prompt before the texts of each task, how embeddings were compared, and which share of its numbers is held in which precision (none of a lexical
    one).
    """

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
    `shares` are the same of single scores, by column label.
    `losses` are rows at which it lost most against its parent, each with its task (`bench.standings.worst`); of several seeds, those of the first.
    `pace` is how fast the machine was while its costs were measured, by scenario, as a multiple of its usual pace (`bench.probe.pace`).
    `unguarded` are the tests that could not be read when it was trained, so that its training data may hold their texts. `about` says how it is made
    (`bench.standings.about`).
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
    shares: dict[str, tuple[float, tuple[float, float]]] = dataclasses.field(default_factory=dict)
    drops: dict[str, Drop] = dataclasses.field(default_factory=dict)
    tokenizer_problems: tuple[str, ...] = ()
    seeds: int = 1
    spread: float | None = None
    seed_scores: dict[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    recovery: tuple[RecoveryPoint, ...] = ()
    trimming: dict[str, Any] | None = None
    unguarded: tuple[str, ...] = ()
    used: Used | None = None
    about: dict[str, Any] = dataclasses.field(default_factory=dict)
    losses: tuple[tuple[str, Example], ...] = ()
    pace: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the mean."""
        return None if self.estimate is None else self.estimate.interval

    @property
    def score_intervals(self) -> dict[str, tuple[float, float]]:
        """95 % interval of each score whose variation is known."""
        return {label: estimate.interval for label, estimate in self.estimates.items()}

    @property
    def costs(self) -> dict[str, Any]:
        """What was measured, under names that hold the unit; every value is None where there is no probe. Speed and latency are those at the usual pace."""
        probe, single = self.probe, self.pace.get("single", 1.0)
        relative = (probe or {}).get("relative") or {"offline": {}}
        return {
            "sentences_per_second": probe and probe["offline"]["sentences_per_second"] / self.pace.get("offline", 1.0),
            "batch_size": probe and probe["offline"]["batch_size"],
            "latency_p50_seconds": probe and probe["single"]["p50"] and probe["single"]["p50"] * single,
            "latency_p90_seconds": probe and probe["single"]["p90"] and probe["single"]["p90"] * single,
            "peak_bytes": probe and probe["memory"]["peak_while_encoding"],
            "cuda_peak_bytes": probe and probe["memory"]["cuda_allocated_peak"],
            "load_seconds": probe and probe["load"],
            "bytes_on_disk": probe and probe["bytes_on_disk"],
            "relative_speed": relative["offline"].get("ratio"),
            "relative_speed_low": relative["offline"].get("low"),
            "relative_speed_high": relative["offline"].get("high"),
            "offline_pace": self.pace.get("offline"),
            "single_pace": self.pace.get("single"),
            "cost_validity": probe and probe.get("validity", {}).get("verdict"),
            "flops_per_sentence": probe and probe.get("flops", {}).get("per_sentence"),
        }


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
    """A trimmed model.

    `texts_changed` and `tokens_changed` are the shares of its corpus that are cut into other tokens than by the base; `difference` is its mean minus that
    of `whole`.
    """

    name: str
    whole: str
    tokens_before: int
    tokens_after: int
    texts_changed: float
    tokens_changed: float
    difference: float | None
    difference_interval: tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class Spanned:
    """A number between 0 and 1 with its 95 % interval, where that is known."""

    value: float
    interval: tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class Paired:
    """A row's mean less that of another row, with the 95 % interval of the paired difference, where that is known."""

    other: str
    value: float
    interval: tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class Compared:
    """A complete row beside the others.

    `borda` are its Borda points: over all tasks, how many complete rows it beats, ties counting half. `to_parent` and `to_above` (the next better mean) are
    differences of means. `languages` are its means over the tasks of one language.
    """

    borda: float
    to_parent: Paired | None
    to_above: Paired | None
    languages: dict[str, Spanned]


@dataclasses.dataclass(frozen=True)
class Front:
    """The rows that nothing beats in quality, speed and memory together, among those measured on one machine."""

    machine: dict[str, Any]
    rows: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Board:
    """A suite's standings.

    `robustness` are the columns of tasks that rewrite another's texts; they count for no mean and no rank. `remarks` are what is odd about the rows of a task,
    `tasks` what it is (`bench.standings.about`). `compared` are the complete rows beside each other, by name. `detectable` is the smallest difference that a
    task can show, by task. `layer_similarity` says of bases that were swept how alike their layers are (`bench.plan.sweeps`).
    """

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
    remarks: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    compared: dict[str, Compared] = dataclasses.field(default_factory=dict)
    detectable: dict[str, float] = dataclasses.field(default_factory=dict)
    fronts: tuple[Front, ...] = ()
    layer_similarity: dict[str, list[list[float]]] = dataclasses.field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """True when no row has any score: publishing it would wipe out a board for want of an option."""
        return not any(row.scores for row in self.rows)

    @property
    def complete(self) -> bool:
        """True when every row has every score."""
        return all(row.problem is None for row in self.rows)

    def to_frame(self) -> pd.DataFrame:
        """Every score in a long table: one row a candidate, task and subset (a language or a pair of languages), in the order of the board.

        Scores lie between 0 and 1 (correlations between -1 and 1). What was not computed is missing, never 0. `string` and `Int64` are pandas' types that can
        say so.

        Returns:
            A table with these columns:

            - `rank` (Int64): the candidate's tier; missing for an incomplete row.
            - `candidate`, `kind`, `parent` (string): its name, its kind, and the full model that it is compared with.
            - `seeds` (Int64): how many training seeds the row is the mean of.
            - `task`, `subset`, `metric` (string): what was scored, and by which score of mteb.
            - `score`, `low`, `high` (float64): the score and the ends of its 95 % interval.
            - `clean` (string): for a task with rewritten texts, the task that has them as they were; missing for others. Tasks with rewritten texts count for
              no mean and no rank.
            - `drop`, `drop_low`, `drop_high` (float64): clean score minus this one and the 95 % interval of that, for tasks with rewritten texts.
        """
        scored = [_scored(row, column) for row in self.rows for column in self.columns]
        rewritten = [_rewritten(row, column, self.columns) for row in self.rows for column in self.robustness]
        place = {row.name: number for number, row in enumerate(self.rows)}
        return _frame(sorted([*scored, *rewritten], key=lambda line: place[line["candidate"]]), LONG_COLUMNS)

    def summary(self) -> pd.DataFrame:
        """One row a candidate, in the order of the board: its mean over tasks and what it costs.

        Returns:
            A table with these columns:

            - `rank`, `candidate`, `kind`, `parent`, `seeds`: as in `to_frame`.
            - `kept_layers` (string): numbers of the base's layers, from 0.
            - `parameters_embeddings`, `parameters_body` (Int64): how many numbers the model holds.
            - `mean`, `low`, `high` (float64): the mean over tasks and the ends of its 95 % interval; missing for an incomplete row.
            - `of_parent`, `of_parent_low`, `of_parent_high` (float64): the mean divided by that of the parent, and the ends of its 95 % interval.
            - `sentences_per_second` (float64) at the best `batch_size` (Int64); `latency_p50_seconds`, `latency_p90_seconds`, `load_seconds` (float64).
            - `peak_bytes`, `cuda_peak_bytes`, `bytes_on_disk` (Int64): memory while encoding, on CUDA that of its allocator, and size of the checkpoint.
            - `relative_speed`, `relative_speed_low`, `relative_speed_high` (float64): how many times as fast as the suite's reference, in the same rounds, and
              the ends of the 95 % interval.
            - `offline_pace`, `single_pace` (float64): how fast the machine was meanwhile, as a multiple of its usual pace. `sentences_per_second` is what was
              measured divided by the first, and each latency multiplied by the second; missing where nothing tells, and the numbers are as measured.
            - `cost_validity` (string): `VALID` or `INVALID`; `flops_per_sentence` (float64): counted operations.
            - `problem` (string): why the row is incomplete; missing for a complete one.
        """
        return _frame([_summary(row) for row in self.rows], SUMMARY_COLUMNS)


def _candidate(row: Row) -> dict[str, Any]:
    return {"rank": row.rank, "candidate": row.name, "kind": row.kind, "parent": row.parent, "seeds": row.seeds}


def _scored(row: Row, column: Column) -> dict[str, Any]:
    """A line of the long table for a score that counts."""
    low, high = row.score_intervals.get(column.label, (math.nan, math.nan))
    where = {"task": column.task, "subset": column.subset, "metric": column.metric}
    return {**_candidate(row), **where, "score": row.scores.get(column.label, math.nan), "low": low, "high": high}


def _rewritten(row: Row, column: Column, clean: tuple[Column, ...]) -> dict[str, Any]:
    """A line of the long table for rewritten texts: the board knows the drop, and the score is the clean one minus that."""
    line: dict[str, Any] = {**_candidate(row), "task": column.task, "subset": column.subset, "metric": column.metric, "clean": column.clean}
    drop = row.drops.get(column.label)
    if drop is None:
        return line
    before = next((row.scores.get(one.label, math.nan) for one in clean if (one.task, one.subset) == (column.clean, column.subset)), math.nan)
    low, high = drop.interval or (math.nan, math.nan)
    return {**line, "score": before - drop.value, "drop": drop.value, "drop_low": low, "drop_high": high}


def _summary(row: Row) -> dict[str, Any]:
    low, high = row.interval or (math.nan, math.nan)
    parameters = row.parameters or {}
    return {
        **_candidate(row),
        "kept_layers": row.kept or None,
        "parameters_embeddings": parameters.get("embeddings"),
        "parameters_body": parameters.get("body"),
        "mean": row.mean,
        "low": low,
        "high": high,
        "of_parent": row.of_parent,
        "of_parent_low": row.of_parent_interval and row.of_parent_interval[0],
        "of_parent_high": row.of_parent_interval and row.of_parent_interval[1],
        **row.costs,
        "problem": row.problem,
    }


def _frame(lines: list[dict[str, Any]], columns: dict[str, str]) -> pd.DataFrame:
    """Lines as a table of these columns; a column that a line has not is missing there."""
    import pandas as pd

    return pd.DataFrame(lines, columns=list(columns), dtype=object).astype(columns)
