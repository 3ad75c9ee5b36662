"""`bench probe`: what checkpoints cost, measured now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from bench.cli import options
from bench.errors import Incomplete, SelectionError

if TYPE_CHECKING:
    from bench.plan.planning import Plan
    from bench.store import Result

EXAMPLES = """Examples:

  bench probe mini mini-top6

  bench probe 'e5-top*' --profile full --threads 1

  bench probe --all --suite mini --benchmark-json costs.json    for pytest-benchmark and github-action-benchmark"""
Profile = Annotated[str, typer.Option("--profile", help="quick: some seconds a model; full: for numbers that are published, minutes a model.")]
Threads = Annotated[int, typer.Option("--threads", min=0, metavar="N", help="Threads that a model may use. 0: as many as there are cores.")]
BenchmarkJson = Annotated[
    Path | None,
    typer.Option("--benchmark-json", metavar="FILE", help="Write the rounds in pytest-benchmark's format, which its `compare` reads.", show_default=False),
]


def probe(
    names: options.Names = None,
    everything: options.All = False,
    suite: options.Suite = None,
    profile: Profile = "quick",
    device: options.Device = "auto",
    threads: Threads = 0,
    benchmark_json: BenchmarkJson = None,
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    workspace: options.WorkspaceOption = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    log: options.Log = None,
    json: options.Json = False,
) -> None:
    """Measure what models cost, beside the suite's reference; checkpoints that are not there are made first.

    It measures anew whatever is stored, and stores what it finds; `bench leaderboard` puts that on the board. What comes out INVALID, as on a busy machine, is
    told with its reasons; the exit code stays 0.
    """
    import json as jsonlib

    from bench.cli.log import logged
    from bench.cli.progress import make_reporter, planned
    from bench.probe.machine import usable_cores
    from bench.run.execute import execute

    options.check_named(names, everything=everything)
    options.check_loudness(quiet=quiet, verbose=verbose)
    options.one_of("--profile", profile, ("quick", "full"))
    if threads > (most := usable_cores()):
        raise SelectionError(f"--threads must be at most {most}, the cores that this process may use (got {threads})")
    if benchmark_json is not None:
        from bench.store import require_writable_file

        require_writable_file(benchmark_json)  # before minutes of work
    chosen = options.chosen(
        names,
        suite=suite,
        device=device,
        probe=profile,
        data_dir=data_dir,
        offline=offline,
        jobs=0,
        stages=("make", "probe"),
        reprobe=True,
        threads=threads,
    )
    with options.begins_anew(), logged(log, make_reporter(json=json, quiet=quiet, verbose=verbose)) as (reporter, file):
        plan = planned(workspace, chosen, json=json, quiet=quiet)
        outcome = execute(plan, reporter)
        found = measured(plan)
        if json:
            typer.echo(jsonlib.dumps({"event": "end", "suite": plan.selection.suite.name, "profile": profile, "measured": found}, ensure_ascii=False))
        _show(found, on_screen=not json, log=file)
    if benchmark_json is not None:
        from bench.publish.benchmark import write_benchmark

        write_benchmark(benchmark_json, found)
    if not outcome.complete:
        raise Incomplete("\n".join(f"{cell}: {error}" for cell, error in {**outcome.blocked, **outcome.failed}.items()))


def measured(plan: Plan) -> dict[str, Result]:
    """The stored measurements of a plan's candidates, by name, as they are now."""
    from bench.errors import BenchError
    from bench.plan.keys import measurement_key

    how, reference = plan.options, plan.reference.content
    found = {}
    for candidate in plan.selection.chosen:
        try:
            made = plan.archive.made(plan.resolver.blueprint(candidate))
        except BenchError:
            continue
        if made is not None:
            keys = (  # without a reference where that has failed
                measurement_key(candidate, made["content"], how.device, how.probe, reference=beside, threads=how.threads)
                for beside in dict.fromkeys((reference, None))
            )
            result = next((one for key in keys if (one := plan.archive.store.get(key)) is not None), None)
            if result is not None and result["status"] == "done":
                found[candidate.name] = result
    return found


def _show(found: dict[str, Result], *, on_screen: bool, log: TextIO | None) -> None:
    """The table, and why what is in it cannot be trusted, on the screen and in the log."""
    from rich.console import Console

    from bench.publish.probes import show
    from bench.publish.terminal import WIDE, make_console

    for console in [*([make_console()] if on_screen else []), *([] if log is None else [Console(file=log, width=WIDE)])]:
        show(found, console)
