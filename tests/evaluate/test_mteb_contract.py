"""What we rely on in mteb beyond its documented interface. A release that changes one of these fails here, with its name, and not in a score."""

from __future__ import annotations

import inspect
import json
import tomllib
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import mteb
import numpy as np
import pytest
from mteb.abstasks import AbsTask, AbsTaskClassification
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction
from packaging.requirements import Requirement

from bench.data.rows import load_rows
from bench.evaluate.tasks import build_task, predictions_file, task_texts
from tests.builders import make_card, table

ROOT = Path(__file__).parents[2]
WORDS = ["घर", "नदी", "झाड", "पाऊस", "शाळा", "पाणी", "आकाश", "पुस्तक", "रस्ता", "बाजार"]
TEXTS = [f"{first} {second}" for first in WORDS for second in WORDS]
KINDS = ("STS", "Classification", "PairClassification", "BitextMining")


class Asked(AbsEncoder):
    """An embedding for every text, drawn from the text itself, and a note of what was asked for."""

    def __init__(self):
        self.texts: list[str] = []
        self.mteb_model_meta = ModelMeta.create_empty(overwrites={"name": "tests/asked", "revision": "1", "similarity_fn_name": ScoringFunction.COSINE})

    def encode(self, inputs, **_):
        texts = [text for batch in inputs for text in batch["text"]]
        self.texts += texts
        return np.stack([np.random.default_rng(list(text.encode())).normal(size=8) for text in texts]).astype(np.float32)


def build(folder: Path, kind: str):
    """A small task of one kind: its card, its rows, and the mteb task that we make of them."""
    if kind == "Classification":
        header, rows = ("text", "label"), [(text, "AB"[number % 2]) for number, text in enumerate(TEXTS)]
        splits = {"train": table(header, *rows[:60]), "test": table(header, *rows[60:])}
        card = make_card(folder, kind, splits, labels={"A": 0, "B": 1}, experiments=3, samples_per_label=4)
    else:
        last = {"STS": [("score",), *((number % 6,) for number in range(20))], "PairClassification": [("label",), *((number % 2,) for number in range(20))]}
        pairs = [("sentence1", "sentence2"), *((TEXTS[number], TEXTS[99 - number]) for number in range(20))]
        more = {"labels": {"0": 0, "1": 1}} if kind == "PairClassification" else {}
        card = make_card(folder, kind, {"test": table(*((*pair, *end) for pair, end in zip(pairs, last.get(kind, [()] * 21), strict=True)))}, **more)
    data = load_rows(card, None)
    return card, data, build_task(card, data, "1")


def evaluate(task, encoder, folder: Path):
    return mteb.evaluate(encoder, task, cache=None, prediction_folder=folder, show_progress_bar=False, encode_kwargs={"batch_size": 1024})


def test_the_declared_range_of_mteb_is_one_minor_version_and_holds_the_one_that_is_tested():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (needed,) = (Requirement(line) for line in declared if line.startswith("mteb"))
    assert needed.specifier.contains(version("mteb"))
    assert f"mteb=={version('mteb')}" in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    major, minor = map(int, version("mteb").split(".")[:2])
    assert not needed.specifier.contains(f"{major}.{minor + 1}.0")
    assert not needed.specifier.contains(f"{major}.{minor - 1}.99")


@pytest.mark.parametrize(
    ("method", "parameters"),
    [("_calculate_scores", ["self", "y_test", "y_pred"]), ("_undersample_data", ["self", "dataset", "experiment_num", "idxs"])],
)
def test_the_methods_that_we_override_take_what_they_took(method, parameters):
    assert list(inspect.signature(getattr(AbsTaskClassification, method)).parameters) == parameters


def test_the_settings_that_a_card_makes_are_settings_of_mtebs_tasks():
    for name in ("train_split", "samples_per_label", "n_experiments", "evaluator_model"):
        assert hasattr(AbsTaskClassification, name), name
    assert isinstance(AbsTask.prediction_file_name, property)


def test_mteb_scores_a_classification_through_the_methods_that_we_override_once_an_experiment(tmp_path, monkeypatch):
    _, _, task = build(tmp_path, "Classification")
    calls: Counter[str] = Counter()
    for name in ("_calculate_scores", "_undersample_data"):
        ours = getattr(task, name)
        monkeypatch.setattr(task, name, lambda *given, name=name, ours=ours, **named: calls.update([name]) or ours(*given, **named))
    evaluate(task, Asked(), tmp_path / "predictions")
    assert calls == {"_calculate_scores": 3, "_undersample_data": 3}


def test_reading_the_labels_once_changes_neither_draws_nor_scores(tmp_path):
    _, data, task = build(tmp_path, "Classification")
    task.load_data()
    train, test = task.dataset["mr"]["train"], task.dataset["mr"]["test"]
    ours, theirs = None, None
    for experiment in range(3):
        _, ours, selected = task._undersample_data(train, experiment, ours)
        _, theirs, expected = AbsTaskClassification._undersample_data(task, train, experiment, theirs)
        assert selected == expected
    guessed = np.arange(len(test)) % 2
    assert task._calculate_scores(test["label"], guessed) == AbsTaskClassification._calculate_scores(task, test["label"], guessed)
    assert {row["text"] for row in task.sampled_rows(data.splits["mr"]["train"])} < set(TEXTS[:60])


@pytest.mark.parametrize("kind", KINDS)
def test_mteb_asks_for_the_embeddings_of_the_texts_that_we_foresee_and_of_no_others(tmp_path, kind):
    card, _, task = build(tmp_path, kind)
    encoder = Asked()
    evaluate(task, encoder, tmp_path / "predictions")
    assert set(encoder.texts) == set(task_texts(card, task))


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_written_in_row_order_where_and_as_we_read_them(tmp_path, kind):
    card, data, task = build(tmp_path, kind)
    evaluate(task, Asked(), tmp_path / "predictions")
    found = json.loads(predictions_file(tmp_path / "predictions", task).read_text(encoding="utf-8"))["mr"][card.evaluate_on]
    rows = data.splits["mr"]["test"]
    if kind == "Classification":
        assert [len(experiment) for experiment in found] == [len(rows)] * 3
    elif kind == "BitextMining":
        assert len(found["sentence1-sentence2"]) == len(rows)
        assert {int(best["corpus_id"]) for best in found["sentence1-sentence2"]} <= set(range(len(rows)))
    else:
        encode = Asked().encode
        first, second = (encode([{"text": [row[column] for row in rows]}]) for column in ("sentence1", "sentence2"))
        cosines = (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
        assert found["cosine_scores"] == pytest.approx(cosines.tolist(), abs=1e-5)
