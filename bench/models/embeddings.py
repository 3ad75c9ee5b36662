"""Embeddings on disk: what was encoded once by a checkpoint is not encoded again, also after a kill.

A shard is one encoding call: `<name>.npy` with its vectors and `<name>.json`, its sealed index, written last: the texts, the digest of the vectors' file, the
folder that the shard belongs to, and the hardware that encoded it. A shard that is not what was written is set aside (renamed to `*.altered`) with a word, and
its texts are encoded anew. Shards of one checkpoint lie in one folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

from bench.models.encoders import Encoder
from bench.store import UNSEALED, Notices, Unsealed, Unsound, read_sealed, replacing, seal, write_atomic


class EmbeddingStore:
    """Text to vector for one checkpoint, filled on demand.

    Args:
        folder: Where the shards lie; its name tells whose they are.
        hardware: What encodes in this process, kept with every shard. See `bench.models.hardware`.
        notices: Told of shards that are set aside.
    """

    def __init__(self, folder: Path, *, hardware: Mapping[str, Any] | None = None, notices: Notices | None = None) -> None:
        self.folder, self.hardware, self.notices = folder, dict(hardware or {}), notices or Notices()
        self.encoded_on: list[dict[str, Any]] = []
        """The hardware of all shards, each once."""
        self._rows: dict[str, NDArray[np.float32]] = {}
        for index in sorted(folder.glob("*.json")):
            self._read(index)

    def _read(self, index: Path) -> None:
        try:
            told = read_sealed(index, self.folder.name)
            if told is None:  # another run has just set it aside
                return
            vectors = _vectors(index.with_suffix(".npy"), told["vectors"])
        except Unsealed:
            self._set_aside(index, f"{self.folder.parent}: {UNSEALED}")
            return
        except Unsound as problem:
            self._set_aside(index, f"{index}: {problem}; set aside, its texts are encoded anew")
            return
        self._take(told["texts"], vectors, told["encoded_on"])

    def _set_aside(self, index: Path, word: str) -> None:
        self.notices.say(word)
        for path in (index, index.with_suffix(".npy")):
            with contextlib.suppress(OSError):  # not there, or not ours to change: it is not used in any case
                path.replace(path.with_name(f"{path.name}.altered"))

    def _take(self, texts: list[str], vectors: NDArray[np.float32], encoded_on: dict[str, Any]) -> None:
        self._rows.update(zip(texts, vectors, strict=True))
        if encoded_on not in self.encoded_on:
            self.encoded_on.append(encoded_on)

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
        assert len(vectors) == len(missing), "an encoder gives one vector a text"
        data = io.BytesIO()
        np.save(data, vectors, allow_pickle=False)
        written = hashlib.sha256(data.getbuffer()).hexdigest()
        index = seal({"of": self.folder.name, "vectors": written, "encoded_on": self.hardware, "texts": missing})
        name = hashlib.sha256(index.encode()).hexdigest()[:24]  # no two shards share a name, whichever was set aside before
        with replacing(self.folder / f"{name}.npy") as handle:
            handle.write(data.getbuffer())
        write_atomic(self.folder / f"{name}.json", index)
        self._take(missing, vectors, self.hardware)
        return len(missing)

    def lookup(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """float32 array of shape (texts, dimensions); every text must have been added."""
        return np.stack([self._rows[text] for text in texts])


def _vectors(path: Path, expected: str) -> NDArray[np.float32]:
    """The vectors of a shard, read from the very bytes that were digested.

    Raises:
        Unsound: The file is not there or is another one than was written.
    """
    try:
        with path.open("rb") as handle:
            if hashlib.file_digest(handle, "sha256").hexdigest() != expected:
                raise Unsound(f"the vectors in {path.name} do not match their digest")
            handle.seek(0)
            vectors: NDArray[np.float32] = np.load(handle, allow_pickle=False)
            return vectors
    except FileNotFoundError:
        raise Unsound(f"its vectors in {path.name} are not there") from None
