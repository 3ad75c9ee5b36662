"""A suite's standings as plain values: what every form of the board is made from."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from bench.statistics.bootstrap import interval

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bench.standings.methods import Comparison
    from bench.standings.trimmed import Trimmed


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
    **dict.fromkeys(("mean", "low", "high", "of_parent", "sentences_per_second"), "float64"),
    "batch_size": "Int64",
    **dict.fromkeys(("latency_p50_seconds", "latency_p90_seconds"), "float64"),
    **dict.fromkeys(("peak_bytes", "cuda_peak_bytes"), "Int64"),
    "load_seconds": "float64",
    "bytes_on_disk": "Int64",
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

    Of several (`seeds` of them), `spread` is the standard deviation of their means and `seed_scores` are the single ones, by column label and `mean`. `scores`
    maps column labels to scores between 0 and 1; what is not there was not computed.
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

    @property
    def costs(self) -> dict[str, Any]:
        """What was measured, under names that hold the unit; every value is None where there is no probe."""
        probe = self.probe
        return {
            "sentences_per_second": probe and probe["offline"]["sentences_per_second"],
            "batch_size": probe and probe["offline"]["batch_size"],
            "latency_p50_seconds": probe and probe["single"]["p50"],
            "latency_p90_seconds": probe and probe["single"]["p90"],
            "peak_bytes": probe and probe["memory"]["peak_while_encoding"],
            "cuda_peak_bytes": probe and probe["memory"]["cuda_allocated_peak"],
            "load_seconds": probe and probe["load"],
            "bytes_on_disk": probe and probe["bytes_on_disk"],
        }


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
            - `of_parent` (float64): the mean divided by that of the parent.
            - `sentences_per_second` (float64) at the best `batch_size` (Int64); `latency_p50_seconds`, `latency_p90_seconds`, `load_seconds` (float64).
            - `peak_bytes`, `cuda_peak_bytes`, `bytes_on_disk` (Int64): memory while encoding, on CUDA that of its allocator, and size of the checkpoint.
            - `problem` (string): why the row is incomplete; missing for a complete one.
        """
        return _frame([_summary(row) for row in self.rows], SUMMARY_COLUMNS)


def is_above(better: Row, worse: Row) -> bool:
    """True when the paired difference of two means is above zero with 95 % confidence."""
    if better.replicates is None or worse.replicates is None:
        return False
    return interval(better.replicates - worse.replicates)[0] > 0


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
        **row.costs,
        "problem": row.problem,
    }


def _frame(lines: list[dict[str, Any]], columns: dict[str, str]) -> pd.DataFrame:
    """Lines as a table of these columns; a column that a line has not is missing there."""
    import pandas as pd

    return pd.DataFrame(lines, columns=list(columns), dtype=object).astype(columns)
