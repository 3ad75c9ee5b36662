"""What the cards say, as frozen values, and the digests that identify them.

A digest is the sha256 of a value's canonical JSON: keys sorted, no spaces, dataclasses as objects.
"""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, Strict

Kind = Literal["full", "pruned", "scratch", "distilled", "nested", "static", "lexical", "external"]
PureStrategy = Literal["top", "middle", "bottom", "symmetric", "even-alternate", "odd-alternate", "random"]
RankedStrategy = Literal["contribution", "weight-aggregate", "weight-variance", "angular", "greedy"]
Strategy = Literal[PureStrategy, RankedStrategy]
Pooling = Literal["mean", "cls"]
Precision = Literal["fp32", "bf16", "fp16", "int8"]
Perturbation = Literal["nasal-spelling", "nukta", "typing-slips", "digits", "romanised"]
TaskType = Literal["STS", "Classification", "PairClassification", "BitextMining", "NLI", "Triplets"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{3}-[A-Z][a-z]{3}$", description="an ISO 639-3 code and a script, like mar-Deva")]
NonEmpty = Annotated[str, Field(min_length=1)]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Number = Annotated[int, Strict()]
Count = Annotated[int, Strict(), Field(gt=0)]
Natural = Annotated[int, Strict(), Field(ge=0)]
Folder = Annotated[Path, Strict()]
"""Where a card stands: set by the loader; strict, so that no TOML value fits."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "STS": ("sentence1", "sentence2", "score"),
    "Classification": ("text", "label"),
    "PairClassification": ("sentence1", "sentence2", "label"),
    "BitextMining": ("sentence1", "sentence2"),
    "NLI": ("premise", "hypothesis", "label"),
    "Triplets": ("premise", "entailment", "contradiction"),
}
"""Canonical column names of each task type; `NLI` and `Triplets` only train."""

MAIN_SCORES: dict[str, tuple[str, ...]] = {
    "STS": ("cosine_spearman", "cosine_pearson", "spearman", "pearson"),
    "Classification": ("accuracy", "f1", "f1_weighted"),
    "PairClassification": ("cosine_ap", "max_ap", "max_f1", "max_accuracy"),
    "BitextMining": ("f1", "accuracy"),
}
"""Scores of mteb's tasks that may stand on a board; the first is the default. Task types not listed here are never evaluated."""

NLI_LABELS = {"entailment": 0, "neutral": 1, "contradiction": 2}


class _Card:
    """Fields unknown to a card are errors, and numbers are not made from strings."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source(_Card):
    """Where the rows of one split come from: a file beside the card, a published file, or a Hub data set."""

    split: NonEmpty
    file: str | None = None
    repository: str | None = None
    commit: Commit | None = None
    path: str | None = None
    hub: str | None = None
    revision: Commit | None = None
    config: str | None = None
    hub_split: str | None = None
    sha256: Sha256 | None = None
    header: tuple[str, ...] | None = None
    column: str | None = None

    @property
    def label(self) -> str:
        """How messages name the source."""
        if self.file:
            return self.file
        if self.repository:
            return f"{self.repository}/{self.path}"
        return f"hub:{self.hub}@{self.revision}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule(_Card):
    """A declared way to mend the rows of a source; what it removes is counted and shown by `bench data status`."""

    rule: Literal["drop-label", "drop-characters", "drop-duplicates", "drop-seen", "keep-label"]
    values: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    seen_in: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subset(_Card):
    """One language (or language pair) of a task."""

    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    columns: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskCard(_Card):
    """A task or training set: data, licence, how it is scored. `folder` is where the card stands."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    type: TaskType
    description: NonEmpty
    license: NonEmpty
    citation: str = ""
    reference: Annotated[str, Field(pattern=r"^https?://")] | None = None
    main_score: str | None = None
    score_range: Annotated[tuple[float, float], Field()] = (0.0, 5.0)
    labels: dict[str, Number] = dataclasses.field(default_factory=dict)
    evaluate_on: str = "test"
    train_on: str = "train"
    classifier: Literal["logistic-regression", "knn"] = "logistic-regression"
    neighbours: Count = 5
    samples_per_label: Count = 8
    experiments: Count = 10
    rules: tuple[Rule, ...] = ()
    subsets: dict[str, Subset] = dataclasses.field(default_factory=dict)
    data: str | None = None
    perturbation: Perturbation | None = None
    folder: Folder = Path()

    @property
    def score_name(self) -> str:
        """The main score, or the default of the task's type."""
        return self.main_score or MAIN_SCORES[self.type][0]

    @property
    def evaluated(self) -> bool:
        """False for `NLI` and `Triplets`, which only train."""
        return self.type in MAIN_SCORES


@dataclasses.dataclass(frozen=True, kw_only=True)
class Base(_Card):
    """Pre-trained weights that candidates start from: a folder (relative to the card) or a Hub id with a pinned revision.

    `license` is for the pages of checkpoints; without it, that of the base's own README is taken.
    """

    path: str | None = None
    hub: str | None = None
    revision: Commit | None = None
    license: NonEmpty | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase(_Card):
    """One stretch of fine-tuning. The defaults are those of the group's released models (arXiv 2409.14168 and its model cards).

    `data` of a `distill` phase are texts, as in `Vocabulary.corpus`; `loss` is how its distance from the teacher is measured.
    """

    kind: Literal["nli", "sts", "distill"]
    data: Annotated[tuple[str, ...], Field(min_length=1)]
    epochs: Annotated[float, Strict(), Field(gt=0)] | None = None
    batch_size: Count = 8
    learning_rate: Annotated[float, Strict(), Field(gt=0)] = 2e-5
    warmup_ratio: Annotated[float, Strict(), Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Strict(), Field(ge=0)] = 0.01
    max_length: Count = 512
    scale: Annotated[float, Strict(), Field(gt=0)] = 20.0
    loss: Literal["mse", "cosine"] | None = None

    @property
    def effective_epochs(self) -> float:
        """4 for `sts` and 1 for the others unless the card says otherwise."""
        return self.epochs if self.epochs is not None else {"nli": 1.0, "sts": 4.0, "distill": 1.0}[self.kind]

    @property
    def effective_loss(self) -> Literal["mse", "cosine"] | None:
        """`mse` for `distill` unless the card says otherwise; None for the others, whose loss is settled by their kind."""
        return self.loss or ("mse" if self.kind == "distill" else None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curve(_Card):
    """What a model is scored on while it is trained: development pairs (data sets of type STS, `NAME:SPLIT`), `points` times a phase, at most `rows` pairs of a language."""

    data: Annotated[tuple[NonEmpty, ...], Field(min_length=1)]
    points: Count = 5
    rows: Count | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(_Card):
    """Fine-tuning: pooling and an ordered list of phases.

    `precision` is that of the training arithmetic. `dimensions` are the widths to which `nested` candidates may cut their embeddings, trained together; other kinds do not look at them.
    `curve` decides no weight.
    """

    pooling: Pooling | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    dimensions: tuple[Count, ...] = ()
    phases: tuple[Phase, ...] = ()
    curve: Curve | None = None

    @property
    def distils(self) -> bool:
        """True when some phase needs a teacher."""
        return any(phase.kind == "distill" for phase in self.phases)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vocabulary(_Card):
    """Which tokens of the base stay: the most frequent of a corpus (data sets `NAME` or `NAME:SPLIT`, or text files relative to the card), at most `size`."""

    corpus: Annotated[tuple[NonEmpty, ...], Field(min_length=1)]
    size: Count


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate(_Card):
    """One model on the board.

    `keep` of a `nested` one is the depth at which the one training of all depths is cut off, and `dimensions` how many numbers of its embedding stay; `dimensions` of a `static` one are the principal components of its token vectors.
    `threshold` takes the place of `keep` for strategy `contribution`: the layers whose output is more like their input than this cosine go, however many these are.
    `precision` is that of inference: candidates that differ in nothing else share a checkpoint. `weights` is for `scratch` and `distilled`: random weights of the base's shape, or the base itself,
    pre-trained small from the start; a `distilled` one without it is pruned. `teacher` is a candidate of the same suite, the parent by default.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    kind: Kind
    base: str | None = None
    strategy: Strategy | None = None
    keep: Count | None = None
    threshold: Annotated[float, Strict(), Field(gt=0, lt=1)] | None = None
    layers: tuple[Natural, ...] | None = None
    weights: Literal["random", "pretrained"] | None = None
    teacher: str | None = None
    vocabulary: Vocabulary | None = None
    dimensions: Count | None = None
    recipe: str | None = None
    precision: Precision = "fp32"
    seed: Natural = 0
    path: str | None = None
    hub: str | None = None
    revision: Commit | None = None
    prompt: str = ""
    ngram: Annotated[tuple[Count, Count], Field()] = (3, 3)
    parent: str | None = None
    folder: Folder = Path()

    @property
    def start(self) -> Literal["base", "pruned", "random", "pretrained"]:
        """What its training starts from: the whole base, some of its layers, or random weights; `pretrained` is a whole base too, one that was small when it was pre-trained."""
        if self.kind == "scratch":
            return self.weights or "random"
        if self.kind == "distilled":
            return self.weights or "pruned"
        return "pruned" if self.kind == "pruned" else "base"

    @property
    def taught_by(self) -> str | None:
        """The name of a distilled candidate's teacher."""
        return (self.teacher or self.parent) if self.kind == "distilled" else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grid(_Card):
    """Bases x strategies x kept depths x dimensions x recipes x seeds x vocabularies, expanded to candidates with readable names."""

    kind: Literal["full", "pruned", "scratch", "distilled", "nested"]
    bases: Annotated[tuple[str, ...], Field(min_length=1)]
    strategies: tuple[Strategy, ...] = ()
    keep: tuple[Count, ...] = ()
    dimensions: tuple[Count, ...] = ()
    vocabularies: tuple[Vocabulary, ...] = ()
    recipes: tuple[str, ...] = ()
    seeds: Annotated[tuple[Natural, ...], Field(min_length=1)] = (0,)
    precisions: Annotated[tuple[Precision, ...], Field(min_length=1)] = ("fp32",)
    prompt: str = ""
    teacher: str | None = None
    parent: str | None = None

    def expand(self) -> list[Candidate]:
        """Candidates named `base[-strategyN | -scratchN | -nestedN | -distilled[-strategy]N][-dN][-vSIZE][-recipe][-seedN][-precision]`.

        Recipe, seed and the strategy of distilled ones are named where the grid has several, precision where it is not fp32.
        """
        models = itertools.product(self.bases, self.strategies or (None,), self.keep or (None,), self.dimensions or (None,), self.vocabularies or (None,))
        runs = list(itertools.product(self.recipes or (None,), self.seeds, self.precisions))
        made = []
        for (base, strategy, keep, dimensions, vocabulary), (recipe, seed, precision) in itertools.product(models, runs):
            name = base
            if self.kind != "full":
                name += f"-{strategy if self.kind == 'pruned' else self.kind}"
                name += f"-{strategy}" if self.kind == "distilled" and len(self.strategies) > 1 else ""
                name += str(keep or "")
            if dimensions is not None:
                name += f"-d{dimensions}"
            if vocabulary is not None:
                name += f"-v{vocabulary.size}"
            if len(self.recipes) > 1:
                name += f"-{recipe}"
            if len(self.seeds) > 1:
                name += f"-seed{seed}"
            if precision != "fp32":
                name += f"-{precision}"
            made.append(
                Candidate(
                    name=name,
                    kind=self.kind,
                    base=base,
                    strategy=strategy,
                    keep=keep,
                    dimensions=dimensions,
                    vocabulary=vocabulary,
                    teacher=self.teacher,
                    parent=self.parent,
                    recipe=recipe,
                    seed=seed,
                    precision=precision,
                    prompt=self.prompt,
                )
            )
        return made


@dataclasses.dataclass(frozen=True, kw_only=True)
class SuiteInfo(_Card):
    """The head of a suite's card."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    description: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite(_Card):
    """A named set of candidates and tasks that belong on one board: one file in `models/`."""

    suite: SuiteInfo
    bases: dict[str, Base] = dataclasses.field(default_factory=dict)
    recipes: dict[str, Recipe] = dataclasses.field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    grids: tuple[Grid, ...] = ()
    file: Folder = Path()

    @property
    def name(self) -> str:
        """The suite's name."""
        return self.suite.name
