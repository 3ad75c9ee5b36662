"""The board as a table for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from bench.publish.cells import cells, headers
from bench.standings.board import Board

LEAST = ("#", "candidate", "mean", "% of parent", "sentences/s", "p50 ms")
"""What stays when a terminal is too narrow even without the tasks."""


def show(board: Board, console: Console) -> None:
    """Print the ranked table, then why rows are incomplete, which were trained without a guard, and which columns say nothing.

    On a narrow terminal the columns of the tasks go first, then all but the most telling ones.
    """
    titles = headers(board)
    tasks = {column.label for column in board.columns}
    choices = [titles, [title for title in titles if title not in tasks], [title for title in titles if title in LEAST]]
    tables = [_table(board, shown) for shown in choices]
    fits = (table for table in tables if not console.is_terminal or _width(table, console) <= console.width)
    table = next(fits, tables[-1])
    if table is not tables[0]:
        table.caption = "the columns of the tasks are in the published files"
    console.print(table, crop=console.is_terminal, no_wrap=True, soft_wrap=not console.is_terminal)
    notes = [f"{row.name}: {row.problem}" for row in board.rows if row.problem]
    notes += [f"{row.name}: trained while these tests could not be read: {', '.join(row.unguarded)}" for row in board.rows if row.unguarded]
    notes += [f"column {flag.column}: {flag.reason}" for flag in board.flags]
    notes += [f"task {task}: {remark}" for task, remarks in board.remarks.items() for remark in remarks]
    for note in notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _width(table: Table, console: Console) -> int:
    """How wide a table would like to be."""
    return Measurement.get(console, console.options.update(max_width=10_000), table).maximum


def _table(board: Board, shown: list[str]) -> Table:
    titles = headers(board)
    table = Table(title=f"{board.suite} on {board.device}", title_justify="left")
    for title in shown:
        table.add_column(title, justify="left" if 0 < titles.index(title) < 5 else "right", no_wrap=True)
    for row in board.rows:
        texts = dict(zip(titles, cells(board, row), strict=True))
        table.add_row(*(texts[title] for title in shown))
    return table


def make_console() -> Console:
    """A console as wide as the terminal, or wide enough for any board where the output is a file."""
    console = Console()
    return console if console.is_terminal else Console(width=500)
