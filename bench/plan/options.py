"""What the command line chooses."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Literal

Stage = Literal["make", "evaluate", "probe"]


@dataclasses.dataclass(frozen=True)
class Options:
    """Selectors and settings of a run.

    `jobs` are the candidates that are worked on at a time; 0 leaves it to the machine and the work. `force` computes everything chosen anew, `reprobe` the
    measurements of cost. `threads` are those that models are measured with; 0 for as many as there are cores.
    """

    suite: str | None = None
    names: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    device: str = "cpu"
    probe: str = "quick"
    data_dir: Path | None = None
    offline: bool = False
    shard: tuple[int, int] = (1, 1)
    jobs: int = 1
    stages: tuple[Stage, ...] = ("make", "evaluate", "probe")
    force: bool = False
    reprobe: bool = False
    threads: int = 0


def stay_offline() -> None:
    """Keep the Hub's libraries off the network, here and in child processes. They read this when they are first imported, so it has to be called before."""
    os.environ["HF_HUB_OFFLINE"] = "1"
