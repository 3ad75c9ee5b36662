"""Resident memory of this process, in bytes, with a peak that can be reset."""

from __future__ import annotations

from pathlib import Path

import psutil


def resident() -> int:
    """Resident set size now."""
    return int(psutil.Process().memory_info().rss)


def reset_peak() -> bool:
    """Make the kernel forget the peak so far (Linux, proc(5) clear_refs); False where that cannot be done."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak() -> int | None:
    """Highest resident set size since the last reset (VmHWM); None where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
