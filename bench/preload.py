"""What the fork server imports when it starts, for its children to find: see `bench.children`.

Importing this module takes seconds and is for the fork server alone.

The server looks for the end of its parent only when it has imported everything. Until then a thread does, which ends before anything is forked.
"""

from __future__ import annotations

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


_import_all()
