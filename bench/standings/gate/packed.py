"""Replicates of scores as short texts, without losing a digit.

A result keeps replicates with six digits after the point. As whole millionths in 4 bytes each, the bytes sorted by their place, compressed and written in
base64, a replicate takes about 3 characters in place of 10, and what is read is what was written, bit for bit.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import BenchError
from bench.statistics.estimate import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SCALE = 1_000_000
"""`Estimate.record` rounds to six digits."""


def pack(values: list[float] | str) -> str:
    """Numbers between -2,147 and 2,147 with six digits after the point, as base64 text; a text is returned as it is."""
    if isinstance(values, str):
        return values
    whole = np.rint(np.asarray(values, dtype=np.float64) * SCALE).astype("<i4")
    return base64.b64encode(zlib.compress(whole.view(np.uint8).reshape(-1, 4).T.tobytes(), 9)).decode()


def unpack(text: str | list[float]) -> Floats:
    """float64 (n,): what `pack` was given; numbers are returned as they are."""
    if not isinstance(text, str):
        return np.asarray(text, dtype=np.float64)
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
    return np.ascontiguousarray(planes.reshape(4, -1).T).view("<i4").ravel() / SCALE


def pack_estimate(record: Mapping[str, Any]) -> dict[str, Any]:
    """What `Estimate.record` gives, with packed replicates."""
    factors = {name: {"deviations": one["deviations"], "with_items": pack(one["with_items"])} for name, one in record["factors"].items()}
    return {**record, "items": pack(record["items"]), "factors": factors}


def read_estimate(record: Mapping[str, Any]) -> Estimate:
    """The estimate of a result or of a baseline, whose replicates may be packed.

    Raises:
        BenchError: It is not what `pack_estimate` gives.
    """
    try:
        factors = {name: {"deviations": one["deviations"], "with_items": unpack(one["with_items"])} for name, one in record["factors"].items()}
        return Estimate.read({**record, "items": unpack(record["items"]), "factors": factors})
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise BenchError(f"the replicates of a score cannot be read ({type(error).__name__}: {error}); bless the baseline anew with --update") from None
