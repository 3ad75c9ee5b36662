"""The smallest unit of work, and where it stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal, get_args

from bench.plan.options import Stage

Status = Literal["done", "to do", "failed", "cannot run"]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A candidate, a stage, and the task or device it is for."""

    candidate: str
    stage: Stage
    target: str = ""

    def __str__(self) -> str:
        return f"{self.candidate} {self.stage} {self.target}".rstrip()


@dataclasses.dataclass(frozen=True)
class PlannedCell:
    """A cell and where it stands.

    The key is None while the checkpoint that it depends on does not exist. `seconds` are what cells of its kind took on this machine; None where that is not
    known, or was not looked up. `weight` is its share of the work, compared with other cells of the plan.
    """

    cell: Cell
    status: Status
    key: str | None = None
    reason: str = ""
    seconds: float | None = None
    weight: float = 1.0

    @property
    def to_run(self) -> bool:
        """True where a run has something to compute; what failed is tried again."""
        return self.status in {"to do", "failed"}


def summary(cells: Sequence[PlannedCell]) -> dict[str, int]:
    """How many cells have each status."""
    return {status: sum(cell.status == status for cell in cells) for status in get_args(Status)}
