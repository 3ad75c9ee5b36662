"""The board as one HTML file: complete without a script, sorted and filtered with one, and readable when sent by mail."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from bench.publish import choice, tables, texts, web
from bench.publish.document import Document, Entry
from bench.publish.families import strategy
from bench.publish.notes import notes
from bench.publish.pictures import Picture
from bench.publish.tables import PARAMETERS, Cell, Table, depth, kinds_of_task, mean_over
from bench.standings.board import Column as Score

LANGUAGES = {"mr": "Marathi", "hi": "Hindi"}
FILTERS = {"kind": "Kind", "base": "Base", "strategy": "Strategy", "depth": "Layers", "license": "Base's licence"}
"""What rows can be filtered by, where candidates differ in it."""


@dataclasses.dataclass(frozen=True)
class Head:
    """A column of the page's table. `more` ones are folded away at first; `languages` are those that a score is of; `kind` is True for a type of task."""

    title: str
    key: str
    numeric: bool = True
    more: bool = False
    languages: str = ""
    kind: bool = False
    hint: str = ""

    @property
    def classes(self) -> str:
        """For the style sheet and the script."""
        return " ".join(name for name, there in (("n", self.numeric), ("more", self.more)) if there)


@dataclasses.dataclass(frozen=True)
class Filter:
    """A choice of rows."""

    key: str
    title: str
    values: list[str]


def render(document: Document, pictures: list[Picture]) -> str:
    """The index page."""
    columns, links, found = heads(document), page_links(document), facts(document)
    told = ((link, document.tasks.get(name, {})) for name, link in task_links(document).items())
    tasks = [(name, link, about.get("description", ""), about.get("license", "")) for name, (link, about) in zip(task_names(document), told, strict=True)]
    return web.render(
        "index.html",
        script=True,
        document=document,
        picks=choice.picks(document),
        told=choice.sentences(document),
        pictures=pictures,
        columns=columns,
        rows=_rows(document, columns, links, found),
        filters=_filters(found),
        languages=_languages(document),
        themes=[(title, list(group)) for title, group in itertools.groupby(_themes(document), key=lambda table: table.title)],
        notes=notes(document),
        tasks=tasks,
        links=links,
    )


def page_links(document: Document, up: str = "") -> dict[str, str]:
    """Where the page of each candidate is, from a page's folder."""
    return {name: f"{up}candidates/{slug}.html" for name, slug in web.slugs(row.name for row in document.rows).items()}


def task_links(document: Document, up: str = "") -> dict[str, str]:
    """The same for tasks."""
    return {name: f"{up}tasks/{slug}.html" for name, slug in web.slugs(task_names(document)).items()}


def task_names(document: Document) -> list[str]:
    """The tasks in the order of the board, rewritten ones last."""
    return list(dict.fromkeys(column.task for column in (*document.columns, *document.robustness)))


def facts(document: Document) -> dict[str, dict[str, str]]:
    """What the rows can be filtered by."""
    found = {}
    for row in document.rows:
        pruned = row.kind.startswith("pruned") or bool(row.about.get("strategy"))
        told = {
            "kind": row.kind,
            "base": row.about.get("base"),
            "strategy": strategy(row, document) if pruned else None,
            "depth": depth(row),
            "license": row.about.get("license"),
        }
        found[row.name] = {key: "" if value is None else str(value) for key, value in told.items()}
    return found


def _filters(found: dict[str, dict[str, str]]) -> list[Filter]:
    shown = []
    for key, title in FILTERS.items():
        values = sorted(
            {row[key] for row in found.values() if row[key]}, key=lambda value: (not value.isdecimal(), int(value) if value.isdecimal() else 0, value)
        )
        if len(values) > 1:
            shown.append(Filter(key, title, values))
    return shown


def _languages(document: Document) -> dict[str, str]:
    """The languages of which there are scores of their own, where there is more than one."""
    found = list(dict.fromkeys(code for column in document.columns for code in _spoken(column)))
    return {code: LANGUAGES.get(code, code) for code in found} if len(found) > 1 else {}


def _spoken(column: Score) -> list[str]:
    """The languages of a score: its subset is named for one, or for a pair."""
    return [code for code in column.subset.split("-") if code.isalpha() and len(code) in (2, 3)]


FOLDED = ("× reference", "p90 ms", "peak MiB", "load s")
"""Costs that are folded away at first."""


def heads(document: Document) -> list[Head]:
    """The columns of the page's table: what most readers want, a column for each type of task, and all the rest folded away."""
    hints = {column.title: column.hint for column in tables.SUMMARY}
    first = [
        Head("#", "tier", hint=hints["#"]),
        Head("candidate", "candidate", numeric=False),
        Head("kind", "kind", numeric=False, more=True),
        Head("layers", "layers", numeric=False, hint=hints["kept layers"]),
        Head("parameters, M", "parameters", hint=hints["parameters, M"]),
        Head("mean", "mean", hint=hints["mean"]),
        Head("% of parent", "of-parent", hint=hints["% of parent"]),
        Head("sentences/s", "speed", hint=hints["sentences/s"]),
        Head("p50 ms", "p50", hint=hints["p50 ms"]),
        Head("MiB", "size", hint=hints["MiB on disk"]),
    ]
    kinds = kinds_of_task(document)
    if len(kinds) == len(document.columns):  # each score is a column of its own already
        return [*first, *_scores(document, more=False), *_folded()]
    typed = [Head(kind, f"type-{kind}", kind=True, hint=", ".join(dict.fromkeys(column.task for column in columns))) for kind, columns in kinds.items()]
    return [*first, *typed, *_scores(document, more=True), *_folded()]


def _scores(document: Document, *, more: bool) -> list[Head]:
    return [Head(column.label, f"score-{column.label}", more=more, languages=" ".join(_spoken(column)), hint=column.metric) for column in document.columns]


def _folded() -> list[Head]:
    seeds = Head("seeds", "seeds", more=True, hint="Training seeds that a row is the mean of, and the standard deviation of their means.")
    return [seeds, *(Head(title, title.replace(" ", "-"), more=True, hint=tables.COST_HINTS.get(title, "")) for title in (*FOLDED, PARAMETERS))]


def _cells(document: Document, row: Entry, columns: list[Head], kinds: dict[str, tuple[Score, ...]]) -> Iterable[Cell]:
    costed = dict(zip(tables.COST_TITLES, tables.costs(row), strict=True))
    size = Cell(texts.millions(row.size), row.size)
    fixed = {
        "tier": Cell(texts.MISSING if row.rank is None else str(row.rank), row.rank),
        "candidate": Cell(row.name, row.name),
        "kind": Cell(row.kind, row.kind),
        "layers": Cell(row.kept or texts.MISSING, depth(row)),
        "parameters": size,
        "mean": Cell(texts.with_interval(row.mean, row.interval), row.mean),
        "seeds": Cell(texts.seeds(row), row.seeds),
        "of-parent": Cell(texts.with_interval(row.of_parent, row.of_parent_interval), row.of_parent),
        "speed": costed["sentences/s"],
        "p50": costed["p50 ms"],
        "size": costed["MiB on disk"],
        **{title.replace(" ", "-"): costed[title] for title in FOLDED},
        PARAMETERS.replace(" ", "-"): Cell(texts.split_parameters(row.parameters), row.size),
    }
    typed = {f"type-{kind}": mean_over(row, scored) for kind, scored in kinds.items()}
    scored = {f"score-{column.label}": row.scores.get(column.label) for column in document.columns}
    numbers = {**typed, **scored}
    for column in columns:
        yield fixed[column.key] if column.key in fixed else Cell(texts.percent(numbers[column.key]), numbers[column.key])


def _rows(document: Document, columns: list[Head], links: dict[str, str], found: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """The rows as HTML. Cells are put together here and not in the template, since a board may have tens of thousands of them."""
    kinds, bands, odd, rows = kinds_of_task(document), tables.bands(document), False, []
    for number, row in enumerate(document.rows):
        odd = odd != (number in bands)
        cells = "".join(_cell(cell, column, links.get(row.name, "")) for cell, column in zip(_cells(document, row, columns, kinds), columns, strict=True))
        words = " ".join([row.name, row.kind, *found[row.name].values(), str(row.about.get("recipe", "")), row.problem or ""]).lower()
        band = number in bands
        classes = " ".join(name for name, there in (("band", band), ("odd", odd)) if there)
        rows.append({"classes": classes, "band": int(band), "text": words, "facts": list(found[row.name].items()), "cells": Markup(cells)})
    return rows


def _cell(cell: Cell, column: Head, link: str) -> str:
    text = web.shown(cell)
    if column.key == "mean" and " ± " in text:
        main, _, rest = text.partition(" ± ")
        text = f'<span class="main-score">{main}</span> <small>± {rest}</small>'
    value = "" if cell.value is None else f' data-v="{web.escaped(str(cell.value))}"'
    if column.key == "candidate":
        return f'<th scope="row"{value}><a href="{web.escaped(link)}">{text}</a></th>'
    classes = f' class="{column.classes}"' if column.classes else ""
    return f"<td{classes}{value}>{text}</td>"


def _themes(document: Document) -> list[Table]:
    """The tables below the board; recovery has the table of its picture."""
    return [dataclasses.replace(table, title="Scores with intervals") if table.title.startswith("Scores: ") else table for table in tables.themes(document)]
