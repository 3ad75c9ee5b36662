"""A plan's cells by what has to be worked on together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from bench.cards.kinds import External, Static
from bench.make.blueprint import Blueprint
from bench.plan.cells import Cell
from bench.plan.planning import PlannedCandidate


@dataclasses.dataclass(frozen=True)
class Job:
    """What there is to do for one candidate: its make and evaluate cells that are not done, in order."""

    blueprint: Blueprint
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.blueprint.candidate.name


@dataclasses.dataclass(frozen=True)
class Unit:
    """Jobs that one worker does in this order: the candidates of one training, or of one checkpoint, which would wait for each other anyway.

    `after` names candidates of other units that must be made before. `cost` is a rough one, `largest_base` is in bytes.
    """

    jobs: tuple[Job, ...]
    after: frozenset[str]
    cost: int
    largest_base: int

    @property
    def names(self) -> frozenset[str]:
        """The candidates."""
        return frozenset(job.name for job in self.jobs)


def units(candidates: Iterable[PlannedCandidate]) -> list[Unit]:
    """The make and evaluate cells that are to be run, by training."""
    grouped: dict[str, list[Job]] = {}
    for planned in candidates:
        cells = tuple(cell.cell for cell in planned.cells if cell.to_run and cell.cell.stage != "probe")
        if cells and planned.blueprint is not None:
            grouped.setdefault(planned.blueprint.training_key, []).append(Job(planned.blueprint, cells))
    return [_unit(jobs) for jobs in grouped.values()]


def _unit(jobs: list[Job]) -> Unit:
    teachers = {job.blueprint.candidate.taught_by for job in jobs} - {job.name for job in jobs}
    bases = {job.blueprint.base for job in jobs}
    return Unit(
        tuple(jobs),
        after=frozenset(name for name in teachers if name is not None),
        cost=max(_training(job.blueprint) for job in jobs) + sum(_encoding(job.blueprint) for job in jobs),
        largest_base=max(_bytes(base) for base in bases),
    )


def _training(blueprint: Blueprint) -> int:
    """Roughly how long making a candidate takes: a layer that is trained takes about twice what it takes to encode the suite's texts.

    For a static model the whole base embeds every token, and a teacher embeds what its student learns from.
    """
    if isinstance(blueprint.candidate, Static):
        return blueprint.total
    if not blueprint.recipe.phases:
        return 0
    return 2 * (blueprint.total if blueprint.every_depth else len(blueprint.kept)) + (0 if blueprint.teacher is None else _encoding(blueprint.teacher))


def _encoding(blueprint: Blueprint) -> int:
    """Roughly how long a candidate encodes: by layers, twice that in int8, which takes one text at a time.

    A model that is not made here is taken for one of twelve layers.
    """
    if isinstance(blueprint.candidate, External):
        return 12
    return len(blueprint.kept) * (2 if blueprint.candidate.precision == "int8" else 1)


def _bytes(base: Path | None) -> int:
    """The size of a base's files; 0 where there is no base."""
    return 0 if base is None else sum(path.stat().st_size for path in base.rglob("*") if path.is_file())
