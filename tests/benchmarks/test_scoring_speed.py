"""Scoring without the lazy label column, and with one thread of BLAS: ratios against mteb's stock task and its threads in the same run, never seconds."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bench.cards.load import load_library
from bench.cards.tasks import Source, Subset, TaskCard
from bench.cards.workspace import Workspace, builtin_content
from bench.data.rows import TaskData, load_rows
from bench.evaluate.score import LookupEncoder, score_task
from bench.evaluate.tasks import build_task, task_texts
from bench.models.embeddings import EmbeddingStore
from bench.models.lexical import LexicalEncoder
from bench.probe.machine import usable_cores
from tests.benchmarks.ratios import compare

pytestmark = pytest.mark.slow
ROWS = 2000


class Random:
    """A zero-cost encoder."""

    def encode(self, texts):
        return np.random.default_rng(0).normal(size=(len(texts), 32)).astype(np.float32)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    splits = {split: [{"text": f"{split} {index}", "label": index % 4} for index in range(ROWS)] for split in ("train", "test")}
    sources = tuple(Source(split=split, file=f"{split}.tsv") for split in splits)
    card = TaskCard(name="Speed", type="Classification", description="d", license="cc-by-4.0", subsets={"mr": Subset(languages=("mar-Deva",), sources=sources)})
    data = TaskData({"mr": splits}, {})
    task = build_task(card, data, "1")
    store = EmbeddingStore(tmp_path_factory.mktemp("store"))
    store.add([*task_texts(card, task), *(row["text"] for row in splits["train"])], Random())
    return card, data, LookupEncoder(store, "random", "1")


def stock(card, data):
    """The same rows in mteb's own class."""
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskClassification

    class Stock(AbsTaskClassification):
        metadata = build_task(card, data, "1").metadata

        def load_data(self, **_):
            self.dataset = {"mr": DatasetDict({split: Dataset.from_list(rows) for split, rows in data.splits["mr"].items()})}
            self.data_loaded = True

    return Stock()


def score(task, encoder):
    import mteb

    return mteb.evaluate(encoder, task, cache=None, show_progress_bar=False).task_results[0].scores["test"][0]["main_score"]


def test_scoring_a_classification_is_at_least_twice_as_fast_as_mtebs_stock_task(benchmark, parts):
    card, data, encoder = parts
    results: dict[str, float] = {}

    def ours():
        results["ours"] = score(build_task(card, data, "1"), encoder)

    def theirs():
        results["theirs"] = score(stock(card, data), encoder)

    compare(benchmark, "scoring", theirs=theirs, ours=ours, rounds=2)
    assert results["ours"] == results["theirs"]


@pytest.mark.skipif(usable_cores() < 2, reason="one core has one thread of BLAS")
def test_classifiers_are_fitted_at_least_twice_as_fast_as_with_a_thread_a_core(benchmark, tmp_path):
    card = load_library(Workspace(builtin_content(), tmp_path)).task("KasautiTopic")
    data = load_rows(card, None)
    store = EmbeddingStore(tmp_path / "store")
    store.add(task_texts(card, build_task(card, data, "1")), LexicalEncoder())
    encoder = LookupEncoder(store, "char-3gram", "1")
    results: dict[str, list[float]] = {}

    def ours():
        results["ours"] = list(score_task(card, build_task(card, data, "1"), encoder)["main"].values())

    def theirs():
        import mteb

        found = mteb.evaluate(encoder, build_task(card, data, "1"), cache=None, show_progress_bar=False).task_results[0]
        results["theirs"] = [one["main_score"] for one in found.scores["test"]]

    compare(benchmark, "fitting", theirs=theirs, ours=ours, rounds=2, clock=time.perf_counter)
    assert results["ours"] == results["theirs"]
