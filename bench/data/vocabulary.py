"""The texts that decide which tokens a trimmed vocabulary keeps, with every text of the suite's tests taken out and counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from bench.data.rows import normalise, text_columns, unique_texts
from bench.data.sources import read_corpus
from bench.data.training import DataCache
from bench.errors import DataError
from bench.specs import Vocabulary, digest


@dataclasses.dataclass(frozen=True)
class VocabularyTexts:
    """What tokens are counted over. `leaked` counts, for each entry of the corpus, the texts left out because they stand in a test set."""

    texts: tuple[str, ...]
    leaked: dict[str, int]
    digest: str


def vocabulary_texts(data: DataCache, vocabulary: Vocabulary, guard: frozenset[str], folder: Path) -> VocabularyTexts:
    """The unique texts of a vocabulary's corpus, in order, without guarded ones.

    Args:
        data: Where data sets are read from.
        vocabulary: Data sets (`NAME`, `NAME:SPLIT`) and text files, relative to the card.
        guard: Normalised test texts, see `DataCache.guard`.
        folder: Where the card stands.

    Raises:
        DataError: Data is missing or malformed, or nothing is left.
    """
    kept: dict[str, None] = {}
    leaked: dict[str, int] = {}
    for entry in vocabulary.corpus:
        found = dict.fromkeys(_texts(data, entry, folder))
        clean = dict.fromkeys(text for text in found if normalise(text) not in guard)
        leaked[entry] = len(found) - len(clean)
        kept.update(clean)
    if not kept:
        raise DataError(f"vocabulary.corpus: no texts are left in {', '.join(vocabulary.corpus)}; expected text that stands in no test of the suite")
    return VocabularyTexts(tuple(kept), leaked, digest(list(kept)))


def _texts(data: DataCache, entry: str, folder: Path) -> Iterator[str]:
    name, _, split = entry.partition(":")
    if name not in data.library.tasks:
        path = folder / entry
        if not path.is_file():
            raise DataError(f"vocabulary.corpus: {entry!r} is no data set of the workspace and no text file: {path} is not there")
        yield from read_corpus([path])
        return
    card = data.library.task(name)
    for splits in data.rows(name).splits.values():
        yield from unique_texts(splits.get(split or card.train_on, []), text_columns(card))
