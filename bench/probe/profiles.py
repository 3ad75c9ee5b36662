"""How much is measured: `quick` for every run, `full` for numbers that are published."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from bench.probe.texts import Bucket


@dataclasses.dataclass(frozen=True)
class Profile:
    """What is measured, and how often.

    In each of the `rounds` every model encodes one block of texts (`block` says how many of each bucket) and then `singles` texts one by one. Six rounds are
    the fewest that give an interval; 64 single texts in all are the fewest that give a 90th percentile, 662 a 99th (`bench.statistics.latency`).

    `buckets` are blocks of one length each, measured in every round too. `batch_sizes` are tried before the rounds, with `sweep` blocks each, the
    quickest of which counts. A model is warm when two blocks that follow
    each other take the same time but for `SETTLED`, or after `warm_up` blocks. `cold` is how many fresh interpreters are started for the time to the first
    embedding; with any, memory is measured in such an interpreter too.
    """

    rounds: int
    block: Mapping[Bucket, int]
    singles: int
    batch_sizes: tuple[int, ...]
    warm_up: int
    sweep: int
    buckets: Mapping[Bucket, int] = dataclasses.field(default_factory=dict)
    cold: int = 0


PROFILES = {
    "quick": Profile(rounds=6, block={"short": 16, "medium": 7, "long": 1}, singles=11, batch_sizes=(8, 24), warm_up=3, sweep=1),
    "full": Profile(
        rounds=15,
        block={"short": 80, "medium": 40, "long": 8},
        singles=45,
        batch_sizes=(1, 8, 32, 128),
        warm_up=12,
        sweep=3,
        buckets={"short": 32, "medium": 32, "long": 8},
        cold=3,
    ),
}
SETTLED = 0.05
"""Two blocks take the same time when they differ by no more than this share: about what the blocks of a warm model on a quiet machine differ by."""
LEAST_SECONDS = 0.05
"""A timed block is repeated until it takes at least as long: a thousand times what a call and the clock cost."""
PREFERRED = 0.05
"""A larger batch size is taken only where it is quicker by more than this share: else equal models would be measured at different sizes, by accident."""
