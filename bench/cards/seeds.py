"""Training seeds: candidates that differ in nothing else are one row of a board, and what can be wrong with the name of that row."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bench.cards.candidate import Candidate
from bench.digests import digest


def groups(candidates: Iterable[Candidate]) -> dict[str, list[str]]:
    """Names of candidates that differ only in seed, under the name of the row that they become; alone, a candidate keeps its name.

    Every candidate is in one group, and no two groups have one name, as long as no two candidates have. A row is called as its candidates are but for their
    `-seedN`; where that is the name of another candidate or row (which `seed_flaws` refuses), it is called as the first of them.
    """
    members = _alike(candidates)
    names = {name for group in members for name in group}
    wanted = Counter(_without_seed(group[0]) for group in members if len(group) > 1)
    found = {}
    for group in members:
        short = _without_seed(group[0])
        free = len(group) > 1 and wanted[short] == 1 and short not in names - set(group)
        found[short if free else group[0]] = group
    return found


def seed_flaws(candidates: Sequence[Candidate]) -> Iterator[tuple[str, str]]:
    """The first candidate of every group whose row cannot be called as it should, and a message that names both sides and the mend."""
    members = _alike(candidates)
    for group in (several for several in members if len(several) > 1):
        short = _without_seed(group[0])
        said = f"{_listed(group)} differ in their seed only, so they become one row, {short!r}"
        for other in members:
            if other is not group and short in other:
                yield group[0], f"{said}; another candidate has that name; rename one of them"
            elif other is not group and len(other) > 1 and short == _without_seed(other[0]):
                yield group[0], f"{said}; and so do {_listed(other)}, which are made in another way; rename one of the two groups"


def _alike(candidates: Iterable[Candidate]) -> list[list[str]]:
    """The names of candidates by what they say but for name, seed and parent; of one that shares its seed with another of its group, its name alone."""
    alike: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        alike.setdefault(digest(dataclasses.replace(candidate, name="x", seed=0, parent=None, precision=candidate.runs_in)), []).append(candidate)
    found = []
    for group in alike.values():
        names = [candidate.name for candidate in group]
        found += [names] if len({candidate.seed for candidate in group}) == len(group) else [[name] for name in names]
    return found


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} and {names[-1]!r}"


def _without_seed(name: str) -> str:
    return re.sub(r"-seed\d+", "", name)
