"""How a run is shown: a live bar with time left on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import typer

from bench.errors import EXIT_INTERRUPTED, last_line
from bench.plan.cells import Cell, PlannedCell
from bench.plan.planning import Plan
from bench.plan.warnings import unread_tests
from bench.run.execute import Outcome, execute
from bench.run.report import Reporter

WEIGHTS = {"make": 10.0, "evaluate": 1.0, "probe": 2.0}
"""Rough cost of a cell by stage, so that the time left is not led astray by many cheap cells."""


def run_cells(plan: Plan, *, json: bool) -> Outcome:
    """Execute the plan with the reporter that fits, after a warning for each test that cannot guard it; Ctrl-C ends it with exit code 130 and a word on how to go on."""
    for warning in unread_tests(plan):
        typer.echo(f"bench: warning: {warning}", err=True)
    try:
        return execute(plan, make_reporter(json=json))
    except KeyboardInterrupt:
        typer.echo("bench: interrupted; finished cells are kept, the same command goes on from here", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def make_reporter(*, json: bool) -> Reporter:
    """The reporter that suits standard error and the `--json` option."""
    if json:
        return JsonReporter()
    return LiveReporter() if sys.stderr.isatty() else PlainReporter()


class PlainReporter:
    """One line a finished cell on standard error, with the share done and the time left."""

    def begin(self, cells: list[PlannedCell]) -> None:
        """Note the cells and the time."""
        self._total = sum(WEIGHTS[cell.cell.stage] for cell in cells)
        self._done = 0.0
        self._started = time.monotonic()
        if cells:
            print(f"{len(cells)} cells to compute", file=sys.stderr)

    def start(self, cell: Cell) -> None:
        """Name long cells when they start."""
        if cell.stage == "make":
            print(f"        {cell} ...", file=sys.stderr, flush=True)

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """Nothing between start and end."""

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """Print the line."""
        self._done += WEIGHTS[cell.stage]
        share = min(1.0, self._done / self._total) if self._total else 1.0
        left = (time.monotonic() - self._started) * (1 - share) / share
        state = f"FAILED: {last_line(error)}" if error else f"{seconds:.1f} s"
        print(f"{share:6.0%}  {cell}  {state}  (about {left:.0f} s left)", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Nothing to close."""


class JsonReporter:
    """One JSON object a line on standard output."""

    def begin(self, cells: list[PlannedCell]) -> None:
        """Say `{"event": "begin", "cells": n}`."""
        self._say("begin", cells=len(cells))

    def start(self, cell: Cell) -> None:
        """Say `{"event": "start", ...}`."""
        self._say("start", candidate=cell.candidate, stage=cell.stage, target=cell.target)

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """Not reported: a program can poll the store."""

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """Say `{"event": "finish", ..., "seconds": s, "error": null}`."""
        self._say("finish", candidate=cell.candidate, stage=cell.stage, target=cell.target, seconds=round(seconds, 3), error=error)

    def end(self) -> None:
        """The caller reports the end."""

    def _say(self, event: str, **fields: Any) -> None:
        print(json.dumps({"event": event, **fields}, ensure_ascii=False), flush=True)


class LiveReporter:
    """A bar over all cells, the running cell and its phase, time gone and time left."""

    def begin(self, cells: list[PlannedCell]) -> None:
        """Start the display."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (BarColumn(bar_width=24), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TextColumn("left"))
        self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
        self._all = self._bar.add_task("", total=sum(WEIGHTS[cell.cell.stage] for cell in cells))
        self._before = 0.0
        if cells:
            self._bar.start()

    def start(self, cell: Cell) -> None:
        """Name the cell."""
        self._bar.update(self._all, description=str(cell))

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """Move the bar inside the cell."""
        share = WEIGHTS[cell.stage] * fraction / (2 if cell.stage == "make" else 1)
        self._bar.update(self._all, description=f"{cell} {what} {fraction:.0%}", completed=max(self._before, self._before + share * 0.95))

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """Print a line above the bar and move it."""
        self._before += WEIGHTS[cell.stage]
        self._bar.update(self._all, completed=self._before)
        state = f"FAILED: {last_line(error)}" if error else f"{seconds:.1f} s"
        self._bar.console.print(f"{cell}  {state}", markup=False, highlight=False)

    def end(self) -> None:
        """Leave the display."""
        self._bar.stop()
