"""What machine this is: the fingerprint that goes with every number. Imports nothing heavy."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import re
from pathlib import Path

from bench.errors import BenchError

VERSIONED = ("torch", "transformers", "sentence-transformers", "tokenizers", "mteb", "scikit-learn", "scipy", "numpy")
SWITCHES = {
    "cpu": ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"),
    "cuda": ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),
}
"""Environment variables by which the libraries compute products of fp32 numbers in fewer bits."""

PRODUCTS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd", "asimddp", "bf16", "sve")
"""Flags of processors that decide by which code products of matrices are computed, as Linux names them."""


@functools.cache
def fingerprint(device: str = "cpu") -> dict[str, str | int]:
    """CPU model, cores this process may use, memory, operating system and Python; with a CUDA device also its name."""
    import psutil

    return {
        **({"gpu": _gpu_name(device)} if device.startswith("cuda") else {}),
        "cpu": _cpu_model(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


@functools.cache
def processor() -> str:
    """What the name of a CPU may hide, as it does in a virtual machine: family, model and stepping, and what it computes products with.

    By these the libraries choose the code that computes them, and so the last bits. Empty where the system does not tell.
    """
    found = _cpuinfo()
    numbers = [found[name] for name in ("cpu family", "model", "stepping", "CPU implementer", "CPU variant", "CPU part") if name in found]
    flags = {*found.get("flags", found.get("Features", "")).split()}
    return " ".join(["/".join(numbers), *(name for name in PRODUCTS if name in flags)]).strip()


def usable_cores() -> int:
    """Cores that the scheduler lets this process use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def versions() -> dict[str, str]:
    """Versions of the libraries that a number depends on, from their metadata."""
    return {name: importlib.metadata.version(name) for name in VERSIONED}


def arithmetic(device: str, precision: str | None = "fp32") -> dict[str, str | None]:
    """What decides a computation beyond its last bits.

    The type of the device, the precision (None for that in which a model is stored), and switches that lower it.

    In int8 also the processor: PyTorch rounds activations to 7 bits on x86 and to 8 on ARM.
    """
    kind = device.partition(":")[0]
    switches = {name: os.environ[name] for name in SWITCHES.get(kind, ()) if os.environ.get(name)}
    return {"device": kind, "precision": precision, **({"processor": platform.machine()} if precision == "int8" else {}), **switches}


@functools.cache
def has_fast_bf16(device: str = "cpu") -> bool:
    """True where the device multiplies bfloat16 matrices in hardware: a CPU with AVX-512 BF16 or AMX, a GPU of compute capability 8 or higher."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_capability(device)[0] >= 8
    return bool({"avx512_bf16", "amx_bf16"} & set(_cpuinfo().get("flags", "").split()))


def pick_device(wanted: str) -> str:
    """`cpu` or `cuda`: the device that this process and its children use; `auto` is CUDA where there is one.

    Every GPU but the chosen one is hidden (CUDA_VISIBLE_DEVICES), since a trainer that sees several would spread a batch over them and so change what is
    learned.

    Raises:
        BenchError: CUDA was asked for and there is none, or the name is no device.
    """
    if wanted != "auto" and not re.fullmatch(r"cpu|cuda(:\d+)?", wanted):
        raise BenchError(f"--device must be auto, cpu, cuda or cuda:i (got {wanted!r})")
    if wanted == "cpu" or (wanted == "auto" and platform.system() == "Linux" and not Path("/dev/nvidiactl").exists()):
        return "cpu"
    index = int(wanted.partition(":")[2] or 0)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[index] if index < len(visible) and visible[index] else str(index)
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    raise BenchError(f"--device {wanted}: torch {torch.__version__} finds no such CUDA device here; use --device cpu")


def _gpu_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name(device)


def _cpu_model() -> str:
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


@functools.cache
def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
