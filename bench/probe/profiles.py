"""How much is measured: `quick` for every run, `full` for numbers that are published."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from bench.probe.texts import Bucket


@dataclasses.dataclass(frozen=True)
class Profile:
    """What is measured, and how often.

    In each of the `rounds` every model encodes one block of texts, of which `block` says how many of each bucket, a bucket at a time, and then `singles` texts
    one by one. Where the interval of a model's ratio is still wider than `bench.probe.noise.SPREAD_LIMIT`, all go on, for `most_rounds` at most. Six rounds are
    the fewest that give an interval; 64 single texts in all are the fewest that give a 90th percentile, 662 a 99th (`bench.statistics.latency`).

    After every `rounds_a_process` rounds each model, the reference too, goes on in a new process (0: one process for all rounds). A process keeps a pace of its
    own, so that rounds of one process say nothing of how far the next one will be off; then the processes, not the rounds, are what an interval is made of.
    Source: Kalibera and Jones 2013, Rigorous Benchmarking in Reasonable Time (repeat at the highest level that varies).

    In each round a block is encoded at every one of `batch_sizes`, and the size at which the rounds went quickest counts: what a few blocks before the rounds
    say of sizes is often wrong, and equal models would differ by that. A model is warm when two blocks that follow each other
    take the same time but for `SETTLED`, or after `warm_up` blocks. `cold` is how many fresh interpreters are started for the time to the first embedding; with
    any, memory is measured in such an interpreter too.

    A timed block is repeated until it takes `least_seconds`, at the least a thousand times what a call and the clock cost. Before, it is encoded `untimed`
    times: the first time after another process has had the cores is slower, and differs twice as much from turn to turn as those that follow.
    """

    rounds: int
    block: Mapping[Bucket, int]
    singles: int
    batch_sizes: tuple[int, ...]
    warm_up: int
    most_rounds: int = 0
    rounds_a_process: int = 0
    least_seconds: float = 0.05
    untimed: int = 0
    cold: int = 0

    def on(self, device: str) -> Profile:
        """The profile for a device: a GPU is kept busy by larger batches only."""
        if not device.startswith("cuda"):
            return self
        block = {bucket: CUDA_SCALE * count for bucket, count in self.block.items()}
        return dataclasses.replace(self, block=block, batch_sizes=tuple(CUDA_SCALE * size for size in self.batch_sizes))


PROFILES = {
    "quick": Profile(rounds=10, most_rounds=30, block={"short": 16, "medium": 6, "long": 1}, singles=7, batch_sizes=(8,), warm_up=3),
    "full": Profile(
        rounds=20,
        most_rounds=40,
        rounds_a_process=2,
        block={"short": 32, "medium": 12, "long": 2},
        singles=34,
        batch_sizes=(8, 32),
        warm_up=5,
        least_seconds=0.25,
        untimed=1,
        cold=3,
    ),
}
CUDA_SCALE = 4
"""How many times as many texts a block has on a GPU, and a batch."""
SETTLED = 0.05
"""Two blocks take the same time when they differ by no more than this share: about what the blocks of a warm model on a quiet machine differ by."""
