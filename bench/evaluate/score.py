"""Embeddings to scores through mteb, with the per-example outputs that paired statistics need."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mteb
import numpy as np
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction
from sentence_transformers.util import SimilarityFunction
from sklearn.exceptions import UndefinedMetricWarning
from threadpoolctl import threadpool_limits

from bench.cards.candidate import Similarity
from bench.cards.tasks import TaskCard
from bench.data.rows import text_columns, unique_texts
from bench.errors import ModelError
from bench.evaluate.tasks import draws_name, predictions_file
from bench.faults import storage
from bench.models.embeddings import EmbeddingStore
from bench.models.encoders import check_spread
from bench.statistics.bootstrap import score_estimate
from bench.statistics.floors import bounds

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from numpy.typing import NDArray


class LookupEncoder(AbsEncoder):
    """An mteb encoder that computes nothing: every text's embedding is already in the store.

    Args:
        store: Has every text.
        name: The candidate's.
        revision: Of its checkpoint.
        similarity: How embeddings are compared.
        dtype: Type of the numbers that the model gave: mteb computes some scores in it.
    """

    def __init__(self, store: EmbeddingStore, name: str, revision: str, *, similarity: Similarity = "cosine", dtype: str = "float32") -> None:
        self.store, self.dtype, self._similarity = store, dtype, similarity
        self.mteb_model_meta = ModelMeta.create_empty(
            overwrites={"name": f"kasauti/{name}", "revision": revision, "similarity_fn_name": ScoringFunction(similarity)}
        )

    def encode(self, inputs: Any, **_: Any) -> NDArray[np.floating]:
        """Array of shape (texts, dimensions) and of `dtype`."""
        return self.store.lookup(text for batch in inputs for text in batch["text"]).astype(self.dtype, copy=False)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Every row of one array (n, dimensions) with every row of another (m, dimensions): shape (n, m).

        mteb itself compares by cosine and dot product only.
        """
        if self._similarity in {"cosine", "dot"}:
            return super().similarity(embeddings1, embeddings2)
        return SimilarityFunction.to_similarity_fn(self._similarity)(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Row by row: shape (n,)."""
        if self._similarity in {"cosine", "dot"}:
            return super().similarity_pairwise(embeddings1, embeddings2)
        return SimilarityFunction.to_similarity_pairwise_fn(self._similarity)(embeddings1, embeddings2)


def score_task(card: TaskCard, task: AbsTask, encoder: LookupEncoder, precisions: Iterable[str] = ("fp32",)) -> dict[str, Any]:
    """Let mteb score one task.

    Args:
        card: The task's.
        task: As `build_task` gives it.
        encoder: Has an embedding of every text of the task.
        precisions: Those that the model's numbers are held in; see `check_spread`.

    Returns:
        `scores`: mteb's TaskResult as a dict; `main`: subset -> main score; `examples`: subset -> per-example outputs;
        `estimates`: subset -> the main score with all that makes it vary (`Estimate.record`), None where that is not known; `bounds`: subset -> chance, lowest
            and highest score of this test, where they are known.

    Raises:
        ModelError: The embeddings of a subset's test texts are all the same, or a main score is not a number.
        StorageError: mteb's predictions cannot be written to the system's folder of temporary files.
    """
    for subset, splits in task.rows.items():
        texts = list(unique_texts(splits[card.evaluate_on], text_columns(card)))
        check_spread(encoder.store.lookup(texts), f"{card.name} [{subset}]", precisions)
    with storage(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
        with _known_warnings_silenced(), threadpool_limits(1, user_api="blas"):  # several threads take many times as long for matrices as small as these
            outcome = mteb.evaluate(encoder, task, cache=None, prediction_folder=folder, show_progress_bar=False, encode_kwargs={"batch_size": 1024})
        predictions = json.loads(predictions_file(Path(folder), task).read_text(encoding="utf-8"))
    result = outcome.task_results[0].model_dump(mode="json")
    main = {entry["hf_subset"]: entry["main_score"] for entry in result["scores"][card.evaluate_on]}
    for subset, score in main.items():
        if score is None or not np.isfinite(score):
            alike = len(set(_gold(task.rows[subset][card.evaluate_on]))) == 1 and card.type != "BitextMining"
            why = "every row has the same gold value" if alike else "are all embeddings the same?"
            raise ModelError(f"{card.name} [{subset}]: the {card.score_name} is {score}; {why}")
    examples = {subset: _examples(card, predictions[subset][card.evaluate_on], splits[card.evaluate_on]) for subset, splits in task.rows.items()}
    estimates = {}
    for subset, found in examples.items():
        units = task.units[subset][card.evaluate_on]
        estimate = score_estimate(card.score_name, main[subset], found, units, draws=draws_name(card, task, subset))
        estimates[subset] = None if estimate is None else estimate.record()
    limits = {subset: bounds(card.type, card.score_name, _gold(splits[card.evaluate_on])) for subset, splits in task.rows.items()}
    described = {subset: None if found is None else dataclasses.asdict(found) for subset, found in limits.items()}
    return {"scores": result, "main": main, "examples": examples, "estimates": estimates, "bounds": described}


@contextmanager
def _known_warnings_silenced() -> Iterator[None]:
    """Keep two warnings out of the progress that say nothing about a score.

    mteb copies a tensor in bitext mining by a constructor that warns. scikit-learn warns of a class that a classifier never predicts, whose precision is then
    taken for 0: a poor model's main score tells it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="To copy construct from a tensor", category=UserWarning)
        warnings.filterwarnings("ignore", category=UndefinedMetricWarning)
        yield


def _gold(rows: list[dict[str, Any]]) -> list[float]:
    """The gold value of each row; 0 where rows have none."""
    return [float(row.get("score", row.get("label", 0))) for row in rows]


def _examples(card: TaskCard, predicted: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Similarities and gold values, or one string of 0 and 1 (wrong, right) an experiment, in row order; triplets are one experiment.

    For bitext mining also each sentence's share of mteb's F1: it is the mean over sentences of 2 / (1 + c) where the right translation was found, c being how
    many sentences were given that translation, and 0 elsewhere (recall 1, precision 1/c).
    """
    if card.type == "Classification":
        gold = np.array([row["label"] for row in rows])
        return {"correct": ["".join("01"[int(hit)] for hit in np.asarray(one) == gold) for one in predicted]}
    if card.type == "BitextMining":
        found = np.array([int(best["corpus_id"]) for best in predicted["sentence1-sentence2"]])
        correct = found == np.arange(len(found))
        shares = np.where(correct, 2 / (1 + np.bincount(found, minlength=len(found))), 0.0)
        return {"correct": ["".join("01"[int(hit)] for hit in correct)], "f1": [round(float(share), 7) for share in shares]}
    if card.type == "Triplets":
        return {"correct": ["".join("01"[hit] for hit in predicted["correct"])]}
    gold_column = "score" if card.type == "STS" else "label"
    own = card.score_name in {"spearman", "pearson"}  # the scores that are taken by the model's own similarity, whatever that is
    compared = predicted["similarity_scores" if own else "cosine_scores"]
    return {"cosine": [round(value, 7) for value in compared], "gold": [row[gold_column] for row in rows]}
