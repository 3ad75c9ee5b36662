"""Selectors to the suite, candidates and tasks that they name."""

from __future__ import annotations

import dataclasses

from bench.cards.candidate import Candidate
from bench.cards.load import Library, pick
from bench.cards.suites import Suite
from bench.cards.workspace import DEFAULT_SUITE, is_builtin
from bench.errors import SelectionError, nearest
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
        SelectionError: A name matches nothing.
    """
    suite = _pick_suite(library, options)
    everyone = {candidate.name: candidate for candidate in library.candidates[suite.name]}
    named = list(pick(options.names, everyone, f"candidate of suite {suite.name!r}").values())
    index, count = options.shard
    tasks = pick(options.tasks, dict.fromkeys(suite.suite.tasks), f"task of suite {suite.name!r}")
    return Selection(suite, everyone, tuple(named[index - 1 :: count]), tuple(tasks))


def _pick_suite(library: Library, options: Options) -> Suite:
    """The suite asked for; without one, the first that has every candidate named: own suites before built-in ones, the default suite before others."""
    if not library.suites:
        raise SelectionError("no suites: expected at least one models/*.toml in the workspace")
    if options.suite is not None:
        if options.suite not in library.suites:
            raise SelectionError(f"no suite {options.suite!r}" + nearest(options.suite, library.suites))
        return library.suites[options.suite]
    order = sorted(library.suites, key=lambda name: (is_builtin(library.suites[name].file), name != DEFAULT_SUITE, name))
    for name in order:
        if set(options.names) <= {candidate.name for candidate in library.candidates[name]}:
            return library.suites[name]
    known = {candidate.name for candidates in library.candidates.values() for candidate in candidates}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        raise SelectionError(f"no candidate {unknown[0]!r} in any suite" + nearest(unknown[0], known))
    raise SelectionError(f"{', '.join(options.names)} are of different suites; run them one suite at a time with --suite")
