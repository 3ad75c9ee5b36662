"""Texts to embeddings, bit for bit the same whatever else is encoded in the same run.

Every forward pass has a fixed shape: texts of one token length, a number of rows that depends on that length alone (short batches are filled up by repeating a row). So
there is no padding, and what a text's embedding is depends on the text and the model only. The place of a text in its batch moved no bit of the bases of `mini` and of
MiniLM; on two threads it did move the last one (by 2e-7) of a random model 32 wide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bench.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

Progress = Callable[[float], None]
ENCODING_VERSION = 1
"""Raise it by one when the same checkpoint would give other embeddings: embeddings and scores made before are then not used again."""
TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 32768}
MAX_ROWS = {"cpu": 64, "cuda": 1024}
INT8_ROWS = 1
"""Dynamic quantization takes the scale of its activations over the whole batch, so that a text's embedding would depend on its company."""


class Encoder(Protocol):
    """Anything that turns texts into float32 vectors."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """float32 array of shape (texts, dimensions)."""

    def save(self, folder: Path) -> None:
        """Write what `load_encoder` reads."""


class SentenceEncoder:
    """A sentence-transformers model with the fixed-shape batch plan."""

    def __init__(self, model: SentenceTransformer, *, prompt: str = "", max_rows: int | None = None, progress: Progress = lambda _: None) -> None:
        self.model, self.prompt, self.progress = model, prompt, progress
        self.max_rows = max_rows or MAX_ROWS.get(model.device.type, 64)

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """float32 array of shape (texts, dimensions), rows in the order of `texts`.

        Raises:
            ModelError: An embedding holds NaN or infinity; names the text.
        """
        kind = self.model.device.type
        groups: dict[int, list[int]] = {}
        for index, length in enumerate(self._lengths(texts)):
            groups.setdefault(length, []).append(index)
        out: NDArray[np.float32] | None = None
        done = 0
        for length in sorted(groups):
            indices = groups[length]
            rows = max(1, min(self.max_rows, TOKENS_PER_BATCH.get(kind, 1024) // length))
            for start in range(0, len(indices), rows):
                part = indices[start : start + rows]
                vectors = self._forward([texts[index] for index in part], rows)
                if out is None:
                    out = np.empty((len(texts), vectors.shape[1]), dtype=np.float32)
                out[part] = vectors
                done += len(part)
                self.progress(done / len(texts))
        assert out is not None, "encode needs at least one text"
        check_finite(out, texts)
        return out

    def save(self, folder: Path) -> None:
        """Write the model as a sentence-transformers folder, without a page."""
        self.model.save_pretrained(str(folder), create_model_card=False)

    def _forward(self, texts: Sequence[str], rows: int) -> NDArray[np.float32]:
        filled = [*texts, *[texts[-1]] * (rows - len(texts))]
        vectors: NDArray[np.float32] = self.model.encode(filled, batch_size=rows, prompt=self.prompt or None, show_progress_bar=False, convert_to_numpy=True)
        return vectors[: len(texts)].astype(np.float32, copy=False)

    def _lengths(self, texts: list[str]) -> list[int]:
        """Tokens of each text after truncation; characters where the model has no transformers tokenizer."""
        tokenizer = self.model.tokenizer
        prompted = [self.prompt + text for text in texts]
        if not hasattr(tokenizer, "model_max_length"):
            return [len(text) for text in prompted]
        encoded = tokenizer(prompted, truncation=True, max_length=self.model.max_seq_length, return_attention_mask=False)
        return [len(ids) for ids in encoded["input_ids"]]


def check_finite(vectors: NDArray[np.float32], texts: list[str]) -> None:
    """Refuse embeddings that a score could silently be computed from.

    Raises:
        ModelError: A row holds NaN or infinity, or is zero throughout.
    """
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        raise ModelError(f"{int(bad.sum())} of {len(texts)} embeddings hold NaN or infinity, the first for {texts[int(bad.argmax())]!r}")
    zero = ~vectors.any(axis=1)
    if zero.any():
        raise ModelError(f"{int(zero.sum())} of {len(texts)} embeddings are zero, the first for {texts[int(zero.argmax())]!r}")
