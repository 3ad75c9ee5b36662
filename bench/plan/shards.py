"""Which part of a suite a machine of several does: `--shard i/n`.

A candidate's part follows from its card alone, not from its place among others: one that is added moves no other. What would be made twice stays together: a
student with its teacher, the depths of one training, the precisions of one checkpoint. So parts are not equally large, and of few candidates one may be empty.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from bench.cards.candidate import Candidate, FromBase
from bench.digests import digest


def shard_of(candidate: Candidate, everyone: Mapping[str, Candidate], count: int) -> int:
    """The part of `count` that a candidate belongs to, from 1: the remainder of the digest of what is made for it.

    Args:
        candidate: One of the suite.
        everyone: All candidates of the suite, by name.
        count: How many parts there are.
    """
    return 1 + int(digest(_made_for(candidate, everyone)), 16) % count


def _made_for(candidate: Candidate, everyone: Mapping[str, Candidate]) -> Candidate:
    """The candidate, or its teacher, without what decides no weight; of a nested one without what cuts it out of its training."""
    made = candidate if candidate.taught_by is None else everyone[candidate.taught_by]
    changes: dict[str, Any] = {"name": "x", "parent": None, "precision": None, "backend": "torch"}
    if isinstance(made, FromBase) and made.every_depth:
        cut = {field.name for field in dataclasses.fields(made)} & {"keep", "dimensions"}
        changes |= dict.fromkeys(cut)
    return dataclasses.replace(made, **changes)
