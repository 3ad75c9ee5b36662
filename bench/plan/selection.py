"""Selectors to the suite, candidates and tasks that they name."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterable, Sequence
from typing import TypeVar

from bench.cards.candidate import Candidate
from bench.cards.load import Library, pick
from bench.cards.seeds import groups
from bench.cards.suites import Suite
from bench.cards.workspace import DEFAULT_SUITE, is_builtin
from bench.errors import SelectionError, nearest
from bench.plan.names import ambiguous, unfolded
from bench.plan.options import Options
from bench.plan.shards import shard_of

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Selection:
    """One suite, and what is chosen of it. `everyone` are all of its candidates, by name; a chosen one may need others of them."""

    suite: Suite
    everyone: dict[str, Candidate]
    chosen: tuple[Candidate, ...]
    tasks: tuple[str, ...]


def select(library: Library, options: Options) -> Selection:
    """What the options choose. Names of candidates and tasks may be patterns as in a shell: `small-top*`.

    Raises:
        SelectionError: A name matches nothing, or stands for different models in several suites and no suite is named.
    """
    suite = _pick_suite(library, options)
    everyone = {candidate.name: candidate for candidate in library.candidates[suite.name]}
    names = unfolded(options.names, library.candidates[suite.name])
    _refuse_those_of_others(names, suite.name, library)
    named = list(_pick_matching(names, everyone, f"candidate of suite {suite.name!r}").values())
    index, count = options.shard
    tasks = _pick_matching(options.tasks, dict.fromkeys(suite.suite.tasks), f"task of suite {suite.name!r}")
    own = tuple(candidate for candidate in named if count == 1 or shard_of(candidate, everyone, count) == index)
    return Selection(suite, everyone, own, tuple(tasks))


def _refuse_those_of_others(names: Sequence[str], suite: str, library: Library) -> None:
    """Refuse a name that this suite lacks and others have, and say which: the suite may be the default of `bench.toml`, and the name is no slip."""
    for name in names:
        if _is_pattern(name) or any(name == one.name for one in library.candidates[suite]):
            continue
        if others := _fitting(library, [name]):
            raise SelectionError(f"no candidate {name!r} in suite {suite!r}, but in {' and '.join(map(repr, others))}; give --suite {others[0]}")


def _pick_matching(names: Sequence[str], available: dict[str, T], what: str) -> dict[str, T]:
    """What `pick` gives for the names and all that the patterns among them match."""
    found = {name: _matches(name, available) for name in names}
    for pattern, matched in found.items():
        if not matched and _is_pattern(pattern):
            raise SelectionError(f"no {what} matches {pattern!r}" + nearest(pattern.strip("*"), available))
    return pick([one for name, matched in found.items() for one in (matched if _is_pattern(name) else [name])], available, what)


def _is_pattern(name: str) -> bool:
    """True where a name may stand for several."""
    return any(sign in name for sign in "*?[")


def _matches(name: str, available: Iterable[str]) -> list[str]:
    return [one for one in available if fnmatch.fnmatchcase(one, name)] if _is_pattern(name) else [one for one in available if one == name]


def _pick_suite(library: Library, options: Options) -> Suite:
    """The suite asked for; without one, the first that has every candidate named: own suites before built-in ones, the default suite before others.

    Where several own (or several built-in) ones have them, each name has to mean the same model in all. A candidate's own name comes before that of a row of
    several seeds.
    """
    if not library.suites:
        raise SelectionError("no suites: expected at least one models/*.toml in the workspace")
    if options.suite is not None:
        if options.suite not in library.suites:
            raise SelectionError(f"no suite {options.suite!r}" + nearest(options.suite, library.suites))
        return library.suites[options.suite]
    fits = _fitting(library, options.names)
    if unclear := ambiguous([name for name in options.names if not _is_pattern(name)], fits, library):
        raise SelectionError(f"{unclear[0]!r} is another model in each of the suites {' and '.join(fits)}; say which one with --suite, like --suite {fits[0]}")
    if fits:
        return library.suites[fits[0]]
    known = {name: {candidate.name for candidate in candidates} for name, candidates in library.candidates.items()}
    valid = set().union(*known.values(), *(groups(candidates) for candidates in library.candidates.values()))
    unknown = [name for name in options.names if not _matches(name, valid)]
    if unknown:
        raise SelectionError(f"no candidate {unknown[0]!r} in any suite" + nearest(unknown[0].strip("*"), valid))
    raise SelectionError(f"{', '.join(options.names)} are of different suites; run them one suite at a time with --suite")


def _fitting(library: Library, names: Sequence[str]) -> list[str]:
    """The suites that have every name: own ones, or where none has them built-in ones; as names of candidates, or where none has them so as names of rows."""
    order = sorted(library.suites, key=lambda name: (name != DEFAULT_SUITE, name))
    for builtin in (False, True):
        known = {name: [candidate.name for candidate in library.candidates[name]] for name in order if is_builtin(library.suites[name].file) == builtin}
        fits = [name for name in known if all(_matches(one, known[name]) for one in names)]
        fits = fits or [name for name in known if all(_matches(one, known[name]) for one in unfolded(names, library.candidates[name]))]
        if fits:
            return fits
    return []
