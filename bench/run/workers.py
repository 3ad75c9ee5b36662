"""Several candidates at a time, each in a process of its own with its share of the cores.

Small models leave cores idle when a step is spread over them: two processes of one thread trained 1.35 times and encoded 1.2 times as many texts as one process
of two threads.
"""

from __future__ import annotations

import contextlib
import graphlib
import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from bench.children import end_children, start_child, warm_up
from bench.errors import SelectionError
from bench.faults import ended
from bench.plan.archive import Archive
from bench.plan.cells import Cell
from bench.plan.options import Options
from bench.plan.planning import Plan, PlannedTask
from bench.probe.machine import usable_cores
from bench.run.runner import Runner
from bench.run.units import Unit
from bench.store import LOG, Relay

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

PROGRESS_SECONDS = 0.2
"""How often at most a worker tells how far a cell is."""
MEMORY = 2 << 30
"""What a worker needs besides its weights: libraries, texts, embeddings."""
COPIES = 8
"""How many times a base's file fits into what its training needs: fp16 on disk, fp32 weights, gradients and two moments in memory."""
LEAST_UNITS, LEAST_SECONDS = 4, 60.0
"""A worker costs seconds to start: there are no more than one for each four units of work, or for each minute of it, where that is known."""


def automatic_jobs(units: int, *, seconds: float, device: str, largest_base: int) -> int:
    """How many candidates to work on at a time: one a core on a CPU, as far as the free memory and the work go; one on a GPU.

    Args:
        units: How many units of work there are.
        seconds: How long that part of the work takes of which it is known.
        device: Device that trains and encodes.
        largest_base: Bytes of the largest base's files.

    Raises:
        SelectionError: The environment's limit on threads is no number.
    """
    import psutil

    if device != "cpu":
        return 1
    room = psutil.virtual_memory().available // (MEMORY + COPIES * largest_base)
    worth = max(units // LEAST_UNITS, int(seconds / LEAST_SECONDS))
    return max(1, min(_cores(), room, units, worth))


def _cores() -> int:
    """Cores that this process may use, and that OMP_NUM_THREADS leaves it."""
    limit = os.environ.get("OMP_NUM_THREADS") or str(usable_cores())
    if not limit.isdecimal() or int(limit) < 1:
        raise SelectionError(f"OMP_NUM_THREADS must be a whole number of at least 1 (got {limit!r})")
    return min(usable_cores(), int(limit))


def run_units(plan: Plan, units: Sequence[Unit], runner: Runner, *, jobs: int) -> None:
    """Run every unit in one of `jobs` processes: the costliest first, so that no long one is left alone at the end.

    Args:
        plan: Says what the workers need to know.
        units: What there is to do.
        runner: That of this process; what became of the cells is noted in it, as if it had run them itself.
        jobs: How many processes.
    """
    pool = _Pool(plan, runner, threads=max(1, _cores() // jobs))
    maker = {name: number for number, unit in enumerate(units) for name in unit.names}
    order = graphlib.TopologicalSorter({number: {maker[name] for name in unit.after if name in maker} for number, unit in enumerate(units)})
    order.prepare()
    ready: list[int] = []
    try:
        while order.is_active():
            ready = sorted([*ready, *order.get_ready()], key=lambda number: -units[number].cost)
            while ready and len(pool.busy) < jobs:
                number = ready.pop(0)
                pool.give(number, units[number])
            order.done(*pool.listen())
        pool.dismiss()
    finally:
        pool.kill()


class _Pool:
    """Workers, and what they have told. A worker that dies takes the unfinished cells of its unit with it and nothing else."""

    def __init__(self, plan: Plan, runner: Runner, *, threads: int) -> None:
        self.plan, self.runner, self.threads = plan, runner, threads
        self._idle: list[Connection] = []
        self._busy: dict[Connection, int] = {}
        self._left: dict[Connection, set[Cell]] = {}
        self._processes: dict[Connection, BaseProcess] = {}

    @property
    def busy(self) -> list[int]:
        """The numbers of the units that are being worked on."""
        return list(self._busy.values())

    def give(self, number: int, unit: Unit) -> None:
        """Hand a unit to an idle worker, or to a new one."""
        connection = self._idle.pop() if self._idle else self._start()
        try:
            connection.send(unit)
        except (BrokenPipeError, ConnectionResetError):  # it died while it was idle, or at its start
            self._processes.pop(connection).join()
            connection = self._start()
            connection.send(unit)
        self._busy[connection] = number
        self._left[connection] = {cell for job in unit.jobs for cell in job.cells}

    def listen(self) -> list[int]:
        """Wait for the next words of the busy workers; the numbers of the units that have come to an end."""
        finished = []
        for connection in wait(list(self._busy)):
            assert isinstance(connection, Connection)
            try:
                kind, *told = connection.recv()
            except (EOFError, ConnectionResetError):
                finished.append(self._bury(connection))
                continue
            if kind == "notice":
                LOG.warning("%s", *told)
                continue
            if kind == "done":
                finished.append(self._busy.pop(connection))
                self._idle.append(connection)
                continue
            if kind in {"end", "reuse"}:
                self._left[connection].discard(told[0])
            getattr(self.runner.reporter if kind in {"start", "progress"} else self.runner, kind)(*told)
        return finished

    def dismiss(self) -> None:
        """Let idle workers end by themselves."""
        for connection in self._idle:
            connection.close()
        for process in self._processes.values():
            process.join()

    def kill(self) -> None:
        """End every worker that is still there, whatever it does."""
        end_children(list(self._processes.values()))

    def _start(self) -> Connection:
        ours, theirs = multiprocessing.Pipe()
        process = start_child(_work, theirs, self.plan.archive, self.plan.tasks, self.plan.options, self.threads, daemon=False)
        theirs.close()
        self._processes[ours] = process
        return ours

    def _bury(self, connection: Connection) -> int:
        process = self._processes.pop(connection)
        process.join()
        for cell in sorted(self._left.pop(connection), key=str):
            self.runner.end(cell, 0.0, f"the process that worked on it {ended(process.exitcode)}")
        return self._busy.pop(connection)


def _work(connection: Connection, archive: Archive, tasks: Mapping[str, PlannedTask], options: Options, threads: int) -> None:
    """A worker's life: units come in, events go out, until the parent ends it."""
    os.environ["OMP_NUM_THREADS"] = str(threads)  # of the processes that the reload gate starts
    import torch

    torch.set_num_threads(threads)
    warm_up()
    LOG.addHandler(Relay(lambda text: connection.send(("notice", text))))
    with contextlib.suppress(EOFError):
        while True:
            unit: Unit = connection.recv()
            runner = Runner(archive, tasks, options, _Teller(connection))
            for job in unit.jobs:
                runner.make_and_evaluate(job)
            connection.send(("done",))


class _Teller:
    """A worker's reporter: everything goes to the parent, which notes and reports it; progress a few times a second."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._what = ""
        self._told = 0.0

    def begin(self, cells: Any) -> None:
        """The parent has said so."""

    def start(self, cell: Cell) -> None:
        self._connection.send(("start", cell))

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        if what != self._what or time.monotonic() - self._told > PROGRESS_SECONDS:
            self._what, self._told = what, time.monotonic()
            self._connection.send(("progress", cell, what, fraction))

    def reuse(self, cell: Cell) -> None:
        self._connection.send(("reuse", cell))

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        self._connection.send(("end", cell, seconds, error))

    def end(self) -> None:
        """The parent will say so."""
