"""The floor: hashed character n-grams, no training, no weights. What does not beat it has learned nothing that letters do not say."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "lexical.json"
DIMENSIONS = 4096


class LexicalEncoder:
    """Texts to l2-normalised binary vectors of their character n-grams, hashed to `dimensions` columns.

    With binary counts the cosine of two texts is their n-gram overlap divided by the geometric mean of their sizes (Ochiai coefficient), which ranks pairs
    almost as Jaccard's coefficient does.
    """

    def __init__(self, ngram: tuple[int, int] = (3, 3), dimensions: int = DIMENSIONS) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        self.ngram, self.dimensions = ngram, dimensions
        self._vectorizer = HashingVectorizer(
            analyzer="char", ngram_range=ngram, n_features=dimensions, binary=True, norm="l2", alternate_sign=False, lowercase=True, dtype=np.float32
        )

    prompt, similarity, dtype = "", "cosine", "float32"

    def precision(self) -> dict[str, float]:
        """Nothing: there are no weights."""
        return {}

    def for_task(self, *_: str) -> LexicalEncoder:
        """Itself: it knows no prompts."""
        return self

    def with_prompt(self, prompt: str) -> LexicalEncoder:  # noqa: ARG002 (it knows no prompts)
        """Itself."""
        return self

    @classmethod
    def load(cls, folder: Path) -> LexicalEncoder:
        """Read what `save` wrote."""
        stored = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls((stored["ngram"][0], stored["ngram"][1]), stored["dimensions"])

    def save(self, folder: Path) -> None:
        """Write the settings; there are no weights."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps({"ngram": list(self.ngram), "dimensions": self.dimensions}) + "\n", encoding="utf-8")

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """float32 array of shape (texts, dimensions); a text shorter than the n-gram is padded with spaces."""
        prepared = [f" {' '.join(unicodedata.normalize('NFC', text).split())} ".ljust(self.ngram[0]) for text in texts]
        dense: NDArray[np.float32] = self._vectorizer.transform(prepared).toarray()
        return dense
