"""Training rows of a fine-tuning phase, with every text of the suite's tests taken out and counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from bench.cards.load import Library
from bench.cards.recipes import Curve, Phase
from bench.cards.tasks import NLI_LABELS, TaskCard
from bench.data.rows import Record, TaskData, load_rows, normalise, text_columns, unique_texts
from bench.digests import digest
from bench.errors import DataError


@dataclasses.dataclass(frozen=True)
class TrainingSet:
    """What one phase trains on. `leaked` counts, for each data reference, the rows left out because a text of theirs stands in a test set."""

    triplets: tuple[tuple[str, str, str], ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    scored: tuple[tuple[str, str, float], ...] = ()
    unlabelled: tuple[str, ...] = ()
    leaked: dict[str, int] = dataclasses.field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Digest of the rows themselves: a change of the data that changes no row trains nothing anew."""
        return digest([self.triplets, self.pairs, self.scored, *([self.unlabelled] if self.unlabelled else [])])

    def texts(self) -> Iterator[str]:
        """Every text of every row."""
        for row in (*self.triplets, *self.pairs):
            yield from row
        for first, second, _ in self.scored:
            yield first
            yield second
        yield from self.unlabelled

    def __len__(self) -> int:
        return len(self.triplets) + len(self.pairs) + len(self.scored) + len(self.unlabelled)


@dataclasses.dataclass(frozen=True)
class Development:
    """Scored pairs by data set and language, which are neither trained on nor tested on, and how many times a phase a model is scored on them."""

    pairs: dict[str, tuple[tuple[str, str, float], ...]] = dataclasses.field(default_factory=dict)
    points: int = 0


class DataCache:
    """Reads each task's data once in a process, and takes guarded texts out of it once for all recipes that share it."""

    def __init__(self, library: Library, data_dir: Path | None, *, offline: bool) -> None:
        self.library, self.data_dir, self.offline = library, data_dir, offline
        self._read: dict[str, TaskData] = {}
        self._guards: dict[str, frozenset[str]] = {}
        self._training_sets: dict[tuple[tuple[str, ...], frozenset[str]], TrainingSet] = {}
        self._developments: dict[tuple[Curve, frozenset[str]], Development] = {}

    def rows(self, task: str) -> TaskData:
        """All splits of a task.

        Raises:
            DataError: See `load_rows`.
        """
        if task not in self._read:
            self._read[task] = load_rows(self.library.task(task), self.data_dir, offline=self.offline)
        return self._read[task]

    def guard(self, tasks: Iterable[str]) -> frozenset[str]:
        """The normalised texts of the tasks' test splits: what no training row may contain.

        A test that cannot be read here guards nothing; it cannot be scored either, and once it is there, the training rows and so the checkpoint's key change with it.
        """
        return frozenset().union(*(self._test_texts(name) for name in tasks))

    def _test_texts(self, task: str) -> frozenset[str]:
        if task not in self._guards:
            card = self.library.task(task)
            texts: set[str] = set()
            try:
                data = load_rows(card, self.data_dir, offline=self.offline, splits=(card.evaluate_on,))
            except DataError:
                data = TaskData({}, {})
            for splits in data.splits.values():
                texts.update(normalise(text) for text in unique_texts(splits[card.evaluate_on], text_columns(card)))
            self._guards[task] = frozenset(texts)
        return self._guards[task]

    def training_set(self, phase: Phase, guard: frozenset[str]) -> TrainingSet:
        """The rows of a phase, without those that hold a guarded text.

        Raises:
            DataError: Data is missing or malformed, or nothing is left to train on.
        """
        if (phase.data, guard) not in self._training_sets:
            self._training_sets[phase.data, guard] = self._training_set(phase, guard)
        return self._training_sets[phase.data, guard]

    def _training_set(self, phase: Phase, guard: frozenset[str]) -> TrainingSet:
        made = TrainingSet()
        for reference in phase.data:
            card, clean, leaked = self._unguarded(reference, guard)
            part = _convert(card, [row for rows in clean.values() for row in rows])
            made = TrainingSet(made.triplets + part.triplets, made.pairs + part.pairs, made.scored + part.scored, leaked={**made.leaked, reference: leaked})
        if not len(made):
            raise DataError(f"{', '.join(phase.data)}: no rows are left to train phase {phase.kind!r} on")
        return made

    def development(self, curve: Curve | None, guard: frozenset[str]) -> Development:
        """The pairs that a curve is drawn from, without those that hold a guarded text.

        Raises:
            DataError: Data is missing or malformed, or nothing is left of a language.
        """
        if curve is None:
            return Development()
        if (curve, guard) not in self._developments:
            self._developments[curve, guard] = self._development(curve, guard)
        return self._developments[curve, guard]

    def _development(self, curve: Curve, guard: frozenset[str]) -> Development:
        pairs: dict[str, tuple[tuple[str, str, float], ...]] = {}
        for reference in curve.data:
            card, clean, _ = self._unguarded(reference, guard)
            for subset, rows in clean.items():
                if not rows:
                    raise DataError(f"{reference}: no {subset} rows are left to draw a curve from; take a split that is not tested on")
                pairs[f"{reference} {subset}"] = _convert(card, rows[: curve.rows]).scored
        return Development(pairs, curve.points)

    def _unguarded(self, reference: str, guard: frozenset[str]) -> tuple[TaskCard, dict[str, list[Record]], int]:
        """The card of a reference `NAME` or `NAME:SPLIT`, its rows by subset without those that hold a guarded text, and how many those were."""
        name, _, split = reference.partition(":")
        card = self.library.task(name)
        clean: dict[str, list[Record]] = {}
        leaked = 0
        for subset, splits in self.rows(name).splits.items():
            rows = splits.get(split or card.train_on, [])
            clean[subset] = [row for row in rows if not any(normalise(str(row[column])) in guard for column in text_columns(card))]
            leaked += len(rows) - len(clean[subset])
        return card, clean, leaked


def _convert(card: TaskCard, rows: list[Record]) -> TrainingSet:
    if card.type == "STS":
        low, high = card.score_range
        return TrainingSet(scored=tuple((str(r["sentence1"]), str(r["sentence2"]), (float(r["score"]) - low) / (high - low)) for r in rows))
    if card.type == "PairClassification":
        return TrainingSet(pairs=tuple((str(r["sentence1"]), str(r["sentence2"])) for r in rows if r["label"] == 1))
    given = card.type == "Triplets"
    found = [(str(r["premise"]), str(r["entailment"]), str(r["contradiction"])) for r in rows] if given else _triplets(rows)
    return TrainingSet(triplets=tuple(both for p, e, c in found for both in ((p, e, c), (e, p, c))))


def _triplets(rows: list[Record]) -> list[tuple[str, str, str]]:
    """(premise, entailment, contradiction) for each premise that has both, as the group's NLI models were trained."""
    by_premise: dict[str, dict[int, list[str]]] = {}
    for row in rows:
        by_premise.setdefault(str(row["premise"]), {}).setdefault(int(row["label"]), []).append(str(row["hypothesis"]))
    entailment, contradiction = NLI_LABELS["entailment"], NLI_LABELS["contradiction"]
    return [
        (premise, positive, negative)
        for premise, found in by_premise.items()
        for positive, negative in zip(found.get(entailment, []), found.get(contradiction, []), strict=False)
    ]
