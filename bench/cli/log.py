"""What a run does, line by line with the time, in a file: `--log`."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bench.cli.progress import PlainReporter
from bench.faults import storage
from bench.plan.cells import Cell, PlannedCell
from bench.run.report import Reporter
from bench.store import LOG, Relay


@contextmanager
def logged(path: Path | None, reporter: Reporter) -> Iterator[tuple[Reporter, TextIO | None]]:
    """A reporter that tells another one and, where a path is given, appends every line to that file, which is given too.

    Raises:
        StorageError: The file cannot be written.
    """
    if path is None:
        yield reporter, None
        return
    with contextlib.ExitStack() as stack:
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1))

        def say(text: str) -> None:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')}  {text}\n")

        stack.enter_context(_noticed(say))
        yield Both(reporter, PlainReporter(say, verbose=True)), file


@contextmanager
def _noticed(say: Callable[[str], None]) -> Iterator[None]:
    """Say also what the logger `bench` is told: what is stored and cannot be used. It still stands on standard error."""
    handlers = [Relay(say), *([] if LOG.hasHandlers() or logging.lastResort is None else [logging.lastResort])]  # Python's last resort is for no handler at all
    for handler in handlers:
        LOG.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            LOG.removeHandler(handler)


class Both:
    """Tells two reporters."""

    def __init__(self, first: Reporter, second: Reporter) -> None:
        self.reporters = (first, second)

    def begin(self, cells: list[PlannedCell]) -> None:
        """Pass it on."""
        for one in self.reporters:
            one.begin(cells)

    def start(self, cell: Cell) -> None:
        """Pass it on."""
        for one in self.reporters:
            one.start(cell)

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        """Pass it on."""
        for one in self.reporters:
            one.progress(cell, what, fraction)

    def reuse(self, cell: Cell) -> None:
        """Pass it on."""
        for one in self.reporters:
            one.reuse(cell)

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        """Pass it on."""
        for one in self.reporters:
            one.finish(cell, seconds, error)

    def end(self) -> None:
        """Pass it on."""
        for one in self.reporters:
            one.end()
