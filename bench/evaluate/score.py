"""Embeddings to scores through mteb, with the per-example outputs that paired statistics need."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mteb
import numpy as np
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction

from bench.cards.specs import TaskCard
from bench.digests import digest
from bench.errors import ModelError
from bench.evaluate.embeddings import EmbeddingStore
from bench.evaluate.tasks import predictions_file
from bench.faults import storage
from bench.statistics.bootstrap import replicates

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from numpy.typing import NDArray


class LookupEncoder(AbsEncoder):
    """An mteb encoder that computes nothing: every text's embedding is already in the store."""

    def __init__(self, store: EmbeddingStore, name: str, revision: str) -> None:
        self.store = store
        self.mteb_model_meta = ModelMeta.create_empty(
            overwrites={"name": f"kasauti/{name}", "revision": revision, "similarity_fn_name": ScoringFunction.COSINE}
        )

    def encode(self, inputs: Any, **_: Any) -> NDArray[np.float32]:
        """float32 array of shape (texts, dimensions)."""
        return self.store.lookup(text for batch in inputs for text in batch["text"])


def score_task(card: TaskCard, task: AbsTask, encoder: LookupEncoder) -> dict[str, Any]:
    """Let mteb score one task.

    Returns:
        `scores`: mteb's TaskResult as a dict; `main`: subset -> main score; `examples`: subset -> per-example outputs;
        `replicates`: subset -> main score in each bootstrap resample of the test examples.

    Raises:
        ModelError: A main score is not a number.
        StorageError: mteb's predictions cannot be written to the system's folder of temporary files.
    """
    with storage(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
        outcome = mteb.evaluate(encoder, task, cache=None, prediction_folder=folder, show_progress_bar=False, encode_kwargs={"batch_size": 1024})
        predictions = json.loads(predictions_file(Path(folder), task).read_text(encoding="utf-8"))
    result = outcome.task_results[0].model_dump(mode="json")
    main = {entry["hf_subset"]: entry["main_score"] for entry in result["scores"][card.evaluate_on]}
    for subset, score in main.items():
        if score is None or not np.isfinite(score):
            raise ModelError(f"{card.name} [{subset}]: the {card.score_name} is {score}; are all embeddings the same?")
    examples = {subset: _examples(card, predictions[subset][card.evaluate_on], splits[card.evaluate_on]) for subset, splits in task.rows.items()}
    drawn = {subset: replicates(card.score_name, found, seed=resampling_seed(card, subset)) for subset, found in examples.items()}
    return {"scores": result, "main": main, "examples": examples, "replicates": drawn}


def resampling_seed(card: TaskCard, subset: str) -> int:
    """Tasks over the same rows are resampled alike, so that their difference is a paired one."""
    return int(digest([card.data or card.name, subset])[:16], 16)


def _examples(card: TaskCard, predicted: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Cosines and gold values, or one string of 0 and 1 (wrong, right) an experiment, in row order.

    For bitext mining also each sentence's share of mteb's F1: it is the mean over sentences of 2 / (1 + c) where the right translation was found, c being how many sentences were given that
    translation, and 0 elsewhere (recall 1, precision 1/c).
    """
    if card.type == "Classification":
        gold = np.array([row["label"] for row in rows])
        return {"correct": ["".join("01"[int(hit)] for hit in np.asarray(one) == gold) for one in predicted]}
    if card.type == "BitextMining":
        found = np.array([int(best["corpus_id"]) for best in predicted["sentence1-sentence2"]])
        correct = found == np.arange(len(found))
        shares = np.where(correct, 2 / (1 + np.bincount(found, minlength=len(found))), 0.0)
        return {"correct": ["".join("01"[int(hit)] for hit in correct)], "f1": [round(float(share), 7) for share in shares]}
    gold_column = "score" if card.type == "STS" else "label"
    return {"cosine": [round(value, 7) for value in predicted["cosine_scores"]], "gold": [row[gold_column] for row in rows]}
