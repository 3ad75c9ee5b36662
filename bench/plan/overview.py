"""A plan in few lines: where each candidate stands, and why cells cannot run, by cause."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import get_args

from bench.errors import last_line
from bench.plan.cells import PlannedCell, Status
from bench.plan.planning import Plan

NAMED = 3
"""How many files or candidates a line names."""
_PLACE = re.compile(r"(?P<place>(?:/|[\w.-]+/)[^:]*(?::\d+)?): (?P<what>.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Cause:
    """Something that keeps cells from running; `places` are the files that it is said of, `tasks` the tasks that it concerns."""

    what: str
    places: tuple[str, ...]
    tasks: tuple[str, ...]
    candidates: tuple[str, ...]
    cells: int

    def __str__(self) -> str:
        concerned = (
            f"{self.cells} cells of {_listed(self.candidates)}" if len(self.candidates) <= NAMED else f"{self.cells} cells of {len(self.candidates)} candidates"
        )
        where = f" ({_listed(self.places)})" if self.places else ""
        of = f", {'task' if len(self.tasks) == 1 else 'tasks'} {_listed(self.tasks)}" if self.tasks else ""
        return f"{concerned}{of}: {self.what}{where}"


def causes(plan: Plan) -> list[Cause]:
    """Why cells cannot run, the cause of most cells first. What follows from a candidate that cannot be made has that cause."""
    grouped: dict[str, list[tuple[str, PlannedCell]]] = {}
    for planned in plan.candidates.values():
        unmade = planned.cells[0].reason if planned.cells[0].status == "cannot run" else ""
        for cell in planned.cells:
            if cell.status == "cannot run":
                place, what = split_reason(last_line(unmade or cell.reason))
                grouped.setdefault(what, []).append((place, cell))
    found = [_cause(what, cells) for what, cells in grouped.items()]
    return sorted(found, key=lambda cause: -cause.cells)


def _cause(what: str, cells: Sequence[tuple[str, PlannedCell]]) -> Cause:
    places = tuple(dict.fromkeys(place for place, _ in cells if place))
    tasks = tuple(dict.fromkeys(cell.cell.target for _, cell in cells if cell.cell.stage == "evaluate"))
    only_tasks = all(cell.cell.stage == "evaluate" for _, cell in cells)
    return Cause(what, places, tasks if only_tasks else (), tuple(dict.fromkeys(cell.cell.candidate for _, cell in cells)), len(cells))


def split_reason(reason: str) -> tuple[str, str]:
    """The file that a reason begins with, and the reason itself; no file where it begins with none."""
    found = _PLACE.fullmatch(reason)
    return ("", reason) if found is None else (found["place"], found["what"])


def by_candidate(plan: Plan) -> list[tuple[str, dict[str, str]]]:
    """Each candidate with the state of its cells by stage, like `{"make": "done", "evaluate": "2 done, 7 to do"}`."""
    return [
        (
            name,
            {stage: _state([cell for cell in planned.cells if cell.cell.stage == stage]) for stage in dict.fromkeys(cell.cell.stage for cell in planned.cells)},
        )
        for name, planned in plan.candidates.items()
    ]


def _state(cells: Sequence[PlannedCell]) -> str:
    counts = {status: sum(cell.status == status for cell in cells) for status in get_args(Status)}
    there = {status: count for status, count in counts.items() if count}
    return next(iter(there)) if len(cells) == 1 else ", ".join(f"{count} {status}" for status, count in there.items())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
