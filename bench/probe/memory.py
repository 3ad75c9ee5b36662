"""Memory of this process, in bytes, with a peak that can be reset."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

STATUS = {"RssAnon": "anonymous", "RssFile": "file", "RssShmem": "shared"}
"""What proc(5) calls the parts of the resident set: memory of the process's own, pages of files that it has mapped (libraries, and weights read through a
mapping, which live in the page cache), and memory that it shares."""


def now() -> dict[str, int]:
    """Resident set size now, and on Linux its parts."""
    return {"resident": int(psutil.Process().memory_info().rss), **{name: value for key, name in STATUS.items() if (value := _status(key)) is not None}}


def reset_peak() -> bool:
    """Make the kernel forget the peak so far (Linux, proc(5) clear_refs); False where that cannot be done."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak() -> int | None:
    """Highest resident set size since the last reset (VmHWM); None where the system does not say."""
    return _status("VmHWM")


def cuda_process(device: str) -> int | None:
    """What this process holds of a GPU, context and libraries included, as the driver says (NVML); None where it does not."""
    import torch

    try:
        import pynvml

        pynvml.nvmlInit()
        properties = torch.cuda.get_device_properties(device)
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{properties.uuid}".encode())
        used = [one.usedGpuMemory for one in pynvml.nvmlDeviceGetComputeRunningProcesses(handle) if one.pid == os.getpid()]
    except Exception:  # not installed, not allowed, or in a container with process numbers of its own
        return None
    return int(used[0]) if used and used[0] is not None else None


def _status(key: str) -> int | None:
    """A size from proc(5) status."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{key}:")), None)
