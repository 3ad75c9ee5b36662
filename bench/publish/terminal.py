"""The board as a table for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.publish.cells import cells, headers
from bench.standings.table import Board


def show(board: Board, console: Console) -> None:
    """Print the ranked table, then why rows are incomplete. Task columns are left out where the terminal is too narrow for them."""
    table = _table(board, hide=set())
    if console.is_terminal and console.measure(table).maximum > console.width:
        table = _table(board, hide={column.label for column in board.columns})
        table.caption = "the columns of the tasks are in the published files"
    console.print(table, crop=console.is_terminal, no_wrap=True, soft_wrap=not console.is_terminal)
    for row in board.rows:
        if row.problem:
            console.print(f"{row.name}: {row.problem}", markup=False, highlight=False, soft_wrap=True)


def _table(board: Board, *, hide: set[str]) -> Table:
    titles = headers(board)
    shown = [index for index, title in enumerate(titles) if title not in hide]
    table = Table(title=f"{board.suite} on {board.device}", title_justify="left")
    for index in shown:
        table.add_column(titles[index], justify="left" if 0 < index < 5 else "right", no_wrap=True)
    for row in board.rows:
        texts = cells(board, row)
        table.add_row(*(texts[index] for index in shown))
    return table


def make_console() -> Console:
    """A console as wide as the terminal, or wide enough for any board where the output is a file."""
    console = Console()
    return console if console.is_terminal else Console(width=500)
