"""What runs a transformer in place of PyTorch, and whether it is installed. Imports none of it."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import Any

from bench.cards.candidate import Backend, Use
from bench.digests import digest
from bench.errors import ModelError

PACKAGES: dict[Backend, str] = {"onnx": "onnxruntime", "openvino": "openvino"}
"""The package that computes; the extra of this project that brings it is called as the backend is."""
SETTINGS = "exported.json"
"""The file by which a folder that was exported for another backend is known; it says for which."""
EXPORT_VERSION = 1
"""Raise it by one when the same checkpoint would be exported otherwise."""
EXPORTERS = ("onnx", "onnxscript")
"""What PyTorch needs to write the file that both read."""


def check_engine(name: str, backend: Backend, device: str) -> None:
    """Refuse a candidate whose backend cannot be had here.

    Args:
        name: The candidate's.
        backend: What is to compute it.
        device: `cpu`, `cuda` or `cuda:i`.

    Raises:
        ModelError: A package is missing, or the device is no CPU.
    """
    if backend == "torch":
        return
    missing = [package for package in (PACKAGES[backend], *EXPORTERS) if _version(package) is None]
    if missing:
        mend = f"where this project lies: pip install -c constraints.txt -e '.[{backend}]'"
        raise ModelError(f"{name}: backend {backend} needs {', '.join(missing)}, not installed; {mend}")
    if device != "cpu":
        raise ModelError(f"{name}: backend {backend} runs on the CPU only (got device {device}); use --device cpu, or backend 'torch'")


def use_parts(use: Use) -> dict[str, Any]:
    """What of a model's use decides its embeddings and its costs, for keys: what its card says, and what computes in place of PyTorch, in which version."""
    said = {name: value for name, value in use.parts.items() if name != "backend"}
    return said if use.backend == "torch" else {**said, "engine": {PACKAGES[use.backend]: _version(PACKAGES[use.backend])}}


def export_name(content: str, use: Use) -> str:
    """What a checkpoint's exported folder is called: by everything that decides what it holds.

    Args:
        content: Digest of the checkpoint.
        use: How it is run; of its parts the backend and the longest text count.
    """
    exporters = {package: _version(package) for package in ("torch", *EXPORTERS)}
    parts = {"content": content, "max_length": use.max_length, "backend": use.backend, "version": EXPORT_VERSION, "exporters": exporters}
    return digest(parts)[:32]


@functools.cache
def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
