"""`bench data`: what data is here, and what the declared rules take out of it."""

from __future__ import annotations

from typing import Any

import typer

from bench.cli import options
from bench.errors import Incomplete

app = typer.Typer(help="Look after data sets.", no_args_is_help=True, rich_markup_mode=None)

EXAMPLES = """Examples:

  bench data status                                     what is in the workspace

  bench data status --suite public --data-dir DATA      the published files, verified, with what the rules drop"""


@app.command("status", epilog=EXAMPLES)
def status(
    suite: options.Suite = None,
    data_dir: options.DataDir = None,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Verify every file against its checksum; count rows kept and rows that the card's rules drop."""
    import json as jsonlib

    from bench.cards.load import load_library, pick
    from bench.cards.workspace import find_workspace

    library = load_library(find_workspace(workspace))
    names = sorted(library.tasks) if suite is None else _used_by(pick([suite], library.suites, "suite")[suite])
    found = [_status(library, name, data_dir) for name in names]
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
        raise Incomplete(f"{len(bad)} of {len(found)} data sets cannot be used here: {', '.join(bad)}")


def _used_by(suite: Any) -> list[str]:
    """The tasks of a suite and the data sets that its recipes train on."""
    trained_on = (reference.partition(":")[0] for recipe in suite.recipes.values() for phase in recipe.phases for reference in phase.data)
    return list(dict.fromkeys([*suite.suite.tasks, *trained_on]))


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
            if card.evaluated:
                cache.check(name)
        except DataError as error:
            entry["problems"] = [str(error)]
        else:
            entry["remarks"] = list(cache.remarks(name)) if card.evaluated else []
            entry["splits"] = [
                {"subset": subset, "split": split, "rows": len(rows), "dropped": data.dropped[subset, split]}
                for subset, splits in data.splits.items()
                for split, rows in splits.items()
            ]
    return entry
