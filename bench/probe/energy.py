"""Energy from the counters of the processor (RAPL) and of the GPU (NVML), in joules; never estimated."""

from __future__ import annotations

import os
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
NOT_MEASURED = "not measured: no counter can be read here (RAPL needs Linux on bare metal and the right to read energy_uj; NVML needs an NVIDIA GPU)"


def counters(device: str) -> dict[str, float]:
    """What each counter that can be read shows now; empty where there is none.

    Packages of the processor (with what is in them), and on CUDA the GPU.
    """
    found = {}
    for folder in sorted(POWERCAP.glob("intel-rapl:*")):
        if folder.name.count(":") == 1:  # those below are parts of a package
            value = _microjoules(folder / "energy_uj")
            if value is not None:
                found[folder.name] = value
    if device.startswith("cuda"):
        gpu = _gpu()
        found |= {} if gpu is None else {"gpu": gpu}
    return found


def used(earlier: dict[str, float], later: dict[str, float]) -> float | None:
    """Joules between two readings; None without a counter. A counter of RAPL begins anew at its range."""
    if not later or earlier.keys() != later.keys():
        return None
    total = 0.0
    for name, value in later.items():
        total += value - earlier[name]
        if value < earlier[name]:
            total += _microjoules(POWERCAP / name / "max_energy_range_uj") or 0.0
    return total


def _microjoules(path: Path) -> float | None:
    try:
        return int(path.read_text(encoding="ascii")) / 1e6
    except (OSError, ValueError):
        return None


def _gpu() -> float | None:
    try:
        import pynvml

        pynvml.nvmlInit()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        handle = pynvml.nvmlDeviceGetHandleByIndex(int(visible)) if visible.isdecimal() else pynvml.nvmlDeviceGetHandleByUUID(visible.encode())
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except Exception:  # not installed, not allowed, or a GPU without the counter
        return None
