"""Stored results to a board."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable
from typing import Any

from bench.cards.tasks import TaskCard
from bench.errors import last_line
from bench.make.strategies.pure import describe_kept
from bench.plan.records import Record, SuiteRecords
from bench.probe.agreement import disagreeing
from bench.probe.pace import paces
from bench.standings.about import about_candidate, about_task
from bench.standings.board import Board, Column, Drop, RecoveryPoint, Row, Used
from bench.standings.compared import compare, detectable, fronts
from bench.standings.flags import bounds_of, flags
from bench.standings.methods import comparisons
from bench.standings.ranks import add_ranks
from bench.standings.seeds import fold
from bench.standings.trimmed import trimmed_models
from bench.standings.worst import worst_losses
from bench.statistics.estimate import Estimate, mean
from bench.store import Result


def build_board(suite: SuiteRecords) -> Board:
    """The standings of a suite.

    Rows are ordered by the mean over tasks (a task's score is the mean over its subsets); only rows that have every task get a mean and a rank. A row's rank
    is a tier: 1 + the number of rows whose mean is surely above its own, with at most 5 % for anything wrong on the whole board (`bench.statistics.tiers`);
    no rank where the variation of a main score is not known.
    """
    clean = _columns(card for card in suite.tasks.values() if not card.perturbation)
    rewritten = _columns(card for card in suite.tasks.values() if card.perturbation)
    candidates = [record.candidate for record in suite.records]
    single = {record.candidate.name: _described(record, _row(record, clean, rewritten, suite.unread), suite) for record in suite.records}
    _add_paces(single)
    _mark_disagreeing(single)
    for name, losses in worst_losses(suite).items():
        single[name].losses = losses
    rows = fold(single, candidates)
    ranked = sorted((row for row in rows if row.mean is not None), key=lambda row: (-(row.mean or 0.0), row.name))
    add_ranks(ranked)
    rest = sorted((row for row in rows if row.mean is None), key=lambda row: (-len(row.scores), row.name))
    used = [result for record in suite.records for result in _used(record)]
    return Board(
        suite=suite.suite.name,
        description=suite.suite.suite.description,
        device=suite.device,
        columns=clean,
        robustness=rewritten,
        rows=(*ranked, *rest),
        machines=_distinct([result["machine"] for result in used]),
        versions=_distinct([result["versions"] for result in used]),
        removed=_removed(used),
        comparisons=comparisons(ranked, candidates),
        trimmed=trimmed_models(ranked, candidates),
        flags=flags(rows, clean, rewritten, bounds_of(used)),
        remarks=suite.remarks,
        tasks=_tasks(suite, used),
        compared=compare(ranked, ranked, clean, suite.tasks),
        detectable=detectable(ranked, clean),
        fronts=fronts(ranked),
        layer_similarity=suite.layer_similarity,
    )


def _described(record: Record, row: Row, suite: SuiteRecords) -> Row:
    """The row with what its card says of it, and which checkpoint its numbers are of."""
    row.about = about_candidate(record.candidate, suite.suite)
    if record.made is not None:
        row.about |= {"checkpoint": record.made.get("content"), "base_layers": record.made.get("lineage", {}).get("base_layers")}
    return row


def _tasks(suite: SuiteRecords, used: list[Result]) -> dict[str, dict[str, Any]]:
    """What the cards say of the tasks; the scores of chance are those of the results, where they say them."""
    limits: dict[str, dict[str, Any]] = {}
    for (task, subset), found in bounds_of(used).items():
        limits.setdefault(task, {})[subset] = dataclasses.asdict(found)
    return {name: about_task(card) | ({"bounds": limits[name]} if name in limits else {}) for name, card in suite.tasks.items()}


def _add_paces(rows: dict[str, Row]) -> None:
    """Measurements of different minutes, and days, are shown at one pace of the machine."""
    for name, pace in paces({name: row.probe for name, row in rows.items() if row.probe is not None}).items():
        rows[name].pace = pace


def _mark_disagreeing(rows: dict[str, Row]) -> None:
    """Costs of models of one shape that are further apart than they can be were not all measured rightly, whenever that was."""
    measured = {name: row.probe for name, row in rows.items() if row.probe is not None}
    for name, reason in disagreeing(measured, {name: row.parameters for name, row in rows.items() if row.parameters is not None}).items():
        probe, validity = measured[name], measured[name]["validity"]
        rows[name].probe = {**probe, "validity": {"verdict": "INVALID", "reasons": [*validity["reasons"], reason]}}


def _columns(cards: Iterable[TaskCard]) -> tuple[Column, ...]:
    return tuple(
        Column(
            task=card.name,
            subset=subset,
            label=card.label(subset),
            metric=card.score_name,
            clean=card.data if card.perturbation else None,
            rule=card.perturbation,
        )
        for card in cards
        for subset in card.subsets
    )


def _row(record: Record, columns: tuple[Column, ...], robustness: tuple[Column, ...], unread: frozenset[str]) -> Row:
    candidate, made = record.candidate, record.made
    row = Row(candidate.name, candidate.title, candidate.parent, describe_kept(record.kept), None, {}, {}, None, record.problem)
    if made is None:
        return row
    row.parameters = made["parameters"]
    row.tokenizer_problems = tuple(made["tokenizer_problems"])
    row.trimming = made.get("trimming")
    row.unguarded = tuple(name for name in made.get("lineage", {}).get("guard", {}).get("tests_not_read", []) if name in unread)
    points = [(phase["kind"], point) for phase in made.get("phases", []) for point in phase.get("curve", [])]
    row.recovery = tuple(RecoveryPoint(kind, **point) for kind, point in points if point["score"] is not None)
    if not row.kept and made.get("layers"):
        row.kept = describe_kept(range(made["layers"]))
    row.probe = record.cost
    found = _done(record)
    row.used = _used_as(found)
    _add_scores(row, found, columns)
    _add_drops(row, found, robustness)
    tasks = list(dict.fromkeys(column.task for column in (*columns, *robustness)))
    if problems := [_problem(record, task) for task in tasks if task not in found]:
        row.problem = f"incomplete, {len(found)} of {len(tasks)} tasks: {'; '.join(problems)}"
    return row


def _done(record: Record) -> dict[str, Result]:
    """The scores that were computed, by task."""
    return {task: result for task, result in record.scores.items() if result["status"] == "done"}


def _problem(record: Record, task: str) -> str:
    """Why a task has no score."""
    result = record.scores.get(task)
    return f"{task} missing" if result is None else f"{task} failed: {last_line(result['error'])}"


def _used_as(found: dict[str, Result]) -> Used | None:
    """What the results say of how the model was used; None without any."""
    prompts = {task: result["used"]["prompt"] for task, result in found.items()}
    return next((Used(prompts, result["used"]["similarity"], result["used"]["precision"]) for result in found.values()), None)


def _used(record: Record) -> list[Result]:
    """The results that a row is made of."""
    return [result for result in (record.made, *_done(record).values(), record.cost) if result is not None]


def _add_scores(row: Row, found: dict[str, Result], columns: tuple[Column, ...]) -> None:
    """Scores and their intervals; the mean where every task is there, its interval where the variation of every task is known."""
    for column in columns:
        if column.task in found:
            result = found[column.task]
            row.scores[column.label] = result["main"][column.subset]
            if stored := result["estimates"][column.subset]:
                row.estimates[column.label] = Estimate.read(stored)
    tasks = dict.fromkeys(column.task for column in columns)
    row.task_means = {task: statistics.fmean(found[task]["main"].values()) for task in tasks if task in found}
    if len(row.task_means) < len(tasks):
        return
    row.mean = statistics.fmean(row.task_means.values())
    estimates = [_task_estimate(found[task]) for task in tasks]
    known = [estimate for estimate in estimates if estimate is not None]
    if len(known) == len(estimates):
        row.estimate = mean(known)


def _add_drops(row: Row, found: dict[str, Result], columns: tuple[Column, ...]) -> None:
    for column in columns:
        rewritten, clean = found.get(column.task), found.get(column.clean or "")
        if rewritten is None or clean is None:
            continue
        before, after = (result["estimates"][column.subset] for result in (clean, rewritten))
        difference = Estimate.read(before) - Estimate.read(after) if before and after else None
        row.drops[column.label] = Drop(clean["main"][column.subset] - rewritten["main"][column.subset], difference)


def _task_estimate(result: Result) -> Estimate | None:
    """The task's score with its variation: the mean over its subsets; None where that of a subset is not known."""
    stored = list(result["estimates"].values())
    return mean([Estimate.read(one) for one in stored]) if all(stored) else None


def _distinct(items: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple({str(sorted(item.items())): item for item in items}.values())


def _removed(used: list[Result]) -> dict[str, int]:
    """Training rows left out for standing in a test, for each data set, over the trained candidates (which share their data)."""
    removed: dict[str, int] = {}
    for result in used:
        for phase in result.get("lineage", {}).get("phases", []):
            removed.update(phase["left_out_for_standing_in_a_test"])
    return removed
