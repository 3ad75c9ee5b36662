"""What the command line chooses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

Stage = Literal["make", "evaluate", "probe"]


@dataclasses.dataclass(frozen=True)
class Options:
    """Selectors and settings of a run. `jobs` are the candidates that are worked on at a time; 0 leaves it to the machine and the work."""

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
