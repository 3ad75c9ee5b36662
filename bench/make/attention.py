"""The attention kernel that is trained with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext


@contextmanager
def training_attention(device: str, *, bf16: bool) -> Iterator[None]:
    """In bfloat16 on a CPU, attention as plain matrix products.

    The backward pass of PyTorch's fused kernel took half of the time of training on texts of 12 to 64 tokens.

    It holds the attention weights of every layer in memory, batch * heads * length^2 numbers each, which the fused kernel does not. In float32 the fused kernel
    is the faster one.

    Args:
        device: Type of the device; every one but `cpu` keeps the kernel that PyTorch picks.
        bf16: Whether the training computes in bfloat16.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH) if device == "cpu" and bf16 else nullcontext():
        yield
