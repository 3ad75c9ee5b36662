"""Two candidates of a suite, row by row: what is stored of both, and the texts, to `Diff`."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

from bench.cards.seeds import groups
from bench.cards.tasks import TaskCard
from bench.data.rows import load_rows, text_columns
from bench.errors import DataError, Incomplete, SelectionError, last_line
from bench.plan.planning import Plan
from bench.plan.records import Record, read_record
from bench.standings.losses import Diff, Rewritten, Side, SubsetRows, TaskLosses, task_losses
from bench.statistics.estimate import Estimate
from bench.store import Result


def build_diff(plan: Plan, first: str, second: str, limit: int) -> Diff:
    """Compare two candidates on the plan's tasks.

    Rewritten tasks are compared row by row only where the plan's options name tasks; their drops are always told.

    Args:
        plan: That of a suite which has both.
        first: The candidate that may be better.
        second: The one that may have lost.
        limit: How many examples to keep of each task.

    Raises:
        SelectionError: A name is not one candidate, or both are the same.
        Incomplete: Nothing can be compared; says why.
    """
    records = (_record(plan, first), _record(plan, second))
    if first == second:
        raise SelectionError(f"{first!r} is compared with itself; give two candidates")
    named = bool(plan.options.tasks)
    tasks, left_out = [], {}
    for name in plan.selection.tasks:
        card = plan.tasks[name].card
        if problem := _problem(plan, name, records):
            left_out[name] = problem
        elif named or card.perturbation is None:
            tasks.append(_task(card, plan.options.data_dir, records, limit))
    if not tasks:
        raise Incomplete(f"{first} and {second} have no task in common here: " + "; ".join(f"{name}: {why}" for name, why in left_out.items()))
    rewritten = [one for name in plan.tasks for one in _rewritten(plan.tasks[name].card, records) if _asked(plan.tasks[name].card, plan.selection.tasks)]
    return Diff(plan.selection.suite.name, plan.options.device, first, second, tuple(tasks), tuple(rewritten), left_out)


def _record(plan: Plan, name: str) -> Record:
    candidate = plan.selection.everyone.get(name)
    if candidate is None:
        seeds = groups(plan.selection.everyone.values()).get(name, [name])
        raise SelectionError(f"{name!r} stands for {len(seeds)} candidates; name one of them: {', '.join(seeds)}")
    return read_record(plan, candidate, beside=None)


def _asked(card: TaskCard, tasks: Collection[str]) -> bool:
    """Whether a rewritten task, or the one whose texts it rewrites, is among the tasks."""
    return card.name in tasks or card.data in tasks


def _problem(plan: Plan, task: str, records: tuple[Record, Record]) -> str | None:
    """Why a task cannot be compared; None where it can."""
    planned = plan.tasks[task]
    if planned.problem:
        where = "" if plan.options.data_dir is not None else "; --data-dir names the folder of published data"
        return planned.problem + where
    for record in records:
        if record.problem:
            return f"{record.candidate.name} {record.problem}"
        result = record.scores.get(task)
        if result is None:
            return f"{record.candidate.name} has no score; `bench run {record.candidate.name} --suite {plan.selection.suite.name}` computes it"
        if result["status"] != "done":
            return f"{record.candidate.name} failed: {last_line(result['error'])}"
    return None


def _task(card: TaskCard, data_dir: Path | None, records: tuple[Record, Record], limit: int) -> TaskLosses:
    return task_losses(card.name, card.type, card.score_name, beside(card, quoted_rows(card, data_dir), records), limit)


@dataclasses.dataclass(frozen=True)
class Quoted:
    """The rows of a subset as they are shown: see `SubsetRows`."""

    language: str
    texts: list[tuple[str, ...]]
    gold: list[str]


def quoted_rows(card: TaskCard, data_dir: Path | None) -> dict[str, Quoted]:
    """The rows that a task is scored on, by subset.

    Raises:
        DataError: They cannot be read.
    """
    data = load_rows(card, data_dir, splits=(card.evaluate_on,))
    columns, labels = text_columns(card), {number: label for label, number in card.labels.items()}
    found = {}
    for name, splits in data.splits.items():
        rows = splits[card.evaluate_on]
        language = " and ".join(dict.fromkeys(language.partition("-")[0] for language in card.subsets[name].languages))
        found[name] = Quoted(language, [tuple(str(row[column]) for column in columns) for row in rows], [_gold(row, labels) for row in rows])
    return found


def beside(card: TaskCard, quoted: dict[str, Quoted], records: tuple[Record, Record]) -> list[SubsetRows]:
    """The rows of a task with what two candidates, which both have its score, did with them.

    Raises:
        DataError: A result is of another number of rows.
    """
    subsets = []
    for name, rows in quoted.items():
        first, second = (_side(record.scores[card.name], name) for record in records)
        for record, side in zip(records, (first, second), strict=True):
            if len(rows.texts) != _count(side.examples):
                raise DataError(
                    f"{card.name} [{name}]: {len(rows.texts)} rows, and the result of {record.candidate.name} is of {_count(side.examples)}; run it again"
                )
        subsets.append(SubsetRows(name, rows.language, rows.texts, rows.gold, first, second))
    return subsets


def _side(result: Result, subset: str) -> Side:
    stored = result["estimates"][subset]
    return Side(result["examples"][subset], result["main"][subset], Estimate.read(stored) if stored else None)


def _count(examples: Any) -> int:
    """Of how many rows outputs are stored."""
    return len(examples["cosine"]) if "cosine" in examples else len(examples["correct"][0])


def _gold(row: dict[str, Any], labels: dict[int, str]) -> str:
    if "score" in row:
        return f"{row['score']:g}"
    return str(labels.get(row["label"], row["label"])) if "label" in row else ""


def _rewritten(card: TaskCard, records: tuple[Record, Record]) -> list[Rewritten]:
    """The drops of both on a rewritten task, one entry a subset; none where a score is missing."""
    results = [record.scores.get(name) for record in records for name in (card.data or "", card.name)]
    if card.perturbation is None or any(result is None or result["status"] != "done" for result in results):
        return []
    found = []
    for subset in card.subsets:
        scores = [result["main"][subset] for result in results if result is not None]
        stored = [result["estimates"][subset] for result in results if result is not None]
        interval = None
        if all(stored):
            clean, rewritten, other_clean, other_rewritten = map(Estimate.read, stored)
            interval = ((other_clean - other_rewritten) - (clean - rewritten)).interval
        found.append(Rewritten(card.label(subset), card.perturbation, (scores[0] - scores[1], scores[2] - scores[3]), interval))
    return found
