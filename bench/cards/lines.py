"""On which line of a TOML file a field stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.cards.fields import Location


def line_of(path: Path, location: Location) -> int:
    """The 1-based line where a field stands, or that of the nearest enclosing table; 1 where nothing of it is written out."""
    seen: dict[tuple[str, ...], int] = {}
    arrays: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    in_string = False
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        was_in_string, in_string = in_string, in_string ^ (line.count('"""') % 2 == 1)
        if was_in_string:
            continue
        if header := re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]", line):
            names = tuple(part.strip().strip("\"'") for part in header[2].split("."))
            table = _numbered(names, arrays)
            if header[1] == "[[":
                arrays[names] = arrays.get(names, -1) + 1
                table = (*table, str(arrays[names]))
            seen.setdefault(table, number)
        elif key := re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line):
            seen.setdefault((*table, *(part.strip("\"'") for part in key[1].split("."))), number)
    wanted = tuple(str(part) for part in location)
    return next((seen[wanted[:end]] for end in range(len(wanted), 0, -1) if wanted[:end] in seen), 1)


def _numbered(names: tuple[str, ...], arrays: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """A header's path with the index of every enclosing array of tables put in."""
    out: tuple[str, ...] = ()
    for end in range(1, len(names) + 1):
        out = (*out, names[end - 1])
        if names[:end] in arrays and end < len(names):
            out = (*out, str(arrays[names[:end]]))
    return out
