"""What is stored of a plan's candidates and is to be computed anew goes before the run begins, so that nothing of it is reused.

Measurements that are only to be made anew (`--reprobe`) stand until they are replaced: see `bench.run.measuring`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.cards.kinds import External
from bench.faults import storage
from bench.make.blueprint import Blueprint
from bench.plan.archive import Archive
from bench.plan.cells import Cell, PlannedCell
from bench.plan.keys import evaluate_key, measurement_key
from bench.plan.planning import Plan


def forget(plan: Plan) -> None:
    """Remove what `--force` asks for: results, checkpoints, trainings and embeddings.

    Teachers that are not chosen, trimmed bases and the folders of external models stay.

    Raises:
        StorageError: Something cannot be removed.
    """
    chosen = {candidate.name for candidate in plan.selection.chosen}
    for name in chosen & plan.candidates.keys() if plan.options.force else ():
        planned = plan.candidates[name]
        if planned.blueprint is not None:
            for path in list(_paths(plan, planned.blueprint, planned.cells)):
                _remove(path)


def _paths(plan: Plan, blueprint: Blueprint, cells: tuple[PlannedCell, ...]) -> Iterator[Path]:
    """The files and folders to remove; what is found by the checkpoint comes before it."""
    made = plan.archive.made(blueprint)
    if made is not None:
        for cell in cells:
            yield from _results(plan, blueprint, made["content"], cell.cell)
    yield from _checkpoint(plan.archive, blueprint)


def _results(plan: Plan, blueprint: Blueprint, content: str, cell: Cell) -> Iterator[Path]:
    """The score or the measurement of a checkpoint, and the embeddings that the score is of."""
    archive, candidate, how = plan.archive, blueprint.candidate, plan.options
    if cell.stage == "probe":
        for reference in (plan.reference.content, None):
            yield archive.store.path(measurement_key(candidate, content, how.device, how.probe, reference=reference, threads=how.threads))
    elif cell.stage == "evaluate" and not plan.tasks[cell.target].problem:
        key = evaluate_key(candidate, content, plan.tasks[cell.target], how.device)
        stored = archive.store.get(key)
        if stored is not None and "used" in stored:
            yield archive.embeddings_folder(candidate, content, stored["used"]["prompt"])
        yield archive.store.path(key)


def _checkpoint(archive: Archive, blueprint: Blueprint) -> Iterator[Path]:
    """The result of the making, and what was made."""
    yield archive.store.path(blueprint.key)
    if not isinstance(blueprint.candidate, External):
        folder, training = archive.checkpoint_folder(blueprint), blueprint.training_key[:32]
        yield from (folder, folder.with_name(f".training-{training}"), folder.with_name(f"nested-{training}"))


def _remove(path: Path) -> None:
    with storage(path):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
