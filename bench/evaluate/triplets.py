"""Triplets as an mteb task: is the sentence of the same meaning nearer to the anchor than the one of the opposite meaning?

mteb 2.26 has no such task. Its nearest, `AbsTaskRetrieval` with one relevant and one other document a query, does not fit, for two reasons:

- It counts ties by chance. Two equal sentences got cosines that differed by 7e-9, since mteb multiplies matrices; where they were equal, the identifiers of the
  documents decided.
- It gives a model's prompts for queries and for documents to sentences that are neither.

So this module scores triplets itself. It builds on what mteb documents for every task and every encoder: `AbsTask` and `EncoderProtocol.encode`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mteb.abstasks import AbsTask

if TYPE_CHECKING:
    from datasets import Dataset
    from numpy.typing import NDArray

MARGIN = 1e-6
"""How much higher the right cosine must be. Embeddings are stored in float32, whose rounding moves a cosine by about 1e-7: a smaller difference is a tie."""
COLUMNS = ("premise", "entailment", "contradiction")


def nearer(anchor: NDArray[Any], same: NDArray[Any], opposite: NDArray[Any]) -> NDArray[np.bool_]:
    """For each triplet, whether cos(anchor, same) is above cos(anchor, opposite); a tie is not.

    The rule is that of `TripletEvaluator` in sentence-transformers (`cosine_accuracy`), with `MARGIN`.

    Args:
        anchor: Embeddings, shape (triplets, dimensions).
        same: Embeddings of the sentences that mean the same, in the same order and shape.
        opposite: Embeddings of the others, likewise.

    Returns:
        bool array of shape (triplets,). An embedding of length zero has no direction: its triplet is a tie.
    """
    difference: NDArray[np.float64] = _cosine(anchor, same) - _cosine(anchor, opposite)
    return difference > MARGIN


def _cosine(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Cosine of each pair of rows, in float64; 0 where one has length zero."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines: NDArray[np.float64] = np.divide((a * b).sum(axis=1), lengths, out=np.zeros(len(a)), where=lengths > 0)
    return cosines


class AbsTaskTriplets(AbsTask):
    """An mteb task over rows of `premise`, `entailment`, `contradiction`. Its score is `accuracy`, the share of triplets for which `nearer` is true."""

    abstask_prompt = "Retrieve text that has the same meaning."

    def _evaluate_subset(
        self, model: Any, data_split: Dataset, *, hf_split: str, hf_subset: str, encode_kwargs: Any, prediction_folder: Path | None = None, **_: Any
    ) -> dict[str, float]:
        """`accuracy`; what is right and wrong goes to the predictions file, in row order."""
        from torch.utils.data import DataLoader

        batch_size = encode_kwargs.get("batch_size", 32)
        embedded = []
        for column in COLUMNS:
            texts: Any = [{"text": text} for text in data_split[column]]
            batches = DataLoader(texts, batch_size=batch_size)
            embedded.append(np.asarray(model.encode(batches, task_metadata=self.metadata, hf_split=hf_split, hf_subset=hf_subset, **encode_kwargs)))
        correct = nearer(*embedded)
        if prediction_folder is not None:
            self._save_task_predictions({"correct": correct.tolist()}, model, prediction_folder, hf_split=hf_split, hf_subset=hf_subset)
        return {"accuracy": float(correct.mean())}

    def _calculate_descriptive_statistics_from_split(self, split: str, **_: Any) -> Any:
        """Asked for by mteb, of tasks that it publishes."""
        raise NotImplementedError(f"{self.metadata.name}: triplets are not published with mteb, so nothing describes their split {split!r}")
