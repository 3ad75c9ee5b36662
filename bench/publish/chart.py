"""What the pictures of a board are made of: scales, axes, marks, and the drawing itself."""

from __future__ import annotations

import dataclasses
import html
import math
import re
from collections.abc import Sequence
from typing import Any

from bench.publish import choice
from bench.publish.document import Document, Entry
from bench.publish.families import Family, lines
from bench.publish.labels import place
from bench.publish.tables import depth

INK, MUTED, GRID, ACCENT = "#1b1f24", "#57606a", "#e4e7eb", "#b42318"
"""Colours that the page replaces where it is dark; so are those of families."""
WIDTH, HEIGHT = 520, 360
MOST_BARS = 200
FONT = "Helvetica, Arial, 'Liberation Sans', 'Noto Sans Devanagari', sans-serif"
"""What Vega measures texts by, so that names are as wide as they were laid out."""
CONFIG: dict[str, Any] = {
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelColor": MUTED,
        "titleColor": INK,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "titlePadding": 8,
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
class Scale:
    """A domain of an axis, and where its values lie between 0 and 1."""

    low: float
    high: float
    log: bool

    def share(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
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


def log_scale(values: Sequence[float]) -> Scale:
    """A logarithmic axis with a little room at both ends."""
    spread = max(values) / min(values)
    room = max(spread, 4) ** 0.09
    return Scale(min(values) / room, max(values) * room, log=True)


def quality_scale(rows: Sequence[Entry], document: Document) -> Scale:
    """An axis for the means of rows, their intervals and the floor, times 100."""
    letters = choice.floor(document)
    ends = [100 * end for row in rows for end in (row.interval or (row.mean or 0.0,))]
    ends += [100 * (letters.mean or 0.0)] if letters else []
    room = max(1.0, 0.06 * (max(ends) - min(ends)))
    return Scale(min(ends) - room, max(ends) + room, log=False)


def few(values: Sequence[float]) -> list[float]:
    """The ends and the middle, as round numbers."""
    low, high = min(values), max(values)
    digits = max(0, math.floor(math.log10(max(high, 1))) - 1)
    return sorted({round(value, -digits) for value in (low, (low + high) / 2, high)})


def dot(row: Entry, x: float, family: Family) -> dict[str, Any]:
    """The values of a row's point and of the bar of its interval."""
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


def axes(xs: Scale, ys: Scale, unit: str) -> dict[str, Any]:
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


def ranged(looks: dict[str, Family], field: str) -> dict[str, Any]:
    """The colours or shapes of families as a scale."""
    found = {family.name: getattr(family, field) for family in looks.values()}
    return {"domain": list(found), "range": list(found.values())}


def coloured(looks: dict[str, Family]) -> dict[str, Any]:
    """The colour of a family."""
    return {"color": {"field": "family", "type": "nominal", "scale": ranged(looks, "colour")}}


def marks(points: list[dict[str, Any]], looks: dict[str, Family], xs: Scale, ys: Scale, unit: str) -> list[dict[str, Any]]:
    """A shape a family, and bars of intervals as long as they can be told apart."""
    at = axes(xs, ys, unit)
    bars = {**at, "y": {**at["y"], "field": "low"}, "y2": {"field": "high"}, **coloured(looks)}
    shape = {"field": "family", "type": "nominal", "scale": ranged(looks, "shape")}
    barred = points if len(points) <= MOST_BARS else []
    return [
        {"data": {"values": barred}, "mark": {"type": "rule", "strokeWidth": 1, "opacity": 0.45}, "encoding": bars},
        {
            "data": {"values": points},
            "mark": {"type": "point", "filled": True, "size": 75, "opacity": 1, "strokeWidth": 1.5},
            "encoding": {**at, **coloured(looks), "shape": shape},
        },
    ]


def paths(points: list[dict[str, Any]], rows: Sequence[Entry], document: Document, looks: dict[str, Family], xs: Scale, ys: Scale, unit: str) -> dict[str, Any]:
    """Lines between the points of rows that differ in depth only."""
    groups = {row.name: number for number, group in enumerate(lines(rows, document)) for row in group}
    values = [{**one, "group": groups[one["name"]]} for one in points if one["name"] in groups]
    encoding = {**axes(xs, ys, unit), **coloured(looks), "detail": {"field": "group"}, "order": {"field": "depth"}}
    return {"data": {"values": values}, "mark": {"type": "line", "strokeWidth": 1.5, "opacity": 0.55}, "encoding": encoding}


def names_of(points: list[dict[str, Any]], names: Sequence[str], xs: Scale, ys: Scale, unit: str) -> dict[str, Any]:
    """Names that cover nothing."""
    pixels = [(point["name"], xs.share(point["x"]) * WIDTH, (1 - ys.share(point["y"])) * HEIGHT) for point in points]
    barred = zip(points, pixels, strict=True) if len(points) <= MOST_BARS else ()
    bars = [(x - 1, (1 - ys.share(one["high"])) * HEIGHT, x + 1, (1 - ys.share(one["low"])) * HEIGHT) for one, (_, x, _) in barred if "high" in one]
    spots = place(pixels, names, WIDTH, HEIGHT, bars)
    values = [
        {**point, "dx": spots[point["name"]].dx, "dy": spots[point["name"]].dy, "align": spots[point["name"]].align}
        for point in points
        if point["name"] in spots
    ]
    moved = {side: {"expr": f"datum.{side}"} for side in ("dx", "dy", "align")}
    return {
        "data": {"values": values},
        "mark": {"type": "text", "fontSize": 11, "color": INK, "baseline": "middle", **moved},
        "encoding": {**axes(xs, ys, unit), "text": {"field": "name"}},
    }


def floor_line(document: Document, shown: set[str], ys: Scale) -> list[dict[str, Any]]:
    """A dashed line at the score of comparing letters, where that candidate is no point of the picture."""
    letters = choice.floor(document)
    if letters is None or letters.name in shown:
        return []
    data = {"values": [{"y": 100 * (letters.mean or 0), "told": f"{letters.name}: comparing letters"}]}
    at = {"y": axes(ys, ys, "")["y"]}
    text = {"type": "text", "align": "right", "baseline": "bottom", "dx": -4, "dy": -3, "fontSize": 11, "color": MUTED}
    return [
        {"data": data, "mark": {"type": "rule", "strokeDash": [4, 4], "color": MUTED}, "encoding": at},
        {"data": data, "mark": text, "encoding": {**at, "x": {"value": WIDTH}, "text": {"field": "told"}}},
    ]


def draw(name: str, title: str, told: str, spec: dict[str, Any]) -> str:
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
