"""Texts without labels, for trimming a vocabulary and for distillation, with every text of the suite's tests taken out and counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.cards.load import shipped_task
from bench.data.rows import load_rows, normalise, text_columns, unique_texts
from bench.data.sources import read_corpus
from bench.data.training import DataCache
from bench.digests import digest
from bench.errors import CorpusError, DataError

COMPARISON_TASK = "KasautiSTS"


@dataclasses.dataclass(frozen=True)
class UnlabelledTexts:
    """Unique texts. `leaked` counts, for each entry that they were read from, the texts left out because they stand in a test set."""

    texts: tuple[str, ...]
    leaked: dict[str, int]
    digest: str


def unlabelled_texts(data: DataCache, entries: Sequence[str], guard: frozenset[str], folder: Path, *, field: str) -> UnlabelledTexts:
    """The unique texts of a list of data sets and files, in order, without guarded ones.

    Args:
        data: Where data sets are read from.
        entries: Data sets (`NAME`, `NAME:SPLIT`) and text files, relative to the card.
        guard: Normalised test texts, see `DataCache.guard`.
        folder: Where the card stands.
        field: The card's field that has the entries, for messages.

    Raises:
        CorpusError: Nothing is left.
        DataError: Data is missing or malformed.
    """
    kept: dict[str, None] = {}
    leaked: dict[str, int] = {}
    for entry in entries:
        found = dict.fromkeys(_texts(data, entry, folder, field))
        clean = dict.fromkeys(text for text in found if normalise(text) not in guard)
        leaked[entry] = len(found) - len(clean)
        kept.update(clean)
    if not kept:
        raise CorpusError(f"{field}: no texts are left in {', '.join(entries)}; expected text that stands in no test of the suite")
    return UnlabelledTexts(tuple(kept), leaked, digest(list(kept)))


def comparison_texts(guard: frozenset[str]) -> UnlabelledTexts:
    """The unique training texts of the shipped KasautiSTS, in Marathi and Hindi, without guarded ones: what two vocabularies are compared on.

    Raises:
        DataError: The shipped data is missing or changed.
    """
    card = shipped_task(COMPARISON_TASK)
    languages = load_rows(card, None, splits=(card.train_on,)).splits.values()
    found = dict.fromkeys(text for splits in languages for text in unique_texts(splits[card.train_on], text_columns(card)))
    kept = tuple(text for text in found if normalise(text) not in guard)
    return UnlabelledTexts(kept, {card.name: len(found) - len(kept)}, digest(list(kept)))


def _texts(data: DataCache, entry: str, folder: Path, field: str) -> Iterator[str]:
    name, _, split = entry.partition(":")
    if name not in data.library.tasks:
        path = folder / entry
        if not path.is_file():
            raise DataError(f"{field}: {entry!r} is no data set of the workspace and no text file: {path} is not there")
        yield from read_corpus([path])
        return
    card = data.library.task(name)
    for splits in data.rows(name).splits.values():
        yield from unique_texts(splits.get(split or card.train_on, []), text_columns(card))
