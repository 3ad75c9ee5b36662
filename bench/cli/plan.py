"""`bench plan`: what would run, what is stored, what cannot run and why, and what it costs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options
from bench.errors import EXIT_USAGE, SelectionError, last_line

if TYPE_CHECKING:
    from pathlib import Path

    from bench.cards.workspace import Workspace
    from bench.plan.estimate import Estimate
    from bench.plan.planning import Plan

EXAMPLES = """Examples:

  bench plan --all

  bench plan 'e5-top*' --cells      every cell by itself

  bench plan --all --suite public --data-dir DATA --json

Exit codes: 0 something can be scored, 2 usage or configuration, or nothing can be scored."""


def plan(
    names: options.Names = None,
    everything: options.All = False,
    suite: options.Suite = None,
    task: options.Tasks = None,
    device: options.Device = "auto",
    probe: options.Probe = "quick",
    data_dir: options.DataDir = None,
    shard: options.Shard = "1/1",
    force: options.Force = False,
    reprobe: options.Reprobe = False,
    workspace: options.WorkspaceOption = None,
    cells: Annotated[bool, typer.Option("--cells", help="List every cell, not only each candidate.")] = False,
    json: options.Json = False,
) -> None:
    """Show the work of a run without doing it, with the time and the disk that it takes. Without NAMEs, every candidate of the suite."""
    if names and everything:
        raise SelectionError("give candidate NAMEs or --all, not both")
    from bench.cards.workspace import find_workspace
    from bench.cli.progress import heartbeat
    from bench.plan.planning import make_plan
    from bench.plan.warnings import warnings as warnings_of

    chosen = options.chosen(
        names, suite=suite, tasks=task, device=device, probe=probe, data_dir=data_dir, offline=True, shard=shard, force=force, reprobe=reprobe
    )
    with heartbeat("planning") as say:  # on standard error, also with --json: standard output is one document
        found = make_plan(find_workspace(workspace), chosen, lambda what: say(what, aloud=True), step=say)
        warnings = warnings_of(found)
    if json:
        _tell(found, workspace, warnings)
    else:
        _show(found, workspace, warnings, cells=cells)
    scores = [cell.status for cell in found.cells if cell.cell.stage == "evaluate"]
    if scores and set(scores) == {"cannot run"}:
        raise typer.Exit(EXIT_USAGE)


def _tell(found: Plan, given: Path | None, warnings: list[str]) -> None:
    import json as jsonlib

    from bench.plan.cells import summary
    from bench.plan.estimate import estimate
    from bench.plan.overview import causes

    document: dict[str, Any] = {
        "workspace": {"content": str(found.workspace.content), "home": str(found.workspace.home), "why": why(found.workspace, given)},
        "suite": found.selection.suite.name,
        "cells": [{**dataclasses.asdict(cell.cell), "status": cell.status, "key": cell.key, "reason": cell.reason} for cell in found.cells],
        "summary": summary(found.cells),
        "causes": [dataclasses.asdict(cause) for cause in causes(found)],
        "estimate": dataclasses.asdict(estimate(found)),
        "warnings": warnings,
    }
    typer.echo(jsonlib.dumps(document, ensure_ascii=False, indent=1))


def _show(found: Plan, given: Path | None, warnings: list[str], *, cells: bool) -> None:
    from bench.plan.cells import summary
    from bench.plan.estimate import estimate
    from bench.plan.overview import by_candidate, causes

    typer.echo(f"workspace   {found.workspace.content} ({why(found.workspace, given)})")
    typer.echo(f"suite       {found.selection.suite.name}, on {found.options.device}")
    for cell in found.cells if cells else ():
        reason = f"  ({last_line(cell.reason)})" if cell.reason else ""
        typer.echo(f"{cell.status:<10}  {cell.cell}{reason}")
    rows = [] if cells else by_candidate(found)
    width = max((len(name) for name, _ in rows), default=0)
    for name, states in rows:
        typer.echo(f"  {name:<{width}}  " + "   ".join(f"{stage}: {state}" for stage, state in states.items()))
    for cause in causes(found):
        typer.echo(f"cannot run  {cause}")
    for cell in found.cells:
        if cell.status == "failed" and not cells:
            typer.echo(f"failed      {cell.cell}: {last_line(cell.reason)}")
    for warning in warnings:
        typer.echo(f"warning     {warning}")
    for line in costs(estimate(found)):
        typer.echo(line)
    typer.echo(", ".join(f"{count} {status}" for status, count in summary(found.cells).items()))


def why(workspace: Workspace, given: Path | None) -> str:
    """Why this workspace is used."""
    from pathlib import Path

    if given is not None:
        return "given with --workspace"
    if workspace.content == Path.cwd().resolve():
        return "the current folder"
    if workspace.content == workspace.home:
        return "the nearest one from the current folder upwards"
    return f"comes with the package, since no folder from here upwards is one; a run writes to {workspace.home}"


def costs(estimate: Estimate) -> list[str]:
    """An estimate in words; nothing where nothing is to run."""
    from bench.cli.progress import duration

    if not estimate.known + estimate.unknown:
        return []
    done = f"about {duration(estimate.seconds)} of work for {estimate.known} cells, one after the other, as cells of their kind took on this machine"
    unknown = f"not known for {estimate.unknown} cells: nothing like them has been computed here yet"
    lines = ["time        " + "; ".join([done] * bool(estimate.known) + [unknown] * bool(estimate.unknown))]
    if estimate.checkpoint_bytes:
        lines.append(f"disk        at most {_size(estimate.checkpoint_bytes)} for checkpoints; {_size(estimate.free_bytes)} are free")
    return lines


def _size(count: float) -> str:
    return f"{count / 2**20:,.1f} MiB" if count < 2**30 else f"{count / 2**30:,.1f} GiB"
