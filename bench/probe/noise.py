"""What else the machine does while it measures, and whether a measurement can be trusted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

import psutil

OTHERS_LIMIT = 0.05
"""Share of the cores' time that other processes may take. A model of two threads on two cores loses what they take; a twentieth is as much as the best runs of
a quiet machine differ by."""
STEAL_LIMIT = 0.02
"""The same of what the host of a virtual machine takes away. It comes in bursts, so that a small share in all is a large one of some blocks."""
SPREAD_LIMIT = 0.15
"""How wide the interval of a ratio may be, as a share of the ratio: more, and the rounds do not tell models apart that differ by a layer."""
LOOK_SECONDS = 0.5
"""How long is looked before a measurement: 50 ticks of the kernel's clock a core."""
AGAIN = "measure again (`bench probe`, or a run with --reprobe)"


class Watch:
    """Counts the time of the cores that this process may use, from when it is made."""

    def __init__(self) -> None:
        self._since = _cores()

    def seen(self, own: float) -> dict[str, float]:
        """Shares of the cores' time since then, between 0 and 1.

        Args:
            own: CPU seconds that the measurement has used itself.

        Returns:
            `others`: what other processes took; `steal`: what the host of a virtual machine took.
        """
        busy, steal, everything = (now - then for now, then in zip(_cores(), self._since, strict=True))
        return {"others": max(0.0, busy - own) / everything, "steal": steal / everything} if everything > 0 else {"others": 0.0, "steal": 0.0}


def before() -> dict[str, Any]:
    """What the machine does while nothing is measured. The load average counts what we did ourselves a minute ago, so it is told and decides nothing."""
    watch, own = Watch(), time.process_time()
    time.sleep(LOOK_SECONDS)
    load = {"load_average": os.getloadavg()[0]} if hasattr(os, "getloadavg") else {}
    return {**watch.seen(time.process_time() - own), **load}


def reasons(noise: Mapping[str, Mapping[str, float]], spread: float | None, foreign: Iterable[str] = (), longer: str = "") -> list[str]:
    """Why a measurement cannot be trusted, each with advice; empty for one that can.

    Args:
        noise: What was seen `before` and `during` it.
        spread: How wide the interval of its ratio to the reference (or of its time) is, as a share of it.
        foreign: Other processes on its GPU.
        longer: Advice for rounds that differ too much, where there is a longer measurement.
    """
    found = []
    for when, seen in noise.items():
        if seen["others"] > OTHERS_LIMIT:
            found.append(f"other processes took {seen['others']:.0%} of the cores' time {when} it (at most {OTHERS_LIMIT:.0%}): end them, and {AGAIN}")
        if seen["steal"] > STEAL_LIMIT:
            found.append(
                f"the virtual machine's host took {seen['steal']:.0%} of the cores' time {when} it (at most {STEAL_LIMIT:.0%}): {AGAIN}, at another hour"
            )
    if spread is not None and spread > SPREAD_LIMIT:
        found.append(f"the rounds differ too much: the 95 % interval is {spread:.1%} wide (at most {SPREAD_LIMIT:.0%}): {AGAIN}{longer}")
    found += [f"{one} uses the same GPU: end it, and {AGAIN}" for one in foreign]
    return found


def foreign_processes(device: str, own: Iterable[int]) -> list[str]:
    """Other processes that compute on a GPU, as far as the driver tells (NVML); empty for a CPU."""
    if not device.startswith("cuda"):
        return []
    try:
        import pynvml

        pynvml.nvmlInit()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        handle = pynvml.nvmlDeviceGetHandleByIndex(int(visible)) if visible.isdecimal() else pynvml.nvmlDeviceGetHandleByUUID(visible.encode())
        found = [one.pid for one in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)]
    except Exception:  # not installed, or not allowed
        return []
    ours = {os.getpid(), *own}
    return [f"process {number}" for number in found if number not in ours]


def _cores() -> tuple[float, float, float]:
    """Seconds so far of the cores that this process may use: busy, stolen, and in all."""
    times = psutil.cpu_times(percpu=True)
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(times))
    chosen = [times[number] for number in mine if number < len(times)] or times  # in some containers cores are numbered anew
    steal = sum(getattr(one, "steal", 0.0) for one in chosen)
    idle = sum(one.idle + getattr(one, "iowait", 0.0) for one in chosen)
    guests = sum(getattr(one, "guest", 0.0) + getattr(one, "guest_nice", 0.0) for one in chosen)  # counted as user time too
    everything = sum(sum(one) for one in chosen) - guests
    return everything - idle - steal, steal, everything
