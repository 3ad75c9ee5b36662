"""Training rows of a fine-tuning phase, with every text of the suite's tests taken out and counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from bench.cards.load import Library
from bench.cards.recipes import Curve, Phase
from bench.cards.tasks import NLI_LABELS, TaskCard
from bench.data.checks import check_rows, remarks
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


@dataclasses.dataclass(frozen=True)
class GuardingTests:
    """The tests of a suite, by name: those whose texts were kept out of the training rows, and those that could not be read."""

    read: tuple[str, ...] = ()
    not_read: tuple[str, ...] = ()

    @classmethod
    def of(cls, tests: Iterable[str], unread: Iterable[str]) -> GuardingTests:
        """Split the names of tests by whether they are among the unread ones."""
        tests, missing = tuple(tests), frozenset(unread)
        return cls(tuple(test for test in tests if test not in missing), tuple(test for test in tests if test in missing))


class DataCache:
    """Reads each task's data once in a process, and takes guarded texts out of it once for all recipes that share it."""

    def __init__(self, library: Library, data_dir: Path | None, *, offline: bool) -> None:
        self.library, self.data_dir, self.offline = library, data_dir, offline
        self._read: dict[str, TaskData] = {}
        self._tests: dict[str, TaskData | DataError] = {}
        self._guards: dict[str, frozenset[str]] = {}
        self._checked: dict[str, DataError | None] = {}
        self._remarks: dict[str, tuple[str, ...]] = {}
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

    def check(self, task: str) -> None:
        """Refuse a task whose rows cannot be scored; each is looked at once, and all of its splits are read, as a run does.

        Hub data that is not here yet is not judged: a plan never downloads.

        Raises:
            DataError: Its data is missing or malformed, or too small or too uniform to be scored; see `check_rows`.
        """
        if task not in self._checked:
            self._checked[task] = self._check(task)
        found = self._checked[task]
        if found is not None:
            raise found

    def remarks(self, task: str) -> tuple[str, ...]:
        """What is odd about a task whose rows can be scored (see `bench.data.checks.remarks`); nothing for one that cannot, or that was not looked at."""
        try:
            self.check(task)
        except DataError:
            return ()
        return self._remarks.get(task, ())

    def _check(self, task: str) -> DataError | None:
        card = self.library.task(task)
        on_hub = any(source.hub for subset in card.subsets.values() for source in subset.sources)
        try:
            tested = self._test(task)
            learned = self._load(task, card.train_on) if card.type == "Classification" else None
            self.rows(task)  # a run reads every split when it comes to scoring, after hours of training
        except DataError as error:
            return None if on_hub and self.offline else error
        try:
            check_rows(card, tested, learned)
        except DataError as error:
            return error
        self._remarks[task] = remarks(card, tested, learned)
        return None

    def _load(self, task: str, split: str) -> TaskData:
        """One split of a task.

        Raises:
            DataError: See `load_rows`.
        """
        return self._read.get(task) or load_rows(self.library.task(task), self.data_dir, offline=self.offline, splits=(split,))

    def _test(self, task: str) -> TaskData:
        """What a task is tested on, also where another split of it cannot be read.

        Raises:
            DataError: See `load_rows`.
        """
        if task not in self._tests:
            try:
                self._tests[task] = self._load(task, self.library.task(task).evaluate_on)
            except DataError as error:
                self._tests[task] = error
        found = self._tests[task]
        if isinstance(found, DataError):
            raise found
        return found

    def guard(self, tasks: Iterable[str]) -> frozenset[str]:
        """The normalised texts of the tasks' test splits: what no training row may contain.

        A test that cannot be read here guards nothing; `unread` names it. It cannot be scored either, and once it is there, the training rows and so the
        checkpoint's key change with it wherever a row holds one of its texts.
        """
        return frozenset().union(*(self._test_texts(name) for name in tasks))

    def unread(self, tasks: Iterable[str]) -> dict[str, str]:
        """Those of the tasks whose test split cannot be read here, and why: no training row is compared with their texts."""
        found = {}
        for task in tasks:
            try:
                self._test(task)
            except DataError as error:
                found[task] = str(error)
        return found

    def _test_texts(self, task: str) -> frozenset[str]:
        if task not in self._guards:
            card = self.library.task(task)
            rows = [] if self.unread([task]) else [row for splits in self._test(task).splits.values() for row in splits[card.evaluate_on]]
            self._guards[task] = frozenset(normalise(text) for text in unique_texts(rows, text_columns(card)))
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
            DataError: Data is missing or malformed, nothing is left of a language, or all that is left of it has one score.
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
                found = pairs[f"{reference} {subset}"] = _convert(card, rows[: curve.rows]).scored
                if len({score for *_, score in found}) == 1:
                    told = f"every one of its {len(found)} {subset} pairs that are left has the same score"
                    raise DataError(
                        f"{reference}: {told}, so that a curve of correlations cannot be drawn; take a split, or more curve.rows, with different scores"
                    )
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
