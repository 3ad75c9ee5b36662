"""What `bench check` lets pass: the table `[check]` of a workspace's `bench.toml`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from bench.errors import nearest


@dataclasses.dataclass(frozen=True)
class Rules:
    """Margins of a gate.

    Attributes:
        margin: How much of a score (1 is all of it) may be lost of the mean, and of a task without a margin of its own.
        margins: Task -> the margin of its diagnosis.
        speed: The least that the speed may be, as a share of what it was.
        memory: The most that peak memory may be, as a multiple of what it was.
        size: The same of parameters and bytes on disk.
    """

    margin: float = 0.01
    margins: dict[str, float] = dataclasses.field(default_factory=dict)
    speed: float = 0.90
    memory: float = 1.02
    size: float = 1.01

    def of_task(self, task: str) -> float:
        """The margin of a task."""
        return self.margins.get(task, self.margin)


def read_rules(table: dict[str, Any]) -> Rules:
    """The table `[check]`, which `rule_flaws` has looked at."""
    return Rules(**table)


def rule_flaws(table: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the table: the place of each flaw in it, and what was expected and found."""
    if not isinstance(table, dict):
        yield (), f"expected a table [check], found {table!r}"
        return
    known = [field.name for field in dataclasses.fields(Rules)]
    for name, value in table.items():
        if name not in known:
            yield (name,), f"no rule of this name{nearest(name, known)}"
        elif name == "margins":
            yield from _margins(value)
        elif name == "margin":
            yield from _margin((name,), value)
        elif name == "speed":
            if not (_number(value) and 0 < value < 1):
                yield (name,), f"expected a share between 0 and 1, like 0.9 (a tenth slower is let pass), found {value!r}"
        elif not (_number(value) and 1 < value < math.inf):
            yield (name,), f"expected a multiple above 1, like 1.02 (2 % more is let pass), found {value!r}"


def _margins(table: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if not isinstance(table, dict):
        yield ("margins",), f"expected a table of tasks, like KasautiSTS = 0.02, found {table!r}"
        return
    for task, value in table.items():
        yield from _margin(("margins", task), value)


def _margin(place: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if _number(value) and 0 < value < 1:
        return
    if _number(value) and value <= 0:
        yield (
            place,
            f"expected a margin above 0, found {value!r}: no finite test can show that nothing at all was lost; say what loss does not matter, like 0.01",
        )
    else:
        mend = f"; of 100 points that is {value / 100:g}" if _number(value) and value < 100 else ""
        yield place, f"expected a share of a score between 0 and 1, like 0.01 for one point of 100, found {value!r}{mend}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
