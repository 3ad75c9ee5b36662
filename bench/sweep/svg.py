"""The few shapes that a picture of a sweep is made of, as SVG text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

Point = tuple[float, float]

SHAPES: dict[str, tuple[Point, ...]] = {
    "circle": tuple((math.cos(step * math.pi / 8), math.sin(step * math.pi / 8)) for step in range(16)),
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "up": ((0, -1.15), (1.05, 0.8), (-1.05, 0.8)),
    "down": ((0, 1.15), (1.05, -0.8), (-1.05, -0.8)),
    "diamond": ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
    "left": ((-1.15, 0), (0.8, -1.05), (0.8, 1.05)),
    "star": tuple(((0.5, 1.25)[step % 2] * math.sin(step * math.pi / 5), (0.5, 1.25)[step % 2] * math.cos(step * math.pi / 5)) for step in range(10)),
}
"""Corners of markers about 0, of radius 1."""


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, colour: str = "#222", weight: str = "normal", hint: str = "") -> str:
    """A line of text."""
    inside = f"<title>{escape(hint)}</title>" if hint else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}">{inside}{escape(words)}</text>'


def line(first: Point, second: Point, colour: str, *, dash: str = "none", width: float = 1) -> str:
    """A straight line."""
    ends = f'x1="{first[0]:.1f}" y1="{first[1]:.1f}" x2="{second[0]:.1f}" y2="{second[1]:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}"/>'


def curve(points: Iterable[Point], colour: str) -> str:
    """A line through points."""
    return f'<polyline points="{_corners(points)}" fill="none" stroke="{colour}" stroke-width="1.8"/>'


def band(points: Iterable[Point], colour: str) -> str:
    """A pale area."""
    return f'<polygon points="{_corners(points)}" fill="{colour}" fill-opacity="0.1"/>'


def marker(at: Point, shape: str, colour: str, *, hollow: bool = False, hint: str = "") -> str:
    """A marker of the name `shape`."""
    corners = _corners((at[0] + 4.2 * x, at[1] + 4.2 * y) for x, y in SHAPES[shape])
    fill = "white" if hollow else colour
    return f'<polygon class="marker" points="{corners}" fill="{fill}" stroke="{colour}" stroke-width="1.6"><title>{escape(hint)}</title></polygon>'


def ring(at: Point, hint: str) -> str:
    """A ring around a marker."""
    return f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="9" fill="none" stroke="#222" stroke-width="2"><title>{escape(hint)}</title></circle>'


def _corners(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
