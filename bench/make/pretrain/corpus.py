"""Raw text to token ids, and token ids to static vectors."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.data.sources import read_corpus
from bench.make.pretrain.tokenizer import SPECIAL_TOKENS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerFast

    IntArray = NDArray[np.int32] | NDArray[np.int64]
    FloatArray = NDArray[np.float32]

SEP = SPECIAL_TOKENS.index("[SEP]")


@dataclasses.dataclass
class Corpus:
    """Token ids of every corpus file laid end to end, each line closed by `[SEP]`; `held_out` is never trained on."""

    train: IntArray
    held_out: IntArray
    digest: str


def load_corpus(files: Sequence[Path], tokenizer: PreTrainedTokenizerFast, *, held_out_every: int = 100) -> Corpus:
    """Tokenize the corpus; every `held_out_every`-th line goes to the held-out part."""
    parts: tuple[list[int], list[int]] = ([], [])
    digest = hashlib.sha256()
    batch: list[str] = []
    index = 0

    def flush() -> None:
        nonlocal index
        for encoding in tokenizer.backend_tokenizer.encode_batch(batch, add_special_tokens=False):
            parts[index % held_out_every == 0].extend([*encoding.ids, SEP])
            index += 1
        batch.clear()

    for line in read_corpus(files):
        digest.update(line.encode() + b"\n")
        batch.append(line)
        if len(batch) == 4096:
            flush()
    flush()
    train, held_out = (np.asarray(part, dtype=np.int32) for part in parts)
    return Corpus(train, held_out, digest.hexdigest())


def ppmi_embeddings(ids: IntArray, *, vocab_size: int, dim: int, window: int = 5, seed: int = 0) -> FloatArray:
    """Token vectors from a factorised PPMI matrix.

    Args:
        ids: Token ids in running order, shape (tokens,).
        vocab_size: Rows of the result.
        dim: Columns of the result.
        window: Co-occurrences are counted up to this distance, weighted 1/distance.
        seed: Seed of the randomised SVD.

    Returns:
        float32 array of shape (vocab_size, dim), rows U * sqrt(S) scaled to a standard deviation of 0.02 (BERT's initialiser), as in
        Levy, Goldberg and Dagan 2015, section 3.3, with context distribution smoothing of 0.75.
    """
    from scipy import sparse
    from sklearn.utils.extmath import randomized_svd

    counts = sparse.csr_matrix((vocab_size, vocab_size), dtype=np.float32)
    for distance in range(1, window + 1):
        left, right = ids[:-distance], ids[distance:]
        keep = (left >= len(SPECIAL_TOKENS)) & (right >= len(SPECIAL_TOKENS))
        weight = np.full(int(keep.sum()), 1 / distance, dtype=np.float32)
        counts = counts + sparse.coo_matrix((weight, (left[keep], right[keep])), shape=counts.shape).tocsr()
    counts = (counts + counts.T).tocoo()
    total = counts.sum()
    word = np.asarray(counts.sum(axis=1)).ravel()
    context = word**0.75
    context *= total / context.sum()
    pmi = np.log(counts.data * total / (word[counts.row] * context[counts.col]))
    positive = pmi > 0
    ppmi = sparse.csr_matrix((pmi[positive], (counts.row[positive], counts.col[positive])), shape=counts.shape)
    u, s, _ = randomized_svd(ppmi, n_components=dim, n_iter=3, random_state=seed)
    vectors = (u * np.sqrt(s)).astype(np.float32)
    rng = np.random.default_rng(seed)
    silent = ~vectors.any(axis=1)
    vectors[silent] = rng.normal(size=(int(silent.sum()), dim)) * vectors[~silent].std()
    scaled: FloatArray = vectors * np.float32(0.02 / vectors.std())
    return scaled
