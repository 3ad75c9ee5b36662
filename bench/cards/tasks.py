"""A task or data set, `tasks/<folder>/task.toml`: where its rows come from, how it is scored, and what can be wrong with that."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bench.cards.fields import Card, Commit, Count, Finite, Flaw, Folder, Language, Location, Name, NonEmpty, Number, Sha256, SubsetName, Url
from bench.digests import LATER
from bench.errors import nearest

Perturbation = Literal["nasal-spelling", "nukta", "typing-slips", "digits", "romanised", "eyelash-ra"]
FileFormat = Literal["tsv", "csv", "jsonl", "txt"]
TaskType = Literal["STS", "Classification", "PairClassification", "BitextMining", "NLI", "Triplets"]

COLUMNS: dict[str, tuple[str, ...]] = {
    "STS": ("sentence1", "sentence2", "score"),
    "Classification": ("text", "label"),
    "PairClassification": ("sentence1", "sentence2", "label"),
    "BitextMining": ("sentence1", "sentence2"),
    "NLI": ("premise", "hypothesis", "label"),
    "Triplets": ("premise", "entailment", "contradiction"),
}
"""Canonical column names of each task type; `NLI` only trains."""

MAIN_SCORES: dict[str, tuple[str, ...]] = {
    "STS": ("cosine_spearman", "cosine_pearson", "spearman", "pearson"),
    "Classification": ("accuracy", "f1", "f1_weighted"),
    "PairClassification": ("cosine_ap", "max_ap", "max_f1", "max_accuracy"),
    "BitextMining": ("f1", "accuracy"),
    "Triplets": ("accuracy",),
}
"""Scores that may stand on a board; the first is the default. Task types not listed here are never evaluated."""

NLI_LABELS = {"entailment": 0, "neutral": 1, "contradiction": 2}

BOARD_COLUMNS = frozenset(
    {
        *("#", "candidate", "kind", "kept layers", "parameters, M", "parameters, M (embeddings + body)", "mean", "% of parent"),
        *("sentences/s", "× reference", "p50 ms", "p90 ms", "peak MiB", "load s", "MiB on disk", "batch"),
        *("method", "control", "seeds"),
        *(
            "rank",
            "parent",
            "kept_layers",
            "parameters_embeddings",
            "parameters_body",
            "mean_seed_spread",
            "mean_low",
            "mean_high",
            "of_parent",
            "of_parent_low",
            "of_parent_high",
        ),
        *("sentences_per_second", "batch_size", "latency_p50_seconds", "latency_p90_seconds", "peak_bytes", "cuda_peak_bytes", "load_seconds", "bytes_on_disk"),
        *("relative_speed", "relative_speed_low", "relative_speed_high", "offline_pace", "single_pace", "cost_validity", "flops_per_sentence"),
        *("tokenizer_problems", "unguarded_tests", "problem"),
    }
)
"""What boards have columns for beside scores, on pages and in CSV files: no task may have such a label. A test compares them with what is published."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source(Card):
    """Where the rows of one split come from: a file beside the card, a published file, a Hub data set, or a task of mteb.

    `mteb` is the task's name, `config` then its subset; `revision` is that of its data set.
    """

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
    format: FileFormat | None = dataclasses.field(default=None, metadata=LATER)
    mteb: NonEmpty | None = dataclasses.field(default=None, metadata=LATER)

    @property
    def remote(self) -> bool:
        """True where the rows come from the Hub, and not from a file that a card names."""
        return self.hub is not None or self.mteb is not None

    @property
    def label(self) -> str:
        """How messages name the source."""
        if self.file:
            return self.file
        if self.repository:
            return f"{self.repository}/{self.path}"
        if self.mteb:
            return f"mteb:{self.mteb}"
        return f"hub:{self.hub}@{self.revision}"

    @property
    def rows(self) -> tuple[str | None, ...]:
        """What two sources of the same rows have in common, whatever their splits are called."""
        return (self.file, self.repository, self.path, self.column, self.hub, self.config, (self.hub_split or self.split) if self.remote else None, self.mteb)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule(Card):
    """A declared way to mend the rows of a source; what it removes is counted and shown by `bench data status`.

    `into` and `every` are for `split-rows`: every so-many-th row of the one split in `splits` becomes a row of the split `into`, which no source has.
    """

    rule: Literal["drop-label", "drop-characters", "drop-duplicates", "drop-seen", "keep-label", "drop-empty", "split-rows"]
    values: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    seen_in: str | None = None
    into: NonEmpty | None = dataclasses.field(default=None, metadata=LATER)
    every: Count | None = dataclasses.field(default=None, metadata=LATER)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subset(Card):
    """One language (or language pair) of a task."""

    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    columns: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskCard(Card):
    """A task or training set: data, licence, how it is scored. `folder` is where the card stands.

    `parallel` says that row n of every subset says the same, where the subsets stand in separate files: such rows are resampled together. `rows` is how many
    rows of `evaluate_on` are scored at most: the first ones that the rules leave, the same in all subsets that share rows.
    """

    name: Name
    type: TaskType
    description: NonEmpty
    license: NonEmpty
    citation: str = ""
    reference: Url | None = None
    main_score: str | None = None
    score_range: Annotated[tuple[Finite, Finite], Field()] = (0.0, 5.0)
    labels: dict[str, Number] = dataclasses.field(default_factory=dict)
    evaluate_on: str = "test"
    train_on: str = "train"
    classifier: Literal["logistic-regression", "knn"] = "logistic-regression"
    neighbours: Count = 5
    samples_per_label: Count = 8
    experiments: Count = 10
    rules: tuple[Rule, ...] = ()
    subsets: dict[SubsetName, Subset] = dataclasses.field(default_factory=dict)
    data: str | None = None
    parallel: bool = False
    perturbation: Perturbation | None = None
    rows: Count | None = dataclasses.field(default=None, metadata=LATER)
    folder: Folder = Path()

    @property
    def score_name(self) -> str:
        """The main score, or the default of the task's type."""
        return self.main_score or MAIN_SCORES[self.type][0]

    @property
    def evaluated(self) -> bool:
        """True for what can be scored: not `NLI`, and not `Triplets` without a split to be scored on, which only train."""
        if self.type == "Triplets" and self.data is None:
            return any(self.evaluate_on in self.splits_of(subset) for subset in self.subsets.values())
        return self.type in MAIN_SCORES

    @property
    def fits_classifier(self) -> bool:
        """True where a score needs a classifier that is fitted on the rows of `train_on`."""
        return self.type == "Classification"

    def label(self, subset: str) -> str:
        """What the column of a subset's scores is called on boards: the task, and the subset where it has several."""
        return f"{self.name} {subset}" if len(self.subsets) > 1 else self.name

    @property
    def common_splits(self) -> set[str]:
        """The splits that every subset has; none for a card that shares another's rows."""
        return set.intersection(*(self.splits_of(subset) for subset in self.subsets.values())) if self.subsets else set()

    def splits_of(self, subset: Subset) -> set[str]:
        """The splits of a subset: those of its sources, and those that rules take out of them."""
        given = {source.split for source in subset.sources}
        return given | {rule.into for rule in self.rules if rule.into is not None and given.issuperset(rule.splits)}


def task_flaws(card: TaskCard) -> Iterator[Flaw]:
    """What is wrong with a card by itself."""
    if card.data is None and not card.subsets:
        yield ("subsets",), "expected at least one [subsets.NAME] table, or `data` naming a task to share rows with"
    if card.main_score is not None and card.main_score not in MAIN_SCORES.get(card.type, ()):
        yield ("main_score",), f"{card.main_score!r} is not a score of {card.type} tasks" + nearest(card.main_score, MAIN_SCORES.get(card.type, ()))
    if card.subsets:
        yield from _split_flaws(card, card)
        yield from _label_flaws(card, card)
    yield from _number_flaws(card)
    if card.score_range[0] >= card.score_range[1]:
        yield ("score_range",), f"expected [lowest, highest], found {list(card.score_range)}"
    if card.parallel and len(card.subsets) < 2:
        yield ("parallel",), "says that rows of several subsets belong together; needs two [subsets.NAME] tables or more in this card"
    if card.type == "NLI" and card.labels and set(card.labels.values()) - set(NLI_LABELS.values()):
        yield ("labels",), "expected 0 (entailment), 1 (neutral), 2 (contradiction) as values"
    if card.type == "PairClassification" and set(card.labels.values()) - {0, 1}:
        yield ("labels",), "expected 0 and 1 as values"
    if card.perturbation is not None and (card.type != "STS" or card.data is None):
        yield ("perturbation",), "rewrites the pairs of another STS task; needs type STS, and data with that task's name"
    if card.perturbation is not None and card.rows is not None:
        yield ("rows",), "a task that rewrites another has the rows of that one; leave it out, or put it there"
    yield from _rule_flaws(card)
    yield from _source_flaws(card)


def _number_flaws(card: TaskCard) -> Iterator[Flaw]:
    """Labels that a classifier could not tell apart."""
    by_number: dict[int, list[str]] = {}
    for label, number in card.labels.items():
        by_number.setdefault(number, []).append(label)
    if card.type == "Classification":
        for number, labels in by_number.items():
            if len(labels) > 1:
                yield ("labels",), f"{' and '.join(map(repr, labels))} both have the number {number}; give each label one of its own"


def sharing_flaws(card: TaskCard, tasks: Mapping[str, TaskCard]) -> Iterator[Flaw]:
    """What is wrong with a card that shares another's rows, beside all other cards."""
    if card.data is None:
        return
    usable = {name for name, other in tasks.items() if other.type == card.type and other.data is None}
    if card.data not in usable:
        yield ("data",), f"expected another {card.type} task with rows of its own, found {card.data!r}" + nearest(card.data, usable)
        return
    yield from _label_flaws(card, tasks[card.data])
    if card.perturbation is None:
        yield from _split_flaws(card, tasks[card.data])


def _split_flaws(card: TaskCard, owner: TaskCard) -> Iterator[Flaw]:
    """Splits that the owner of the rows does not have."""
    needed = {"evaluate_on": card.evaluated, "train_on": card.fits_classifier or not card.evaluated}
    for field, split in (("evaluate_on", card.evaluate_on), ("train_on", card.train_on)):
        if needed[field] and split not in owner.common_splits:
            found = f"no source has the split {split!r}" if card is owner else f"{owner.name!r} has no split {split!r}"
            yield (field,), found + nearest(split, owner.common_splits)
    yield from _overlap_flaws(card, owner)


def _overlap_flaws(card: TaskCard, owner: TaskCard) -> Iterator[Flaw]:
    """Rows that a card would both train on and be tested on. A task that fits no classifier and has one split only is fine: suites refuse to train on it."""
    if not card.evaluated:
        return
    if card.train_on == card.evaluate_on:
        if card.fits_classifier:
            mend = "give the rows to fit the classifier on a split of their own"
            yield (
                ("train_on",),
                f"{card.train_on!r} is what the task is tested on (evaluate_on); {mend}" + nearest("", owner.common_splits - {card.evaluate_on}),
            )
        return
    for name, subset in owner.subsets.items():
        tested = {source.rows for source in subset.sources if source.split == card.evaluate_on}
        for number, source in enumerate(subset.sources):
            if source.split == card.train_on and source.rows in tested:
                at: Location = ("subsets", name, "sources", number) if card is owner else ("train_on",)
                yield (
                    at,
                    (
                        f"{source.label} is both in {card.train_on!r} (train_on) and in {card.evaluate_on!r} (evaluate_on); what is tested on may not be "
                        "trained on"
                    ),
                )


def _label_flaws(card: TaskCard, owner: TaskCard) -> Iterator[Flaw]:
    """Scores that could not be told from another column of a board."""
    for subset, label in labels_of(card, owner).items():
        if card.evaluated and label in BOARD_COLUMNS:
            at: Location = ("subsets", subset) if card is owner and label != card.name else ("name",)
            yield at, f"{label!r} is a column that every board has, so a task cannot be called so; rename it"


def labels_of(card: TaskCard, owner: TaskCard) -> dict[str, str]:
    """The label of each subset's column, by subset; the subsets are those of the owner of the rows."""
    return {subset: dataclasses.replace(card, subsets=owner.subsets).label(subset) for subset in owner.subsets}


def _rule_flaws(card: TaskCard) -> Iterator[Flaw]:
    for number, rule in enumerate(card.rules):
        if rule.rule in {"drop-label", "drop-characters", "keep-label"} and not rule.values:
            yield ("rules", number, "values"), f"{rule.rule} needs values"
        if rule.rule == "drop-seen" and rule.seen_in is None:
            yield ("rules", number, "seen_in"), "drop-seen needs the split that the rows were seen in"
        elif rule.seen_in is not None and rule.seen_in not in card.common_splits:
            yield ("rules", number, "seen_in"), f"no source has the split {rule.seen_in!r}" + nearest(rule.seen_in, card.common_splits)
        yield from ((("rules", number, *at), message) for at, message in _splitting_flaws(rule, card))


def _splitting_flaws(rule: Rule, card: TaskCard) -> Iterator[Flaw]:
    """What is wrong with a rule that makes two splits of one, and with its fields on other rules."""
    if rule.rule != "split-rows":
        yield from (
            ((field,), f"{field} means nothing for {rule.rule}; only for split-rows") for field in ("into", "every") if getattr(rule, field) is not None
        )
        return
    if len(rule.splits) != 1 or rule.into is None or rule.every is None:
        yield (), 'split-rows needs splits with the one split that it takes rows from, into, and every, like splits = ["train"], into = "test", every = 5'
        return
    given = {source.split for subset in card.subsets.values() for source in subset.sources}
    if rule.splits[0] not in given:
        yield ("splits",), f"no source has the split {rule.splits[0]!r}" + nearest(rule.splits[0], given)
    if rule.into in given or [other.into for other in card.rules].count(rule.into) > 1:
        yield ("into",), f"there is a split {rule.into!r} already; give the new one a name of its own"
    if rule.every < 2:
        yield ("every",), f"expected 2 or more: every row would go (got {rule.every})"


def _source_flaws(card: TaskCard) -> Iterator[Flaw]:
    for name, subset in card.subsets.items():
        for column in subset.columns:
            if column not in COLUMNS[card.type]:
                yield ("subsets", name, "columns", column), f"{card.type} tasks have no column {column!r}" + nearest(column, COLUMNS[card.type])
        for number, source in enumerate(subset.sources):
            at: Location = ("subsets", name, "sources", number)
            if repeated := [column for column in source.header or () if (source.header or ()).count(column) > 1]:
                yield (*at, "header"), f"the column {repeated[0]!r} stands there more than once; give each a name of its own"
            given = [key for key in ("file", "repository", "hub", "mteb") if getattr(source, key)]
            if len(given) != 1:
                yield at, f"expected exactly one of file, repository, hub, mteb; found {', '.join(given) or 'none'}"
            elif source.repository and not (source.commit and source.path and source.sha256):
                yield at, "a published file needs repository, commit, path and sha256"
            elif source.remote and not source.revision:
                yield at, "a Hub data set needs a pinned revision"
