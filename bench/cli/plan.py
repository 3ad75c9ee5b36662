"""`bench plan`: what would run, what is stored, what cannot run and why."""

from __future__ import annotations

import dataclasses

import typer

from bench.cli import options
from bench.errors import SelectionError, last_line

EXAMPLES = """Examples:

  bench plan --all

  bench plan --all --suite public --data-dir DATA --json"""


def plan(
    names: options.Names = None,
    everything: options.All = False,
    suite: options.Suite = None,
    task: options.Tasks = None,
    device: options.Device = "auto",
    probe: options.Probe = "quick",
    data_dir: options.DataDir = None,
    shard: options.Shard = "1/1",
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Show the cells of a run without running them. Without NAMEs, every candidate of the suite."""
    if names and everything:
        raise SelectionError("give candidate NAMEs or --all, not both")
    import json as jsonlib

    from bench.cards.workspace import find_workspace
    from bench.cli.progress import heartbeat
    from bench.plan.cells import summary
    from bench.plan.options import Options, stay_offline
    from bench.plan.planning import make_plan
    from bench.plan.warnings import warnings as warnings_of
    from bench.probe.machine import pick_device

    options.one_of("--probe", probe, ("quick", "full", "none"))
    stay_offline()
    chosen = Options(suite, tuple(names or ()), tuple(task or ()), pick_device(device), probe, data_dir, True, options.parse_shard(shard))
    with heartbeat("planning") as say:  # on standard error, also with --json: standard output is one document
        found = make_plan(find_workspace(workspace), chosen, lambda what: say(what, aloud=True))
        cells, warnings = found.cells, warnings_of(found)
    if json:
        described = [{**dataclasses.asdict(cell.cell), "status": cell.status, "key": cell.key, "reason": cell.reason} for cell in cells]
        typer.echo(jsonlib.dumps({"cells": described, "summary": summary(cells), "warnings": warnings}, ensure_ascii=False, indent=1))
        return
    for cell in cells:
        reason = f"  ({last_line(cell.reason)})" if cell.reason else ""
        typer.echo(f"{cell.status:<10}  {cell.cell}{reason}")
    for warning in warnings:
        typer.echo(f"warning     {warning}")
    typer.echo(", ".join(f"{count} {status}" for status, count in summary(cells).items()))
