"""Whether the rows of a task can be scored at all, and what is odd about those that can. Looked at when a run is planned, before anything is trained."""

from __future__ import annotations

import collections
from collections.abc import Iterator

from bench.cards.tasks import TaskCard
from bench.data.rows import TaskData, normalise, text_columns
from bench.errors import DataError

LEAST_ROWS = 2
"""A test of fewer rows has no spread: no correlation, and no resample that differs from another."""
SHOWN = 3
"""How many groups of equal rows a remark names, and how many rows of each. By their numbers among the rows that are scored, from 1: a board is public, and what
stands in others' data is not ours to quote there."""


def check_rows(card: TaskCard, tested: TaskData, learned: TaskData | None) -> None:
    """Refuse rows that cannot be scored.

    Args:
        card: With `data` resolved.
        tested: The rows of the split that is scored, after the card's rules; other splits are not looked at.
        learned: The same for the split that a classifier learns from; None where there is no classifier.

    Raises:
        DataError: Names every subset and split that is too small or too uniform, what was expected and what was found.
    """
    problems = []
    for subset in card.subsets:
        test = _Split(card, tested, subset, card.evaluate_on)
        found = [*_test_problems(test), *([] if learned is None else _training_problems(_Split(card, learned, subset, card.train_on), test))]
        problems += [f"subset {subset!r}: {problem}" for problem in found]
    if problems:
        raise DataError(f"{card.folder / 'task.toml'}: {card.name} cannot be scored: {'; '.join(problems)}")


def remarks(card: TaskCard, tested: TaskData, learned: TaskData | None) -> tuple[str, ...]:
    """What makes a score mean something else than its name says, though it can be computed: a line for each subset and finding.

    Args:
        card: With `data` resolved.
        tested: As in `check_rows`.
        learned: As in `check_rows`.
    """
    found = []
    for subset in card.subsets:
        test = _Split(card, tested, subset, card.evaluate_on)
        told = _bitext_remarks(test) if card.type == "BitextMining" else ()
        told = told if learned is None else _classifier_remarks(_Split(card, learned, subset, card.train_on), test)
        found += [f"subset {subset!r}: {remark}" for remark in told]
    return tuple(found)


def _classifier_remarks(train: _Split, test: _Split) -> Iterator[str]:
    """Rows that a classifier has learned by heart, and labels of which it sees fewer examples than the card says."""
    learned = {normalise(str(row["text"])) for row in train.rows}
    if seen := sum(normalise(str(row["text"])) in learned for row in test.rows):
        mend = f'rule = "drop-seen" with seen_in = "{train.split}" takes them out'
        yield f"{seen} of the {len(test.rows)} rows of {test.name} stand in {train.name} too, so that their labels are learned and not found; {mend}"
    wanted = train.card.samples_per_label
    if few := [f"{train.spelled(label)} ({count})" for label, count in sorted(train.labels.items(), key=str) if count < wanted]:
        yield f"{train.name} has fewer rows than samples_per_label ({wanted}) of {', '.join(few)}; draws have fewer of these"


def _bitext_remarks(test: _Split) -> Iterator[str]:
    """Sentences that stand there more than once: which of the equal ones is found is chance, and all others count as errors."""
    for column in text_columns(test.card):
        places: dict[str, list[int]] = {}
        for number, row in enumerate(test.rows, start=1):
            places.setdefault(str(row[column]), []).append(number)
        repeated = [numbers for numbers in places.values() if len(numbers) > 1]
        if repeated:
            rows = sum(map(len, repeated))
            named = "; ".join(" and ".join(map(str, numbers[:SHOWN])) for numbers in repeated[:SHOWN]) + ("; ..." if len(repeated) > SHOWN else "")
            why = f"only {len(repeated)} of these can be found, so that even a perfect model misses {rows - len(repeated)}"
            yield f"{rows} of the {len(test.rows)} rows of {test.name} have a {column} that is that of another row (rows {named}): {why}"


class _Split:
    """The rows of one split of one subset, and how messages name them."""

    def __init__(self, card: TaskCard, data: TaskData, subset: str, split: str) -> None:
        self.card = card
        self.split, self.name = split, f"split {split!r}"
        self.rows = data.splits[subset].get(split, [])
        self.labels = collections.Counter(row.get("label") for row in self.rows)
        self._dropped = data.dropped.get((subset, split), {})

    @property
    def size(self) -> str:
        """How many rows are left, and which rules took the others."""
        left = "no rows" if not self.rows else "1 row" if len(self.rows) == 1 else f"{len(self.rows)} rows"
        dropped = ", ".join(f"{count} by {rule}" for rule, count in self._dropped.items())
        return f"{left}, after rules took {dropped}" if dropped else left

    def spelled(self, label: object) -> str:
        """A label as the files spell it."""
        return repr(next((name for name, number in self.card.labels.items() if number == label), label))


def _test_problems(test: _Split) -> Iterator[str]:
    kind = test.card.type
    if len(test.rows) < LEAST_ROWS:
        yield f"{test.name} has {test.size}; expected at least {LEAST_ROWS}"
    elif kind == "STS" and len({row["score"] for row in test.rows}) == 1:
        yield f"every row of {test.name} has the score {test.rows[0]['score']:g}; expected different ones, without which there is no correlation"
    elif kind in {"Classification", "PairClassification"} and len(test.labels) == 1:
        yield f"every row of {test.name} has the label {test.spelled(test.rows[0]['label'])}; expected at least two labels"


def _training_problems(train: _Split, test: _Split) -> Iterator[str]:
    """What keeps a classifier from learning the labels of the test."""
    card = train.card
    if len(train.labels) < 2:
        found = f"one label only, {train.spelled(train.rows[0]['label'])}" if train.rows else train.size
        yield f"{train.name} has {found}; expected rows of at least two labels to learn from"
        return
    if unseen := sorted(train.spelled(label) for label in test.labels.keys() - train.labels.keys()):
        yield f"{train.name} has no row of {', '.join(unseen)}, which {test.name} asks for; expected at least one of every label"
    drawn = sum(min(count, card.samples_per_label) for count in train.labels.values())
    if card.classifier == "knn" and drawn < card.neighbours:
        yield f"a draw of {card.samples_per_label} rows a label from {train.name} has {drawn}; expected at least as many as neighbours, {card.neighbours}"
