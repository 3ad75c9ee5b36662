"""The pictures of a board, as SVG. Each goes with a table of its numbers, so that nothing is told by a picture alone.

Vega-Lite lays them out and vl-convert draws them, both in this process and without a network. The specifications are plain values: the Python that is most
often put in front of Vega-Lite (Altair) would only be imported to write the same values.
"""

from __future__ import annotations

import dataclasses
import html
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from bench.publish import choice, texts
from bench.publish.document import Document, Entry
from bench.publish.families import Family, families, lines
from bench.publish.labels import place
from bench.publish.tables import Cell, Column, Table, depth, recovery_plans, share_of

INK, MUTED, GRID, ACCENT = "#1b1f24", "#57606a", "#e4e7eb", "#b42318"
"""Colours that the page replaces where it is dark; so are those of families."""
WIDTH, HEIGHT = 520, 360
FONT = "Helvetica, Arial, 'Liberation Sans', 'Noto Sans Devanagari', sans-serif"
"""What Vega measures texts by, so that names are as wide as they were laid out."""
FEWEST = 4
"""Fewer points make no picture."""
MOST_NAMED, MOST_CURVES, MOST_HEAT = 40, 16, 40
CONFIG: dict[str, Any] = {
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        **{"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "labelColor": MUTED, "titleColor": INK, "gridColor": GRID},
        **{"domainColor": GRID, "tickColor": GRID, "titlePadding": 8},
    },
    "legend": {
        "labelFontSize": 11,
        "labelColor": INK,
        "title": None,
        "orient": "bottom",
        "columns": 4,
        "columnPadding": 20,
        "symbolSize": 70,
        "symbolOpacity": 1,
    },
    "title": {"anchor": "start", "fontSize": 14, "fontWeight": 600, "color": INK, "offset": 12},
}


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
        return re.sub(r"(<svg\b[^>]*>)", r'\1<rect width="100%" height="100%" fill="#ffffff"/>', self.svg, count=1)


def pictures(document: Document) -> list[Picture]:
    """Every picture that the document has enough numbers for, the two main ones first."""
    drawers: tuple[Callable[[Document], Picture | None], ...] = (against_size, against_speed, pareto, against_depth, retention)
    found = [picture for drawer in drawers if (picture := drawer(document)) is not None]
    return [*found, *recovery_curves(document)]


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
    return {row.name: row.costs["sentences_per_second"] for row in measured if row.costs.get("sentences_per_second")}


def _scatter(document: Document, name: str, title: str, told: str, values: dict[str, float], unit: str, digits: int) -> Picture | None:
    rows = [row for row in document.rows if row.name in values]
    if len(rows) < FEWEST:
        return None
    looks = families(rows, document)
    xs, ys = _log(list(values.values())), _quality(rows, document)
    points = [_point(row, values[row.name], looks[row.name]) for row in rows]
    best = [row.name for row in choice.front(document) if row.name in values]
    names = list(dict.fromkeys([*best, *(row.name for row in rows)]))[:MOST_NAMED]
    joined = [
        {**point, "group": number} for number, group in enumerate(lines(rows, document)) for point in points if point["name"] in {row.name for row in group}
    ]
    layers = [
        *_floor(document, set(values), ys),
        {
            "data": {"values": joined},
            "mark": {"type": "line", "strokeWidth": 1.5, "opacity": 0.55},
            "encoding": {**_at(xs, ys, unit), **_coloured(looks), "detail": {"field": "group"}, "order": {"field": "depth"}},
        },
        *_points(points, looks, xs, ys, unit),
        _names(points, names, xs, ys, unit),
    ]
    cells = [
        (Cell(row.name), Cell(looks[row.name].name), Cell(texts.mean(row), row.mean), Cell(texts.number(values[row.name], digits), values[row.name]))
        for row in rows
    ]
    table = Table(title, (Column("candidate", numeric=False), Column("family", numeric=False), Column("mean"), Column(unit)), tuple(cells))
    return Picture(name, title, told, _draw(name, title, told, {"layer": layers, "width": WIDTH, "height": HEIGHT}), table)


def pareto(document: Document) -> Picture | None:
    """The front of quality, speed and memory: its candidates are filled and named, the others are hollow."""
    values = {name: value for name, value in _speeds(document).items() if document.by_name[name].peak}
    rows = [row for row in document.rows if row.name in values]
    if len(rows) < FEWEST:
        return None
    best = {row.name for row in choice.front(document)}
    xs, ys = _log(list(values.values())), _quality(rows, document)
    points = [
        {"name": row.name, "x": values[row.name], "y": 100 * (row.mean or 0), "memory": (row.peak or 0) / 2**20, "front": row.name in best} for row in rows
    ]
    title = f"Pareto front on {document.device}"
    told = "Filled and named: no other candidate is better, faster and smaller in memory at once. The larger the circle, the more memory while encoding."
    size = {
        "field": "memory",
        "type": "quantitative",
        "scale": {"range": [40, 420], "zero": False},
        "legend": {
            "title": "peak MiB",
            "values": _few([point["memory"] for point in points]),
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
        "encoding": {**_at(xs, ys, "sentences/s"), "size": size, "fill": shown, "stroke": stroke},
    }
    names = [row.name for row in rows if row.name in best][:MOST_NAMED]
    spec = {"layer": [circles, _names(points, names, xs, ys, "sentences/s")], "width": WIDTH, "height": HEIGHT}
    cells = [
        (
            Cell(row.name),
            Cell("yes" if row.name in best else "no"),
            Cell(texts.mean(row)),
            Cell(texts.number(values[row.name])),
            Cell(texts.number(row.peak, factor=2**-20)),
        )
        for row in rows
    ]
    columns = (Column("candidate", numeric=False), Column("on the front", numeric=False), Column("mean"), Column("sentences/s"), Column("peak MiB"))
    return Picture("pareto", title, told, _draw("pareto", title, told, spec), Table(title, columns, tuple(cells)))


def against_depth(document: Document) -> Picture | None:
    """Quality against the number of layers."""
    rows = [row for row in document.rows if row.mean is not None and depth(row)]
    if len(rows) < FEWEST:
        return None
    looks, ys = families(rows, document), _quality(rows, document)
    deepest = max(depth(row) or 0 for row in rows)
    xs = _Scale(0.5, deepest + 0.5, log=False)
    seen: dict[int, int] = {}
    points = []
    for row in rows:  # of one depth, side by side, so that intervals do not cover each other
        layers = depth(row) or 0
        seen[layers] = seen.get(layers, 0) + 1
        step = (-1) ** seen[layers] * (seen[layers] // 2)
        points.append(_point(row, layers + max(-0.45, min(0.45, 0.09 * step)), looks[row.name]))
    joined = [
        {**point, "group": number} for number, group in enumerate(lines(rows, document)) for point in points if point["name"] in {row.name for row in group}
    ]
    title, told = "Quality against depth", "What each way of leaving out layers keeps. Each family is joined by depth; the bars are 95 % intervals."
    spec = {
        "layer": [
            *_floor(document, set(), ys),
            {
                "data": {"values": joined},
                "mark": {"type": "line", "strokeWidth": 1.5, "opacity": 0.55},
                "encoding": {**_at(xs, ys, "layers"), **_coloured(looks), "detail": {"field": "group"}, "order": {"field": "depth"}},
            },
            *_points(points, looks, xs, ys, "layers"),
        ],
        "width": WIDTH,
        "height": HEIGHT,
    }
    cells = [
        (Cell(row.name), Cell(looks[row.name].name), Cell(str(depth(row))), Cell(texts.mean(row))) for row in sorted(rows, key=lambda row: -(depth(row) or 0))
    ]
    table = Table(title, (Column("candidate", numeric=False), Column("family", numeric=False), Column("layers"), Column("mean")), tuple(cells))
    return Picture("depth", title, told, _draw("depth", title, told, spec), table)


def retention(document: Document) -> Picture | None:
    """What is kept of the parent, task by task."""
    labels = [column.label for column in document.columns]
    rows = [row for row in document.rows if any(share_of(document, row, label) is not None for label in labels)][:MOST_HEAT]
    if len(rows) < FEWEST:
        return None
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
    spec = {"data": {"values": values}, "encoding": order, "layer": layers, "width": {"step": 46}, "height": {"step": 22}}
    cells = [(Cell(row.name), *(Cell(texts.percent(share_of(document, row, label))) for label in labels)) for row in rows]
    table = Table(title, (Column("candidate", numeric=False), *(Column(label) for label in labels)), tuple(cells))
    return Picture("retention", title, told, _draw("retention", title, told, spec), table)


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
        shared = {**at, **_coloured(looks), "detail": {"field": "name"}}
        shape = {"field": "family", "type": "nominal", "scale": _range(looks, "shape")}
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
        found.append(Picture(name, title, told, _draw(name, title, told, spec), table))
    return found


@dataclasses.dataclass(frozen=True)
class _Scale:
    """A domain of an axis, and where its values lie between 0 and 1."""

    low: float
    high: float
    log: bool

    def share(self, value: float) -> float:
        low, high, at = (math.log(one) for one in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return (at - low) / (high - low)

    @property
    def ticks(self) -> list[float]:
        """1, 2 and 5 of each power of ten for a logarithmic axis, more for a short one; whole numbers for the other."""
        if not self.log:
            return list(range(math.ceil(self.low), math.floor(self.high) + 1))
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        spread = self.high / self.low
        steps = (1, 1.5, 2, 3, 5, 7) if spread < 8 else (1, 2, 5) if spread < 300 else (1,)
        return [step * 10.0**power for power in powers for step in steps if self.low <= step * 10.0**power <= self.high]


def _log(values: Sequence[float]) -> _Scale:
    spread = max(values) / min(values)
    room = max(spread, 4) ** 0.09
    return _Scale(min(values) / room, max(values) * room, log=True)


def _quality(rows: Sequence[Entry], document: Document) -> _Scale:
    letters = choice.floor(document)
    ends = [100 * end for row in rows for end in (row.interval or (row.mean or 0.0,))]
    ends += [100 * (letters.mean or 0.0)] if letters else []
    room = max(1.0, 0.06 * (max(ends) - min(ends)))
    return _Scale(min(ends) - room, max(ends) + room, log=False)


def _few(values: Sequence[float]) -> list[float]:
    """The ends and the middle, as round numbers."""
    low, high = min(values), max(values)
    digits = max(0, math.floor(math.log10(max(high, 1))) - 1)
    return sorted({round(value, -digits) for value in (low, (low + high) / 2, high)})


def _point(row: Entry, x: float, family: Family) -> dict[str, Any]:
    low, high = row.interval or (row.mean, row.mean)
    return {
        "name": row.name,
        "x": x,
        "y": 100 * (row.mean or 0),
        "low": 100 * (low or 0),
        "high": 100 * (high or 0),
        "family": family.name,
        "depth": depth(row) or 0,
    }


def _at(xs: _Scale, ys: _Scale, unit: str) -> dict[str, Any]:
    """The two axes."""
    kind = {"type": "log"} if xs.log else {}
    return {
        "x": {
            "field": "x",
            "type": "quantitative",
            "title": unit,
            "scale": {**kind, "domain": [xs.low, xs.high], "nice": False, "zero": False},
            "axis": {"values": xs.ticks, "format": "~s" if xs.high >= 10000 else "~g", "grid": False},
        },
        "y": {
            "field": "y",
            "type": "quantitative",
            "title": "mean over tasks, times 100",
            "scale": {"domain": [ys.low, ys.high], "nice": False, "zero": False},
            "axis": {"tickCount": 6},
        },
    }


def _range(looks: dict[str, Family], field: str) -> dict[str, Any]:
    found = {family.name: getattr(family, field) for family in looks.values()}
    return {"domain": list(found), "range": list(found.values())}


def _coloured(looks: dict[str, Family]) -> dict[str, Any]:
    return {"color": {"field": "family", "type": "nominal", "scale": _range(looks, "colour")}}


def _points(points: list[dict[str, Any]], looks: dict[str, Family], xs: _Scale, ys: _Scale, unit: str) -> list[dict[str, Any]]:
    """Bars of intervals, and a shape a family."""
    axes = _at(xs, ys, unit)
    bars = {**axes, "y": {**axes["y"], "field": "low"}, "y2": {"field": "high"}, **_coloured(looks)}
    shape = {"field": "family", "type": "nominal", "scale": _range(looks, "shape")}
    return [
        {"data": {"values": points}, "mark": {"type": "rule", "strokeWidth": 1, "opacity": 0.45}, "encoding": bars},
        {
            "data": {"values": points},
            "mark": {"type": "point", "filled": True, "size": 75, "opacity": 1, "strokeWidth": 1.5},
            "encoding": {**axes, **_coloured(looks), "shape": shape},
        },
    ]


def _names(points: list[dict[str, Any]], names: Sequence[str], xs: _Scale, ys: _Scale, unit: str) -> dict[str, Any]:
    """Names that cover nothing."""
    pixels = [(point["name"], xs.share(point["x"]) * WIDTH, (1 - ys.share(point["y"])) * HEIGHT) for point in points]
    spots = place(pixels, names, WIDTH, HEIGHT)
    values = [
        {**point, "dx": spots[point["name"]].dx, "dy": spots[point["name"]].dy, "align": spots[point["name"]].align}
        for point in points
        if point["name"] in spots
    ]
    moved = {side: {"expr": f"datum.{side}"} for side in ("dx", "dy", "align")}
    return {
        "data": {"values": values},
        "mark": {"type": "text", "fontSize": 11, "color": INK, "baseline": "middle", **moved},
        "encoding": {**_at(xs, ys, unit), "text": {"field": "name"}},
    }


def _floor(document: Document, shown: set[str], ys: _Scale) -> list[dict[str, Any]]:
    """A dashed line at the score of comparing letters, where that candidate is no point of the picture."""
    letters = choice.floor(document)
    if letters is None or letters.name in shown:
        return []
    data = {"values": [{"y": 100 * (letters.mean or 0), "told": f"{letters.name}: comparing letters"}]}
    at = {"y": _at(ys, ys, "")["y"]}
    text = {"type": "text", "align": "right", "baseline": "bottom", "dx": -4, "dy": -3, "fontSize": 11, "color": MUTED}
    return [
        {"data": data, "mark": {"type": "rule", "strokeDash": [4, 4], "color": MUTED}, "encoding": at},
        {"data": data, "mark": text, "encoding": {**at, "x": {"value": WIDTH}, "text": {"field": "told"}}},
    ]


def _draw(name: str, title: str, told: str, spec: dict[str, Any]) -> str:
    """The specification as SVG: one picture for screen readers, with ids that no other picture of a page has."""
    import vl_convert

    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "background": None, "padding": 12, "title": title, "config": CONFIG, **spec}
    svg: str = vl_convert.vegalite_to_svg(whole, vl_version="5.20", allowed_base_urls=[])
    svg = _quiet(svg).replace('id="clip', f'id="{name}-clip').replace("url(#clip", f"url(#{name}-clip").replace('id="gradient', f'id="{name}-gradient')
    described = f"<title>{html.escape(title)}</title><desc>{html.escape(told)}</desc>"
    return re.sub(r"<svg ([^>]*)>", lambda found: f'<svg role="img" aria-label="{html.escape(title)}" {found[1]}>{described}', svg, count=1)


def _quiet(svg: str) -> str:
    """Without what Vega says to screen readers about each mark: the table beside the picture says it better. Only inside tags, so that no text changes."""
    return re.sub(r"<[a-zA-Z][^<>]*>", lambda tag: re.sub(r' (?:role|aria-[a-z]+|pointer-events|xmlns:xlink)="[^"]*"', "", tag[0]), svg)
