"""A candidate's spec to its blueprint: base found, layers chosen, training rows read. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from bench.cards.candidate import AS_IT_IS, Candidate, FromBase, Use
from bench.cards.kinds import External, Lexical
from bench.cards.load import Library
from bench.cards.origin import Origin
from bench.cards.recipes import Base, Phase, Recipe
from bench.cards.tasks import TaskCard
from bench.cards.tokens import TokenList, read_tokens, token_file
from bench.data.training import DataCache, GuardingTests, TrainingSet
from bench.data.unlabelled import UnlabelledTexts, comparison_texts, unlabelled_texts
from bench.errors import BenchError, LayerError
from bench.faults import explain
from bench.make.blueprint import Blueprint, content_digest
from bench.make.distill import check_width
from bench.make.strategies.pure import resolve_layers
from bench.make.strategies.ranked import Rankings, calibration_texts
from bench.models.architectures import check_dimensions, check_kept, embedding_width, layer_count, read_config, transformer_folder
from bench.models.engines import check_engine
from bench.models.locate import locate_model
from bench.plan.options import Options
from bench.plan.selection import Selection
from bench.probe.machine import arithmetic, has_fast_bf16, versions


class Resolver:
    """Looks up what decides the weights of a suite's candidates, once each.

    Args:
        library: Every card of the workspace.
        selection: The suite, and what is chosen of it.
        state: The workspace's folder for what a run writes: rankings of layers and converted bases are kept in it.
        options: Device, data folder, and whether the Hub may be asked.
        say: Told of what may take minutes.
    """

    def __init__(self, library: Library, selection: Selection, state: Path, options: Options, say: Callable[[str], None] = lambda _: None) -> None:
        self.library, self.selection, self.options = library, selection, options
        self.state, self.say = state, say
        self.data = DataCache(library, options.data_dir, offline=options.offline)
        self.rankings = Rankings(state / "rankings", lambda: calibration_texts(self.guard), say)
        self._blueprints: dict[str, Blueprint | BenchError] = {}
        self._corpora: dict[tuple[str, ...], UnlabelledTexts] = {}

    @cached_property
    def guard(self) -> frozenset[str]:
        """The test texts of the whole suite, which no training row may hold; choosing fewer tasks does not change what a model is trained on."""
        return self.data.guard(self.selection.suite.suite.tasks)

    @cached_property
    def unread(self) -> dict[str, str]:
        """The tests of the suite that cannot be read here, and why: `guard` holds none of their texts."""
        return self.data.unread(self.selection.suite.suite.tasks)

    @cached_property
    def _comparison(self) -> UnlabelledTexts:
        """What a vocabulary by a list is compared on, whatever is trained: the same for all candidates, so that they share the trimmed base."""
        return comparison_texts(self.guard)

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
            except Exception as error:  # that of one candidate: the others can still be run
                self._blueprints[candidate.name] = BenchError(explain(error))
        found = self._blueprints[candidate.name]
        if isinstance(found, BenchError):
            raise found
        return found

    def _resolve(self, candidate: Candidate) -> Blueprint:
        check_engine(candidate.name, candidate.backend, self.options.device)
        used = {name: version for name, version in versions().items() if name in {"torch", "transformers", "sentence-transformers", "tokenizers"}}
        if isinstance(candidate, Lexical):
            return Blueprint(candidate, None, "", 0, (), Recipe(), "fp32", (), used)
        if isinstance(candidate, External):
            folder = self._located(candidate.name, candidate, f"candidate {candidate.name}", candidate.use)
            return Blueprint(candidate, folder, content_digest(folder), 0, (), Recipe(), "fp32", (), used)
        assert isinstance(candidate, FromBase)
        base = self.selection.suite.bases[candidate.base]
        folder = self._located(candidate.base, base, f"bases.{candidate.base}")
        recipe = self.selection.suite.recipes[candidate.recipe] if candidate.recipe else Recipe()
        total = layer_count(folder)
        base_digest = content_digest(folder)
        kept = resolve_layers(
            candidate,
            total,
            rank=lambda strategy: self.rankings.kept(folder, base_digest, strategy, recipe.pooling),
            over=lambda threshold: self.rankings.over(folder, base_digest, threshold),
        )
        if widths := candidate.widths(recipe):
            check_dimensions(candidate.name, folder, widths)
        if candidate.start == "pruned":
            _check_kept(candidate, folder, kept)
        teacher = self.teacher(candidate)
        taught = None if teacher is None else self.blueprint(teacher)
        if taught is not None:
            _check_widths(candidate, folder, taught)
        training = tuple(self._training(phase, candidate) for phase in recipe.phases)
        precision = self._training_precision(recipe)
        development = self.data.development(recipe.curve, self.guard)
        data, text_files = self._trained_on(recipe, taught)
        return Blueprint(
            candidate,
            folder,
            base_digest,
            total,
            tuple(kept),
            recipe,
            precision,
            training,
            used,
            vocabulary=self._vocabulary(candidate),
            tokens=_tokens(candidate),
            development=development,
            teacher=taught,
            tests=GuardingTests.of(self.selection.suite.suite.tasks, self.unread),
            arithmetic=arithmetic(self.options.device, precision),
            base_spec=base,
            data=data,
            text_files=text_files,
        )

    def _training_precision(self, recipe: Recipe) -> Literal["fp32", "bf16"]:
        """That of the training arithmetic: what the recipe says, else what is fast on the device. What is not trained does not depend on the device."""
        if recipe.precision != "auto":
            return recipe.precision
        return "bf16" if recipe.phases and has_fast_bf16(self.options.device) else "fp32"

    def _located(self, name: str, origin: Origin, field: str, use: Use = AS_IT_IS) -> Path:
        """The folder of a base or an external model, with the content that the card names."""
        card = origin.card if isinstance(origin, Base) else self.selection.suite.file
        return locate_model(name, origin, where=f"{card}: {field}", folder=card.parent, state=self.state, offline=self.options.offline, say=self.say, use=use)

    def _trained_on(self, recipe: Recipe, teacher: Blueprint | None) -> tuple[tuple[TaskCard, ...], tuple[str, ...]]:
        """The data sets and the text files of a recipe, and those of the teacher, each once."""
        entries = [entry for phase in recipe.phases for entry in phase.data]
        names = dict.fromkeys(entry.partition(":")[0] for entry in entries)
        cards = {name: self.library.task(name) for name in names if name in self.library.tasks}
        files = [entry for entry in entries if entry.partition(":")[0] not in cards]
        if teacher is not None:
            cards = {**cards, **{card.name: card for card in teacher.data}}
            files += teacher.text_files
        return tuple(cards.values()), tuple(dict.fromkeys(files))

    def teacher(self, candidate: Candidate) -> Candidate | None:
        """Who teaches a distilled candidate; it need not be among the chosen ones."""
        return None if candidate.taught_by is None else self.selection.everyone[candidate.taught_by]

    def _training(self, phase: Phase, candidate: Candidate) -> TrainingSet:
        if phase.kind != "distill":
            return self.data.training_set(phase, self.guard)
        found = self._unlabelled(phase.data, candidate.folder, "phases.data")
        return TrainingSet(unlabelled=found.texts, leaked=found.leaked)

    def _vocabulary(self, candidate: Candidate) -> UnlabelledTexts | None:
        """The corpus of a trimmed vocabulary; the texts that it is compared on, where a list says which tokens stay."""
        if candidate.vocabulary is None:
            return None
        if candidate.vocabulary.tokens is not None:
            return self._comparison
        return self._unlabelled(candidate.vocabulary.corpus, candidate.folder, "vocabulary.corpus")

    def _unlabelled(self, entries: tuple[str, ...], folder: Path, field: str) -> UnlabelledTexts:
        """Texts of data sets and files, read once for all candidates that share them."""
        if entries not in self._corpora:
            self._corpora[entries] = unlabelled_texts(self.data, entries, self.guard, folder, field=field)
        return self._corpora[entries]


def _tokens(candidate: Candidate) -> TokenList | None:
    """The list of the tokens that stay, where the candidate's card names one."""
    named = None if candidate.vocabulary is None else candidate.vocabulary.tokens
    return None if named is None else read_tokens(token_file(candidate.folder, named))


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
