"""Selectors to cells: what a run consists of, what of it is stored already, and what cannot run and why. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from bench.cards.load import Library, load_library, pick
from bench.cards.specs import Candidate, Phase, Recipe, Suite
from bench.cards.workspace import DEFAULT_SUITE, Workspace
from bench.data.rows import missing_files, task_digest
from bench.data.training import DataCache, TrainingSet
from bench.data.unlabelled import UnlabelledTexts, unlabelled_texts
from bench.digests import digest, folder_digest
from bench.errors import BenchError, CorpusError, LayerError, SelectionError, nearest
from bench.make.checkpoint import Blueprint, content_digest
from bench.make.distill import check_width
from bench.make.strategies.pure import resolve_layers
from bench.make.strategies.ranked import Rankings, calibration_texts
from bench.models.architectures import check_dimensions, check_kept, embedding_width, layer_count, read_config, transformer_folder
from bench.models.encoders import ENCODING_VERSION
from bench.models.loading import locate_model
from bench.probe.machine import has_fast_bf16, versions
from bench.probe.protocol import probe_key
from bench.store import Result, Store

Stage = Literal["make", "evaluate", "probe"]
Status = Literal["done", "to do", "failed", "cannot run"]
SCORING_VERSION = 3
"""Raised when the same embeddings would give other scores, so that results of the old rule are not reused."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line chooses. `jobs` are the candidates that are worked on at a time; 0 leaves it to the machine and the work."""

    suite: str | None = None
    names: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    device: str = "cpu"
    probe: str = "quick"
    data_dir: Path | None = None
    offline: bool = False
    shard: tuple[int, int] = (1, 1)
    jobs: int = 1
    stages: tuple[Stage, ...] = ("make", "evaluate", "probe")


@dataclasses.dataclass(frozen=True)
class Cell:
    """The smallest unit of work: a candidate, a stage, and the task or device it is for."""

    candidate: str
    stage: Stage
    target: str = ""

    def __str__(self) -> str:
        return f"{self.candidate} {self.stage} {self.target}".rstrip()


@dataclasses.dataclass(frozen=True)
class PlannedCell:
    """A cell and where it stands. The key is None while the checkpoint that it depends on does not exist."""

    cell: Cell
    status: Status
    key: str | None = None
    reason: str = ""


class Planner:
    """Resolves the candidates and tasks of one suite and looks their cells up in the store.

    Raises:
        CardError: A card is wrong.
        SelectionError: A name matches nothing.
    """

    def __init__(self, workspace: Workspace, options: Options) -> None:
        self.workspace, self.options = workspace, options
        if options.offline:
            os.environ["HF_HUB_OFFLINE"] = "1"  # read by the Hub's libraries when they are first imported, which is later
        self.library: Library = load_library(workspace)
        self.store = Store(workspace.state / "results")
        self.suite: Suite = _pick_suite(self.library, options)
        self.data = DataCache(self.library, options.data_dir, offline=options.offline)
        everyone = {candidate.name: candidate for candidate in self.library.candidates[self.suite.name]}
        self.candidates: dict[str, Candidate] = everyone
        index, count = options.shard
        chosen = list(pick(options.names, everyone, f"candidate of suite {self.suite.name!r}").values())
        self.chosen: list[Candidate] = chosen[index - 1 :: count]
        tasks = dict.fromkeys(self.suite.suite.tasks)
        self.tasks: list[str] = list(pick(options.tasks, tasks, f"task of suite {self.suite.name!r}"))
        self.rankings = Rankings(workspace.state / "rankings", lambda: calibration_texts(self.guard))
        self._blueprints: dict[str, Blueprint | BenchError] = {}
        self._task_digests: dict[str, str | BenchError] = {}
        self._corpora: dict[tuple[str, ...], UnlabelledTexts] = {}

    @cached_property
    def guard(self) -> frozenset[str]:
        """The test texts of the whole suite, which no training row may hold; choosing fewer tasks does not change what a model is trained on."""
        return self.data.guard(self.suite.suite.tasks)

    def blueprint(self, candidate: Candidate) -> Blueprint:
        """What decides the candidate's weights.

        Raises:
            BenchError: The base or the training data is missing or unusable.
        """
        if candidate.name not in self._blueprints:
            try:
                self._blueprints[candidate.name] = self._resolve(candidate)
            except BenchError as error:
                self._blueprints[candidate.name] = error
        found = self._blueprints[candidate.name]
        if isinstance(found, BenchError):
            raise found
        return found

    def _resolve(self, candidate: Candidate) -> Blueprint:
        used = {name: version for name, version in versions().items() if name in {"torch", "transformers", "sentence-transformers", "tokenizers"}}
        if candidate.kind == "lexical":
            return Blueprint(candidate, None, "", 0, (), Recipe(), "fp32", (), used)
        offline = self.options.offline
        if candidate.kind == "external":
            folder = locate_model(candidate.name, path=candidate.path, hub=candidate.hub, revision=candidate.revision, folder=candidate.folder, offline=offline)
            return Blueprint(candidate, folder, content_digest(folder), 0, (), Recipe(), "fp32", (), used)
        assert candidate.base is not None
        base = self.suite.bases[candidate.base]
        folder = locate_model(candidate.base, path=base.path, hub=base.hub, revision=base.revision, folder=candidate.folder, offline=offline)
        recipe = self.suite.recipes[candidate.recipe] if candidate.recipe else Recipe()
        total = layer_count(folder)
        base_digest = folder_digest(folder, ignore=("pretraining.json",))
        kept = resolve_layers(
            candidate,
            total,
            rank=lambda strategy: self.rankings.kept(folder, base_digest, strategy, recipe.pooling),
            over=lambda threshold: self.rankings.over(folder, base_digest, threshold),
        )
        if widths := [*(recipe.dimensions if candidate.kind == "nested" else ()), *([candidate.dimensions] if candidate.dimensions else [])]:
            check_dimensions(candidate.name, folder, widths)
        if candidate.start == "pruned":
            _check_kept(candidate, folder, kept)
        teacher = self.teacher(candidate)
        taught = None if teacher is None else self.blueprint(teacher)
        if taught is not None:
            _check_widths(candidate, folder, taught)
        training = tuple(self._training(phase, candidate) for phase in recipe.phases)
        precision = recipe.precision if recipe.precision != "auto" else "bf16" if has_fast_bf16(self.options.device) else "fp32"
        development = self.data.development(recipe.curve, self.guard)
        return Blueprint(
            candidate, folder, base_digest, total, tuple(kept), recipe, precision, training, used, self._vocabulary(candidate), development, taught
        )

    def teacher(self, candidate: Candidate) -> Candidate | None:
        """Who teaches a distilled candidate; it need not be among the chosen ones."""
        return None if candidate.taught_by is None else self.candidates[candidate.taught_by]

    def _training(self, phase: Phase, candidate: Candidate) -> TrainingSet:
        if phase.kind != "distill":
            return self.data.training_set(phase, self.guard)
        found = self._unlabelled(phase.data, candidate.folder, "phases.data")
        return TrainingSet(unlabelled=found.texts, leaked=found.leaked)

    def _vocabulary(self, candidate: Candidate) -> UnlabelledTexts | None:
        """The corpus of a trimmed vocabulary."""
        return None if candidate.vocabulary is None else self._unlabelled(candidate.vocabulary.corpus, candidate.folder, "vocabulary.corpus")

    def _unlabelled(self, entries: tuple[str, ...], folder: Path, field: str) -> UnlabelledTexts:
        """Texts of data sets and files, read once for all candidates that share them."""
        if entries not in self._corpora:
            self._corpora[entries] = unlabelled_texts(self.data, entries, self.guard, folder, field=field)
        return self._corpora[entries]

    def task_digest(self, name: str) -> str:
        """Digest of a task's card and data.

        Raises:
            DataError: A file is missing or changed.
        """
        if name not in self._task_digests:
            try:
                self._task_digests[name] = task_digest(self.library.task(name), self.options.data_dir)
            except BenchError as error:
                self._task_digests[name] = error
        found = self._task_digests[name]
        if isinstance(found, BenchError):
            raise found
        return found

    def checkpoint_folder(self, blueprint: Blueprint) -> Path:
        """Where a made checkpoint lies (an external one stays where it is)."""
        if blueprint.candidate.kind == "external":
            assert blueprint.base is not None
            return blueprint.base
        return self.workspace.state / "checkpoints" / blueprint.key[:32]

    def made(self, candidate: Candidate) -> Result | None:
        """The stored result of the candidate's make cell, when its checkpoint is there with the content that was recorded.

        Raises:
            BenchError: See `blueprint`.
        """
        blueprint = self.blueprint(candidate)
        result = self.store.get(blueprint.key)
        if result is None or result.get("status") != "done":
            return None
        folder = self.checkpoint_folder(blueprint)
        return result if folder.is_dir() and content_digest(folder) == result["content"] else None

    def evaluate_key(self, candidate: Candidate, content: str, task: str) -> str:
        """Identity of a score: checkpoint, prompt, precision, backend, task and data, scoring rule.

        Raises:
            DataError: See `task_digest`.
        """
        scoring = {"scoring": SCORING_VERSION, "encoding": ENCODING_VERSION, "versions": versions()}
        parts = {"content": content, "prompt": candidate.prompt, "precision": candidate.precision, "backend": "torch", "task": self.task_digest(task)}
        return digest({**parts, **scoring})

    def embeddings_folder(self, candidate: Candidate, content: str) -> Path:
        """Where the embeddings of a checkpoint lie: apart for every prompt, precision, device, and version of what computes them."""
        how = {"prompt": candidate.prompt, "precision": candidate.precision, "device": self.options.device}
        parts = {"content": content, **how, "encoding": ENCODING_VERSION, "versions": versions()}
        return self.workspace.state / "embeddings" / digest(parts)[:32]

    def probe_key(self, candidate: Candidate, content: str, profile: str) -> str:
        """Identity of a measurement: checkpoint, device, profile, machine."""
        return probe_key(content, candidate.prompt, candidate.precision, self.options.device, profile)

    def cells(self, candidate: Candidate) -> list[PlannedCell]:
        """The candidate's cells in the order in which they run.

        Raises:
            CorpusError: The card asks for a corpus without text.
            LayerError: The card asks for layers, or for pruning an architecture, that cannot be had.
        """
        make = Cell(candidate.name, "make")
        try:
            key = self.blueprint(candidate).key
            made = self.made(candidate)
        except LayerError as error:  # the card is wrong, which no other machine or data mends
            raise LayerError(f"{self.suite.file}: {error}") from None
        except CorpusError as error:  # so is this one
            raise CorpusError(f"{self.suite.file}: {candidate.name}: {error}") from None
        except BenchError as error:
            reason = str(error)
            later = [PlannedCell(cell, "cannot run", reason=f"{candidate.name} cannot be made") for cell in self._later(candidate)]
            return [PlannedCell(make, "cannot run", reason=reason), *later]
        stored = self.store.get(key)
        status: Status = "done" if made else "failed" if stored and stored.get("status") == "failed" else "to do"
        planned = [PlannedCell(make, status, key, (stored or {}).get("error", "") if status == "failed" else "")]
        planned += [self._later_cell(candidate, cell, made) for cell in self._later(candidate)]
        return planned

    def _later(self, candidate: Candidate) -> Iterator[Cell]:
        if "evaluate" in self.options.stages:
            for task in self.tasks:
                yield Cell(candidate.name, "evaluate", task)
        if "probe" in self.options.stages and self.options.probe != "none":
            yield Cell(candidate.name, "probe", self.options.device)

    def _later_cell(self, candidate: Candidate, cell: Cell, made: Result | None) -> PlannedCell:
        if cell.stage == "evaluate" and (missing := missing_files(self.library.task(cell.target), self.options.data_dir)):
            return PlannedCell(cell, "cannot run", reason=missing[0])
        try:
            if cell.stage == "evaluate":
                self.task_digest(cell.target)
            if made is None:
                return PlannedCell(cell, "to do")
            key = self.key_of(candidate, cell, made["content"])
        except BenchError as error:
            return PlannedCell(cell, "cannot run", reason=str(error))
        stored = self.store.get(key)
        if stored is None:
            return PlannedCell(cell, "to do", key)
        return PlannedCell(cell, "done" if stored.get("status") == "done" else "failed", key, stored.get("error", ""))

    def key_of(self, candidate: Candidate, cell: Cell, content: str) -> str:
        """The key of an evaluate or probe cell of a checkpoint with the given content."""
        if cell.stage == "evaluate":
            return self.evaluate_key(candidate, content, cell.target)
        return self.probe_key(candidate, content, self.options.probe)

    def groups(self) -> dict[str, list[PlannedCell]]:
        """The cells of the selection by candidate, in the order in which they run.

        A teacher comes before a student that is yet to be made: with all its cells if it is chosen too, else with its make cell, unless that is done.
        """
        found: dict[str, list[PlannedCell]] = {}
        for candidate in self.chosen:
            cells = self.cells(candidate)
            teacher = self.teacher(candidate)
            if teacher is not None and teacher.name not in found and cells[0].status in {"to do", "failed"}:
                taught = self.cells(teacher)
                if teacher in self.chosen:
                    found[teacher.name] = taught
                elif taught[0].status != "done":
                    found[teacher.name] = taught[:1]
            found.setdefault(candidate.name, cells)
        return found

    def all_cells(self) -> list[PlannedCell]:
        """Every cell of the selection, and the makings of teachers that it needs."""
        return [cell for group in self.groups().values() for cell in group]


def _check_widths(candidate: Candidate, folder: Path, teacher: Blueprint) -> None:
    """Refuse a student wider than its teacher where the configuration files of both tell; what they do not tell is checked before training."""
    assert teacher.base is not None
    student, taught = embedding_width(folder), embedding_width(teacher.base)
    if student is not None and taught is not None:
        check_width(candidate.name, student=student, teacher=taught)


def _check_kept(candidate: Candidate, folder: Path, kept: Sequence[int]) -> None:
    """`check_kept` for the base in a folder, with the candidate's name in the error."""
    try:
        check_kept(read_config(transformer_folder(folder)), kept)
    except LayerError as error:
        raise LayerError(f"{candidate.name}: {error}") from None


def _pick_suite(library: Library, options: Options) -> Suite:
    """The suite asked for; without one, the first that has every candidate named, the default suite before all others."""
    if not library.suites:
        raise SelectionError("no suites: expected at least one models/*.toml in the workspace")
    if options.suite is not None:
        if options.suite not in library.suites:
            raise SelectionError(f"no suite {options.suite!r}" + nearest(options.suite, library.suites))
        return library.suites[options.suite]
    order = sorted(library.suites, key=lambda name: (name != DEFAULT_SUITE, name))
    for name in order:
        if set(options.names) <= {candidate.name for candidate in library.candidates[name]}:
            return library.suites[name]
    known = {candidate.name for candidates in library.candidates.values() for candidate in candidates}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        raise SelectionError(f"no candidate {unknown[0]!r} in any suite" + nearest(unknown[0], known))
    raise SelectionError(f"{', '.join(options.names)} are of different suites; run them one suite at a time with --suite")


def summary(cells: Sequence[PlannedCell]) -> dict[str, int]:
    """How many cells have each status."""
    counts: dict[str, Any] = {"done": 0, "to do": 0, "failed": 0, "cannot run": 0}
    for cell in cells:
        counts[cell.status] += 1
    return counts
