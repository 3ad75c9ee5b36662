"""The candidate that costs are compared with: it is measured beside every other, so that each speed is a ratio too."""

from __future__ import annotations

import dataclasses

from bench.cards.candidate import Candidate
from bench.errors import BenchError, first_line
from bench.make.blueprint import Blueprint
from bench.plan.archive import Archive
from bench.plan.resolve import Resolver
from bench.plan.selection import Selection


@dataclasses.dataclass(frozen=True)
class Reference:
    """A suite's reference as it is now.

    `content` is the digest of its checkpoint; None where that is not there, for which `missing` says why. A run may make it yet. `told` is what results name it
    by, which is known also where only they were brought from another machine.
    """

    candidate: Candidate
    blueprint: Blueprint | None
    content: str | None
    missing: str = ""
    told: str | None = None


def reference_of(selection: Selection, resolver: Resolver, archive: Archive) -> Reference:
    """The reference of a selection's suite. It is never made for the sake of a measurement: what it costs to make has nothing to do with what is asked for."""
    candidate = selection.everyone[selection.suite.reference]
    try:
        blueprint = resolver.blueprint(candidate)
    except BenchError as error:
        return Reference(candidate, None, None, f"the reference {candidate.name} cannot be made: {first_line(error)}")
    made, told = archive.made(blueprint), archive.told(blueprint)
    if made is None:
        missing = f"the reference {candidate.name} is not made; `bench make {candidate.name}` makes it"
        return Reference(candidate, blueprint, None, missing, None if told is None else told["content"])
    return Reference(candidate, blueprint, made["content"], told=made["content"])
