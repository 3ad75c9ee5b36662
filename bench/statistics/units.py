"""Resampling units: which rows of which files a test is made of, and how much each weighs in each resample.

A unit is a row of a file, named by the file's digest and the row's number. Its weights depend on that name alone. So one row weighs the same in every task,
language and rewritten form that reads it, and for every candidate: differences are paired, and what is parallel is resampled together.

The weights are multipliers of the weighted bootstrap (Praestgaard and Wellner 1993): independent, with mean 1 and variance 1. Each is one of two values
(Mammen 1993), whose first three central moments, 0, 1 and 1, are those of how often the usual bootstrap draws a row. Unlike such counts they are
never 0, so that no resample of a small test is empty.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Unit = tuple[str, int]
"""A file's digest and the number of a row in it, from 0."""

RESAMPLES = 1000
_ROOT = 5**0.5
LIGHT, HEAVY = 1 - (_ROOT - 1) / 2, 1 + (_ROOT + 1) / 2
"""0.38 and 2.62."""
OFTEN_LIGHT = (_ROOT + 1) / (2 * _ROOT)
"""How probable the light weight is: 0.72."""
_ROWS = 512
"""Rows of a file whose weights are drawn in one go."""


def numbered(name: str, count: int) -> tuple[Unit, ...]:
    """The first `count` rows of something called `name`: for rows that come from no file."""
    return tuple((name, number) for number in range(count))


def seeded(*name: str | int) -> np.random.Generator:
    """A random generator that depends on a name alone."""
    return np.random.default_rng(int(hashlib.sha256("\n".join(map(str, name)).encode()).hexdigest()[:16], 16))


@functools.lru_cache(maxsize=2)
def weights(units: tuple[Unit, ...]) -> Floats:
    """How much each row weighs in each resample: read-only float64 of shape (RESAMPLES, rows), mean 1. Rows of one unit have the same column."""
    heavy = np.empty((len(units), RESAMPLES), dtype=bool)
    for place, (file, number) in enumerate(units):
        heavy[place] = _heavy(file, number // _ROWS)[number % _ROWS]
    found = np.where(heavy, HEAVY, LIGHT).T  # stored row by row of the test, which is how scores go through it
    found.flags.writeable = False
    return found


@functools.lru_cache(maxsize=64)
def _heavy(file: str, part: int) -> NDArray[np.bool_]:
    """Where rows of a file weigh much: (rows, RESAMPLES)."""
    return seeded("weights", file, part).random((_ROWS, RESAMPLES), dtype=np.float32) >= OFTEN_LIGHT


def effective_number(units: Sequence[Unit]) -> float:
    """As how many units of one row the units count: (sum of sizes)^2 / sum of squared sizes (Kish 1965, "Survey Sampling").

    It is the number of rows where every row is a unit of its own.
    """
    sizes = np.array(list(Counter(units).values()), dtype=np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(sizes) else 0.0
