"""Families of candidates: which points of a picture belong together, and the colour and shape that they share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from bench.cards.candidate import Strategy
from bench.errors import BenchError
from bench.make.strategies.pure import kept_layers
from bench.publish.document import Document, Entry
from bench.publish.tables import depth, layers

HEXAGON = "M0,-1L0.87,-0.5L0.87,0.5L0,1L-0.87,0.5L-0.87,-0.5Z"
STAR = "M0,-1.1L0.26,-0.36L1.05,-0.34L0.42,0.14L0.65,0.89L0,0.44L-0.65,0.89L-0.42,0.14L-1.05,-0.34L-0.26,-0.36Z"
CROSS = "M-0.9,-0.6L-0.6,-0.9L0,-0.3L0.6,-0.9L0.9,-0.6L0.3,0L0.9,0.6L0.6,0.9L0,0.3L-0.6,0.9L-0.9,0.6L-0.3,0Z"
KNOWN = {
    "full": ("#1b1f24", "diamond"),
    "external": ("#6b7280", "diamond"),
    "pruned: top": ("#0072b2", "circle"),
    "pruned: middle": ("#c2500a", "square"),
    "pruned: bottom": ("#007a5a", "triangle-down"),
    "pruned: random": ("#a8468b", "cross"),
    "distilled": ("#6d3fb0", "triangle-up"),
    "nested": ("#8a6d00", "triangle-right"),
    "scratch": ("#9c3b1b", "triangle-left"),
    "scratch, pre-trained": ("#b0413e", HEXAGON),
    "static": ("#0f7490", STAR),
    "lexical": ("#4b5563", CROSS),
}
"""Colours that readers who confuse some still tell apart with the shapes, and that stand out from white (contrast of 4.5 and more)."""
OTHERS = (("#3b6ea5", "circle"), ("#7a5c00", "square"), ("#5b7f2b", "triangle-up"), ("#8c4a74", "cross"), ("#2f6f6f", "triangle-down"))
SIMPLE: tuple[Strategy, ...] = ("top", "middle", "bottom", "symmetric", "even-alternate", "odd-alternate")
"""Strategies that a list of kept layers gives away."""


@dataclasses.dataclass(frozen=True)
class Family:
    """What a legend names."""

    name: str
    colour: str
    shape: str


def families(rows: Iterable[Entry], document: Document) -> dict[str, Family]:
    """The families of some rows by candidate, each family with a colour and a shape of its own as far as they go."""
    named = {row.name: family_name(row, document) for row in rows}
    strange = iter(range(len(named)))
    looks = {name: KNOWN[name] if name in KNOWN else OTHERS[next(strange) % len(OTHERS)] for name in dict.fromkeys(named.values())}
    return {row: Family(name, *looks[name]) for row, name in named.items()}


def family_name(row: Entry, document: Document) -> str:
    """Kind, and strategy of pruned ones."""
    kind = row.kind.split(", ")[0]
    if kind == "scratch" and "pre-trained" in row.kind:
        return "scratch, pre-trained"
    return f"pruned: {strategy(row, document)}" if kind == "pruned" else kind


def strategy(row: Entry, document: Document) -> str:
    """The strategy that its card names, else the simple one that leaves these layers."""
    told = row.about.get("strategy")
    if told:
        return str(told)
    kept, total = list(layers(row)), base_depth(row, document)
    for name in SIMPLE:
        try:
            if kept and kept_layers(name, total=total, keep=len(kept)) == kept:
                return name
        except BenchError:
            continue
    return "other layers"


def base_depth(row: Entry, document: Document) -> int:
    """How many layers its base has: as stored, else as its parent has, else as far as its own numbers go."""
    parent = document.by_name.get(row.parent or "")
    own = max(layers(row), default=-1) + 1
    return row.about.get("base_layers") or max((depth(parent) or 0) if parent else 0, own)


def lines(rows: Iterable[Entry], document: Document) -> list[list[Entry]]:
    """Rows that differ in depth only, from the shallowest on: what a picture joins. Alone, a row is in none."""
    groups: dict[tuple[object, ...], list[Entry]] = {}
    for row in rows:
        if depth(row):
            told = (row.about.get(field) for field in ("base", "vocabulary", "precision", "backend", "dimensions", "recipe"))
            groups.setdefault((family_name(row, document), row.kind, *map(str, told)), []).append(row)
    several = [group for group in groups.values() if len({depth(row) for row in group}) > 1]
    return [sorted(group, key=lambda row: (depth(row) or 0, row.name)) for group in several]
