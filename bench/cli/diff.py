"""`bench diff`: example by example, where a candidate lost against another."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli import complete, options
from bench.errors import SelectionError

EXAMPLES = """Examples:

  bench diff e5 e5-top4                          what did the smaller model forget?

  bench diff e5 e5-top4 --task KasautiSTS-half   ten examples of one task

  bench diff e5 e5-top4 --markdown > diff.md

Exit codes: 0 compared, 2 usage or configuration, 3 nothing of both is stored."""

OF_ONE, OF_EACH = 10, 3
"""How many examples are shown of a task that is named, and of each where none is."""


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="The candidate that may be better.", show_default=False, autocompletion=complete.candidates)],
    second: Annotated[str, typer.Argument(metavar="B", help="The candidate that may have lost.", show_default=False, autocompletion=complete.candidates)],
    task: options.Tasks = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, metavar="N", help="Examples of a task. Default: 10 with --task, else 3.", show_default=False)
    ] = None,
    suite: options.Suite = None,
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    workspace: options.WorkspaceOption = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown page.")] = False,
    json: options.Json = False,
) -> None:
    """Show where candidate B lost against A: examples with both scores, flips, losses by language, length, letters in common and rewriting."""
    from bench.cards.workspace import find_workspace
    from bench.plan.options import Options, stay_offline
    from bench.plan.planning import make_plan
    from bench.probe.machine import pick_device
    from bench.publish import losses
    from bench.publish.terminal import make_console
    from bench.standings.diff import build_diff

    if json and markdown:
        raise SelectionError("give --json or --markdown, not both")
    stay_offline()
    chosen = Options(suite=suite, names=(first, second), tasks=tuple(task or ()), device=pick_device(device), data_dir=data_dir, offline=True)
    if limit is None:
        limit = OF_ONE if task else OF_EACH
    found = build_diff(make_plan(find_workspace(workspace), chosen), first, second, limit)
    if json or markdown:
        typer.echo(losses.to_json(found) if json else losses.to_markdown(found), nl=False)
    else:
        losses.show(found, make_console())
