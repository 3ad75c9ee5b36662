"""The measuring process: holds one model, does what it is told over a pipe, and sleeps in between. Nothing here knows a score."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.cards.candidate import AS_IT_IS, Precision, Use
from bench.errors import STOPS
from bench.models.encoders import Encoder, SentenceEncoder
from bench.models.loading import load_to_run
from bench.probe import memory
from bench.probe.profiles import PROFILES, SETTLED, Profile
from bench.probe.texts import Bucket, block
from bench.probe.work import count_operations, split_seconds

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""What errors say when a batch does not fit (PyTorch's allocators of CUDA and of the CPU)."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is measured: a checkpoint and how it is run.

    `prompt` is put before every text; None for the checkpoint's own, that of STS tasks where it has one. `precision` is of weights and arithmetic; None for
    that in which the weights are stored. `threads` are those that torch may use.
    """

    name: str
    folder: Path
    content: str
    prompt: str | None
    precision: Precision | None
    device: str
    threads: int
    use: Use = AS_IT_IS


class Worker:
    """Measures one model. Every method is a command; times are in seconds, memory in bytes."""

    def __init__(self, subject: Subject, profile: Profile) -> None:
        self.subject, self.profile = subject, profile
        self.cuda = subject.device.startswith("cuda")
        self.encoder: Encoder
        self.encode: Callable[[Sequence[str], int], Any]
        self.repeats: dict[int, int] = {}
        self.smaller: dict[int, int] = {}

    def load(self) -> dict[str, Any]:
        """Load the model and embed a first text; libraries are imported already. Threads are set, and read back."""
        import torch

        torch.set_num_threads(self.subject.threads)
        before = memory.now()
        start = time.perf_counter()
        prompt, precision, device = self.subject.prompt, self.subject.precision, self.subject.device
        self.encoder = load_to_run(self.subject.folder, prompt=prompt, precision=precision, device=device, use=self.subject.use).for_task("STS")
        self.encode = encode_call(self.encoder)
        self._timed(block({"short": 1}, 0), 1)
        return {
            "load": time.perf_counter() - start,
            "before": before,
            "after": memory.now(),
            "threads": threads_of(self.encoder),
            "used": {"prompt": self.encoder.prompt, "precision": self.encoder.precision(), "backend": self.subject.use.backend},
            "device_name": torch.cuda.get_device_name(device) if self.cuda else None,
            "attention": _attention(self.encoder) if self.subject.use.backend == "torch" else None,
        }

    def settle(self) -> dict[str, Any]:
        """Warm up, also at every batch size. Blocks are none that are timed later."""
        smallest = min(self.profile.batch_sizes)
        windows = [self._whole(-1, smallest)]
        while len(windows) < 2 or (len(windows) < self.profile.warm_up and abs(windows[-1] / windows[-2] - 1) > SETTLED):
            windows.append(self._whole(-1, smallest))
        self.repeats = {size: max(1, round(self.profile.least_seconds / self._whole(-1, size))) for size in self.profile.batch_sizes}
        return {
            "repeats": self.repeats,
            "warm_up": {"blocks": len(windows), "settled": abs(windows[-1] / windows[-2] - 1) <= SETTLED},
        }

    def part(self, bucket: Bucket, number: int, size: int) -> tuple[float, int]:
        """The time of one bucket of a round's block at a batch size, and what of that size fits into memory."""
        texts, repeats = self._part(bucket, number), self.repeats[size]
        for _ in range(self.profile.untimed):
            self._timed(texts, size)
        seconds = sum(self._timed(texts, size) for _ in range(repeats)) / repeats
        return seconds, self.smaller.get(size, size)

    def singles(self, number: int) -> list[float]:
        """The times of a round's single texts, taken from its block at equal distances."""
        texts, count = self._block(number), self.profile.singles
        return [self._timed([texts[index * len(texts) // count]], 1) for index in range(count)]

    def memory(self, size: int) -> dict[str, Any]:
        """A pass of its own for memory, at a batch size: the peak is reset, a block is encoded once more, the peak is read.

        Also, which part of its time went into what.
        """
        import torch

        was_reset = memory.reset_peak()
        if self.cuda:
            torch.cuda.reset_peak_memory_stats(self.subject.device)
        split = split_seconds(self.encoder, lambda: self._whole(0, size), self.subject.device)
        return {
            "split": split,
            "peak_while_encoding": memory.peak() if was_reset else None,
            "encoding": memory.now(),
            "cuda_allocated_peak": torch.cuda.max_memory_allocated(self.subject.device) if self.cuda else None,
            "cuda_reserved_peak": torch.cuda.max_memory_reserved(self.subject.device) if self.cuda else None,
            "cuda_process": memory.cuda_process(self.subject.device) if self.cuda else None,
        }

    def work(self) -> dict[str, Any]:
        """What the model does with texts: floating-point operations of a sentence, one at a time so that there is no padding, and tokens of a block."""
        texts = block(PROFILES["quick"].block, 0)
        if self.subject.use.backend == "torch":
            operations = count_operations(self.encoder, lambda: self.encode(texts, 1), len(texts))
        else:
            operations = {"per_sentence": None, "reason": "only PyTorch counts them: see the candidate of this checkpoint that it runs"}
        return {"operations": operations, "tokens": _tokens(self.encoder, self._block(0))}

    def _block(self, number: int) -> tuple[str, ...]:
        return block(self.profile.block, number)

    def _part(self, bucket: Bucket, number: int) -> tuple[str, ...]:
        return block({bucket: self.profile.block[bucket]}, number)

    def _whole(self, number: int, size: int) -> float:
        """The time of a block, a bucket at a time."""
        return sum(self._timed(self._part(bucket, number), size) for bucket in self.profile.block)

    def _timed(self, texts: Sequence[str], size: int) -> float:
        """The time of encoding some texts. A batch that does not fit is halved until it does, which is remembered; the time is that of the one that fits."""
        while True:
            used = self.smaller.get(size, size)
            try:
                self._synchronise()
                start = time.perf_counter()
                self.encode(texts, used)
                self._synchronise()
                return time.perf_counter() - start
            except (MemoryError, RuntimeError) as error:
                if used == 1 or not (isinstance(error, MemoryError) or any(said in str(error).lower() for said in OUT_OF_MEMORY)):
                    raise
                self.smaller[size] = used // 2

    def _synchronise(self) -> None:
        if self.cuda:
            import torch

            torch.cuda.synchronize(self.subject.device)


def serve(connection: Connection, subject: Subject, profile: Profile) -> None:
    """A measuring process's life: commands come in, what they give goes out, with the CPU seconds used so far, until the parent ends it."""
    from bench.children import portable

    worker = Worker(subject, profile)
    while True:
        try:
            name, args = connection.recv()  # asleep in the kernel while another model is measured
        except EOFError:
            return
        try:
            answer: tuple[Any, Exception | None] = (getattr(worker, name)(*args), None)
        except STOPS:
            raise
        except BaseException as error:
            answer = (None, portable(error))
        connection.send((*answer, time.process_time()))


def encode_call(encoder: Encoder) -> Callable[[Sequence[str], int], Any]:
    """What a user of the checkpoint would call: the library's own `encode`, with its own batching."""
    if isinstance(encoder, SentenceEncoder):
        model, prompt = encoder.model, encoder.prompt
        return lambda texts, size: model.encode(list(texts), batch_size=size, prompt=prompt, show_progress_bar=False)
    return lambda texts, size: [encoder.encode(list(texts[start : start + size])) for start in range(0, len(texts), size)]


def threads_of(encoder: Encoder) -> int:
    """How many threads compute: read back from the engine that runs the transformer, PyTorch where no other does."""
    import torch

    engine = getattr(encoder.model[0], "auto_model", None) if isinstance(encoder, SentenceEncoder) else None
    return int(getattr(engine, "threads", torch.get_num_threads()))


def _attention(encoder: Encoder) -> str | None:
    """Which implementation of attention a transformer uses."""
    config: Any = getattr(getattr(encoder.model[0], "auto_model", None), "config", None) if isinstance(encoder, SentenceEncoder) else None
    return getattr(config, "_attn_implementation", None)


def _tokens(encoder: Encoder, texts: Sequence[str]) -> int | None:
    """How many tokens the texts are, without padding; None where the model has no transformers tokenizer."""
    if not isinstance(encoder, SentenceEncoder) or not hasattr(encoder.model.tokenizer, "model_max_length"):
        return None
    found: Mapping[str, Any] = encoder.model.tokenizer([encoder.prompt + text for text in texts], truncation=True)
    return sum(len(ids) for ids in found["input_ids"])
