"""`bench list`: models, tasks and suites."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bench.cli import options

EXAMPLES = """Examples:

  bench list models --suite public

  bench list tasks --json"""


def list_things(
    what: Annotated[str, typer.Argument(metavar="models|tasks|suites", help="What to list.")],
    suite: options.Suite = None,
    data_dir: options.DataDir = None,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """List models, tasks or suites."""
    import json as jsonlib

    from bench.cards.load import load_library
    from bench.cards.workspace import find_workspace

    options.one_of("the argument", what, ("models", "tasks", "suites"))
    library = load_library(find_workspace(workspace))
    rows = {"models": _models, "tasks": _tasks, "suites": _suites}[what](library, suite, data_dir)
    if json:
        typer.echo(jsonlib.dumps(rows, ensure_ascii=False, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*(rows[0] if rows else [what]))
    for row in rows:
        table.add_row(*(", ".join(map(str, value)) if isinstance(value, list) else str(value if value is not None else "–") for value in row.values()))
    console = Console()
    (console if console.is_terminal else Console(width=180)).print(table)


def _models(library: Any, suite: str | None, _: Any) -> list[dict[str, Any]]:
    from bench.cards.load import pick
    from bench.cards.origin import Origin
    from bench.digests import canonical

    chosen = pick([suite] if suite else [], library.candidates, "suite")
    return [
        {
            "suite": name,
            "candidate": said["name"],
            "kind": said["kind"],
            "base": candidate.shown if isinstance(candidate, Origin) else said.get("base"),
            "strategy": said.get("strategy"),
            "keep": said.get("keep") or said.get("layers"),
            "recipe": said.get("recipe"),
            "seed": said["seed"],
            "parent": said["parent"],
        }
        for name, candidates in chosen.items()
        for candidate, said in zip(candidates, map(canonical, candidates), strict=True)
    ]


def _tasks(library: Any, suite: str | None, data_dir: Any) -> list[dict[str, Any]]:
    from bench.cards.load import pick
    from bench.data.rows import load_rows, missing_files, task_digest

    wanted = set(library.tasks) if suite is None else set(pick([suite], library.suites, "suite")[suite].suite.tasks)
    rows = []
    for name in sorted(wanted):
        card = library.task(name)
        here = not missing_files(card, data_dir) and not any(source.hub for subset in card.subsets.values() for source in subset.sources)
        counts = (
            [f"{subset}/{split} {len(found)}" for subset, splits in load_rows(card, data_dir).splits.items() for split, found in splits.items()]
            if here
            else ["not here"]
        )
        rows.append(
            {
                "task": name,
                "type": card.type,
                "languages": sorted({language for subset in card.subsets.values() for language in subset.languages}),
                "main score": card.score_name if card.evaluated else None,
                "licence": card.license,
                "rows": counts,
                "checksum": task_digest(card, data_dir)[:16] if here else None,
            }
        )
    return rows


def _suites(library: Any, _: Any, __: Any) -> list[dict[str, Any]]:
    return [
        {"suite": name, "candidates": len(library.candidates[name]), "tasks": list(suite.suite.tasks), "description": suite.suite.description}
        for name, suite in library.suites.items()
    ]
