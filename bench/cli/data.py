"""`bench data`: what data is here, and what the declared rules take out of it."""

from __future__ import annotations

from typing import Any

import typer

from bench.cli import options
from bench.cli.verb import Verb, Verbs
from bench.errors import Incomplete

app = typer.Typer(cls=Verbs, help="Look after data sets.", no_args_is_help=True, rich_markup_mode=None)

EXAMPLES = """Examples:

  bench data status                                     what is in the workspace

  bench data status --suite public --data-dir DATA      the published files, verified, with what the rules drop"""


@app.command("status", cls=Verb, epilog=EXAMPLES)
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

    library = load_library(find_workspace(workspace))
    found = [_status(library.task(name), data_dir) for name in sorted(library.chosen_tasks(suite))]
    if json:
        typer.echo(jsonlib.dumps(found, ensure_ascii=False, indent=1))
    else:
        for entry in found:
            typer.echo(f"{entry['task']} ({entry['type']}, {entry['licence']})")
            for line in entry["splits"]:
                dropped = ", ".join(f"{count} by {rule}" for rule, count in line["dropped"].items())
                typer.echo(f"  {line['subset']}/{line['split']}: {line['rows']} rows" + (f", dropped {dropped}" if dropped else ""))
            for problem in entry["problems"]:
                typer.echo(f"  {problem}")
    bad = [entry["task"] for entry in found if entry["problems"]]
    if bad:
        raise Incomplete(f"{len(bad)} of {len(found)} data sets cannot be used here: {', '.join(bad)}")


def _status(card: Any, data_dir: Any) -> dict[str, Any]:
    from bench.data.rows import load_rows, missing_files
    from bench.errors import DataError

    entry: dict[str, Any] = {"task": card.name, "type": card.type, "licence": card.license, "splits": [], "problems": missing_files(card, data_dir)}
    if not entry["problems"]:
        try:
            data = load_rows(card, data_dir)
        except DataError as error:
            entry["problems"] = [str(error)]
        else:
            entry["splits"] = [
                {"subset": subset, "split": split, "rows": len(rows), "dropped": data.dropped[subset, split]}
                for subset, splits in data.splits.items()
                for split, rows in splits.items()
            ]
    return entry
