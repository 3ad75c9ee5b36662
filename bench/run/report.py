"""Who is told how a run goes."""

from __future__ import annotations

from typing import Protocol

from bench.plan.cells import Cell, PlannedCell


class Reporter(Protocol):
    """Told of every cell: each that `begin` names comes to an end, by `finish` or `reuse`, also one that fails before it starts.

    The reporters of the command line are in `bench.cli.progress`.
    """

    def begin(self, cells: list[PlannedCell]) -> None:
        """The run starts with these cells."""

    def start(self, cell: Cell) -> None:
        """A cell starts."""

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """A running cell has done a fraction of something."""

    def reuse(self, cell: Cell) -> None:
        """A cell need not be computed: another run, or another candidate of the same content, has done it meanwhile."""

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """A cell is done, or failed with an error."""

    def end(self) -> None:
        """Nothing more will be reported."""


class Silent:
    """Tells nobody."""

    def begin(self, cells: list[PlannedCell]) -> None:
        """Nothing."""

    def start(self, cell: Cell) -> None:
        """Nothing."""

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """Nothing."""

    def reuse(self, cell: Cell) -> None:
        """Nothing."""

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""
