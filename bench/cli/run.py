"""`bench run`: make, evaluate, probe, rank, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bench.cli import options
from bench.errors import EXIT_INCOMPLETE, StorageError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from rich.console import Console

    from bench.cli.boards import Placed
    from bench.plan.planning import Plan
    from bench.plan.records import SuiteRecords
    from bench.run.execute import Outcome
    from bench.standings.board import Board

EXAMPLES = """Examples:

  bench run --all                               suite small, no network

  bench run e5-top6 e5-scratch6                 two candidates

  bench run e5-top6 --task KasautiSTS-half      one score

  bench run 'e5-top*' --reprobe                 costs measured anew

  bench run --all --suite public --data-dir D   on published data

  bench run --all --shard 1/2 --out half        half of them; files in half/

  bench run --all --quiet --log run.log         only the table; rest in a file

A run of a part shows that part. It leaves the published board as it is where
scores or measurements would be lost, unless --publish is given.

A second run does no work that is stored; a killed one goes on where it stopped.
One that was killed under --force goes on without it.

Exit codes: 0 done, 2 usage or configuration, 3 cells failed or missing, 130 interrupted
(Ctrl-C), 143 ended by SIGTERM."""


def run(
    names: options.Names = None,
    everything: options.All = False,
    suite: options.Suite = None,
    task: options.Tasks = None,
    device: options.Device = "auto",
    probe: options.Probe = "quick",
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    shard: options.Shard = "1/1",
    jobs: options.Jobs = 0,
    force: options.Force = False,
    reprobe: options.Reprobe = False,
    out: options.Out = None,
    publish: options.Publish = False,
    workspace: options.WorkspaceOption = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    log: options.Log = None,
    json: options.Json = False,
) -> None:
    """Make, evaluate, probe, rank and publish; resumes where an earlier run stopped."""
    from bench.cli.log import logged
    from bench.cli.progress import make_reporter, planned
    from bench.plan.remembered import remember
    from bench.publish.guard import published
    from bench.run.execute import execute
    from bench.store import require_writable

    options.check_named(names, everything=everything)
    options.check_loudness(quiet=quiet, verbose=verbose)
    chosen = options.chosen(
        names,
        suite=suite,
        tasks=task,
        device=device,
        probe=probe,
        data_dir=data_dir,
        offline=offline,
        shard=shard,
        jobs=jobs,
        force=force,
        reprobe=reprobe,
    )
    with options.begins_anew(force or reprobe), logged(log, make_reporter(json=json, quiet=quiet, verbose=verbose)) as (reporter, file):
        plan = planned(workspace, chosen, json=json, quiet=quiet)
        folder = out or plan.leaderboard
        require_writable(folder)
        outcome = execute(plan, reporter)
        unwritten = publish_board(plan, outcome, folder, json=json, anyway=publish or (out is not None and not published(out)), log=file)
        remember(plan)
    if not outcome.complete:
        if unwritten is not None:
            typer.echo(f"bench: {unwritten}", err=True)
        raise typer.Exit(EXIT_INCOMPLETE)
    if unwritten is not None:
        raise unwritten


def publish_board(plan: Plan, outcome: Outcome, folder: Path, *, json: bool, anyway: bool, log: TextIO | None) -> StorageError | None:
    """Write the suite's files, show what was asked for and what did not work. Returns why the files could not be written."""
    from rich.console import Console

    from bench.cli.boards import Placed, place
    from bench.plan.records import read_records
    from bench.publish.files import values
    from bench.publish.terminal import WIDE, make_console
    from bench.standings.build import build_board

    records = read_records(plan)
    board = build_board(records)
    unwritten = None
    try:
        placed = place(values(board), folder, anyway=anyway, part=not asks_for_all(plan))
    except StorageError as problem:
        placed, unwritten = Placed(kept=f"not written, {problem}"), problem
    part = asked_for(plan, records, board)
    if json:
        _tell(part, outcome, placed)
    consoles = [*([] if json else [make_console()]), *([] if log is None else [Console(file=log, width=WIDE)])]
    for console in consoles:
        _show(part, outcome, placed, console, tasks_named=bool(plan.options.tasks))
    return unwritten


def asks_for_all(plan: Plan) -> bool:
    """True where the plan's options choose the whole suite."""
    return len(plan.selection.chosen) == len(plan.selection.everyone) and len(plan.selection.tasks) == len(plan.tasks)


def asked_for(plan: Plan, records: SuiteRecords, board: Board) -> Board:
    """The part of a suite's board that the plan's options choose."""
    from bench.standings.part import build_part

    return board if asks_for_all(plan) else build_part(records, [candidate.name for candidate in plan.selection.chosen], plan.selection.tasks)


def _problems(outcome: Outcome) -> dict[str, str]:
    return {str(cell): error for cell, error in {**outcome.blocked, **outcome.failed}.items()}


def _tell(board: Board, outcome: Outcome, placed: Placed) -> None:
    """Say `{"event": "end", ...}` with the rows that were asked for, as they stand in leaderboard.json."""
    import json as jsonlib

    from bench.publish.files import documents

    event = {
        "event": "end",
        "suite": board.suite,
        "computed": outcome.computed,
        "reused": outcome.reused,
        "problems": _problems(outcome),
        "files": [str(path) for path in placed.paths],
        "not_published": placed.kept,
        "rows": documents(board),
    }
    typer.echo(jsonlib.dumps(event, ensure_ascii=False))


def _show(board: Board, outcome: Outcome, placed: Placed, console: Console, *, tasks_named: bool) -> None:
    """Print the table, the problems and the counts."""
    from bench.publish.files import document
    from bench.publish.terminal import show

    show(document(board), console, tasks_named=tasks_named)
    lines = [f"{name}: {error}" for name, error in _problems(outcome).items()]
    counts = f"{len(outcome.failed)} failed, {len(outcome.blocked)} could not run"
    lines.append(f"{outcome.computed} cells computed, {outcome.reused} reused, {counts}")
    lines.append(f"Board: {placed.kept or ', '.join(map(str, placed.paths))}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
