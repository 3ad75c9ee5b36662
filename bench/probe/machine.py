"""What machine this is: the fingerprint that goes with every number. Imports nothing heavy."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
from pathlib import Path

VERSIONED = ("torch", "transformers", "sentence-transformers", "tokenizers", "mteb", "scikit-learn", "numpy")


@functools.cache
def fingerprint() -> dict[str, str | int]:
    """CPU model, cores this process may use, memory, operating system and Python."""
    import psutil

    return {
        "cpu": _cpu_model(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def usable_cores() -> int:
    """Cores that the scheduler lets this process use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def versions() -> dict[str, str]:
    """Versions of the libraries that a number depends on, from their metadata."""
    return {name: importlib.metadata.version(name) for name in VERSIONED}


@functools.cache
def has_fast_bf16() -> bool:
    """True where the CPU multiplies bfloat16 matrices in hardware (AVX-512 BF16 or AMX)."""
    return bool({"avx512_bf16", "amx_bf16"} & set(_cpuinfo().get("flags", "").split()))


def pick_device(wanted: str) -> str:
    """The device to use: `auto` is CUDA where there is one.

    Raises:
        BenchError: CUDA was asked for and there is none.
    """
    from bench.errors import BenchError

    if wanted == "cpu":
        return wanted
    import torch

    available = torch.cuda.is_available()
    if wanted == "auto":
        return "cuda" if available else "cpu"
    if not available:
        raise BenchError(f"--device {wanted}: torch {torch.__version__} finds no CUDA device here; use --device cpu")
    return wanted


def _cpu_model() -> str:
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


@functools.cache
def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
