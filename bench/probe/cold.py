"""From nothing to the first embedding in a fresh interpreter, and the memory that takes: what a script that uses the model once has to wait for and to hold.

Run as a program, this module is that script.
"""

from __future__ import annotations

import json
import os
import pickle
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.errors import ModelError, last_line
from bench.orphans import leave_with

if TYPE_CHECKING:
    from bench.probe.worker import Subject

LIMIT = 600
"""Seconds after which a start is given up."""


def cold_starts(subject: Subject, texts: Sequence[str], size: int, times: int) -> dict[str, Any]:
    """Start fresh interpreters, one after the other.

    Args:
        subject: What to load.
        texts: Encoded after the first embedding, for the peak of memory.
        size: Their batch size.
        times: How many interpreters; the medians count.

    Returns:
        Seconds from the start of the interpreter (`start`: until it runs this module, `import`: the libraries, `load`: until the first embedding, `whole`), and
        `memory` of the last one, in bytes.

    Raises:
        ModelError: It died, or the model cannot be loaded.
    """
    found = [_start(subject, texts, size) for _ in range(times)]
    seconds = {part: statistics.median(one["seconds"][part] for one in found) for part in found[0]["seconds"]}
    return {**seconds, "starts": times, "memory": found[-1]["memory"]}


def _start(subject: Subject, texts: Sequence[str], size: int) -> dict[str, Any]:
    from bench.children import environment

    command = [sys.executable, "-m", "bench.probe.cold"]
    given = pickle.dumps((time.monotonic(), os.getpid(), subject, list(texts), size))  # one clock for all processes, which nobody sets
    try:
        done = subprocess.run(command, input=given, capture_output=True, env=environment(), timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise ModelError(f"a fresh interpreter had not embedded with {subject.name} after {LIMIT} seconds, and was ended") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise ModelError(f"a fresh interpreter could not embed with {subject.name}: {last_line(said) if said else f'it ended with {done.returncode}'}")
    found: dict[str, Any] = json.loads(done.stdout.decode().strip().splitlines()[-1])
    return found


def _main() -> None:
    begun, parent, subject, texts, size = pickle.load(sys.stdin.buffer)  # from the parent
    started = time.monotonic()
    threading.Thread(target=leave_with, args=(parent,), daemon=True).start()
    import torch

    from bench.models.lexical import FILE
    from bench.models.loading import load_to_run
    from bench.probe import memory
    from bench.probe.worker import encode_call

    if not (subject.folder / FILE).is_file():
        import sentence_transformers  # noqa: F401 (loading would import it)
    torch.set_num_threads(subject.threads)
    imported, before = time.monotonic(), memory.now()
    encoder = load_to_run(subject.folder, prompt=subject.prompt, precision=subject.precision, device=subject.device, use=subject.use).for_task("STS")
    encode = encode_call(encoder)
    encode(texts[:1], 1)
    if subject.device.startswith("cuda"):
        torch.cuda.synchronize(subject.device)
    embedded, after = time.monotonic(), memory.now()
    encode(texts, size)
    seconds = {"start": started - begun, "import": imported - started, "load": embedded - imported, "whole": embedded - begun}
    print(json.dumps({"seconds": seconds, "memory": {"before_load": before, "after_load": after, "peak": memory.peak(), "encoding": memory.now()}}))


if __name__ == "__main__":
    _main()
