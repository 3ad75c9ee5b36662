"""Signals that end a process in an orderly way: they are raised in its main thread as `Stopped`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from bench.errors import Stopped

AGAIN_AFTER = 0.05
"""Seconds until a signal that was lost is sent again."""


def stop_on(numbers: Sequence[int], *, afterwards: Any) -> None:
    """Raise `Stopped` in the main thread when one of these signals comes.

    Python drops what is raised inside a `__del__`, a weak reference's callback or a callback of native code: it prints a traceback and goes on. A signal that
    comes there is sent once more, and nothing is printed.

    Args:
        numbers: The signals.
        afterwards: What each of them does from the first one on: `signal.SIG_DFL` (the next one ends the process at once) or `signal.SIG_IGN`.
    """

    def stop(number: int, _: FrameType | None) -> NoReturn:
        for one in numbers:
            signal.signal(one, afterwards)
        raise Stopped(number)

    def listen() -> None:
        for one in numbers:
            signal.signal(one, stop)

    others = sys.unraisablehook

    def once_more(dropped: sys.UnraisableHookArgs) -> None:
        if not isinstance(dropped.exc_value, Stopped):
            others(dropped)
            return
        listen()
        later = threading.Timer(AGAIN_AFTER, os.kill, (os.getpid(), dropped.exc_value.number))
        later.daemon = True
        later.start()

    sys.unraisablehook = once_more
    listen()
