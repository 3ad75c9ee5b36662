"""Run a function in a process of its own: no model, no CUDA context and no memory of the parent's is there.

On Linux and macOS the children come from a fork server that has imported the heavy libraries once and never loads a model, so that a fresh process costs milliseconds
and not the seconds of an import.
"""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, TypeVar

from bench.errors import ModelError

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

T = TypeVar("T")


@functools.cache
def context() -> ForkServerContext | SpawnContext:
    """How child processes start: from the fork server where there is one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["sentence_transformers", "sklearn.feature_extraction.text", "bench.models.encoders", "bench.probe.worker"])
    return server


def warm_up() -> None:
    """Start the fork server, which goes on importing while the parent does other work."""
    context()
    if "forkserver" in multiprocessing.get_all_start_methods():
        from multiprocessing import forkserver

        forkserver.ensure_running()


def in_child(function: Callable[..., T], *args: Any) -> T:
    """Call a module-level function in a fresh process and return its result; its exceptions are raised here.

    Raises:
        ModelError: The process died (out of memory, a crash in native code).
    """
    with ProcessPoolExecutor(max_workers=1, mp_context=context()) as pool:
        try:
            return pool.submit(function, *args).result()
        except BrokenProcessPool:
            raise ModelError(f"the process running {function.__module__}.{function.__name__} died; it may have run out of memory") from None
