"""A signal ends a process in an orderly way, also one that comes where Python drops what is raised."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

LOST = """
import os, signal, sys, time, weakref
from bench.errors import Stopped
from bench.signals import stop_on

stop_on([signal.SIGINT, signal.SIGTERM], afterwards=signal.SIG_DFL)

def hit(*_):
    os.kill(os.getpid(), {number})

class Falls:
    def __del__(self):
        hit()

class Watched:
    pass

watched = Watched()
watch = weakref.ref(watched, hit)
try:
    {how}
    for _ in range(600):
        time.sleep(0.1)
except Stopped as stop:
    sys.exit(stop.exit_code)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("how", ["Falls()", "del watched", "Falls(), Falls()", "hit()"], ids=["__del__", "weak reference", "twice", "plain"])
def test_a_signal_is_raised_once_and_without_a_word_wherever_it_comes(how, number):
    found = subprocess.run([sys.executable, "-c", LOST.format(how=how, number=int(number))], capture_output=True, text=True, timeout=30)
    assert (found.returncode, found.stderr) == (128 + number, "")


ODD = """
import signal
from bench.signals import stop_on

stop_on([signal.SIGTERM], afterwards=signal.SIG_DFL)

class Falls:
    def __del__(self):
        raise ValueError("odd")

Falls()
"""


def test_what_else_is_dropped_is_still_shown():
    found = subprocess.run([sys.executable, "-c", ODD], capture_output=True, text=True, timeout=30, check=True)
    assert "ValueError: odd" in found.stderr
