"""How good a model is while it is trained: its score on development pairs, at the start and at even steps of each phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.data.training import Development
from bench.models.encoders import SentenceEncoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def curve_steps(development: Development, total: int) -> frozenset[int]:
    """The steps of a phase of `total` steps after which the model is scored; the last is one of them."""
    if not development.pairs:
        return frozenset()
    return frozenset(max(1, round(total * point / development.points)) for point in range(1, development.points + 1))


def development_score(model: SentenceTransformer, development: Development) -> float:
    """Spearman's correlation of cosine and gold score, mean over languages; 0 for one where every pair has the same cosine.

    Raises:
        ModelError: An embedding holds NaN or infinity.
    """
    from scipy.stats import spearmanr

    texts = list(dict.fromkeys(text for pairs in development.pairs.values() for first, second, _ in pairs for text in (first, second)))
    vectors = SentenceEncoder(model).encode(texts).astype(np.float64)
    unit = dict(zip(texts, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), strict=True))
    scores = []
    for pairs in development.pairs.values():
        cosines = np.array([unit[first] @ unit[second] for first, second, _ in pairs])
        scores.append(float(spearmanr(cosines, [gold for *_, gold in pairs]).statistic) if np.ptp(cosines) > 0 else 0.0)
    return float(np.mean(scores))
