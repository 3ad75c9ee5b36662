"""A process whose parent was killed ends too. Imports nothing heavy, and nothing of ours."""

from __future__ import annotations

import os
import threading

LOOK_SECONDS = 0.2


def leave_with(parent: int, until: threading.Event | None = None) -> None:
    """End this process, at once, when its parent has ended: whose parent has ended gets another one. Runs in a thread of its own.

    Args:
        parent: Number of the process that it goes with.
        until: Stop looking when this is set.
    """
    until = until or threading.Event()
    while not until.wait(LOOK_SECONDS):
        if os.getppid() != parent:
            os._exit(1)
