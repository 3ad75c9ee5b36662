"""Embeddings on disk: what was encoded once by a checkpoint is not encoded again, also after a kill.

A shard is one encoding call: `<n>.npy` with its vectors and `<n>.json` with its texts, written last. Shards of one checkpoint lie in one folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

from bench.models.encoders import Encoder
from bench.store import replacing, write_atomic


class EmbeddingStore:
    """Text to vector for one checkpoint, filled on demand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: dict[str, NDArray[np.float32]] = {}
        for index in sorted(folder.glob("*.json")):
            self._read(index)

    def _read(self, index: Path) -> None:
        try:
            texts = json.loads(index.read_text(encoding="utf-8"))
            vectors = np.load(index.with_suffix(".npy"), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return
        if len(texts) == len(vectors):
            self._rows.update(zip(texts, vectors, strict=True))

    def add(self, texts: Iterable[str], encoder: Encoder) -> int:
        """Encode and store the texts that are not there yet.

        Returns:
            How many were encoded.

        Raises:
            ModelError: An embedding is not finite.
            StorageError: They cannot be stored.
        """
        missing = sorted({text for text in texts if text not in self._rows})
        if not missing:
            return 0
        vectors = encoder.encode(missing)
        name = f"{len(list(self.folder.glob('*.json'))):04d}-{os.getpid()}"
        with replacing(self.folder / f"{name}.npy") as handle:
            np.save(handle, vectors, allow_pickle=False)
        write_atomic(self.folder / f"{name}.json", json.dumps(missing, ensure_ascii=False))
        self._rows.update(zip(missing, vectors, strict=True))
        return len(missing)

    def lookup(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """float32 array of shape (texts, dimensions); every text must have been added."""
        return np.stack([self._rows[text] for text in texts])
