"""`bench data`: what data is here, what the declared rules take out of it, and how published files get here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import complete, options
from bench.cli.verb import Verb, Verbs
from bench.errors import DataError, Incomplete, SelectionError

if TYPE_CHECKING:
    from bench.cards.load import Library
    from bench.data.fetch import Published

app = typer.Typer(cls=Verbs, help="Look after data sets.", no_args_is_help=True, rich_markup_mode=None)

STATUS_EXAMPLES = """Examples:

  bench data status                                     what is in the workspace

  bench data status --suite public --data-dir DATA      the published files, verified, with what the rules drop"""


GET_EXAMPLES = """Examples:

  bench data get public --data-dir DATA                 fetch what is missing; a broken download goes on

  bench data get public --urls                          only print where the files are

Files come from GitHub at the commits that the cards pin, and are kept only with the checksum on the card.
Data sets of the Hub are fetched by the run itself. Each data set has its own licence: `bench data status`."""
STILL = 10.0
"""Seconds after which a download says how far it is."""


@app.command("status", cls=Verb, epilog=STATUS_EXAMPLES)
def status(
    suite: options.Suite = None,
    data_dir: options.DataDir = None,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Verify every file against its checksum; count rows kept and rows that the card's rules drop."""
    import json as jsonlib

    from bench.cards.load import load_library
    from bench.cards.workspace import find_workspace
    from bench.data.rows import check_data_folder

    check_data_folder(data_dir)
    library = load_library(find_workspace(workspace))
    found = [_status(library, name, data_dir) for name in sorted(library.chosen_tasks(suite))]
    if json:
        typer.echo(jsonlib.dumps(found, ensure_ascii=False, indent=1))
    else:
        for entry in found:
            typer.echo(f"{entry['task']} ({entry['type']}, {entry['licence']})")
            for line in entry["splits"]:
                dropped = ", ".join(f"{count} by {rule}" for rule, count in line["dropped"].items())
                typer.echo(f"  {line['subset']}/{line['split']}: {line['rows']} rows" + (f", dropped {dropped}" if dropped else ""))
            for remark in entry["remarks"]:
                typer.echo(f"  warning: {remark}")
            for problem in entry["problems"]:
                typer.echo(f"  {problem}")
    bad = [entry["task"] for entry in found if entry["problems"]]
    if bad:
        mend = "".join(f"\n`{command}` fetches what is published" for command in _fetching(library, bad, suite, data_dir))
        raise Incomplete(f"{len(bad)} of {len(found)} data sets cannot be used here: {', '.join(bad)}{mend}")


def _fetching(library: Library, names: list[str], suite: str | None, data_dir: Path | None) -> list[str]:
    """The commands that fetch the published files of some data sets that are not here: one for each suite that they are of."""
    from bench.data.fetch import published_files

    missing = [name for name in names if any(data_dir is None or not file.place(data_dir).is_file() for file in published_files([library.task(name)]))]
    of = [suite or next((one.name for one in library.suites.values() if name in one.data_sets), None) for name in missing]
    return [f"bench data get {one} --data-dir {data_dir or 'DATA'}" for one in dict.fromkeys(of) if one is not None]


def _status(library: Any, name: str, data_dir: Any) -> dict[str, Any]:
    from bench.data.rows import missing_files
    from bench.data.training import DataCache
    from bench.errors import DataError

    card, cache = library.task(name), DataCache(library, data_dir, offline=True)
    entry: dict[str, Any] = {
        "task": card.name,
        "type": card.type,
        "licence": card.license,
        "splits": [],
        "problems": missing_files(card, data_dir),
        "remarks": [],
    }
    if not entry["problems"]:
        try:
            data = cache.rows(name)
            entry["splits"] = [
                {"subset": subset, "split": split, "rows": len(rows), "dropped": data.dropped[subset, split]}
                for subset, splits in data.splits.items()
                for split, rows in splits.items()
            ]
            if card.evaluated:
                cache.check(name)
                entry["remarks"] = list(cache.remarks(name))
        except DataError as error:
            entry["problems"] = [str(error)]
    return entry


@app.command("get", cls=Verb, epilog=GET_EXAMPLES)
def get(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="Whose tasks and training data; see `bench list suites`.", autocompletion=complete.suites)],
    data_dir: options.DataDir = None,
    urls: Annotated[bool, typer.Option("--urls", help="Print the address of every file and fetch nothing.")] = False,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", envvar="KASAUTI_DATA_URL", help="A mirror: <URL>/<owner>/<repository>/<commit>/<path>.", show_default=False),
    ] = None,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Fetch the published files of a suite into the data folder, at their pinned commits, and verify them."""
    import json as jsonlib

    from bench.cards.load import load_library
    from bench.cards.workspace import find_workspace
    from bench.data.fetch import GITHUB, check_source, published_files
    from bench.store import require_writable

    library = load_library(find_workspace(workspace))
    files = published_files(library.task(name) for name in library.chosen_tasks(suite))
    address = check_source(source or GITHUB)
    if urls:
        addresses = [file.url(address) for file in files]
        typer.echo(jsonlib.dumps(addresses, indent=1) if json else "\n".join(addresses))
        return
    if not files:
        typer.echo("[]" if json else f"suite {suite} uses no published files")
        return
    if data_dir is None:
        raise SelectionError("give the folder for the files with --data-dir (or data-dir in bench.toml)")
    require_writable(data_dir)
    told = _fetch_all(files, data_dir, address, quiet=json)
    if json:
        typer.echo(jsonlib.dumps(told, ensure_ascii=False, indent=1))
    bad = [one["problem"] for one in told if one["problem"]]
    if bad:
        raise Incomplete("\n".join([f"{len(bad)} of {len(files)} files are not here:", *bad]))


def _fetch_all(files: list[Published], data_dir: Path, source: str, *, quiet: bool) -> list[dict[str, Any]]:
    """What became of each file; what is wrong with one leaves the others alone.

    Raises:
        Unreachable: The server cannot be reached.
    """
    from bench.data.fetch import Unreachable, fetch

    told = []
    for number, file in enumerate(files, 1):
        name, problem, fresh = f"{number} of {len(files)}  {file.repository}/{file.path}", "", False
        try:
            fresh = fetch(file, data_dir, source, _progress(name))
        except Unreachable:
            raise
        except DataError as error:
            problem = str(error)
        if not quiet:
            typer.echo(f"{name}: {'not fetched' if problem else 'fetched' if fresh else 'was here'}")
        told.append({"path": str(file.place(data_dir)), "fetched": fresh, "problem": problem or None})
    return told


def _progress(name: str) -> Callable[[int, int | None], None]:
    """Says on standard error how far a download is, every few seconds."""
    last = time.monotonic()

    def progress(have: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= STILL:
            last = time.monotonic()
            print(f"        {name}: {have / 1e6:,.1f} MB" + (f" of {total / 1e6:,.1f}" if total else ""), file=sys.stderr, flush=True)

    return progress
