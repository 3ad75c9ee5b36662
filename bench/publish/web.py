"""What every HTML page of a board has: templates that escape, one style sheet and script inside the page, and a policy that lets nothing else run or load."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.publish.chart import ACCENT, GRID, INK, MUTED
from bench.publish.families import KNOWN, OTHERS
from bench.publish.notes import Note
from bench.publish.tables import Cell, Table

TEMPLATES = Path(__file__).parent / "templates"
GENERATOR = '<meta name="generator" content="kasauti">'
"""Marks a page as ours, so that pages of candidates that are gone can be removed."""
PICTURE = "<metadata>kasauti</metadata>"
"""The same of a picture."""
NUMBER = ' class="n"'
LONGEST_SLUG = 80
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(10))})
"""Names that Windows does not give to files."""
NIGHT = {INK: "#e6e9ee", MUTED: "#a3adba", GRID: "#2c343e", ACCENT: "#ff9d8f"}
"""Colours of pictures where the page is dark."""


def render(template: str, *, script: bool = False, **context: Any) -> str:
    """A whole page."""
    css, js = style(), page_script() if script else ""
    found = environment().get_template(template)
    return found.render(css=Markup(css), js=Markup(js), policy=policy(css, js), **context) + "\n"


def footer(note: Note) -> Markup:
    """Where the numbers come from, which stands below every page of a board."""
    found: Markup = environment().get_template("macros.html").make_module({"links": {}}).origin_of(note)  # type: ignore[attr-defined]
    return found


@functools.cache
def environment() -> Environment:
    """Jinja, which escapes whatever a template shows."""
    found = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters["coded"] = coded
    found.globals["rows_of"] = rows_of
    found.globals["bars_of"] = bars_of
    return found


@functools.cache
def style() -> str:
    """The style sheet, with the colours of pictures for dark pages."""
    colours = {**NIGHT, **{colour: lighter(colour) for colour, _ in (*KNOWN.values(), *OTHERS) if colour not in NIGHT}}
    rules = [f'figure svg [{kind}="{day}"] {{ {kind}: {night}; }}' for day, night in colours.items() for kind in ("fill", "stroke")]
    text = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return f"\n{text}@media (prefers-color-scheme: dark) {{\n{chr(10).join(rules)}\n}}\n"


@functools.cache
def page_script() -> str:
    """What sorts and filters the table."""
    return "\n" + (TEMPLATES / "page.js").read_text(encoding="utf-8")


def policy(css: str, js: str) -> str:
    """A Content-Security-Policy under which this style sheet and this script work and nothing is fetched."""
    script = f"'sha256-{_hash(js)}'" if js else "'none'"
    return f"default-src 'none'; style-src 'sha256-{_hash(css)}'; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def lighter(colour: str) -> str:
    """A colour mixed with white, so that it stands out from a dark page."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (255 - part) * 0.5):02x}" for part in parts)


def coded(text: str) -> Markup:
    """Text in which `what stands between backticks` is set as code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts))


def rows_of(table: Table, links: Mapping[str, str]) -> Markup:
    """The body of a table. Not in a template, since a board has tens of thousands of cells; names that have a page are linked."""
    numeric = [column.numeric for column in table.columns]
    return Markup("\n".join(_row_of(row, numeric, links) for row in table.rows))


BAR = '<svg class="bar" aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none"><rect class="track" width="100" height="10"/>'


def bars_of(lines: Iterable[Mapping[str, str]]) -> Markup:
    """The body of a table of numbers with bars; each line has the name of a candidate, the link to its page, a text, and a width in percent."""
    return Markup(
        "".join(
            f'<tr><th scope="row"><a href="{escaped(line["link"])}">{escaped(line["name"])}</a></th><td class="n">{escaped(line["text"])}</td>'
            f'<td>{BAR}<rect x="0" width="{line["width"]}" height="10"/></svg></td></tr>\n'
            for line in lines
        )
    )


def _row_of(row: Sequence[Cell], numeric: Sequence[bool], links: Mapping[str, str]) -> str:
    name = escaped(row[0].text)
    if row[0].text in links:
        name = f'<a href="{escaped(links[row[0].text])}">{name}</a>'
    cells = "".join(f"<td{NUMBER if right else ''}>{shown(cell)}</td>" for cell, right in zip(row[1:], numeric[1:], strict=True))
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


@functools.lru_cache(maxsize=2**16)
def escaped(text: str) -> str:
    """A text as HTML. Remembered, since the pages of a large board show the same numbers several times."""
    return str(escape(text))


def shown(cell: Cell) -> str:
    """The text of a cell as HTML: bold where it is strong, marked where there is a note on it."""
    text = escaped(cell.text)
    if cell.note:
        return f'<span class="bad" title="{escaped(cell.note)}">{text}</span>'
    return f"<strong>{text}</strong>" if cell.strong else text


def slugs(names: Iterable[str]) -> dict[str, str]:
    """A file name for each name, without suffix: its own where that is safe, else a mended one with some digits of its digest.

    No two are the same, also where upper and lower case are not told apart.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:LONGEST_SLUG]
        code, digits = hashlib.sha256(name.encode()).hexdigest(), 8
        plain = slug or "page"
        if slug != name or slug.casefold().partition(".")[0] in RESERVED:
            slug = f"{plain}-{code[:digits]}"
        while slug.casefold() in taken:  # also where another candidate has the mended name for its own
            slug, digits = f"{plain}-{code[:digits]}", digits + 1
        taken.add(slug.casefold())
        found[name] = slug
    return found
