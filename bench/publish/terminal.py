"""The board as a table for a terminal: as many columns as fit, the most telling ones first."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.publish.document import Document
from bench.publish.tables import full, plain, robustness
from bench.publish.texts import MISSING

FIRST = ("candidate", "mean", "#", "% of parent")
"""What a narrow terminal shows before anything else; then come speed, the scores, and the rest."""
NEXT = ("sentences/s", "p50 ms")
LAST = ("MiB on disk", "parameters, M (embeddings + body)", "kept layers", "kind", "× reference", "peak MiB", "load s", "p90 ms")
LEFT = ("candidate", "kind", "kept layers", "parameters, M (embeddings + body)", "verdict")
"""Columns that are set flush left."""
DROP = "drop "
WIDE = 500
"""Characters of a line in a file: enough for any board."""
BORDER = 3
"""What a column needs beside its text."""


@dataclasses.dataclass(frozen=True)
class _Column:
    """A title, which may be broken over lines, and the text of each row."""

    title: str
    texts: tuple[str, ...]

    def heading(self, *, broken: bool) -> str:
        """The title; broken, it is no wider than what it has to be."""
        widest = max((cell_len(text) for text in self.texts), default=0)
        words = self.title.replace("-", "- ").split()
        return "\n".join(textwrap.wrap(self.title, max(widest, *map(cell_len, words)))) if broken and words else self.title

    def width(self, *, broken: bool) -> int:
        """With its share of the border."""
        return max(cell_len(text) for text in (*self.heading(broken=broken).split("\n"), *self.texts)) + BORDER


def show(board: Document, console: Console, *, tasks_named: bool = False) -> None:
    """Print the ranked table, then why rows are incomplete, which were trained without a guard, and which columns say nothing.

    On a terminal columns are chosen by importance until it is full. A column in which no row has anything is left out, but for the scores and `FIRST`.

    Args:
        board: What to show.
        console: Where.
        tasks_named: The tasks were asked for by name: every score is shown, in further tables where one is too narrow, and what rewritten texts lose too.
    """
    columns = _columns(board, drops=tasks_named)
    named, drops = [column.label for column in board.columns], [title for title in columns if title.startswith(DROP)]
    order = [FIRST[0], *named, *FIRST[1:], *drops, *NEXT, *LAST] if tasks_named else [*FIRST, *NEXT, *named, *LAST]
    order = [name for name in order if name in {*FIRST, *named} or any(text != MISSING for text in columns[name].texts)]
    title = f"{board.suite} on {board.device}"
    left = _print(title, columns, order, console)
    while tasks_named and (more := [name for name in left if name in {*named, *drops}]):
        still = _print(title, columns, [FIRST[0], *more], console)
        left = [name for name in left if name not in more or name in still]
        if still == more:
            break
    _say_what_is_left(left, console)
    notes = [f"{row.name}: {row.problem}" for row in board.rows if row.problem]
    notes += [f"{row.name}: trained while these tests could not be read: {', '.join(row.unguarded)}" for row in board.rows if row.unguarded]
    if invalid := [row.name for row in board.rows if row.invalid]:
        notes.append(f"measurements that do not count, for reasons that leaderboard.json and the page say (--reprobe measures anew): {', '.join(invalid)}")
    notes += [f"column {flag.column}: {flag.reason}" for flag in board.flags]
    notes += [f"task {task}: {remark}" for task, remarks in board.remarks.items() for remark in remarks]
    for note in notes:
        console.print(verbatim(note), highlight=False, soft_wrap=True)


def show_columns(columns: Mapping[str, Sequence[str]], order: Sequence[str], console: Console) -> None:
    """Print a table of texts, and on a terminal as many columns of it as fit, the first of the order before later ones.

    Args:
        columns: The texts of each column, by its title.
        order: The titles, the most telling first.
        console: Where.
    """
    _say_what_is_left(_print("", {title: _Column(title, tuple(texts)) for title, texts in columns.items()}, order, console), console)


def _say_what_is_left(titles: Sequence[str], console: Console) -> None:
    if titles:
        console.print(verbatim(f"no room for {', '.join(titles)}: a wider terminal, a file and --json show all"), highlight=False)


def _columns(board: Document, *, drops: bool) -> dict[str, _Column]:
    """The columns by title, in the order in which they stand."""
    table = full(board)
    titles, rows = [column.title for column in table.columns], [plain(row) for row in table.rows]
    if drops:
        at = titles.index("mean")
        titles = [*titles[:at], *(DROP + column.label for column in board.robustness), *titles[at:]]
        found = {texts[0]: texts[1:] for texts in map(plain, robustness(board).rows)}
        lost = [found.get(row.name, [MISSING] * len(board.robustness)) for row in board.rows]
        rows = [[*texts[:at], *more, *texts[at:]] for texts, more in zip(rows, lost, strict=True)]
    return {title: _Column(title, tuple(texts[place] for texts in rows)) for place, title in enumerate(titles)}


def _print(title: str, columns: dict[str, _Column], order: Sequence[str], console: Console) -> list[str]:
    """Print those of the columns that fit, the first ones of the order before later ones; returns the titles of the others."""
    wanted = [column for name, column in columns.items() if name in order]
    broken = console.is_terminal and sum(column.width(broken=False) for column in wanted) + 1 > console.width
    shown = _that_fit((columns[name] for name in order), console.width) if broken else set(order)
    table = Table(title=verbatim(title) if title else None, title_justify="left")
    for column in (column for column in wanted if column.title in shown):
        name = column.title == FIRST[0]
        table.add_column(
            verbatim(column.heading(broken=broken)),
            justify="left" if column.title in LEFT else "right",
            no_wrap=not (name and broken),
            overflow="fold",
            max_width=max(8, console.width - 2 * BORDER) if name and broken else None,
        )
    for texts in zip(*(column.texts for column in wanted if column.title in shown), strict=True):
        table.add_row(*map(verbatim, texts))
    console.print(table, crop=console.is_terminal, no_wrap=True, soft_wrap=not console.is_terminal)
    return [name for name in order if name not in shown]


def _that_fit(columns: Iterable[_Column], width: int) -> set[str]:
    """The titles of the columns that fit beside each other; the first one is always among them."""
    shown: set[str] = set()
    room = width - 1
    for column in columns:
        needed = column.width(broken=True)
        if not shown or needed <= room:
            shown.add(column.title)
            room -= needed
    return shown


def verbatim(text: str) -> Text:
    """Text as it is: brackets are no markup, and signs that would steer the terminal are shown as unknown ones."""
    return Text(re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", text))


def make_console() -> Console:
    """A console as wide as the terminal, or wide enough for any board where the output is a file."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)
