"""`bench run`: make, evaluate, probe, rank, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bench.cli import options
from bench.errors import EXIT_INCOMPLETE, SelectionError, StorageError

if TYPE_CHECKING:
    from bench.plan.planning import Plan
    from bench.run.execute import Outcome

EXAMPLES = """Examples:

  bench run --all                                     every candidate of suite small, no network needed

  bench run e5-top6 e5-scratch6                       two candidates

  bench run --all --suite public --data-dir DATA      on published data

  bench run --all --shard 1/2                         half of the candidates, on this machine

A second run does no work that is stored; a killed one goes on where it stopped.

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
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Make, evaluate, probe, rank and publish; resumes where an earlier run stopped."""
    from bench.cli.progress import make_reporter, planned
    from bench.plan.options import Options, stay_offline
    from bench.probe.machine import pick_device
    from bench.run.execute import execute
    from bench.store import require_writable

    if bool(names) == everything:
        raise SelectionError("give candidate NAMEs or --all; `bench list models` shows them")
    options.one_of("--probe", probe, ("quick", "full", "none"))
    if offline:
        stay_offline()
    chosen = Options(
        suite=suite,
        names=tuple(names or ()),
        tasks=tuple(task or ()),
        device=pick_device(device),
        probe=probe,
        data_dir=data_dir,
        offline=offline,
        shard=options.parse_shard(shard),
        jobs=jobs,
    )
    plan = planned(workspace, chosen, json=json)
    require_writable(plan.leaderboard)
    outcome = execute(plan, make_reporter(json=json))
    unwritten = publish_board(plan, outcome, json=json)
    if not outcome.complete:
        if unwritten is not None:
            typer.echo(f"bench: {unwritten}", err=True)
        raise typer.Exit(EXIT_INCOMPLETE)
    if unwritten is not None:
        raise unwritten


def publish_board(plan: Plan, outcome: Outcome, *, json: bool) -> StorageError | None:
    """Write the suite's files, show the table and what did not work. Returns why the files could not be written."""
    import json as jsonlib

    from bench.plan.records import read_records
    from bench.publish.files import publish
    from bench.publish.terminal import make_console, show
    from bench.standings.build import build_board

    board = build_board(read_records(plan))
    paths, unwritten = [], None
    try:
        paths = [] if board.empty else publish(board, plan.leaderboard)
    except StorageError as problem:
        unwritten = problem
    problems = {str(cell): error for cell, error in {**outcome.blocked, **outcome.failed}.items()}
    if json:
        event = {"event": "end", "computed": outcome.computed, "reused": outcome.reused, "problems": problems, "files": [str(path) for path in paths]}
        typer.echo(jsonlib.dumps(event, ensure_ascii=False))
        return unwritten
    console = make_console()
    show(board, console)
    for name, error in problems.items():
        console.print(f"{name}: {error}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{outcome.computed} cells computed, {outcome.reused} reused, {len(outcome.failed)} failed, {len(outcome.blocked)} could not run", highlight=False
    )
    written = ", ".join(map(str, paths)) or f"not written, {'there are no scores' if unwritten is None else unwritten}"
    console.print(f"Board: {written}", markup=False, highlight=False, soft_wrap=True)
    return unwritten
