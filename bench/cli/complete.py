"""What a shell offers where a name is expected: those of the workspace. Where its cards are wrong, it offers nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer  # noqa: TC002 (typer reads the annotations)

from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.cards.load import Library


def suites(ctx: typer.Context, incomplete: str) -> list[str]:
    """Suites, own ones and built-in ones."""
    library = _library(ctx)
    return [] if library is None else _beginning(library.suites, incomplete)


def tasks(ctx: typer.Context, incomplete: str) -> list[str]:
    """Tasks of the suite that is named, or of every suite."""
    library = _library(ctx)
    return [] if library is None else _beginning((task for suite in _chosen(library, ctx) for task in library.suites[suite].suite.tasks), incomplete)


def candidates(ctx: typer.Context, incomplete: str) -> list[str]:
    """Candidates of the suite that is named, or of every suite."""
    library = _library(ctx)
    return [] if library is None else _beginning((one.name for suite in _chosen(library, ctx) for one in library.candidates[suite]), incomplete)


def _library(ctx: typer.Context) -> Library | None:
    from bench.cards.load import load_library
    from bench.cards.workspace import find_workspace

    workspace = ctx.params.get("workspace")
    try:
        return load_library(find_workspace(None if workspace is None else Path(workspace)))
    except BenchError:
        return None


def _chosen(library: Library, ctx: typer.Context) -> Iterable[str]:
    named = ctx.params.get("suite")
    return [named] if named in library.suites else library.suites


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]
