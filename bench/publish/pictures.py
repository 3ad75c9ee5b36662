"""The pictures of a board, as SVG. Each goes with a table of its numbers, so that nothing is told by a picture alone.

Vega-Lite lays them out and vl-convert draws them, both in this process and without a network. The specifications are plain values: the Python that is most
often put in front of Vega-Lite (Altair) would only be imported to write the same values.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable

from bench.publish import choice, texts
from bench.publish.chart import (
    ACCENT,
    HEIGHT,
    MUTED,
    WIDTH,
    Scale,
    axes,
    coloured,
    dot,
    draw,
    few,
    floor_line,
    log_scale,
    marks,
    names_of,
    paths,
    quality_scale,
    ranged,
)
from bench.publish.document import Document, Entry
from bench.publish.families import families, lines
from bench.publish.tables import Cell, Column, Table, depth, recovery_plans, share_of
from bench.publish.web import PICTURE

FEWEST = 4
"""Fewer points make no picture."""
MOST_NAMED, MOST_CURVES, MOST_HEAT = 40, 16, 40
MOST_LAYERS, MOST_CELLS = 48, 600
ALL_NAMED = 12
"""With more points not all are named: names would cross lines and bars."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture with its name (which its file and ids have), what it shows in a sentence, and the table of its numbers."""

    name: str
    title: str
    told: str
    svg: str
    table: Table

    @property
    def standalone(self) -> str:
        """The SVG as a file, which has a background of its own."""
        return re.sub(r"(<svg\b[^>]*>)", rf'\1{PICTURE}<rect width="100%" height="100%" fill="#ffffff"/>', self.svg, count=1)


def pictures(document: Document) -> list[Picture]:
    """Every picture that the document has enough numbers for, the two main ones first."""
    drawers: tuple[Callable[[Document], Picture | None], ...] = (against_size, against_speed, pareto, against_depth, retention)
    found = [picture for drawer in drawers if (picture := drawer(document)) is not None]
    return [*found, *recovery_curves(document), *layer_heats(document)]


def against_size(document: Document) -> Picture | None:
    """Quality against megabytes, each family joined by depth."""
    values = {row.name: row.costs["bytes_on_disk"] / 2**20 for row in document.rows if row.mean is not None and (row.costs.get("bytes_on_disk") or 0) > 1e5}
    told = "How small can it get? Up is better, left is smaller. Each family is joined by depth; the bars are 95 % intervals."
    return _scatter(document, "size", "Quality against size", told, values, "MiB on disk", 1)


def against_speed(document: Document) -> Picture | None:
    """Quality against sentences a second, each family joined by depth."""
    told = "What does a smaller one buy? Up is better, right is faster. Each family is joined by depth; the bars are 95 % intervals."
    return _scatter(document, "speed", "Quality against speed", told, _speeds(document), "sentences/s", 0)


def _speeds(document: Document) -> dict[str, float]:
    measured = [row for row in document.rows if row.mean is not None and row.invalid is None]
    return {row.name: row.costs["sentences_per_second"] for row in measured if (row.costs.get("sentences_per_second") or 0) > 0}


def _scatter(document: Document, name: str, title: str, told: str, values: dict[str, float], unit: str, digits: int) -> Picture | None:
    rows = [row for row in document.rows if row.name in values]
    if len(rows) < FEWEST:
        return None
    looks = families(rows, document)
    xs, ys = log_scale(list(values.values())), quality_scale(rows, document)
    points = [dot(row, values[row.name], looks[row.name]) for row in rows]
    best = [row.name for row in choice.front(document) if row.name in values]
    names = [row.name for row in rows] if len(rows) <= ALL_NAMED else _telling(document, rows, best)
    left = "" if len(rows) <= ALL_NAMED else " Named are the Pareto front and the ends of families; the table has all."
    layers = [
        *floor_line(document, set(values), ys),
        paths(points, rows, document, looks, xs, ys, unit),
        *marks(points, looks, xs, ys, unit),
        names_of(points, list(dict.fromkeys([*best, *names]))[:MOST_NAMED], xs, ys, unit),
    ]
    told += left
    cells = [
        (Cell(row.name), Cell(looks[row.name].name), Cell(texts.mean(row), row.mean), Cell(texts.number(values[row.name], digits), values[row.name]))
        for row in rows
    ]
    table = Table(title, (Column("candidate", numeric=False), Column("family", numeric=False), Column("mean"), Column(unit)), tuple(cells))
    return Picture(name, title, told, draw(name, title, told, {"layer": layers, "width": WIDTH, "height": HEIGHT}), table)


def _telling(document: Document, rows: list[Entry], best: list[str]) -> list[str]:
    """The names that a dense picture has: the front, the deepest and the shallowest of each joined family, and what is the only one of its family."""
    joined = lines(rows, document)
    ends = [row.name for group in joined for row in (group[0], group[-1])]
    looks = families(rows, document)
    counts = Counter(family.name for family in looks.values())
    alone = [row.name for row in rows if counts[looks[row.name].name] == 1]
    return list(dict.fromkeys([*best, *ends, *alone]))


def pareto(document: Document) -> Picture | None:
    """The front of quality, speed and memory: its candidates are filled and named, the others are hollow."""
    where, small = choice.smallness(document)
    values = {name: value for name, value in _speeds(document).items() if name in small}
    rows = [row for row in document.rows if row.name in values]
    if len(rows) < FEWEST:
        return None
    best = {row.name for row in choice.front(document)}
    xs, ys = log_scale(list(values.values())), quality_scale(rows, document)
    points = [
        {"name": row.name, "x": values[row.name], "y": 100 * (row.mean or 0), "memory": small[row.name] / 2**20, "front": row.name in best} for row in rows
    ]
    title = f"Pareto front on {document.device}"
    unit, larger = ("peak MiB", "more memory while encoding") if where == "in memory" else ("MiB on disk", "larger the checkpoint")
    told = f"Filled and named: no other candidate is better, faster and smaller {where} at once. The larger the circle, the {larger}."
    size = {
        "field": "memory",
        "type": "quantitative",
        "scale": {"range": [40, 420], "zero": False},
        "legend": {
            "title": unit,
            "values": few([small[row.name] / 2**20 for row in rows]),
            "symbolFillColor": "transparent",
            "symbolStrokeColor": MUTED,
            "titleFontWeight": "normal",
            "titleColor": MUTED,
        },
    }
    shown = {"condition": {"test": "datum.front", "value": ACCENT}, "value": "transparent"}
    stroke = {"condition": {"test": "datum.front", "value": ACCENT}, "value": MUTED}
    circles = {
        "data": {"values": points},
        "mark": {"type": "point", "shape": "circle", "strokeWidth": 1.3, "fillOpacity": 0.75},
        "encoding": {**axes(xs, ys, "sentences/s"), "size": size, "fill": shown, "stroke": stroke},
    }
    names = [row.name for row in rows if row.name in best][:MOST_NAMED]
    spec = {"layer": [circles, names_of(points, names, xs, ys, "sentences/s")], "width": WIDTH, "height": HEIGHT}
    cells = [
        (
            Cell(row.name),
            Cell("yes" if row.name in best else "no"),
            Cell(texts.mean(row)),
            Cell(texts.number(values[row.name])),
            Cell(texts.number(small[row.name], factor=2**-20)),
        )
        for row in rows
    ]
    columns = (Column("candidate", numeric=False), Column("on the front", numeric=False), Column("mean"), Column("sentences/s"), Column(unit))
    return Picture("pareto", title, told, draw("pareto", title, told, spec), Table(title, columns, tuple(cells)))


def against_depth(document: Document) -> Picture | None:
    """Quality against the number of layers."""
    rows = [row for row in document.rows if row.mean is not None and depth(row)]
    if len(rows) < FEWEST:
        return None
    looks, ys = families(rows, document), quality_scale(rows, document)
    deepest = max(depth(row) or 0 for row in rows)
    xs = Scale(0.5, deepest + 0.5, log=False)
    seen: dict[int, int] = {}
    points = []
    for row in rows:  # of one depth, side by side, so that intervals do not cover each other
        layers = depth(row) or 0
        seen[layers] = seen.get(layers, 0) + 1
        step = (-1) ** seen[layers] * (seen[layers] // 2)
        points.append(dot(row, layers + max(-0.45, min(0.45, 0.09 * step)), looks[row.name]))
    title, told = "Quality against depth", "What each way of leaving out layers keeps. Each family is joined by depth; the bars are 95 % intervals."
    spec = {
        "layer": [
            *floor_line(document, set(), ys),
            paths(points, rows, document, looks, xs, ys, "layers"),
            *marks(points, looks, xs, ys, "layers"),
        ],
        "width": WIDTH,
        "height": HEIGHT,
    }
    cells = [
        (Cell(row.name), Cell(looks[row.name].name), Cell(str(depth(row))), Cell(texts.mean(row))) for row in sorted(rows, key=lambda row: -(depth(row) or 0))
    ]
    table = Table(title, (Column("candidate", numeric=False), Column("family", numeric=False), Column("layers"), Column("mean")), tuple(cells))
    return Picture("depth", title, told, draw("depth", title, told, spec), table)


def retention(document: Document) -> Picture | None:
    """What is kept of the parent, task by task."""
    labels = [column.label for column in document.columns]
    able = [row for row in document.rows if any(share_of(document, row, label) is not None for label in labels)]
    if len(able) < FEWEST:
        return None
    rows = able[: max(FEWEST, min(MOST_HEAT, MOST_CELLS // len(labels)))]
    values = [
        {"name": row.name, "task": label, "share": 100 * share, "shown": f"{100 * share:.0f}"}
        for row in rows
        for label in labels
        if (share := share_of(document, row, label)) is not None
    ]
    order = {
        "x": {"field": "task", "type": "nominal", "sort": labels, "title": None, "axis": {"labelAngle": -35, "labelLimit": 150, "orient": "bottom"}},
        "y": {"field": "name", "type": "nominal", "sort": [row.name for row in rows], "title": None, "axis": {"labelLimit": 200}},
    }
    colour = {
        "field": "share",
        "type": "quantitative",
        "scale": {"domain": [40, 80, 100, 120], "range": ["#f3bf9a", "#fbf1e3", "#cfe4f1", "#6fb1d9"], "clamp": True, "interpolate": "rgb"},
        "legend": None,
    }
    layers = [
        {"mark": {"type": "rect", "stroke": "#ffffff", "strokeWidth": 1}, "encoding": {"color": colour}},
        {"mark": {"type": "text", "fontSize": 11, "color": "#101418"}, "encoding": {"text": {"field": "shown"}}},
    ]
    title, told = "What is kept of the parent, score by score", "Each score in percent of the parent's; blue is more, orange is less, and the number says it."
    if len(rows) < len(able):
        told += f" The first {len(rows)} of {len(able)}; all are under 'What is kept of the parent'."
    spec = {"data": {"values": values}, "encoding": order, "layer": layers, "width": {"step": 46}, "height": {"step": 22}}
    cells = [(Cell(row.name), *(Cell(texts.percent(share_of(document, row, label))) for label in labels)) for row in rows]
    table = Table(title, (Column("candidate", numeric=False), *(Column(label) for label in labels)), tuple(cells))
    return Picture("retention", title, told, draw("retention", title, told, spec), table)


def recovery_curves(document: Document) -> list[Picture]:
    """Development scores during fine-tuning, a picture for each plan of steps that several candidates went through."""
    found = []
    for number, (plan, rows) in enumerate(recovery_plans(document).items()):
        if len(rows) < 2 or len(plan) < 2:
            continue
        looks, name = families(rows, document), f"recovery-{number + 1}"
        points = [
            {"name": row.name, "x": step, "y": 100 * point.score, "family": looks[row.name].name}
            for row in rows[:MOST_CURVES]
            for step, point in zip(plan, row.recovery, strict=True)
        ]
        at = {
            "x": {
                "field": "x",
                "type": "ordinal",
                "sort": list(plan),
                "title": "phase and steps",
                "axis": {"labelAngle": 0, "grid": False, "labelOverlap": True},
            },
            "y": {
                "field": "y",
                "type": "quantitative",
                "title": "Spearman on development pairs, times 100",
                "scale": {"zero": False},
                "axis": {"tickCount": 6},
            },
        }
        shared = {**at, **coloured(looks), "detail": {"field": "name"}}
        shape = {"field": "family", "type": "nominal", "scale": ranged(looks, "shape")}
        spec = {
            "data": {"values": points},
            "layer": [
                {"mark": {"type": "line", "strokeWidth": 1.5, "opacity": 0.7}, "encoding": shared},
                {"mark": {"type": "point", "filled": True, "size": 55, "opacity": 1}, "encoding": {**shared, "shape": shape}},
            ],
            "width": WIDTH,
            "height": HEIGHT,
        }
        title, told = "Recovery while fine-tuning", "How fast a pruned model comes back: scores on development pairs after so many steps of each phase."
        cells = [(Cell(row.name), *(Cell(texts.percent(point.score)) for point in row.recovery)) for row in rows]
        table = Table(title, (Column("candidate", numeric=False), *(Column(step) for step in plan)), tuple(cells))
        found.append(Picture(name, title, told, draw(name, title, told, spec), table))
    return found


def layer_heats(document: Document) -> list[Picture]:
    """How alike the layers of each base are, where a sweep of it is stored."""
    found: list[Picture] = []
    for base, rows in document.layer_similarity.items():
        if not FEWEST <= len(rows) <= MOST_LAYERS:
            continue
        numbers, lowest = [str(layer) for layer in range(len(rows))], min(map(min, rows))
        values = [
            {"one": one, "other": other, "alike": 100 * value}
            for one, row in zip(numbers, rows, strict=True)
            for other, value in zip(numbers, row, strict=True)
        ]
        place = {"type": "ordinal", "sort": numbers, "title": "layer, from 0"}
        encoding = {"x": {**place, "field": "other", "axis": {"labelAngle": 0, "orient": "bottom"}}, "y": {**place, "field": "one"}}
        scale = {"domain": [min(100 * lowest, 99), 100], "range": ["#fbf1e3", "#6fb1d9"], "interpolate": "rgb"}
        colour = {"field": "alike", "type": "quantitative", "scale": scale, "legend": None}
        layers = [
            {"mark": {"type": "rect", "stroke": "#ffffff", "strokeWidth": 1}, "encoding": {"color": colour}},
            {"mark": {"type": "text", "fontSize": 11, "color": "#101418"}, "encoding": {"text": {"field": "alike", "type": "quantitative", "format": ".0f"}}},
        ]
        title = f"How alike the layers of {base} are"
        told = "Linear CKA of the sentence embeddings after each two layers, times 100, before fine-tuning. Bluer is more alike."
        spec = {"data": {"values": values}, "encoding": encoding, "layer": layers, "width": {"step": 34}, "height": {"step": 24}}
        cells = [(Cell(one), *(Cell(texts.percent(value), value) for value in row)) for one, row in zip(numbers, rows, strict=True)]
        table = Table(title, (Column("layer", numeric=False), *(Column(number) for number in numbers)), tuple(cells))
        name = f"layers-{len(found) + 1}"
        found.append(Picture(name, title, told, draw(name, title, told, spec), table))
    return found
