"""Selectors to the suite, candidates and tasks that they name."""

from __future__ import annotations

import dataclasses

from bench.cards.candidate import Candidate
from bench.cards.load import Library, pick
from bench.cards.seeds import groups
from bench.cards.suites import Suite
from bench.cards.workspace import DEFAULT_SUITE
from bench.errors import SelectionError, nearest
from bench.plan.names import ambiguous, unfolded
from bench.plan.options import Options


@dataclasses.dataclass(frozen=True)
class Selection:
    """One suite, and what is chosen of it. `everyone` are all of its candidates, by name; a chosen one may need others of them."""

    suite: Suite
    everyone: dict[str, Candidate]
    chosen: tuple[Candidate, ...]
    tasks: tuple[str, ...]


def select(library: Library, options: Options) -> Selection:
    """What the options choose.

    Raises:
        SelectionError: A name matches nothing, or stands for different models in several suites and no suite is named.
    """
    suite = _pick_suite(library, options)
    everyone = {candidate.name: candidate for candidate in library.candidates[suite.name]}
    named = list(pick(unfolded(options.names, library.candidates[suite.name]), everyone, f"candidate of suite {suite.name!r}").values())
    index, count = options.shard
    tasks = pick(options.tasks, dict.fromkeys(suite.suite.tasks), f"task of suite {suite.name!r}")
    return Selection(suite, everyone, tuple(named[index - 1 :: count]), tuple(tasks))


def _pick_suite(library: Library, options: Options) -> Suite:
    """The suite asked for; without one, the first that has every candidate named, the default suite before all others.

    Where several have them, each has to mean the same model in all. A candidate's own name comes before that of a row of several seeds.
    """
    if not library.suites:
        raise SelectionError("no suites: expected at least one models/*.toml in the workspace")
    if options.suite is not None:
        if options.suite not in library.suites:
            raise SelectionError(f"no suite {options.suite!r}" + nearest(options.suite, library.suites))
        return library.suites[options.suite]
    order = sorted(library.suites, key=lambda name: (name != DEFAULT_SUITE, name))
    known = {name: {candidate.name for candidate in library.candidates[name]} for name in order}
    fits = [name for name in order if set(options.names) <= known[name]]
    fits = fits or [name for name in order if set(unfolded(options.names, library.candidates[name])) <= known[name]]
    if unclear := ambiguous(options.names, fits, library):
        raise SelectionError(f"{unclear[0]!r} is another model in each of the suites {' and '.join(fits)}; say which one with --suite, like --suite {fits[0]}")
    if fits:
        return library.suites[fits[0]]
    valid = set().union(*known.values(), *(groups(candidates) for candidates in library.candidates.values()))
    unknown = [name for name in options.names if name not in valid]
    if unknown:
        raise SelectionError(f"no candidate {unknown[0]!r} in any suite" + nearest(unknown[0], valid))
    raise SelectionError(f"{', '.join(options.names)} are of different suites; run them one suite at a time with --suite")
