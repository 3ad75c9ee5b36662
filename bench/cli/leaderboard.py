"""`bench leaderboard`: rewrite the published files from stored cells."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli import options
from bench.cli.streams import print_json
from bench.errors import Incomplete

EXAMPLES = """Examples:

  bench leaderboard                     rewrite the files and show the table

  bench leaderboard --format csv        print one format, write nothing

  bench leaderboard --out mine          write the files into mine/

Files that hold scores or measurements which are not stored here are left as they are, with exit
code 3, unless --publish is given."""


def leaderboard(
    suite: options.Suite = None,
    format: Annotated[str | None, typer.Option("--format", help="Print md, csv or json instead of writing files.", show_default=False)] = None,  # noqa: A002
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    out: options.Out = None,
    publish: options.Publish = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Rewrite the published files of a suite from stored cells; computes nothing."""
    from bench.cards.workspace import find_workspace
    from bench.cli.boards import place
    from bench.plan.options import Options, stay_offline
    from bench.plan.planning import make_plan
    from bench.plan.records import read_records
    from bench.probe.machine import pick_device
    from bench.publish.files import FORMATS
    from bench.publish.terminal import make_console, show
    from bench.standings.build import build_board

    stay_offline()
    plan = make_plan(find_workspace(workspace), Options(suite=suite, device=pick_device(device), data_dir=data_dir, offline=True))
    board = build_board(read_records(plan))
    if board.empty and format is None:
        raise Incomplete(
            f"no scores of suite {board.suite!r} are stored for these options, so nothing was written; {board.rows[0].name}: {board.rows[0].problem}"
        )
    if format is not None:
        _, render = FORMATS[options.one_of("--format", format, tuple(FORMATS))]
        print_json(format == "json")
        typer.echo(render(board), nl=False)
    else:
        show(board, make_console())
        placed = place(board, out or plan.leaderboard, anyway=publish)
        for path in placed.paths:
            typer.echo(path)
        if placed.kept is not None:
            raise Incomplete(placed.kept)
    if not board.complete:
        raise Incomplete("the board is incomplete; `bench run --all` computes what is missing")
