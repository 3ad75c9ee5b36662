"""What a model does: floating-point operations, counted, and the parts that its time goes into."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.models.encoders import Encoder, SentenceEncoder


def count_operations(encoder: Encoder, run: Callable[[], Any], texts: int) -> dict[str, Any]:
    """Floating-point operations a sentence of a run: those of matrix products, two for each multiplication with its addition.

    PyTorch's own counter sees every operation and its shapes (`torch.utils.flop_counter`). It knows no fused attention of the CPU, so attention runs as plain
    products while it counts.

    Args:
        encoder: The model.
        run: Encodes the texts.
        texts: How many.

    Returns:
        `per_sentence`; None where nothing can be counted, with a `reason`.
    """
    if not isinstance(encoder, SentenceEncoder):
        return {"per_sentence": None, "reason": "it has no matrix products"}
    if "int8" in encoder.precision():
        return {"per_sentence": None, "reason": "products of 8-bit numbers are not floating-point operations"}
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return {"per_sentence": counter.get_total_flops() / texts, "reason": None}


def split_seconds(encoder: Encoder, run: Callable[[], float], device: str) -> dict[str, float] | None:
    """Seconds of a run in the tokenizer, in the model's modules, and after them (to the CPU, to an array, into order).

    On CUDA the modules are timed by events on the device.

    Args:
        encoder: The model.
        run: Encodes texts; gives the seconds that it took.
        device: The model's device.

    Returns:
        `tokenize`, `forward`, `rest`; None for a model without these parts.
    """
    if not isinstance(encoder, SentenceEncoder):
        return None
    model: Any = encoder.model
    spent = {"tokenize": _Clock(), "forward": _Events() if device.startswith("cuda") else _Clock()}
    methods = {"tokenize": "preprocess" if hasattr(model, "preprocess") else "tokenize", "forward": "forward"}
    for part, name in methods.items():
        setattr(model, name, spent[part].around(getattr(model, name)))
    try:
        whole = run()
    finally:
        for name in methods.values():
            delattr(model, name)  # the class's own is there again
    parts = {part: clock.seconds for part, clock in spent.items()}
    return {**parts, "rest": max(0.0, whole - sum(parts.values()))}


class _Clock:
    """Adds up the time in calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


class _Events:
    """Adds up the time that calls take on a CUDA device, which runs behind the CPU."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Any, Any]] = []

    @property
    def seconds(self) -> float:
        """Once everything has been synchronised."""
        return float(sum(start.elapsed_time(end) for start, end in self._pairs)) / 1000

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        import torch

        def timed(*args: Any, **kwargs: Any) -> Any:
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            try:
                return function(*args, **kwargs)
            finally:
                end.record()
                self._pairs.append((start, end))

        return timed
