"""The one table model behind every form of the board."""

from __future__ import annotations

import statistics
from typing import Any

from bench.cards.specs import Candidate
from bench.errors import BenchError
from bench.make.strategies.pure import describe_kept
from bench.plan.planner import Cell, Planner
from bench.standings.board import Board, Column, Drop, RecoveryPoint, Row
from bench.standings.methods import comparisons
from bench.standings.ranks import add_ranks
from bench.standings.seeds import fold
from bench.standings.trimmed import trimmed_models
from bench.statistics.estimate import Estimate, mean
from bench.store import Result


def build_board(planner: Planner) -> Board:
    """Read the stored cells of every candidate of the planner's suite, selected or not.

    Rows are ordered by the mean over tasks (a task's score is the mean over its subsets); only rows that have every task get a mean and a rank. A row's rank
    is a tier: 1 + the number of rows whose mean is surely above its own, with at most 5 % for anything wrong on the whole board (`bench.statistics.tiers`);
    no rank where the variation of a main score is not known.
    """
    suite = planner.suite
    clean, rewritten = _split(planner)
    columns, robustness = _columns(planner, clean), _columns(planner, rewritten)
    used: list[Result] = []
    single = {name: _row(planner, candidate, columns, robustness, used) for name, candidate in planner.candidates.items()}
    rows = fold(single, planner.candidates.values())
    ranked = sorted((row for row in rows if row.mean is not None), key=lambda row: (-(row.mean or 0.0), row.name))
    add_ranks(ranked)
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
