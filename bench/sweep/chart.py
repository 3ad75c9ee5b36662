"""A sweep as a picture: what each depth keeps of the full model, and how alike the layers are. Plain SVG, no script, no font but the reader's own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from html import escape

from bench.make.strategies.pure import RANKED
from bench.sweep import svg
from bench.sweep.depths import Form
from bench.sweep.sweep import EVERY, SPLIT, TASK, Sweep

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555", "#332288", "#882255", "#117733", "#AA4499", "#88881f")
"""Colours that colour-blind readers tell apart: Okabe and Ito 2008, then Tol's "muted" scheme (2021)."""
LOOKS: dict[str, tuple[str, str, bool]] = {
    strategy: (COLOURS[place % len(COLOURS)], tuple(svg.SHAPES)[place % len(svg.SHAPES)], strategy in RANKED) for place, strategy in enumerate(EVERY)
}
"""Colour, marker, and whether the marker is hollow: of each strategy the same in every picture."""
LIMIT = "#B00020"
LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT, CELL_WIDTH, CELL_HEIGHT, MARGIN = 60, 64, 430, 330, 540, 460, 20
KEY_ROW = 24


@dataclasses.dataclass(frozen=True)
class _Axes:
    """Depths and values to points of one plot."""

    layers: int
    low: float
    high: float
    left: float
    top: float

    def point(self, depth: float, value: float) -> svg.Point:
        value = min(max(value, self.low), self.high)
        return self.left + (depth - 0.5) / self.layers * PLOT_WIDTH, self.top + PLOT_HEIGHT * (self.high - value) / (self.high - self.low)


def draw(sweep: Sweep) -> str:
    """The picture as SVG text: two columns of plots, the last cell or a strip below holds the key."""
    plots = [*(_quality(sweep, number) for number in range(len(sweep.groups))), _similarity(sweep, *_corner(len(sweep.groups)))]
    entries = list(_entries(sweep))
    beside = len(plots) % 2 == 1
    columns = 2 if beside else 4
    left, top = _corner(len(plots))
    key = _key(entries, left, top if beside else top - TOP + MARGIN, columns)
    bottom = top - TOP + (CELL_HEIGHT if beside else 2 * MARGIN + KEY_ROW * -(-len(entries) // columns))
    width = 2 * CELL_WIDTH
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom}" width="{width}" height="{bottom}" font-family="sans-serif" '
                'font-size="12" fill="#222" role="img">'
            ),
            f"<title>{escape(f'Sweep of {sweep.name}: what each depth keeps, and similarity of layers')}</title>",
            f'<rect width="{width}" height="{bottom}" fill="white"/>',
            *(shape for plot in plots for shape in plot),
            *key,
            "</svg>",
            "",
        ]
    )


def _corner(place: int) -> tuple[float, float]:
    """Where the plot of a place begins, row by row."""
    return LEFT + place % 2 * CELL_WIDTH, TOP + place // 2 * CELL_HEIGHT


def _value(sweep: Sweep, form: Form) -> tuple[float, tuple[float, float]]:
    """What is drawn of a form, with its interval: its paired share of the full model's score; the score itself where there are no shares."""
    if not _shares(sweep):
        return form.score, form.interval
    return form.retained or 0.0, form.retained_interval or (0.0, 0.0)


def _shares(sweep: Sweep) -> bool:
    return all(form.retained_interval is not None for form in sweep.forms)


def _quality(sweep: Sweep, number: int) -> Iterator[str]:
    """The plot of one group of strategies; all of them have the same axes."""
    group = sweep.groups[number]
    values = [_value(sweep, form) for form in sweep.forms]
    full = 1.0 if _shares(sweep) else sweep.full.value
    ends = [full, *(value for value, _ in values)]
    step: float = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, math.inf) if max(ends) - min(ends) <= 8 * step)
    axes = _Axes(sweep.layers, step * math.floor(min(ends) / step - 0.5), step * math.ceil(max(ends) / step + 0.5), *_corner(number))
    yield from _frame(sweep, _title(sweep, group), axes, step)
    forms = [form for form in sweep.forms if form.strategy in group]
    for strategy in group:
        yield svg.band([axes.point(*one) for one in _edge(sweep, strategy)], LOOKS[strategy][0])
    for strategy in group:
        middle = [(form.depth, _value(sweep, form)[0]) for form in _by_depth(sweep, strategy)]
        yield svg.curve([axes.point(*one) for one in [*middle, (sweep.layers, full)]], LOOKS[strategy][0])
    for form in forms:
        colour, shape, hollow = LOOKS[form.strategy]
        yield svg.marker(axes.point(form.depth, _value(sweep, form)[0]), shape, colour, hollow=hollow, hint=_hint(form))
    chosen = _chosen(sweep)
    if chosen is not None and chosen.strategy in group:
        yield svg.ring(axes.point(chosen.depth, _value(sweep, chosen)[0]), sweep.verdict)


def _by_depth(sweep: Sweep, strategy: str) -> list[Form]:
    """The forms of a strategy from the fewest layers to the most."""
    return sorted((form for form in sweep.forms if form.strategy == strategy), key=lambda form: form.depth)


def _edge(sweep: Sweep, strategy: str) -> list[svg.Point]:
    """The upper ends of a strategy's intervals, then the lower ones from the other side; a share of the full model ends in it, where it is surely 1."""
    ends = [(form.depth, _value(sweep, form)[1]) for form in _by_depth(sweep, strategy)]
    tip = [(sweep.layers, 1.0)] if _shares(sweep) else []
    return [*((depth, high) for depth, (_, high) in ends), *tip, *((depth, low) for depth, (low, _) in reversed(ends))]


def _chosen(sweep: Sweep) -> Form | None:
    """The form that gets a ring: what is recommended, or what comes closest."""
    return sweep.recommended or (sweep.surest[1] if sweep.surest else None)


def _title(sweep: Sweep, group: Sequence[str]) -> str:
    if len(sweep.groups) == 1:
        return f"{sweep.name}: what each depth keeps"
    return f"{sweep.name}: layers that go by their measure" if set(group) & set(RANKED) else f"{sweep.name}: layers that go by their place"


def _frame(sweep: Sweep, title: str, axes: _Axes, step: float) -> Iterator[str]:
    """Titles, grid, and the lines of the full model and of `--retain`."""
    right, bottom = axes.left + PLOT_WIDTH, axes.top + PLOT_HEIGHT
    what = "share of the full model's score, %" if _shares(sweep) else "Spearman × 100"
    yield svg.text(axes.left, axes.top - 34, title, size=15, weight="bold")
    yield svg.text(axes.left, axes.top - 16, f"{what}; {TASK} {SPLIT}, before fine-tuning", colour="#666")
    for number in range(round((axes.high - axes.low) / step) + 1):
        value = axes.low + number * step
        y = axes.point(1, value)[1]
        yield svg.line((axes.left, y), (right, y), "#e8e8e8")
        yield svg.text(axes.left - 8, y + 4, f"{value * 100:.0f}", anchor="end")
    for depth in range(1, sweep.layers + 1):
        yield svg.text(axes.point(depth, axes.low)[0], bottom + 18, str(depth), anchor="middle")
    yield svg.text(axes.left + PLOT_WIDTH / 2, bottom + 38, "layers kept", anchor="middle")
    full = 1.0 if _shares(sweep) else sweep.full.value
    for value, colour, dash in ((full, "#222", "none"), (full * sweep.retain, LIMIT, "6 4")):
        y = axes.point(1, value)[1]
        yield svg.line((axes.left, y), (right, y), colour, dash=dash, width=1.4)


def _hint(form: Form) -> str:
    low, high = form.interval
    share = ""
    if form.retained is not None and form.retained_interval is not None:
        share = f"; keeps {form.retained:.1%} ({form.retained_interval[0]:.1%} to {form.retained_interval[1]:.1%})"
    return f"{form.strategy}, {form.depth} layers: {form.score * 100:.1f} ({low * 100:.1f} to {high * 100:.1f}){share}"


def _entries(sweep: Sweep) -> Iterator[tuple[str, str, str]]:
    """What the key explains: a name, a shape, a colour; the ring, whose name is long, last."""
    for strategy in sweep.strategies:
        yield strategy, "strategy", LOOKS[strategy][0]
    yield "full model", "line", "#222"
    yield f"--retain {sweep.retain:g}", "limit", LIMIT
    yield "95 % interval, paired" if _shares(sweep) else "95 % interval", "band", "#555555"
    if sweep.recommended is not None:
        yield f"recommended: {sweep.recommended.depth} layers, {sweep.recommended.strategy}", "ring", "#222"
    elif sweep.surest is not None:
        retain, form = sweep.surest
        yield f"none is sure to pass; {form.depth} layers, {form.strategy}, would pass --retain {retain:g}", "ring", "#222"


def _key(entries: list[tuple[str, str, str]], left: float, top: float, columns: int) -> Iterator[str]:
    """The key, column by column, and a ring below them."""
    rows = -(-sum(kind != "ring" for _, kind, _ in entries) // columns)
    for place, (name, kind, colour) in enumerate(entries):
        x, y = (left, top + rows * KEY_ROW) if kind == "ring" else (left + place // rows * 240, top + place % rows * KEY_ROW)
        if kind == "band":
            yield svg.band([(x, y - 7), (x + 28, y - 7), (x + 28, y + 7), (x, y + 7)], colour)
        elif kind == "ring":
            yield svg.ring((x + 14, y), name)
        else:
            yield svg.line((x, y), (x + 28, y), colour, dash="6 4" if kind == "limit" else "none", width=1.8)
        if kind == "strategy":
            yield svg.marker((x + 14, y), LOOKS[name][1], colour, hollow=LOOKS[name][2], hint=name)
        yield svg.text(x + 36, y + 4, name)


def _similarity(sweep: Sweep, left: float, top: float) -> Iterator[str]:
    side = PLOT_HEIGHT / sweep.layers
    yield svg.text(left, top - 34, f"{sweep.name}: how alike its layers are", size=15, weight="bold")
    yield svg.text(left, top - 16, "linear CKA of the sentence embeddings after each layer, times 100", colour="#666")
    lowest = min(value for row in sweep.layer_similarity for value in row)
    for i, row in enumerate(sweep.layer_similarity):
        for j, value in enumerate(row):
            x, y = left + j * side, top + i * side
            shade = (value - lowest) / (1 - lowest) if lowest < 1 else 1.0
            hint = f"layers {i} and {j}: {value:.3f}"
            yield (f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{_shade(shade)}"><title>{hint}</title></rect>')
            if sweep.layers <= 12:
                ink = "white" if shade > 0.55 else "#222"
                yield svg.text(x + side / 2, y + side / 2 + 4, f"{value * 100:.0f}", anchor="middle", size=10, colour=ink, hint=hint)
        yield svg.text(left - 6, top + (i + 0.5) * side + 4, str(i), anchor="end", size=10)
        yield svg.text(left + (i + 0.5) * side, top + PLOT_HEIGHT + 16, str(i), anchor="middle", size=10)
    yield svg.text(left + PLOT_HEIGHT / 2, top + PLOT_HEIGHT + 38, f"layer, from 0; darker is more alike, {lowest * 100:.0f} to 100", anchor="middle")


def _shade(share: float) -> str:
    """White at 0, dark blue at 1."""
    return "#" + "".join(f"{round(255 + (end - 255) * share):02x}" for end in (8, 64, 129))
