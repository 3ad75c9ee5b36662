"""How long a plan's work takes and how much room its checkpoints need, from what is stored of the same kind on this machine."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.cards.kinds import External, Lexical
from bench.digests import digest
from bench.make.blueprint import Blueprint
from bench.plan.cells import PlannedCell
from bench.plan.planning import Plan, PlannedCandidate
from bench.probe.machine import fingerprint
from bench.store import Result, Unsound, unseal

ROUGH = {"make": 10.0, "evaluate": 1.0, "probe": 2.0}
"""What a cell of a stage weighs beside others of which as little is known, so that many cheap cells do not lead the time left astray: about seconds, on a
small model."""
UNTRAINED = 1.0
"""What a making without training weighs beside them."""
BYTES = 4
"""Of a number in a checkpoint, which is stored in fp32."""
_LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a plan costs.

    `seconds` of work, one candidate after the other, are of the `known` cells among those to run; of `unknown` cells nothing of the same kind is stored.
    `checkpoint_bytes` are at most what the checkpoints to be made need, as far as it is known; `free_bytes` are what the disk has.
    """

    seconds: float
    known: int
    unknown: int
    checkpoint_bytes: int
    free_bytes: int


def estimate(plan: Plan) -> Estimate:
    """What the cells of a plan that are to run cost."""
    history = _History(plan)
    found = [seconds for planned in plan.candidates.values() for seconds in history.of(planned)]
    known = [seconds for seconds in found if seconds is not None]
    state = plan.archive.state
    free = shutil.disk_usage(next(folder for folder in (state, *state.parents) if folder.is_dir())).free
    makings = [planned.blueprint for planned in plan.candidates.values() if planned.blueprint is not None and planned.cells[0].to_run]
    return Estimate(sum(known), len(known), len(found) - len(known), sum(map(_checkpoint_bytes, makings)), free)


def with_estimates(plan: Plan) -> Plan:
    """The plan with what each cell that is to run is expected to take.

    A cell of which nothing is known weighs what its stage takes where it is known in this plan: beside makings of minutes, another one takes minutes too.
    """
    history = _History(plan)
    expected = {name: _expected(planned, history.of(planned)) for name, planned in plan.candidates.items()}
    pace = _pace([one for cells in expected.values() for one in cells])
    return dataclasses.replace(
        plan,
        candidates={
            name: dataclasses.replace(planned, cells=tuple(one.with_weight(pace) for one in expected[name])) for name, planned in plan.candidates.items()
        },
    )


class _Expected(NamedTuple):
    """A cell, what it weighs roughly beside others of its stage, and the seconds that it is known to take."""

    cell: PlannedCell
    rough: float
    seconds: float | None

    def with_weight(self, pace: Mapping[str, float]) -> PlannedCell:
        weight = self.rough * pace[self.cell.cell.stage] if self.seconds is None else self.seconds
        return dataclasses.replace(self.cell, seconds=self.seconds, weight=weight)


def _expected(planned: PlannedCandidate, seconds: Sequence[float | None]) -> list[_Expected]:
    """The cells of a candidate, given the seconds of those that are to run."""
    trains = planned.blueprint is not None and bool(planned.blueprint.lineage.get("phases"))
    left = iter(seconds)
    found = []
    for cell in planned.cells:
        rough = UNTRAINED if cell.cell.stage == "make" and not trains else ROUGH[cell.cell.stage]
        found.append(_Expected(cell, rough, next(left, None) if cell.to_run else None))
    return found


def _pace(expected: Sequence[_Expected]) -> dict[str, float]:
    """Seconds for one of rough weight, by stage: as the cells of the stage that are known take, else as all that are known; 1 where none is."""
    known = [(one.cell.cell.stage, one.rough, one.seconds) for one in expected if one.seconds is not None]
    paces = {}
    for stage in ROUGH:
        like = [one for one in known if one[0] == stage] or known
        paces[stage] = sum(seconds for *_, seconds in like) / sum(rough for _, rough, _ in like) if like else 1.0
    return paces


class _History:
    """Seconds that stored cells took on this machine, by the kind of their candidate."""

    def __init__(self, plan: Plan) -> None:
        self._probe = plan.options.probe
        self._makings: dict[str, list[float]] = defaultdict(list)
        self._encodings: dict[str, dict[str, float]] = defaultdict(dict)
        self._scorings: dict[str, list[float]] = defaultdict(list)
        self._probes: dict[str, list[float]] = defaultdict(list)
        if any(cell.to_run for cell in plan.cells):
            self._read(_results(plan.archive.store.folder, fingerprint(plan.options.device)))

    def of(self, planned: PlannedCandidate) -> list[float | None]:
        """The seconds of each cell that is to run; None where nothing is known. The first evaluation has the encoding of the texts of all."""
        cells = [cell.cell for cell in planned.cells if cell.to_run]
        if planned.blueprint is None or not cells:
            return []
        lineage = planned.blueprint.lineage
        model = _model_kind(lineage)
        encoding = _mean(self._encodings[model].values())
        found: list[float | None] = []
        for cell in cells:
            if cell.stage == "make":
                found.append(_mean(self._makings[_making_kind(lineage)]))
            elif cell.stage == "probe":
                found.append(_mean(self._probes[f"{model} {self._probe}"]))
            else:
                scoring = _mean(self._scorings[cell.target])
                found.append(None if encoding is None or scoring is None else encoding + scoring)
                encoding = None if encoding is None else 0.0
        return found

    def _read(self, results: list[Result]) -> None:
        models = {}
        for made in (result for result in results if result["cell"]["stage"] == "make"):
            models[made["content"]] = _model_kind(made["lineage"])
            self._makings[_making_kind(made["lineage"])].append(made["seconds"]["wall"])
        for result in results:
            parts, wall = result["key_parts"], result["seconds"]["wall"]
            model = models.get(parts.get("content", ""))
            if result["cell"]["stage"] == "probe":
                self._probes[f"{model} {parts['profile']}"].append(wall)
            elif result["cell"]["stage"] == "evaluate":
                self._scorings[result["cell"]["target"]].append(wall)
                if model is not None and result["encoding"]["encoded_now"]:
                    longest = self._encodings[model].get(parts["content"], 0.0)
                    self._encodings[model][parts["content"]] = max(longest, result["encoding"]["seconds"])


def _results(folder: Path, machine: Mapping[str, Any]) -> list[Result]:
    """The sound results that were computed on this machine."""
    found = []
    for path in folder.glob("*/*.json"):
        try:
            result = unseal(path.read_bytes())
        except (OSError, Unsound):  # a plan says elsewhere what cannot be used
            continue
        if result.get("status") == "done" and result.get("machine") == machine:
            found.append(result)
    return found


def _model_kind(lineage: Mapping[str, Any]) -> str:
    """Models that take the same time to encode: one base, as many layers, one vocabulary."""
    vocabulary = {key: value for key, value in lineage.items() if "vocabulary" in key}
    return digest([lineage["kind"] == "lexical", lineage.get("base_digest") or lineage.get("weights"), len(lineage.get("kept_layers", ())), vocabulary])


def _making_kind(lineage: Mapping[str, Any]) -> str:
    """Candidates that take the same time to make: models of one kind with as many rows and the same settings in every phase."""
    phases = [
        {key: value for key, value in phase.items() if key not in {"rows_digest", "left_out_for_standing_in_a_test"}} for phase in lineage.get("phases", ())
    ]
    return digest([lineage["kind"], _model_kind(lineage), phases])


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return statistics.fmean(values) if values else None


def _checkpoint_bytes(blueprint: Blueprint) -> int:
    """What a checkpoint needs at most: every number of the base but those of layers and tokens that go. 0 where the base's files do not tell."""
    if blueprint.base is None or isinstance(blueprint.candidate, External | Lexical):
        return 0
    kept = set(range(blueprint.total)) if blueprint.every_depth else set(blueprint.kept)
    vocabulary = blueprint.candidate.vocabulary
    tokens = None if vocabulary is None else vocabulary.size or len(blueprint.tokens.tokens if blueprint.tokens is not None else ())
    total = 0
    for path in blueprint.base.rglob("*.safetensors"):
        for name, shape in _shapes(path).items():
            layer = _LAYER.search(name)
            if layer is None or int(layer[1]) in kept:
                rows = min(shape[0], tokens) if tokens and "embed" in name and len(shape) == 2 else (shape or [1])[0]
                total += BYTES * rows * math.prod(shape[1:])
    return total


def _shapes(path: Path) -> dict[str, list[int]]:
    """The shapes of a file's tensors, from its head: https://huggingface.co/docs/safetensors, "Format"."""
    with path.open("rb") as handle:
        head = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
    return {name: tensor["shape"] for name, tensor in head.items() if name != "__metadata__"}
