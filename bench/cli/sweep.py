"""`bench sweep`: every depth and strategy of one base before fine-tuning, and the depth to keep."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options
from bench.errors import SelectionError

if TYPE_CHECKING:
    from bench.models.encoders import Progress
    from bench.sweep.sweep import Sweep

EXAMPLES = """Examples:

  bench sweep mini                                    every depth of a base by every strategy but greedy

  bench sweep path/to/model --retain 0.95             the fewest layers that keep 95 % of a model folder's score

  bench sweep google/muril-base-cased@REVISION        of a model on the Hub

  bench sweep mini --strategy top --strategy middle --json

  bench sweep mini --strategy greedy --strategy random

Without --strategy all strategies but greedy, whose ranking of the layers takes about as long as
everything else. Rankings of the base's layers are computed once and kept in .bench/rankings.

Writes sweep.json, sweep.md and sweep.svg."""


def sweep(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A base or candidate, a model folder, or a Hub id with @REVISION.")],
    retain: Annotated[float, typer.Option("--retain", help="Share of the full model's score that the recommended depth keeps with 95 % confidence.")] = 0.98,
    strategy: Annotated[
        list[str] | None, typer.Option("--strategy", help="Only this strategy; repeat for several. Default: all but greedy.", show_default=False)
    ] = None,
    suite: options.Suite = None,
    device: options.Device = "auto",
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the files. Default: .bench/sweeps/BASE.", file_okay=False, show_default=False)] = None,
    offline: options.Offline = False,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Judge every depth and strategy of a base before any fine-tuning, in one shared pass, and recommend a depth."""
    import json as jsonlib

    from bench.cards.load import pick
    from bench.cli.place import writing_in
    from bench.cli.progress import heartbeat
    from bench.cli.resolve import resolve_model
    from bench.probe.machine import pick_device
    from bench.sweep import sweep as sweeping
    from bench.sweep.page import quality_table

    if not 0 < retain <= 1:
        raise SelectionError(f"--retain must be above 0 and at most 1 (got {retain:g})")
    strategies = list(pick(strategy or sweeping.DEFAULT, {str(name): name for name in sweeping.EVERY}, "strategy").values())
    place = writing_in(workspace)
    with heartbeat("reading the base") as say:

        def aloud(what: str) -> None:
            print(f"        {what}", file=sys.stderr, flush=True)
            say(what, said=True)

        folder = resolve_model(base, place, suite, offline=offline, needs="layers", say=aloud)
        rank = sweeping.ranker(folder, place, suite, say=lambda name: aloud(f"ranking layers by {name}"))
        found = sweeping.sweep(folder, name=base, strategies=strategies, rank=rank, retain=retain, device=pick_device(device), progress=_progress(say))
    written = _write(found, out or place.state / "sweeps" / file_name(base))
    if json:
        typer.echo(jsonlib.dumps({**found.record(), "files": [str(path) for path in written]}, ensure_ascii=False, indent=1))
        return
    typer.echo(quality_table(found, style="simple"))
    typer.echo(f"\n{found.verdict}")
    typer.echo("\n".join(str(path) for path in written))


def file_name(base: str) -> str:
    """What the user gave as the name of one folder: two models do not get the same one."""
    return re.sub(r"[^\w.@-]+", "--", base).strip("-.") or "model"


def _progress(say: Callable[..., None]) -> Progress:
    """A line on standard error every tenth of the way; `say` is told how far it is."""
    said = 0

    def report(fraction: float) -> None:
        nonlocal said
        tenth = int(fraction * 10)
        if tenth > said:
            print(f"{fraction:6.0%}  encoding", file=sys.stderr, flush=True)
        say(f"encoding {fraction:.0%}", said=tenth > said)
        said = max(said, tenth)

    return report


def _write(found: Sweep, folder: Path) -> list[Path]:
    import json as jsonlib

    from bench.store import write_through
    from bench.sweep.chart import draw
    from bench.sweep.page import render

    texts = {
        "sweep.json": jsonlib.dumps(found.record(), ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        "sweep.md": render(found),
        "sweep.svg": draw(found),
    }
    for name, text in texts.items():
        write_through(folder / name, text)
    return [folder / name for name in texts]
