"""`bench list`: models, tasks and suites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options
from bench.errors import SelectionError, nearest

if TYPE_CHECKING:
    from bench.cards.candidate import Candidate
    from bench.cards.load import Library

EXAMPLES = """Examples:

  bench list models                           of your own suites; all where you have none

  bench list models '*top6*' --suite small    names with * and ?

  bench list models --kind pruned

  bench list tasks --json                     own ones and those that come with the package"""

Row = dict[str, Any]


def list_things(
    what: Annotated[str, typer.Argument(metavar="models|tasks|suites", help="What to list.")],
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these names; * and ? stand for any text.", show_default=False)] = None,
    suite: options.Suite = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only models of this kind, or tasks of this type.", show_default=False)] = None,
    data_dir: options.DataDir = None,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """List models, tasks or suites, those that come with the package too."""
    import json as jsonlib

    from bench.cards.load import load_library
    from bench.cards.workspace import find_workspace
    from bench.data.rows import check_data_folder

    options.one_of("the argument", what, ("models", "tasks", "suites"))
    check_data_folder(data_dir)
    library = load_library(find_workspace(workspace))
    found = {"models": _candidates, "tasks": _cards, "suites": _suites}[what](library, suite)
    chosen = _of_kind(_named(found, names or [], what.removesuffix("s")), kind, what)
    rows = [_row(library, one, data_dir) for one in chosen]
    if json:
        typer.echo(jsonlib.dumps(rows, ensure_ascii=False, indent=1))
        return
    _show(rows, what)
    if what == "models" and suite is None and len(others := library.suites.keys() - library.chosen_suites(None).keys()):
        typer.echo(f"built-in suites, shown by --suite: {', '.join(sorted(others))}", err=True)


def _candidates(library: Library, suite: str | None) -> list[tuple[str, Any]]:
    return [(one.name, (name, one)) for name in library.chosen_suites(suite) for one in library.candidates[name]]


def _cards(library: Library, suite: str | None) -> list[tuple[str, Any]]:
    wanted = library.tasks if suite is None else library.chosen_suites(suite)[suite].suite.tasks
    return [(name, library.task(name)) for name in sorted(wanted)]


def _suites(library: Library, suite: str | None) -> list[tuple[str, Any]]:
    return list((library.suites if suite is None else library.chosen_suites(suite)).items())


def _named(found: list[tuple[str, Any]], patterns: list[str], what: str) -> list[Any]:
    """What one of the patterns matches; everything without patterns."""
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name, _ in found):
            raise SelectionError(f"no {what} {pattern!r}" + nearest(pattern, {name for name, _ in found}))
    return [one for name, one in found if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)]


def _of_kind(found: list[Any], kind: str | None, what: str) -> list[Any]:
    from bench.cards.kinds import KINDS
    from bench.cards.tasks import COLUMNS

    valid: Mapping[str, Iterable[str]] = {"models": KINDS, "tasks": COLUMNS, "suites": ()}
    if kind is None:
        return found
    if kind not in valid[what]:
        raise SelectionError(f"{what} have no kind {kind!r}" + nearest(kind, valid[what]))
    return [one for one in found if kind == (one[1].kind if isinstance(one, tuple) else one.type)]


def _row(library: Library, one: Any, data_dir: Path | None) -> Row:
    from bench.cards.tasks import TaskCard

    if isinstance(one, tuple):
        return _model(*one)
    return _task(one, data_dir) if isinstance(one, TaskCard) else _suite(library, one)


def _model(suite: str, candidate: Candidate) -> Row:
    from bench.cards.origin import Origin
    from bench.digests import canonical

    said = canonical(candidate)
    return {
        "suite": suite,
        "candidate": candidate.name,
        "kind": candidate.kind,
        "base": candidate.shown if isinstance(candidate, Origin) else said.get("base"),
        "strategy": said.get("strategy"),
        "keep": said.get("keep"),
        "kept_layers": said.get("layers"),
        "threshold": said.get("threshold"),
        "vocabulary": None if candidate.vocabulary is None else candidate.vocabulary.tokens or candidate.vocabulary.size,
        "dimensions": said.get("dimensions"),
        "recipe": said.get("recipe"),
        "precision": candidate.runs_in,
        "backend": None if candidate.backend == "torch" else candidate.backend,
        "prompt": candidate.prompt,
        "seed": candidate.seed,
        "parent": candidate.parent,
    }


def _task(card: Any, data_dir: Path | None) -> Row:
    from bench.cards.workspace import is_builtin
    from bench.data.rows import load_rows, missing_files, task_digest

    here = not missing_files(card, data_dir) and not any(source.remote for subset in card.subsets.values() for source in subset.sources)
    counts = {subset: {split: len(rows) for split, rows in splits.items()} for subset, splits in load_rows(card, data_dir).splits.items()} if here else None
    return {
        "task": card.name,
        "from": "built in" if is_builtin(card.folder) else "mteb" if card.folder.parts[:1] == ("mteb",) else "own",
        "type": card.type,
        "languages": sorted({language for subset in card.subsets.values() for language in subset.languages}),
        "main_score": card.score_name if card.evaluated else None,
        "licence": card.license,
        "rows": counts,
        "checksum": task_digest(card, data_dir)[:16] if here else None,
    }


def _suite(library: Library, suite: Any) -> Row:
    from bench.cards.workspace import is_builtin

    return {
        "suite": suite.name,
        "from": "built in" if is_builtin(suite.file) else "own",
        "candidates": len(library.candidates[suite.name]),
        "tasks": list(suite.suite.tasks),
        "description": suite.suite.description,
    }


def _counts(counts: dict[str, dict[str, int]] | None) -> str:
    if counts is None:
        return "not here"
    return ", ".join(f"{subset}/{split} {rows}" for subset, splits in counts.items() for split, rows in splits.items())


def _show(rows: list[Row], what: str) -> None:
    """A table in which no name is cut, however narrow the terminal. What all models have in common stands in a line below it and not in a column."""
    from rich.console import Console
    from rich.table import Table

    titles = list(rows[0]) if rows else [what]
    common = {title for title in titles if what == "models" and len(rows) > 1 and title != "candidate" and all(row[title] == rows[0][title] for row in rows)}
    table = Table()
    for title in titles:
        if title not in common:
            table.add_column(_title(title), overflow="fold", no_wrap=title in {"task", "candidate", "suite"})
    for row in rows:
        table.add_row(*(_cell(title, value) for title, value in row.items() if title not in common))
    console = Console(markup=False)
    measured = Console(width=10_000).measure(table)
    one_line_a_row = not console.is_terminal and what != "suites"  # their descriptions are sentences
    console.width = max(console.width if console.is_terminal else 180, measured.maximum if one_line_a_row else measured.minimum)
    console.print(table)
    said = [f"{_title(title)} {_cell(title, rows[0][title])}" for title in titles if title in common and rows[0][title] is not None]
    if said:
        console.print(f"all: {', '.join(said)}", soft_wrap=True, highlight=False)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _cell(title: str, value: Any) -> str:
    if title == "rows":
        return _counts(value)
    if value is None:
        return "–"
    if title == "prompt":
        return repr(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
