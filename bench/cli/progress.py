"""How a run is shown: a live bar with time left on a terminal, plain lines elsewhere, JSON lines for programs.

None of them is silent for more than half a minute, nor for more than a few seconds before the first cell.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from bench.errors import Stopped, last_line
from bench.plan.cells import Cell, PlannedCell
from bench.run.report import Reporter, Silent

if TYPE_CHECKING:
    from rich.status import Status
    from rich.text import Text

    from bench.plan.options import Options
    from bench.plan.planning import Plan

SILENCE = 30.0
"""Seconds after which something is said, if only that the work goes on."""
SOON = 5.0
"""The same, while no cell is being worked on: a beginner should not wonder whether anything happens."""
LOADING = "loading the libraries"


def make_reporter(*, json: bool, quiet: bool = False, verbose: bool = False) -> Reporter:
    """The reporter that suits standard error and the options `--json`, `--quiet` and `--verbose`."""
    if quiet:
        return Silent()
    if json:
        return JsonReporter()
    return LiveReporter() if sys.stderr.isatty() and not verbose else PlainReporter(verbose=verbose)


@contextmanager
def heartbeat(doing: str, *, json: bool = False) -> Iterator[Callable[..., None]]:
    """Signs of life for work that is no cell: what is being done, again and again; on a terminal a line that moves.

    Args:
        doing: What the body does. It is changed by calling what is yielded, with `said=True` where the caller has printed a line itself, or with
            `aloud=True` to say it at once.
        json: Say it as an event on standard output.
    """
    begun = time.monotonic()
    status = _spinner(doing) if sys.stderr.isatty() and not json else None

    def change(now: str, *, said: bool = False, aloud: bool = False) -> None:
        nonlocal doing
        doing = now
        if status is not None:
            status.update(_plain(now))
        elif aloud:
            say()
        if said or aloud:
            beat.touch()

    def say() -> None:
        seconds = time.monotonic() - begun
        if json:
            _event("progress", what=doing, seconds=round(seconds, 1))
        else:
            _line(f"        {doing}, {seconds:.0f} s so far", sys.stderr)

    if status is not None:
        with status:
            yield change
        return
    beat = _Heartbeat(say, lambda: min(SOON, SILENCE))
    beat.start()
    try:
        yield change
    finally:
        beat.stop()


def _spinner(doing: str) -> Status:
    from rich.console import Console

    return Console(stderr=True).status(_plain(doing))


def _plain(text: str) -> Text:
    """A text in which brackets are no markup."""
    from rich.text import Text

    return Text(text)


@contextmanager
def _nothing_said() -> Iterator[Callable[..., None]]:
    yield lambda *_, **__: None


def planned(workspace: Path | None, options: Options, *, json: bool, quiet: bool = False) -> Plan:
    """The plan of a run, with signs of life while it is made, what its cells are expected to take, and warnings.

    Raises:
        BenchError: See `make_plan`.
    """
    from bench.cli.place import writing_in
    from bench.plan.estimate import with_estimates
    from bench.plan.planning import make_plan
    from bench.plan.warnings import warnings

    place = writing_in(workspace)
    with _nothing_said() if quiet else heartbeat("planning", json=json) as say:
        plan = with_estimates(make_plan(place, options, lambda what: say(what, aloud=True), step=say))
    for warning in warnings(plan):
        _line(f"bench: warning: {warning}", sys.stderr)
    return plan


def _line(text: str, stream: TextIO) -> None:
    """Print a line.

    Raises:
        Stopped: Nobody reads the output any more.
    """
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        raise Stopped(getattr(signal, "SIGPIPE", 13)) from None


def _event(event: str, **fields: Any) -> None:
    _line(json.dumps({"event": event, **fields}, ensure_ascii=False), sys.stdout)


class _Heartbeat:
    """Calls a function when nothing has been said for so many seconds, from a thread of its own.

    It also beats while the process waits for a child or is busy in a library.
    """

    def __init__(self, say: Callable[[], None], silence: Callable[[], float]) -> None:
        self._say, self._silence = say, silence
        self._last = time.monotonic()
        self._over = threading.Event()

    def start(self) -> None:
        self.touch()
        threading.Thread(target=self._beat, daemon=True).start()

    def touch(self) -> None:
        """Something has been said."""
        self._last = time.monotonic()

    def stop(self) -> None:
        self._over.set()

    def _beat(self) -> None:
        while not self._over.wait(max(0.01, min(self._last + self._silence() - time.monotonic(), SOON))):
            if time.monotonic() - self._last >= self._silence():
                self.touch()
                try:
                    self._say()
                except (Stopped, OSError, ValueError):  # the output is closed, which the main thread finds out by itself
                    return


class _Running:
    """The cells that are being worked on: what is done for each, how much of it, since when. Before the first one the libraries are loaded."""

    def __init__(self, say: Callable[[Cell, str, float, float], None], loading: Callable[[float], None] | None) -> None:
        self._say, self._loading = say, loading
        self._created = time.monotonic()
        self._cells: dict[Cell, tuple[float, str, float]] = {}
        self._beat = _Heartbeat(self._tell, lambda: min(SOON, SILENCE) if self._loading else SILENCE)
        self.start, self.stop, self.touch = self._beat.start, self._beat.stop, self._beat.touch

    def begin(self, cell: Cell, what: str = "", fraction: float = 0.0) -> None:
        self._loading = None
        self._cells[cell] = (self._cells[cell][0] if cell in self._cells else time.monotonic(), what, fraction)

    def end(self, cell: Cell) -> None:
        self._loading = None
        self._cells.pop(cell, None)
        self.touch()

    def _tell(self) -> None:
        now = time.monotonic()
        if (loading := self._loading) is not None:
            loading(now - self._created)
        for cell, (begun, what, fraction) in list(self._cells.items()):
            self._say(cell, what, fraction, now - begun)


class _Work:
    """How much of a run is done, by the weight of its cells, and how long the rest takes at this pace."""

    def __init__(self, cells: list[PlannedCell]) -> None:
        self._weights = {cell.cell: cell.weight for cell in cells}
        self._shares: dict[Cell, float] = {}
        self._begun = time.monotonic()
        self.total = sum(self._weights.values())

    def progress(self, cell: Cell, fraction: float) -> None:
        """A cell has done a fraction of a phase. A making has two of them, mostly; no cell goes back, and none is whole before it has ended."""
        share = 0.95 * fraction / (2 if cell.stage == "make" else 1)
        self._shares[cell] = max(share, self._shares.get(cell, 0.0))

    def end(self, cell: Cell) -> None:
        """A cell has ended."""
        self._shares[cell] = 1.0

    @property
    def done(self) -> float:
        """The weight of what is done, at most the total."""
        return sum(weight * self._shares.get(cell, 0.0) for cell, weight in list(self._weights.items()))

    @property
    def left(self) -> str:
        """The time left in words; nothing while nothing is done."""
        done = self.done
        return f"  (about {duration((time.monotonic() - self._begun) * (self.total - done) / done)} left)" if done else ""


def duration(seconds: float) -> str:
    """A time in words."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def expected(cells: list[PlannedCell]) -> str:
    """How many cells there are to compute, and how long that takes, as far as cells of their kind tell that were computed on this machine."""
    known = [cell.seconds for cell in cells if cell.seconds is not None]
    if not known:
        return f"{len(cells)} cells to compute; the time left is told once the first is under way"
    rest = "" if len(known) == len(cells) else f" for {len(known)} of them; nothing like the others has run on this machine"
    return f"{len(cells)} cells to compute, about {duration(sum(known))} of work{rest}"


class PlainReporter:
    """One line a finished cell, with the share done and the time left; again and again one for each cell that goes on.

    Args:
        say: Takes a line. Default: standard error.
        verbose: Also a line for every cell that starts and every phase of it, and errors whole.
    """

    def __init__(self, say: Callable[[str], None] | None = None, *, verbose: bool = False) -> None:
        self._say, self._verbose = say or (lambda text: _line(text, sys.stderr)), verbose
        self._phases: dict[Cell, str] = {}

    def begin(self, cells: list[PlannedCell]) -> None:
        """Note the cells and the time."""
        self._work = _Work(cells)
        self._running = _Running(self._still, self._load if cells else None)
        self._running.start()
        if cells:
            self._say(expected(cells))

    def start(self, cell: Cell) -> None:
        """Name long cells when they start."""
        self._running.begin(cell)
        if cell.stage == "make" or self._verbose:
            self._say(f"        {cell} ...")
            self._running.touch()

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """Kept for the next sign of life."""
        self._running.begin(cell, what, fraction)
        self._work.progress(cell, fraction)
        if self._verbose and self._phases.get(cell) != what:
            self._phases[cell] = what
            self._say(f"        {cell}  {what}")

    def reuse(self, cell: Cell) -> None:
        """Print the line."""
        self._ended(cell, "taken from what is stored")

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """Print the line."""
        self._ended(cell, f"FAILED: {error.strip() if self._verbose else last_line(error)}" if error else f"{seconds:.1f} s")

    def end(self) -> None:
        """Leave no thread behind."""
        self._running.stop()

    def _ended(self, cell: Cell, state: str) -> None:
        self._running.end(cell)
        self._work.end(cell)
        share = self._work.done / self._work.total if self._work.total else 1.0
        self._say(f"{share:6.0%}  {cell}  {state}{self._work.left}")

    def _still(self, cell: Cell, what: str, fraction: float, seconds: float) -> None:
        phase = f"{what} {fraction:.0%}, " if what else ""
        self._say(f"        {cell}  {phase}{seconds:.0f} s so far{self._work.left}")

    def _load(self, seconds: float) -> None:
        self._say(f"        {LOADING}, {seconds:.0f} s so far")


class JsonReporter:
    """One JSON object a line on standard output."""

    def begin(self, cells: list[PlannedCell]) -> None:
        """Say `{"event": "begin", "cells": n, "known": of how many the time is known, "seconds": what these take}`."""
        self._running = _Running(self._still, self._load if cells else None)
        self._running.start()
        known = [cell.seconds for cell in cells if cell.seconds is not None]
        _event("begin", cells=len(cells), known=len(known), seconds=round(sum(known), 1))

    def start(self, cell: Cell) -> None:
        """Say `{"event": "start", ...}`."""
        self._running.begin(cell)
        self._running.touch()
        _event("start", **_fields(cell))

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """Every half minute without another event: `{"event": "progress", ..., "what": phase, "fraction": done of it, "seconds": since the start}`."""
        self._running.begin(cell, what, fraction)

    def reuse(self, cell: Cell) -> None:
        """Say `{"event": "reuse", ...}`."""
        self._running.end(cell)
        _event("reuse", **_fields(cell))

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """Say `{"event": "finish", ..., "seconds": s, "error": null}`."""
        self._running.end(cell)
        _event("finish", **_fields(cell), seconds=round(seconds, 3), error=error)

    def end(self) -> None:
        """Leave no thread behind; the caller reports the end."""
        self._running.stop()

    def _still(self, cell: Cell, what: str, fraction: float, seconds: float) -> None:
        _event("progress", **_fields(cell), what=what, fraction=round(fraction, 4), seconds=round(seconds, 1))

    def _load(self, seconds: float) -> None:
        _event("progress", what=LOADING, seconds=round(seconds, 1))


def _fields(cell: Cell) -> dict[str, str]:
    return {"candidate": cell.candidate, "stage": cell.stage, "target": cell.target}


class LiveReporter:
    """A bar over all cells, the running cell and its phase, time gone and time left."""

    def begin(self, cells: list[PlannedCell]) -> None:
        """Start the display."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (BarColumn(bar_width=24), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TextColumn("left"))
        self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
        self._work = _Work(cells)
        self._all = self._bar.add_task(LOADING, total=self._work.total)
        if cells:
            self._bar.start()
            self._bar.console.print(expected(cells), markup=False, highlight=False)

    def start(self, cell: Cell) -> None:
        """Name the cell."""
        self._bar.update(self._all, description=str(cell))

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """Move the bar inside the cell."""
        self._work.progress(cell, fraction)
        self._bar.update(self._all, description=f"{cell} {what} {fraction:.0%}", completed=self._work.done)

    def reuse(self, cell: Cell) -> None:
        """Print a line above the bar and move it."""
        self._ended(cell, "taken from what is stored")

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """Print a line above the bar and move it."""
        self._ended(cell, f"FAILED: {last_line(error)}" if error else f"{seconds:.1f} s")

    def end(self) -> None:
        """Leave the display."""
        self._bar.stop()

    def _ended(self, cell: Cell, state: str) -> None:
        self._work.end(cell)
        self._bar.update(self._all, completed=self._work.done)
        self._bar.console.print(f"{cell}  {state}", markup=False, highlight=False)
