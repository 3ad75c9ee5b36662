"""Which small model to take: the Pareto front of quality, speed and memory, in words."""

from __future__ import annotations

import dataclasses

import numpy as np

from bench.publish import texts
from bench.publish.document import Document, Entry
from bench.publish.tables import depth

NOISE = 0.02
"""Speed and memory that differ by less than this share count as equal: measurements do not repeat better."""
AS_FAST = 0.1
"""A reader gives up this share of the speed for a better model: of candidates that are about as fast, the one that keeps most is named."""
GOALS = (0.98, 0.95, 0.90, 0.80)
"""Shares of the parent's mean that readers ask for; a candidate that keeps as much and is about as fast as any that does is named for each."""
MOST_NAMES = 6


@dataclasses.dataclass(frozen=True)
class Pick:
    """A candidate that is worth taking; `kept` and `buys` say what it keeps of its parent and what it costs beside it."""

    row: Entry
    kept: str
    buys: str


def front(document: Document) -> list[Entry]:
    """The rows that no other beats: none is at least as good, as fast and as small (`smallness`), and better in one of these. In the order of the board."""
    fast, (_, small) = speeds_of(document), smallness(document)
    measured = [row for row in document.rows if row.mean is not None and row.name in fast and row.name in small]
    if not measured:
        return []
    means, speeds, peaks = (np.array(values, dtype=float) for values in zip(*((row.mean, fast[row.name], small[row.name]) for row in measured), strict=True))
    best = []
    for row, mean, speed, peak in zip(measured, means, speeds, peaks, strict=True):
        faster, larger = speeds / speed, peaks / peak
        no_worse = (means >= mean) & (faster >= 1 - NOISE) & (larger <= 1 + NOISE)
        better = (means > mean) | (faster > 1 + NOISE) | (larger < 1 - NOISE)
        if not (no_worse & better).any():
            best.append(row)
    return best


def smallness(document: Document) -> tuple[str, dict[str, float]]:
    """What small means on this board, and how many bytes each row has of it: peak memory, or where that was measured of none (macOS) the size on disk."""
    peaks = {row.name: float(row.peak) for row in document.rows if row.peak and row.invalid is None}
    if peaks:
        return "in memory", peaks
    return "on disk", {row.name: float(row.costs["bytes_on_disk"]) for row in document.rows if row.costs.get("bytes_on_disk")}


def speeds_of(document: Document) -> dict[str, float]:
    """The speed of each row that was measured well: as a multiple of the reference's where all have one, else in sentences a second."""
    measured = [row for row in document.rows if row.invalid is None and (row.costs.get("sentences_per_second") or 0) > 0]
    name = "relative_speed" if all(row.costs.get("relative_speed") for row in measured) else "sentences_per_second"
    return {row.name: float(row.costs[name]) for row in measured}


def floor(document: Document) -> Entry | None:
    """The best candidate that compares letters, which every model should beat."""
    letters = [row for row in document.rows if row.kind.startswith("lexical") and row.mean is not None]
    return letters[0] if letters else None


def picks(document: Document) -> list[Pick]:
    """For each goal a smaller model on the front that keeps as much of its parent, is ahead of comparing letters, and is among the fastest; each once."""
    rows, letters, fast = document.by_name, floor(document), speeds_of(document)
    found: dict[str, Pick] = {}
    for goal in GOALS:
        able = [row for row in front(document) if _smaller(row, rows) and (row.of_parent or 0.0) >= goal and (letters is None or _ahead(row, letters))]
        if able:
            fastest = max(fast[row.name] for row in able)
            best = max((row for row in able if fast[row.name] >= (1 - AS_FAST) * fastest), key=lambda row: row.of_parent or 0.0)
            found.setdefault(best.name, _pick(best, rows[best.parent or ""], fast))
    return list(found.values())


def _smaller(row: Entry, rows: dict[str, Entry]) -> bool:
    parent = rows.get(row.parent or "")
    return parent is not None and parent.size is not None and row.size is not None and 0 < row.size < parent.size


def _ahead(row: Entry, letters: Entry) -> bool:
    """True where its interval lies above the other's mean."""
    return row.interval is not None and letters.mean is not None and row.interval[0] > letters.mean


def _pick(row: Entry, parent: Entry, fast: dict[str, float]) -> Pick:
    kept = f"keeps {texts.with_interval(row.of_parent, row.of_parent_interval)} % of the mean of {parent.name}"
    layers, whole = depth(row), depth(parent)
    told = [f"{layers} of {whole} layers" if layers and whole and layers <= whole else "", f"{texts.millions(row.size)} M parameters"]
    if parent.name in fast:
        told.append(f"{texts.number(row.costs['sentences_per_second'])} sentences/s ({fast[row.name] / fast[parent.name]:.1f} times as fast)")
    if row.costs.get("bytes_on_disk"):
        told.append(f"{texts.number(row.costs['bytes_on_disk'], factor=2**-20)} MiB on disk")
    return Pick(row, kept, ", ".join(part for part in told if part))


def sentences(document: Document) -> list[str]:
    """What there is to say beside the picks, in whole sentences."""
    told, names, letters = [], [row.name for row in front(document)], floor(document)
    if letters is not None:
        score = f"{letters.name} ({texts.percent(letters.mean)})"
        able = [row for row in document.rows if _ahead(row, letters)]
        if able or (letters.rank or 0) > 1:
            told.append(f"The floor is {score}, which compares letters and needs no model: what is not surely above it is not worth its cost.")
        else:
            told.append(f"No model here is surely above {score}, which only compares letters: take none of them for real work.")
    if names:
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        where, _ = smallness(document)
        if where == "on disk":
            told.append("Memory was not measured on this machine (on macOS it cannot be), so size on disk takes its place here.")
        told.append(f"No other candidate is better, faster and smaller {where} at once than one of these: {', '.join(names[:MOST_NAMES])}{more}.")
    elif any(row.mean is not None for row in document.rows):
        told.append("None is named: no speed was measured that counts (bench run --all --reprobe, on a machine with nothing else to do, measures).")
    return told
