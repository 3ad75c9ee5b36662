"""A sweep as a picture: quality against depth with intervals, and how alike the layers are. Plain SVG, no script, no font but the reader's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from html import escape

from bench.sweep.depths import Form
from bench.sweep.sweep import SPLIT, TASK, Sweep

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
"""Colours that colour-blind readers tell apart (Okabe and Ito 2008); line styles change when they are used up."""
DASHES = ("none", "6 3", "2 2")
WIDTH, HEIGHT, LEFT, TOP, PLOT, GAP = 1060, 500, 60, 56, 400, 150


@dataclasses.dataclass(frozen=True)
class _Axes:
    """Depths and scores to points of one of the plots on the left."""

    layers: int
    low: float
    high: float
    top: float = TOP
    width: float = PLOT + 60

    def x(self, depth: float) -> float:
        return LEFT + (depth - 0.5) / self.layers * self.width

    def y(self, score: float) -> float:
        return self.top + PLOT - (score - self.low) / (self.high - self.low) * PLOT


def draw(sweep: Sweep) -> str:
    """The picture as SVG text."""
    body = [*_quality(sweep), *_similarity(sweep)]
    height = HEIGHT * len(sweep.groups)
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="sans-serif" '
                'font-size="12" fill="#222" role="img">'
            ),
            f"<title>{escape(f'Sweep of {sweep.name}: quality against depth, and similarity of layers')}</title>",
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _quality(sweep: Sweep) -> Iterator[str]:
    """A plot for each group of strategies, one below the other, all with the same axes."""
    ends = [end for pair in (sweep.full.interval, *(form.interval for form in sweep.forms)) for end in pair]
    step: float = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5) if max(ends) - min(ends) <= 10 * step)
    low, high = step * (min(ends) // step), step * -(-max(ends) // step)
    for place, group in enumerate(sweep.groups):
        yield from _plot(sweep, group, _Axes(sweep.layers, low, high, TOP + place * HEIGHT), step)


def _plot(sweep: Sweep, group: Sequence[str], axes: _Axes, step: float) -> Iterator[str]:
    """The curves of some strategies, and their legend."""
    top, right = axes.top, LEFT + axes.width
    yield _text(LEFT, top - 34, f"{sweep.name}: quality against depth", size=15)
    yield _text(LEFT, top - 16, f"Spearman × 100 on {TASK} {SPLIT}, before fine-tuning; 95 % intervals", colour="#666")
    for number in range(round((axes.high - axes.low) / step) + 1):
        score = axes.low + number * step
        yield _line(LEFT, axes.y(score), right, axes.y(score), "#e4e4e4")
        yield _text(LEFT - 8, axes.y(score) + 4, f"{score * 100:.0f}", anchor="end")
    for depth in range(1, sweep.layers + 1):
        yield _text(axes.x(depth), top + PLOT + 18, str(depth), anchor="middle")
    yield _text(LEFT + axes.width / 2, top + PLOT + 36, "layers kept", anchor="middle")
    yield _line(LEFT, axes.y(sweep.full.value), right, axes.y(sweep.full.value), "#222", dash="5 4")
    yield _line(right + 6, top + 4, right + 32, top + 4, "#222", dash="5 4")
    yield _text(right + 38, top + 8, "full model")
    for number, strategy in enumerate(group):
        index, place = sweep.strategies.index(strategy), top + 24 + number * 20
        yield from _curve([form for form in sweep.forms if form.strategy == strategy], axes, _shift(group, strategy), index)
        yield _line(right + 6, place, right + 32, place, COLOURS[index % len(COLOURS)], dash=DASHES[index // len(COLOURS) % len(DASHES)], width=2)
        yield _text(right + 38, place + 4, strategy)
    if sweep.recommended is not None and sweep.recommended.strategy in group:
        x, y = axes.x(sweep.recommended.depth + _shift(group, sweep.recommended.strategy)), axes.y(sweep.recommended.score)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="none" stroke="#222" stroke-width="1.5"><title>{escape(sweep.verdict)}</title></circle>'


def _shift(group: Sequence[str], strategy: str) -> float:
    """How far, in layers, a strategy's dots stand beside their depth, so that strategies do not hide each other."""
    return (group.index(strategy) - (len(group) - 1) / 2) * 0.6 / len(group)


def _curve(forms: list[Form], axes: _Axes, shift: float, index: int) -> Iterator[str]:
    """One strategy: a line, and at every depth a dot and its interval."""
    colour, dash = COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)]
    points = [(axes.x(form.depth + shift), axes.y(form.score), form) for form in forms]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dash}"/>'
    for x, y, form in points:
        low, high = form.interval
        yield _line(x, axes.y(low), x, axes.y(high), colour, opacity=0.45)
        label = f"{form.strategy}, {form.depth} layers: {form.score * 100:.1f} ({low * 100:.1f} to {high * 100:.1f})"
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{escape(label)}</title></circle>'


def _similarity(sweep: Sweep) -> Iterator[str]:
    left, side = LEFT + PLOT + 60 + GAP, (WIDTH - LEFT - PLOT - 60 - GAP - 20) / sweep.layers
    yield _text(left, TOP - 34, "similarity of layers", size=15)
    yield _text(left, TOP - 16, "linear CKA of the sentence embeddings after each layer", colour="#666")
    lowest = min(value for row in sweep.layer_similarity for value in row)
    for i, row in enumerate(sweep.layer_similarity):
        for j, value in enumerate(row):
            x, y = left + j * side, TOP + i * side
            shade = (value - lowest) / (1 - lowest) if lowest < 1 else 1.0
            yield (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{_shade(shade)}"><title>layers {i} and {j}: '
                f"{value:.3f}</title></rect>"
            )
            if sweep.layers <= 12:
                yield _text(x + side / 2, y + side / 2 + 3, f"{value:.2f}".lstrip("0"), anchor="middle", size=9, colour="white" if shade > 0.55 else "#222")
        yield _text(left - 6, TOP + (i + 0.5) * side + 4, str(i), anchor="end", size=10)
        yield _text(left + (i + 0.5) * side, TOP + sweep.layers * side + 14, str(i), anchor="middle", size=10)
    yield _text(left + sweep.layers * side / 2, TOP + sweep.layers * side + 32, f"layer, from 0; darker is more alike, {lowest:.2f} to 1", anchor="middle")


def _shade(share: float) -> str:
    """White at 0, dark blue at 1."""
    return "#" + "".join(f"{round(255 + (end - 255) * share):02x}" for end in (8, 64, 129))


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: str = "none", width: float = 1, opacity: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}" '
        f'stroke-opacity="{opacity}"/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(text)}</text>'
