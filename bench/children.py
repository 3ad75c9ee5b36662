"""Run a function in a process of its own: no model, no CUDA context and no memory of the parent's is there.

On Linux and macOS the children come from a fork server that has imported the heavy libraries once and never loads a model, so that a fresh process costs
milliseconds and not the seconds of an import.

No process outlives its parent, whatever ends the parent. The fork server ends when nobody holds the write end of a pipe of its own any more; every child holds
it, so that children have to end first. Each has a thread that waits for the parent's end. Ctrl-C reaches all processes of a terminal; all but the first ignore
it and are ended by their parents.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import multiprocessing
import os
import pickle
import signal
import site
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import spawn
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.errors import STOPS, BenchError, ModelError, SelectionError, Stopped, StorageError
from bench.faults import ended
from bench.signals import stop_on

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext
    from multiprocessing.process import BaseProcess

T = TypeVar("T")
LEFT_TO_PARENT = [number for name in ("SIGINT", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
"""Signals that reach every process of a terminal."""
LEAVES_OUT_DOCSTRINGS = 2
"""From this level of optimisation on."""
GRACE = 3.0
"""Seconds that a child may take to remove what it has half-written and to end by itself."""


class ChildError(RuntimeError):
    """A child raised something that cannot be handed over as it is: it cannot be pickled, or would end this process too."""


class _Remote(Exception):
    """The traceback of a child, shown above that of its parent."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@functools.cache
def context() -> ForkServerContext | SpawnContext:
    """How child processes start: from the fork server where there is one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["bench.preload"])
    return server


def warm_up() -> None:
    """Start the fork server, which goes on importing while the parent does other work.

    Raises:
        RuntimeError: A script is being imported by a child that starts processes at its top.
        SelectionError: Python leaves docstrings out.
        StorageError: The path of the folder for temporary files is too long.
    """
    if sys.flags.optimize >= LEAVES_OUT_DOCSTRINGS:
        raise SelectionError("Python leaves docstrings out (-OO or PYTHONOPTIMIZE), without which transformers loads no model; use -O at most")
    context()
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    if _server_of_parent():
        spawn.get_preparation_data("ignore")  # refuses a script that starts processes while they import it, as a start of the server does
        return
    from multiprocessing import forkserver, resource_tracker

    with _of_no_leak(), _only_what_is_installed():
        resource_tracker.ensure_running()  # the fork server would start it, and it would take the mask away
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # handed down: Ctrl-C would print a traceback while the server imports
    try:
        with _only_what_is_installed():
            forkserver.ensure_running()
    except OSError as error:
        if "AF_UNIX path too long" not in str(error):
            raise
        raise StorageError(f"{tempfile.gettempdir()}: this path is too long for the sockets of our processes; set TMPDIR to a shorter one") from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def environment() -> dict[str, str]:
    """Environment variables for a Python process of ours: it finds this package and what is installed, and no file of the current folder of the same name."""
    place, found = str(Path(__file__).resolve().parents[1]), {**os.environ, "PYTHONSAFEPATH": "1"}
    if place not in (*site.getsitepackages(), site.getusersitepackages()):
        found["PYTHONPATH"] = os.pathsep.join([place, *filter(None, [os.environ.get("PYTHONPATH")])])
    return found


@contextlib.contextmanager
def _only_what_is_installed() -> Iterator[None]:
    """Python processes that are started meanwhile have the environment variables of `environment`."""
    before = dict(os.environ)
    os.environ.update(environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _of_no_leak() -> Iterator[None]:
    """Let a resource tracker that is started now remove what a killed process leaves behind without a word: it would speak after our own last line."""
    sys.warnoptions.append("ignore:resource_tracker")
    try:
        yield
    finally:
        sys.warnoptions.remove("ignore:resource_tracker")


def start_child(function: Callable[..., None], *args: Any, daemon: bool) -> BaseProcess:
    """Start a module-level function in a fresh process that ends when this one does.

    Args:
        function: What to run.
        args: Its arguments, pickled.
        daemon: A daemon cannot have children of its own.
    """
    warm_up()
    process = context().Process(target=_begin, args=(function, args, _way_to_server(), _Quiet.here()), daemon=daemon)
    process.start()
    return process


def in_child(function: Callable[..., T], *args: Any) -> T:
    """Call a module-level function in a fresh process and return its result; its exceptions are raised here. Whatever interrupts this call ends the process.

    Raises:
        ModelError: The process died (out of memory, a crash in native code).
        ChildError: It raised what cannot be handed over.
    """
    ours, theirs = context().Pipe()
    process = start_child(_call, theirs, function, args, daemon=True)
    theirs.close()
    try:
        ours.poll(None)  # not `recv` at once: polars, which mteb imports, handles SIGINT in a way that lets a blocking read go on
        told = ours.recv()
        process.join(GRACE)
    except (EOFError, ConnectionResetError):
        process.join()
        raise ModelError(f"the process running {function.__module__}.{function.__name__} {ended(process.exitcode)}") from None
    finally:
        end_children([process])
        ours.close()
    result, error, trace = told
    if error is not None:
        raise error from (None if isinstance(error, BenchError) else _Remote(trace))
    return result  # type: ignore[no-any-return]


def end_children(processes: Sequence[BaseProcess]) -> None:
    """End children, whatever they do: they are asked to, and killed when they take too long. Those that have ended already are only waited for."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    for process in processes:
        process.kill()
        process.join()


@dataclasses.dataclass(frozen=True)
class _Quiet:
    """What a process keeps its libraries from saying: its children keep silent about the same."""

    levels: Mapping[str, int]
    warnings: bool

    @classmethod
    def here(cls) -> _Quiet:
        loggers = {name: logger.level for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)}
        everything = ("ignore", None, Warning, None, 0)
        return cls({name: level for name, level in loggers.items() if level != logging.NOTSET}, everything in warnings.filters)

    def keep(self) -> None:
        for name, level in self.levels.items():
            logging.getLogger(name).setLevel(level)
        if self.warnings:
            warnings.filterwarnings("ignore")


def _way_to_server() -> dict[str, Any]:
    """What a child needs to know to start children of its own from the fork server that it came from itself."""
    from multiprocessing import forkserver

    return {name: getattr(forkserver._forkserver, name) for name in ("_forkserver_address", "_forkserver_authkey") if hasattr(forkserver._forkserver, name)}


def _use_server_of_parent(way: Mapping[str, Any]) -> None:
    """Make the fork server of the parent ours too; by itself, Python starts another one, which imports everything once more.

    The standard library promises this ("a child process will just reuse the forkserver started by its parent") but does not tell the child the address.
    """
    from multiprocessing import forkserver

    for name, value in way.items():
        setattr(forkserver._forkserver, name, value)
    if _server_of_parent():
        forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]


def _server_of_parent() -> bool:
    """Whether this process came from a fork server and knows the way back to it."""
    from multiprocessing import forkserver

    server: Any = forkserver._forkserver
    return server._forkserver_pid is None and server._forkserver_address is not None


def _begin(function: Callable[..., None], args: tuple[Any, ...], way: Mapping[str, Any], quiet: _Quiet) -> None:
    """A child's life: it leaves Ctrl-C and the end of the terminal to its parent, ends in an orderly way on SIGTERM, and with its parent."""
    _use_server_of_parent(way)
    quiet.keep()
    for number in LEFT_TO_PARENT:
        signal.signal(number, signal.SIG_IGN)
    try:
        stop_on([signal.SIGTERM], afterwards=signal.SIG_IGN)  # what it does then is to end
        threading.Thread(target=_leave_with_parent, daemon=True).start()
        function(*args)
    except Stopped as stop:
        sys.exit(stop.exit_code)
    except BrokenPipeError:
        sys.exit(1)  # the parent, which is ending, no longer listens
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending


def _leave_with_parent() -> None:
    """A child whose parent was killed must not go on alone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)  # which the main thread meets
        time.sleep(GRACE)
        os._exit(1)


def _call(connection: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Tell the parent what the function returns or raises, in a form that it can take."""
    try:
        connection.send((function(*args), None, ""))
    except STOPS:
        raise
    except BaseException as error:
        connection.send((None, portable(error), traceback.format_exc()))


def portable(error: BaseException) -> Exception:
    """An error in a form that a parent can take: itself where it arrives as it is, else one that says the same."""
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        copy = None
    if isinstance(error, Exception) and type(copy) is type(error) and str(copy) == str(error):
        return error
    return BenchError(str(error)) if isinstance(error, BenchError) else ChildError(f"{type(error).__name__}: {error}")
