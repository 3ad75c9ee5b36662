"""The measuring process: loads one checkpoint and times it. Nothing here knows a score."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.cards.candidate import AS_IT_IS, Precision, Use
from bench.models.encoders import Encoder, SentenceEncoder
from bench.models.loading import load_encoder
from bench.probe import memory


@dataclasses.dataclass(frozen=True)
class Profile:
    """How much to measure: single sentences timed one by one, rounds over `sentences` sentences at each batch size."""

    sentences: int
    singles: int
    warm_up: int
    rounds: int
    batch_sizes: tuple[int, ...]


PROFILES = {
    "quick": Profile(sentences=120, singles=60, warm_up=10, rounds=3, batch_sizes=(8, 32)),
    "full": Profile(sentences=600, singles=600, warm_up=50, rounds=9, batch_sizes=(1, 8, 32, 128)),
}


def measure(
    folder: Path,
    prompt: str | None,
    precision: Precision | None,
    device: str,
    texts: Sequence[str],
    profile: Profile,
    threads: int,
    use: Use = AS_IT_IS,
) -> dict[str, Any]:
    """Load time, latency, throughput and memory of one checkpoint, in this process.

    Args:
        folder: The checkpoint.
        prompt: Put before every text; None for the checkpoint's own, that of STS tasks where it has one: the sentences are pairs of KasautiSTS.
        precision: Of weights and arithmetic; None for that in which the weights are stored.
        device: `cpu`, `cuda` or `cuda:i`.
        texts: Real sentences, of which the profile says how many are taken.
        profile: How much to measure.
        threads: Threads that torch may use; set, and read back.
        use: Tokens of a text at most, and whether code in the folder may run.

    Returns:
        Times in seconds, memory in bytes. `load` is from opening the folder to the first embedding, libraries being imported already.
    """
    import torch

    texts = texts[: profile.sentences]
    torch.set_num_threads(threads)
    before = memory.resident()
    start = time.perf_counter()
    encoder = load_encoder(folder, prompt=prompt, precision=precision, device=device, use=use).for_task("STS")
    encode = _encode_call(encoder)
    encode(texts[:1], 1)
    _synchronise(device)
    load = time.perf_counter() - start
    loaded = memory.resident()
    latency = _singles(encode, texts, profile, device)
    throughput = _rounds(encode, texts, profile, device)
    return {
        "used": {"prompt": encoder.prompt, "precision": encoder.precision()},
        "load": load,
        "single": latency,
        "offline": throughput,
        "memory": {"before_load": before, "after_load": loaded, **_peaks(encode, texts, throughput["batch_size"], device)},
        "threads": torch.get_num_threads(),
        "device_name": torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
        "sentences": len(texts),
        "characters": sum(map(len, texts)),
    }


def _encode_call(encoder: Encoder) -> Callable[[Sequence[str], int], Any]:
    """What a user of the checkpoint would call: the library's own `encode`, with its own batching."""
    if isinstance(encoder, SentenceEncoder):
        model, prompt = encoder.model, encoder.prompt
        return lambda texts, size: model.encode(list(texts), batch_size=size, prompt=prompt, show_progress_bar=False)
    return lambda texts, size: [encoder.encode(list(texts[start : start + size])) for start in range(0, len(texts), size)]


def _singles(encode: Callable[[Sequence[str], int], Any], texts: Sequence[str], profile: Profile, device: str) -> dict[str, Any]:
    seconds = []
    for index in range(profile.warm_up + profile.singles):
        text = texts[index % len(texts)]
        start = time.perf_counter()
        encode([text], 1)
        _synchronise(device)
        if index >= profile.warm_up:
            seconds.append(time.perf_counter() - start)
    p50, p90 = np.percentile(seconds, [50, 90])
    return {"p50": float(p50), "p90": float(p90), "samples": len(seconds)}


def _rounds(encode: Callable[[Sequence[str], int], Any], texts: Sequence[str], profile: Profile, device: str) -> dict[str, Any]:
    """Sentences a second at the best batch size: the median round of each size, sizes taking turns."""
    seconds: dict[int, list[float]] = {size: [] for size in profile.batch_sizes}
    for _ in range(profile.rounds):
        for size, taken in seconds.items():
            start = time.perf_counter()
            encode(texts, size)
            _synchronise(device)
            taken.append(time.perf_counter() - start)
    best = min(seconds, key=lambda size: statistics.median(seconds[size]))
    middle = statistics.median(seconds[best])
    return {
        "sentences_per_second": len(texts) / middle,
        "characters_per_second": sum(map(len, texts)) / middle,
        "batch_size": best,
        "rounds": {str(size): taken for size, taken in seconds.items()},
        "spread": (max(seconds[best]) - min(seconds[best])) / middle,
    }


def _peaks(encode: Callable[[Sequence[str], int], Any], texts: Sequence[str], size: int, device: str) -> dict[str, Any]:
    """A pass of its own for memory: the peak is reset, the sentences are encoded once more, the peak is read."""
    import torch

    cuda = device.startswith("cuda")
    was_reset = memory.reset_peak()
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    encode(texts, size)
    _synchronise(device)
    return {
        "peak_while_encoding": memory.peak() if was_reset else None,
        "cuda_allocated_peak": torch.cuda.max_memory_allocated(device) if cuda else None,
        "cuda_reserved_peak": torch.cuda.max_memory_reserved(device) if cuda else None,
    }


def _synchronise(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)
