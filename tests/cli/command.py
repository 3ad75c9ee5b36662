"""The command `bench` as tests call it: in their own process, which has the heavy libraries already, or in one of its own, which imports them for seconds."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from bench.cards.load import load_library
from bench.cli import STOPPING, main

Ended = subprocess.CompletedProcess[str]


def bench(*arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> Ended:
    """The command's `main` in this process, which has read nothing of a workspace yet.

    What libraries read when they are imported, what child processes print, and what bytes a terminal is sent shows in `bench_process` only.

    Args:
        arguments: What stands behind `bench`.
        cwd: The folder in which it is called.
        env: All environment variables, in place of those of this process.
    """
    load_library.cache_clear()
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in "12")
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(cwd or Path.cwd()))
        stack.enter_context(mock.patch.dict(os.environ, env or {}, clear=env is not None))
        stack.enter_context(mock.patch.object(sys, "argv", ["bench", *arguments]))
        stack.enter_context(_signals())
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            main()
            code = 0
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        except Exception:
            traceback.print_exc()
            code = 1
    return Ended(["bench", *arguments], code, *(_text(stream) for stream in (out, err)))


def _text(stream: io.TextIOWrapper) -> str:
    """What was written to a stream, which stays open: a logger of a library may have taken it for standard error."""
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue().decode("utf-8")


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Give back what this process did on the signals that the command handles."""
    before, hook = {number: signal.getsignal(number) for number in STOPPING}, sys.unraisablehook
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


def bench_process(*arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None, encoding: str | None = None) -> Ended:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding=encoding, cwd=cwd, env=env, timeout=300, check=False)
