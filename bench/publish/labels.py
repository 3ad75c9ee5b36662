"""Names beside points, where they cover neither each other nor a point."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

LETTER, LINE = 6.1, 12.0
"""Width of a letter and height of a line, in pixels, at the size of label that pictures use."""
NEAR, FAR = 9.0, 20.0


@dataclasses.dataclass(frozen=True)
class Spot:
    """A name: `x` and `y` of its point in pixels, `dx` and `dy` to where it stands, and how it is aligned there."""

    text: str
    x: float
    y: float
    dx: float = 0.0
    dy: float = 0.0
    align: str = "left"


Box = tuple[float, float, float, float]


def place(points: Sequence[tuple[str, float, float]], named: Sequence[str], width: float, height: float, bars: Sequence[Box] = ()) -> dict[str, Spot]:
    """Where names stand; one without room is left out.

    Args:
        points: Name, x and y of every point, in pixels from the upper left corner.
        named: Those to name, the most telling first.
        width: Of the plot, in pixels.
        height: The same.
        bars: What else no name may cover, as left, upper, right and lower edge.
    """
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for _, x, y in points] + list(bars)
    at = {name: (x, y) for name, x, y in points}
    found: dict[str, Spot] = {}
    for name in named:
        x, y = at[name]
        for dx, dy, align in _places():
            box = _box(name, x + dx, y + dy, align)
            inside = box[0] >= 0 and box[2] <= width and box[1] >= 0 and box[3] <= height
            if inside and not any(_overlap(box, other) for other in taken):
                found[name] = Spot(name, x, y, dx, dy, align)
                taken.append(box)
                break
    return found


def _places() -> list[tuple[float, float, str]]:
    """Offsets to try: beside the point, above and below it, then further away."""
    places: list[tuple[float, float, str]] = []
    for away in (NEAR, FAR):
        places += [(NEAR, away - NEAR, "left"), (-NEAR, away - NEAR, "right"), (NEAR, NEAR - away, "left"), (-NEAR, NEAR - away, "right")]
        places += [
            (0, -away - 4, "center"),
            (0, away + 4, "center"),
            (NEAR, -away, "left"),
            (NEAR, away, "left"),
            (-NEAR, -away, "right"),
            (-NEAR, away, "right"),
        ]
    return places


def _box(text: str, x: float, y: float, align: str) -> Box:
    width = LETTER * len(text)
    left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
    return left, y - LINE / 2, left + width, y + LINE / 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
