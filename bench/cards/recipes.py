"""What candidates are made from and how they are trained: bases, fine-tuning recipes, vocabularies, and what can be wrong with them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Strict

from bench.cards.fields import Card, Count, Flaw, Folder, Location, NonEmpty, Positive, Share
from bench.cards.origin import Origin
from bench.cards.tasks import TaskCard
from bench.cards.tokens import read_tokens, token_file
from bench.errors import DataError, nearest

Pooling = Literal["mean", "cls"]
MOST_EPOCHS = 10_000
PHASE_DATA = {"nli": ("NLI", "PairClassification", "Triplets"), "sts": ("STS",)}
"""Types of data sets that a phase trains on; `distill` takes texts of any."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Base(Origin):
    """Pre-trained weights that candidates start from. `card` is the file that names them, which for a built-in base is not that of the suite."""

    license: NonEmpty | None = None
    card: Folder = dataclasses.field(default=Path(), compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase(Card):
    """One stretch of fine-tuning. The defaults are those of the group's released models (arXiv 2409.14168 and its model cards).

    `data` of a `distill` phase are texts, as in `Vocabulary.corpus`; `loss` is how its distance from the teacher is measured.
    """

    kind: Literal["nli", "sts", "distill"]
    data: Annotated[tuple[str, ...], Field(min_length=1)]
    epochs: Annotated[float, Strict(), Field(gt=0, le=MOST_EPOCHS, allow_inf_nan=False)] | None = None
    batch_size: Count = 8
    learning_rate: Positive = 2e-5
    warmup_ratio: Share = 0.1
    weight_decay: Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)] = 0.01
    max_length: Count = 512
    scale: Positive = 20.0
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
class Curve(Card):
    """What a model is scored on while it is trained.

    Development pairs (data sets of type STS, `NAME:SPLIT`), `points` times a phase, at most `rows` pairs of a language.
    """

    data: Annotated[tuple[NonEmpty, ...], Field(min_length=1)]
    points: Count = 5
    rows: Count | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(Card):
    """Fine-tuning: pooling and an ordered list of phases.

    `precision` is that of the training arithmetic. `dropout` takes the place of what the base's configuration says, where it is given. `dimensions` are the
    widths to which `nested` candidates may cut their embeddings, trained together; other kinds do not look at them. `curve` decides no weight.
    """

    pooling: Pooling | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    dropout: Share | None = None
    dimensions: tuple[Count, ...] = ()
    phases: tuple[Phase, ...] = ()
    curve: Curve | None = None

    @property
    def distils(self) -> bool:
        """True when some phase needs a teacher."""
        return any(phase.kind == "distill" for phase in self.phases)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vocabulary(Card):
    """Which tokens of the base stay.

    Either the most frequent of a corpus (data sets `NAME` or `NAME:SPLIT`, or text files relative to the card), at most `size`; or those of a list, `tokens`, a
    file relative to the card (see `bench.cards.tokens`).
    """

    corpus: Annotated[tuple[NonEmpty, ...], Field(min_length=1)] = ()
    size: Count | None = None
    tokens: NonEmpty | None = None

    def label(self, *, several: bool) -> str:
        """What a grid puts behind a name: the size, or the name of the list, which says nothing where the grid has no other vocabulary."""
        if self.tokens is None:
            return f"-v{self.size}"
        return f"-{re.sub(r'[^A-Za-z0-9_.-]+', '-', Path(self.tokens).stem)}" if several else ""


@dataclasses.dataclass(frozen=True)
class DataSets:
    """What the data that a suite's card names is judged against.

    `cards` are the data sets of the workspace, `folder` is where text files are looked for. `complete` is False where a task card could not be read: then a
    name that is not in `cards` may still be one, and is not judged. `refused` says why tasks of mteb cannot be had by their names.
    """

    cards: Mapping[str, TaskCard]
    folder: Path
    complete: bool
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tested: Mapping[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    """The tasks of the suite, by the data set and the split that they are tested on."""

    def judges(self, reference: str) -> bool:
        """True where it can be said what a reference `NAME` or `NAME:SPLIT` means."""
        return self.complete or reference.partition(":")[0] in self.cards

    def split(self, reference: str) -> tuple[str, str]:
        """Name and split of a reference to a known data set; the split is the card's `train_on` where it is left out."""
        name, _, split = reference.partition(":")
        return name, split or self.cards[name].train_on


def base_flaws(base: Base) -> Iterator[Flaw]:
    """What is wrong with a base; told of the base as a whole, since several fields have a part in it."""
    return (((), message) for _, message in base.origin_flaws())


def recipe_flaws(recipe: Recipe, data: DataSets) -> Iterator[Flaw]:
    """What is wrong with a recipe's phases and its curve."""
    for number, phase in enumerate(recipe.phases):
        at: Location = ("phases", number)
        if phase.kind == "distill":
            yield from (((*at, "data"), message) for message in corpus_problems(phase.data, data, "be taught"))
            continue
        if phase.loss is not None:
            yield (*at, "loss"), f"a loss means nothing for phase {phase.kind!r}; only 'distill' has a choice"
        for reference in phase.data:
            found = _reference_problems(reference, phase.kind, data) or _training_problems(reference, data)
            yield from (((*at, "data"), message) for message in found)
    if recipe.curve is not None and data.complete:
        for reference in recipe.curve.data:
            yield from ((("curve", "data"), message) for message in _curve_problems(reference, recipe, data))


def vocabulary_flaws(vocabulary: Vocabulary, data: DataSets) -> Iterator[Flaw]:
    """What is wrong with a vocabulary, its list of tokens included."""
    counted = bool(vocabulary.corpus), vocabulary.size is not None
    if (vocabulary.tokens is None and not all(counted)) or (vocabulary.tokens is not None and any(counted)):
        yield (), "expected either tokens, a list, or both corpus and size; take out what is too much, or put in what is missing"
        return
    if vocabulary.tokens is None:
        yield from ((("corpus",), message) for message in corpus_problems(vocabulary.corpus, data, "choose the tokens"))
        return
    path = token_file(data.folder, vocabulary.tokens)
    if not path.is_file():
        there = nearest(path.name, (file.name for file in path.parent.glob(f"*{path.suffix}") if file.is_file()))
        yield ("tokens",), f"no file {vocabulary.tokens!r} beside this card{there or '; `bench vocabulary` makes one'}"
        return
    try:
        read_tokens(path)
    except DataError as error:
        yield ("tokens",), str(error)


def corpus_problems(entries: Sequence[str], data: DataSets, purpose: str) -> Iterator[str]:
    """What is wrong with a list of data sets and text files; `purpose` is what test texts may not be used for."""
    for entry in dict.fromkeys(one for one in entries if entries.count(one) > 1):
        yield f"{entry!r} stands there more than once; leave it out but for once"
    for entry in entries if data.complete else ():
        name, _, split = entry.partition(":")
        if name not in data.cards:
            path = data.folder / entry
            if path.exists() and not path.is_file() and not path.is_dir():
                yield f"{entry!r} is a pipe or a device, and a corpus is read more than once; put its text into a file"
            elif not path.is_file():
                yield f"{entry!r} is neither a data set nor a text file beside this card" + nearest(name, data.cards)
            continue
        card = data.cards[name] if data.cards[name].data is None else data.cards.get(data.cards[name].data or "", data.cards[name])
        split = split or card.train_on
        if card.evaluated and split == card.evaluate_on:
            yield f"{entry!r} is what {name!r} is tested on; test texts may not {purpose}"
        elif (card.name, split) in data.tested:
            yield f"{entry!r} is what {data.tested[card.name, split]!r} is tested on; test texts may not {purpose}"
        elif split not in card.common_splits:
            yield f"{name!r} has no split {split!r}" + nearest(split, card.common_splits)


def _reference_problems(reference: str, kind: Literal["nli", "sts"], data: DataSets) -> list[str]:
    """What is wrong with a data set that a phase (or, as one of `sts`, a curve) takes."""
    name, _, split = reference.partition(":")
    if not data.judges(reference):
        return []
    if name not in data.cards:
        return [f"no data set {name!r}" + nearest(name, data.cards)]
    card = data.cards[name]
    if card.type not in PHASE_DATA[kind]:
        return [f"phase {kind!r} trains on {' or '.join(PHASE_DATA[kind])}; {name!r} is {card.type}"]
    if (split or card.train_on) not in card.common_splits:
        return [f"{name!r} has no split {split or card.train_on!r}" + nearest(split, card.common_splits)]
    return []


def _training_problems(reference: str, data: DataSets) -> list[str]:
    """A reference all of whose rows are tested on: none of them would be left to train on."""
    if not data.judges(reference):
        return []
    name, split = data.split(reference)
    if (name, split) not in data.tested:
        return []
    others = sorted(other for other in data.cards[name].common_splits if (name, other) not in data.tested)
    mend = f"take another split, like {name}:{others[0]}" if others else "take another data set"
    return [f"{reference!r} is what {data.tested[name, split]!r} is tested on; test texts may not be trained on; {mend}"]


def _curve_problems(reference: str, recipe: Recipe, data: DataSets) -> Iterator[str]:
    """A curve is drawn on pairs that are neither trained on nor tested on."""
    found = _reference_problems(reference, "sts", data)
    yield from found
    if found:
        return
    name, split = data.split(reference)
    trained = {data.split(other) for phase in recipe.phases for other in phase.data if other.partition(":")[0] in data.cards}
    if split == data.cards[name].evaluate_on or (name, split) in data.tested:
        yield f"{reference!r} is what {data.tested.get((name, split), name)!r} is tested on; take a development split, like {name}:dev"
    elif (name, split) in trained:
        yield f"{reference!r} is what the recipe trains on; take a development split, like {name}:dev"
