"""Under which conditions a measurement was made: what goes with its numbers beyond the machine's fingerprint, and is part of no key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

THREADING = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "DNNL_", "ONEDNN_", "CUDA_", "PYTORCH_", "TOKENIZERS_PARALLELISM", "MALLOC_")
"""How the names begin of environment variables that change how fast libraries compute."""
SPINS = "1000"
"""How often an idle OpenMP thread looks for work before it sleeps (GOMP_SPINCOUNT, libgomp's default is 300,000, about a millisecond or more). Where another
process has a core, threads that spin take turns with those that they wait for: see docs/probes.md."""


def spin_little() -> None:
    """Let idle threads of OpenMP sleep soon, here and in child processes, unless the user has said how they wait. Read when the library is loaded."""
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = SPINS


def conditions(device: str) -> dict[str, Any]:
    """Cores that this process may run on, how their frequency is governed, the load average, the variables that libraries read, and the GPU's driver."""
    governor = _read(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))
    return {
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "governor": governor,
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(THREADING)},
        "driver": _driver() if device.startswith("cuda") else None,
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _driver() -> str | None:
    """The version of NVIDIA's driver, from the kernel."""
    said = _read(Path("/proc/driver/nvidia/version"))
    return said.splitlines()[0] if said else None
