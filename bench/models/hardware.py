"""On what something is computed. It goes with every number and is part of no key: see "Cells and identity" in docs/architecture.md."""

from __future__ import annotations


def hardware(device: str) -> dict[str, str | int]:
    """The device, the name of the GPU where it is one, and the threads that this process computes with."""
    import torch

    gpu = {"gpu": torch.cuda.get_device_name(device)} if device.startswith("cuda") else {}
    return {"device": device, **gpu, "threads": torch.get_num_threads()}
