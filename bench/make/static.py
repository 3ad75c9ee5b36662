"""Static embeddings made from a transformer: one vector a token and their mean, no transformer when it runs.

As in model2vec (Tulkens and van Dongen 2024): every token of the vocabulary goes through the base on its own, the outputs are turned to their principal
components, and each is weighted by how rare the token is: a / (a + p) with the smooth inverse frequency of Arora, Liang and Ma 2017.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from bench.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

SIF = 1e-3
"""The constant a; Arora, Liang and Ma found 1e-3 to 1e-4 to do alike."""
ROWS = 512


def static_model(model: SentenceTransformer, texts: Iterable[str], *, dimensions: int | None = None, seed: int = 0) -> SentenceTransformer:
    """A static model of a sentence model's tokens.

    Args:
        model: On the CPU, with a fast tokenizer.
        texts: What token frequencies are counted on.
        dimensions: Principal components that are kept; as many as the base is wide when None.
        seed: Of the randomised decomposition.

    Raises:
        ModelError: More dimensions than the base is wide or has tokens, or a tokenizer that is not a fast one.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from sklearn.decomposition import PCA

    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError("a static candidate needs a base with a fast tokenizer (tokenizer.json)")
    vectors = _token_outputs(model)
    tokens, width = vectors.shape
    if dimensions is not None and dimensions > width:
        raise ModelError(f"'dimensions' must be at most {width}, the width of the base (got {dimensions})")
    if (dimensions or width) > tokens:
        asked = dimensions or width
        raise ModelError(f"a base of {tokens} tokens has at most {tokens} principal components; give dimensions = {tokens} or fewer (got {asked})")
    components = PCA(n_components=dimensions or width, random_state=seed).fit_transform(vectors)
    counts = np.zeros(len(vectors))
    for encoding in backend.encode_batch(list(texts), add_special_tokens=False):
        np.add.at(counts, encoding.ids, 1)
    weights = SIF / (SIF + counts / max(1.0, counts.sum()))
    weighted = np.ascontiguousarray(components * weights[:, None], dtype=np.float32)
    backend.no_padding()
    backend.no_truncation()
    return SentenceTransformer(modules=[StaticEmbedding(backend, embedding_weights=weighted)], device="cpu")


def _token_outputs(model: SentenceTransformer) -> NDArray[np.float32]:
    """What the transformer makes of each token between the tokenizer's special tokens: float32 (vocabulary, width)."""
    import torch

    tokenizer, transformer = model.tokenizer, model[0].auto_model.eval()
    around = tokenizer("")["input_ids"]  # [CLS] and [SEP], or whatever this tokenizer puts around a text
    at = 1 if around and around[0] in {tokenizer.cls_token_id, tokenizer.bos_token_id} else 0
    frame = [*around[:at], 0, *around[at:]]
    parts = []
    with torch.inference_mode():
        for start in range(0, len(tokenizer), ROWS):
            ids = torch.arange(start, min(start + ROWS, len(tokenizer)))
            inputs = torch.tensor([frame] * len(ids))
            inputs[:, at] = ids
            hidden = transformer(input_ids=inputs, attention_mask=torch.ones_like(inputs)).last_hidden_state
            parts.append(hidden[:, at].float().numpy())
    return np.concatenate(parts)
