"""`bench merge`: what several machines have computed of a suite, put together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options
from bench.errors import StorageError

if TYPE_CHECKING:
    from bench.plan.merge import Brought

EXAMPLES = """Examples:

  bench run --all --shard 1/3               on each of three machines: 1/3, 2/3, 3/3

  bench merge shard-1 shard-2 shard-3       their workspaces, or their folders .bench

  bench leaderboard                         the board of all of them

  bench merge ../other --checkpoints        the models too

Every file is checked first, and nothing is merged where two of one key have other scores.

Exit codes: 0 merged, 2 nothing was merged."""


def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Workspaces, or their folders .bench.", show_default=False)],
    checkpoints: Annotated[bool, typer.Option("--checkpoints", help="Bring checkpoints and embeddings too: then a run need not make them again.")] = False,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Bring the results of other workspaces into this one; computes nothing."""
    from bench.cli.place import writing_in
    from bench.plan.cache import require_idle
    from bench.plan.merge import merge as merge_states
    from bench.plan.merge import state_of
    from bench.store import require_writable

    into = writing_in(workspace).state
    states = list(dict.fromkeys(state_of(folder) for folder in folders))
    if into.resolve() in states:
        raise StorageError(f"{into}: this is where the results would go; name the other workspaces only")
    require_writable(into)
    require_idle(into, "merged")
    found = merge_states(states, into, checkpoints=checkpoints)
    if json:
        _tell(found, into)
        return
    for one in found:
        _show(one)
    typer.echo(f"in {into}; `bench leaderboard` shows the board")


def _tell(found: list[Brought], into: Path) -> None:
    import json as jsonlib

    merged: list[dict[str, Any]] = [
        {
            "from": str(one.state),
            "came": [result.name for result in one.came],
            "there": one.there,
            "checkpoints": one.checkpoints,
            "left_out": one.left_out,
        }
        for one in found
    ]
    typer.echo(jsonlib.dumps({"into": str(into), "merged": merged}, ensure_ascii=False, indent=1))


def _show(one: Brought) -> None:
    candidates = len({result.name.split(" ")[0] for result in one.came if result.stage != "ranking"})
    brought = f"{len(one.came)} results of {candidates} candidates came" + (f", {one.checkpoints} checkpoints" if one.checkpoints else "")
    typer.echo(f"{one.state}: {brought}; {one.there} were here")
    for left in one.left_out:
        typer.echo(f"  left out  {left}")
