"""What the fork server imports when it starts, for its children to find: see `bench.children`.

Importing this module takes seconds and is for the fork server alone.

The server looks for the end of its parent only when it has imported everything. Until then a thread does, which ends before anything is forked. When it ends
itself it skips what Python does at an end, two seconds for all that is imported here: whoever reads our output through a pipe would wait for it.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import threading

from bench.orphans import leave_with

MODULES = ("sentence_transformers", "sklearn.feature_extraction.text", "bench.models.encoders", "bench.probe.worker")


def _import_all() -> None:
    done = threading.Event()
    watch = threading.Thread(target=leave_with, args=(os.getppid(), done), daemon=True)
    watch.start()
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    done.set()
    watch.join()


def _leave(server: int) -> None:
    if os.getpid() == server:  # and not a child of it
        os._exit(0)


_import_all()
atexit.register(_leave, os.getpid())
