"""The board as a Markdown page that reads well on GitHub: a summary of ten columns, pictures, then one table a theme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.publish import choice
from bench.publish.document import Document
from bench.publish.notes import Note, notes
from bench.publish.tables import Cell, Table, summary, themes

MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*<>|"} | {"\n": " ", "\r": " "})
"""What would be read as Markdown or HTML in a name."""


def render(document: Document, pictures: Sequence[tuple[str, str]] = ()) -> str:
    """A page with the tables, what their columns mean, and where the numbers come from.

    Args:
        document: What to show.
        pictures: What each shows, and its file from the page's folder.
    """
    links = "[The page](index.html) to sort, filter and look closer; [JSON](leaderboard.json) · [CSV](leaderboard.csv)."
    parts = [
        f"# Leaderboard: {escaped(document.suite)}",
        _inert(document.description),
        links,
        *_choice(document),
        table(summary(document)),
        *(f"![{escaped(what)}]({file})" for what, file in pictures),
        *_themes(document),
        *(_note(note) for note in notes(document)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Text as Markdown shows it, on one line."""
    return text.translate(MARKS).replace("](", "]\\(")


def table(shown: Table) -> str:
    """A pipe table without padding: numbers flush right, and an empty row, which GitHub shows as a thin one, before each tier."""
    lines = [_line(escaped(column.title) for column in shown.columns), _line("---:" if column.numeric else "---" for column in shown.columns)]
    for number, row in enumerate(shown.rows):
        if number in shown.bands:
            lines.append(_line("" for _ in row))
        lines.append(_line(map(_cell, row)))
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = escaped(cell.text)
    return f"**{text}**" if cell.strong else text


def _choice(document: Document) -> list[str]:
    """Which small model to take; empty where nothing was measured."""
    lines = [f"- **{escaped(pick.row.name)}** {escaped(pick.kept)}: {pick.buys}." for pick in choice.picks(document)]
    told = " ".join(escaped(sentence) for sentence in choice.sentences(document))
    return [part for part in ("## Which small model to take" if lines or told else "", "\n".join(lines), told) if part] + ["## The board"]


def _themes(document: Document) -> list[str]:
    """Each theme under its title; tables of one title follow each other."""
    parts, title = [], ""
    for one in themes(document):
        if one.title != title:
            parts.append(f"## {escaped(one.title)}")
            if one.explained:
                parts.append(_inert(one.explained))
        title = one.title
        parts.append(table(one))
    return parts


def _note(note: Note) -> str:
    lines = "\n".join(f"- **{escaped(subject)}**: {_inert(text)}" if subject else f"- {_inert(text)}" for subject, text in note.lines)
    return "\n\n".join(part for part in (f"## {note.title}", note.explained, lines) if part)


def _inert(text: str) -> str:
    """Text on one line that may hold code between backticks, and no HTML."""
    return " ".join(text.splitlines()).replace("<", "&lt;").replace("](", "]\\(")
