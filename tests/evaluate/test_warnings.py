"""No library's raw warning stands in the middle of progress."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bench.cards.load import load_library
from bench.cards.workspace import Workspace
from bench.data.rows import load_rows
from bench.evaluate.score import LookupEncoder, score_task
from bench.evaluate.tasks import build_task, task_texts
from bench.models.embeddings import EmbeddingStore


class Alike:
    """Nearly the same embedding for every text, so that a classifier predicts one class only."""

    def encode(self, texts):
        return np.array([[1.0, len(text) * 1e-3] for text in texts], dtype=np.float32)


@pytest.mark.parametrize("name", ["Translations", "Topics"])
def test_what_mteb_and_scikit_learn_warn_of_is_not_shown(workspace_folder, tmp_path, name):
    card = load_library(Workspace(workspace_folder, workspace_folder)).task(name)
    task = build_task(card, load_rows(card, None), "1" * 16)
    store = EmbeddingStore(tmp_path / "embeddings")
    store.add(task_texts(card, task), Alike())
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        assert score_task(card, task, LookupEncoder(store, "alike", "1"))["main"]
    assert [str(one.message) for one in shown if "sourceTensor" in str(one.message) or "ill-defined" in str(one.message)] == []
