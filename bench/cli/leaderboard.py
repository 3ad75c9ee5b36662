"""`bench leaderboard`: rewrite the published files from stored cells, or from a leaderboard.json alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options
from bench.cli.streams import print_json
from bench.errors import Incomplete, SelectionError

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = """Examples:

  bench leaderboard                     rewrite the files and show the table

  bench leaderboard --open              and open the page in a browser

  bench leaderboard --format csv        print one format, write nothing

  bench leaderboard --out mine          write the files into mine/

  bench leaderboard --from FILE         pages anew from a leaderboard.json

Files that hold scores or measurements which are not stored here are left as they are, with exit
code 3, unless --publish is given."""


NAMED = 10
"""How many incomplete candidates a line names."""


def leaderboard(
    ctx: typer.Context,
    suite: options.Suite = None,
    format: Annotated[str | None, typer.Option("--format", help="Print md, csv, json or html instead of writing files.", show_default=False)] = None,  # noqa: A002
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Make everything from this leaderboard.json; no stored cell is read.", show_default=False),
    ] = None,
    out: options.Out = None,
    publish: options.Publish = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Rewrite the published files of a suite from stored cells; computes nothing."""
    from bench.publish.document import read
    from bench.publish.files import FORMATS
    from bench.publish.terminal import make_console, show

    if source is not None and suite is not None and not options.by_default(ctx, "suite"):
        raise SelectionError("give --from or --suite, not both: a leaderboard.json is the board of the suite that it names")
    if format is not None:
        options.one_of("--format", format, tuple(FORMATS))
        if out is not None or publish or open_page:
            raise SelectionError("--format prints and writes nothing: leave it out to write all files, or leave out --out, --publish and --open")
    board, folder = _stored(suite, device, data_dir, workspace, wanted=format is None) if source is None else _told(source, workspace)
    document = read(board)
    if format is not None:
        print_json(format == "json")
        typer.echo(FORMATS[format][1](board), nl=False)
    else:
        show(document, make_console())
        _write(board, out or folder, anyway=publish, open_page=open_page)
    if names := [row.name for row in document.rows if row.problem is not None]:
        told = f"the board is incomplete: {', '.join(names[:NAMED])}{f' and {len(names) - NAMED} more' if len(names) > NAMED else ''}"
        if source is None:
            raise Incomplete(f"{told}; `bench run --all` computes what is missing")
        typer.echo(f"bench: {told}", err=True)


def _stored(suite: str | None, device: str, data_dir: Path | None, workspace: Path | None, *, wanted: bool) -> tuple[Mapping[str, Any], Path]:
    """The values of the board of what is stored, and where they are published."""
    from bench.cards.workspace import find_workspace
    from bench.plan.options import Options, stay_offline
    from bench.plan.planning import make_plan
    from bench.plan.records import read_records
    from bench.probe.machine import pick_device
    from bench.publish.files import values
    from bench.standings.build import build_board

    stay_offline()
    plan = make_plan(find_workspace(workspace), Options(suite=suite, device=pick_device(device), data_dir=data_dir, offline=True))
    board = build_board(read_records(plan))
    if board.empty and wanted:
        raise Incomplete(
            f"no scores of suite {board.suite!r} are stored for these options, so nothing was written (`bench run --all` computes them); "
            f"{board.rows[0].name}: {board.rows[0].problem}"
        )
    return values(board), plan.leaderboard


def _told(source: Path, workspace: Path | None) -> tuple[Mapping[str, Any], Path]:
    """The values of a published file, with what the workspace's cards know beside it, and its folder."""
    from bench.cards.load import load_library
    from bench.cards.workspace import find_workspace
    from bench.publish.document import load
    from bench.publish.origin import described

    return described(load(source), load_library(find_workspace(workspace))), source.parent


def _write(board: Mapping[str, Any], folder: Path, *, anyway: bool, open_page: bool) -> None:
    """Write the files, name them, and open the page."""
    from bench.cli.boards import place

    placed = place(board, folder, anyway=anyway)
    for path in placed.paths:
        typer.echo(path)
    page = folder / "index.html"
    if open_page and page.exists():
        typer.launch(page.resolve().as_uri())
    if placed.kept is not None:
        raise Incomplete(placed.kept)
