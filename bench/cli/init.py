"""`bench init`: a workspace to begin with, whose example cards run as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """Examples:

  bench init mine && cd mine && bench run --all"""

TEMPLATE = Path(__file__).resolve().parents[1] / "template"


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the workspace; made where it is not there.", file_okay=True)]) -> None:
    """Make a workspace with example cards that run as they are."""
    from bench.errors import StorageError
    from bench.store import write_atomic

    files = {folder / path.relative_to(TEMPLATE): path for path in sorted(TEMPLATE.rglob("*")) if path.is_file()}
    if there := [str(path) for path in files if path.exists() or path.is_symlink()]:
        raise StorageError(f"{', '.join(there)}: already there, and nothing is overwritten; give a new folder")
    for path, example in files.items():
        write_atomic(path, example.read_text(encoding="utf-8"))
        typer.echo(path)
    typer.echo(f"\nNow: cd {folder} && bench run --all")
