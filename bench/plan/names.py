"""What a name on the command line stands for: a candidate, or a row of the board, which may be several seeds of one; and whether it is the same everywhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from bench.cards.candidate import Candidate, FromBase
from bench.cards.load import Library
from bench.cards.seeds import groups
from bench.cards.suites import Suite
from bench.digests import digest


def unfolded(names: Iterable[str], candidates: Sequence[Candidate]) -> list[str]:
    """The candidates that names stand for: where a name is that of a row which several seeds share, all of these. Names of neither are left as they are."""
    known = {candidate.name for candidate in candidates}
    rows = groups(candidates)
    return list(dict.fromkeys(each for name in names for each in ([name] if name in known else rows.get(name, [name]))))


def ambiguous(names: Iterable[str], suites: Sequence[str], library: Library) -> list[str]:
    """The names that stand for different models in several suites, all of which have them; names that mean the same in all are not listed."""
    return [name for name in names if len({_meaning(name, library.suites[suite], library.candidates[suite]) for suite in suites}) > 1]


def _meaning(name: str, suite: Suite, candidates: Sequence[Candidate]) -> str:
    """Digest of what the candidates behind a name are made of; with whom they are compared is no part of it."""
    everyone = {candidate.name: candidate for candidate in candidates}
    return digest([_made_of(everyone[each], suite, everyone) for each in unfolded([name], candidates)])


def _made_of(candidate: Candidate, suite: Suite, everyone: Mapping[str, Candidate]) -> list[object]:
    base = suite.bases.get(candidate.base) if isinstance(candidate, FromBase) else None
    recipe = suite.recipes.get(candidate.recipe or "") if isinstance(candidate, FromBase) else None
    teacher = everyone.get(candidate.taught_by or "")
    return [
        dataclasses.replace(candidate, parent=None),
        None if base is None else dataclasses.replace(base, license=None),
        None if recipe is None else dataclasses.replace(recipe, curve=None),
        None if teacher is None else _made_of(teacher, suite, everyone),
    ]
