"""`bench cache`: what a workspace has stored, and the removal of what its cards do not need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options
from bench.cli.verb import Verb, Verbs

if TYPE_CHECKING:
    from bench.plan.cache import Entry

app = typer.Typer(cls=Verbs, help="What .bench/ holds, and what of it no card needs.", no_args_is_help=True, rich_markup_mode=None)

LIST_EXAMPLES = """Examples:

  bench cache list                          by kind: how many, how large, how much of it no card needs

  bench cache list --json                   thing by thing"""

GC_EXAMPLES = """Examples:

  bench cache gc                            what would go, and why

  bench cache gc --yes                      remove it

  bench cache gc --yes --data-dir DATA      also what is stored of suites on published data

What cannot be judged here stays: what another type of device has computed, and what may belong to
candidates whose data or base is not here. Nothing is removed while a run holds a lock."""


@app.command("list", cls=Verb, epilog=LIST_EXAMPLES)
def list_cache(data_dir: options.DataDir = None, workspace: options.WorkspaceOption = None, json: options.Json = False) -> None:
    """Show what is stored by kind, with sizes, and how much of it the current cards need."""
    import json as jsonlib

    from bench.plan.cache import KINDS

    found, place = _entries(workspace, data_dir)
    if json:
        typer.echo(jsonlib.dumps([_told(one) for one in found], ensure_ascii=False, indent=1))
        return
    for kind in KINDS:
        those = [one for one in found if one.kind == kind]
        if those:
            unused = [one for one in those if not one.used]
            typer.echo(f"{kind:<12}{len(those):>7}  {_megabytes(those):>12}" + (f"   not needed: {len(unused)}, {_megabytes(unused)}" if unused else ""))
    typer.echo(f"{'all':<12}{len(found):>7}  {_megabytes(found):>12}   in {place.state}")


@app.command("gc", cls=Verb, epilog=GC_EXAMPLES)
def gc(
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this, only show what would go.")] = False,
    data_dir: options.DataDir = None,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Remove what no card of the workspace needs; shows it only, unless --yes is given."""
    import json as jsonlib

    from bench.plan.cache import remove, require_idle

    found, place = _entries(workspace, data_dir)
    if yes:
        require_idle(place.state)
    unused = [one for one in found if not one.used]
    gone = []
    for entry in remove(unused, place.state) if yes else unused:
        gone.append(entry)
        if not json and entry.kind != "locks":
            typer.echo(f"{'removed' if yes else 'would go'}  {_megabytes([entry]):>12}  {entry.path}  ({entry.why})")
    if json:
        typer.echo(jsonlib.dumps({"removed": yes, "entries": [_told(one) for one in gone]}, ensure_ascii=False, indent=1))
        return
    if locks := sum(entry.kind == "locks" for entry in gone):
        typer.echo(f"{'removed' if yes else 'would go'}  {locks} lock files that nobody holds")
    kept = [one for one in found if one.used and one.why.startswith(("cannot be judged", "computed on"))]
    if kept:
        typer.echo(f"{len(kept)} things, {_megabytes(kept)}, stay since they cannot be judged here; `bench cache list --json` says why")
    typer.echo(f"{len(gone)} things, {_megabytes(gone)}" + (" removed" if yes else "; give --yes to remove them" if gone else ": all is needed"))


def _entries(workspace: Any, data_dir: Any) -> tuple[list[Entry], Any]:
    from bench.cards.workspace import find_workspace
    from bench.plan.cache import entries
    from bench.plan.options import stay_offline
    from bench.probe.machine import pick_device

    stay_offline()
    place = find_workspace(workspace)
    return entries(place, tuple(dict.fromkeys(("cpu", pick_device("auto")))), data_dir), place


def _told(entry: Entry) -> dict[str, Any]:
    return {"kind": entry.kind, "path": str(entry.path), "bytes": entry.bytes, "used": entry.used, "why": entry.why}


def _megabytes(found: Iterable[Entry]) -> str:
    return f"{sum(one.bytes for one in found) / 1e6:,.1f} MB"
