"""Triplets: the share of sentences that are nearer to their paraphrase than to their negation, and never a tie counted as right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.cards.load import load_library
from bench.cards.workspace import Workspace
from bench.data.rows import load_rows
from bench.evaluate.score import LookupEncoder, score_task
from bench.evaluate.tasks import build_task, task_texts
from bench.evaluate.triplets import MARGIN, nearer
from bench.models.embeddings import EmbeddingStore
from tests.builders import make_card, table

ROOT = Path(__file__).parents[2]
HEADER = ("premise", "entailment", "contradiction")


class Given:
    """An encoder that knows the vector of every text."""

    def __init__(self, vectors):
        self.vectors = vectors

    def encode(self, texts):
        return np.array([self.vectors[text] for text in texts], dtype=np.float32)


def scored(card, encoder, folder):
    task = build_task(card, load_rows(card, None), "revision")
    store = EmbeddingStore(folder)
    store.add(task_texts(card, task), encoder)
    return score_task(card, task, LookupEncoder(store, "model", "revision"))


def two_by_two(folder, rows, vectors, **fields):
    card = make_card(folder / "card", "Triplets", {"test": table(HEADER, *rows)}, **fields)
    return scored(card, Given(vectors), folder / "store")


def test_the_shipped_negation_task_is_scored_as_numpy_scores_it(tmp_path):
    card = load_library(Workspace(ROOT, tmp_path)).task("KasautiNegation")
    rows = {subset: splits["test"] for subset, splits in load_rows(card, None).splits.items()}
    rng = np.random.default_rng(0)
    vectors = {row[column]: rng.normal(size=24) for found in rows.values() for row in found for column in HEADER}
    assert len(vectors) == 600
    found = scored(card, Given(vectors), tmp_path / "store")
    for subset in rows:
        anchor, same, opposite = (np.array([vectors[row[column]] for row in rows[subset]]) for column in HEADER)
        angles = [np.einsum("ij,ij->i", anchor, other) / np.sqrt(np.einsum("ij,ij->i", other, other)) for other in (same, opposite)]
        right = angles[0] > angles[1]
        assert 0.2 < right.mean() < 0.8
        assert found["main"][subset] == pytest.approx(right.mean(), abs=1e-12)
        assert found["examples"][subset] == {"correct": ["".join("01"[int(one)] for one in right)]}
        assert np.mean(found["estimates"][subset]["items"]) == pytest.approx(right.mean(), abs=0.01)


def test_a_triplet_is_right_when_the_same_meaning_is_nearer_whatever_the_lengths_of_the_vectors(tmp_path):
    vectors = {"a": [1, 0], "b": [90, 90], "c": [0.1, 0.9], "d": [0.001, 0.0]}
    found = two_by_two(tmp_path, [("a", "b", "c"), ("a", "c", "b"), ("a", "d", "b")], vectors)
    assert found["examples"]["mr"]["correct"] == ["101"]
    assert found["main"]["mr"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("same", "opposite"),
    [([3, 4], [3, 4]), ([3, 4], [6, 8]), ([0.6, 0.8], [0.6000001, 0.8]), ([0, 0], [0, 0]), ([0.0, 1.0], [0.0, 2.0]), ([0, 0], [0, 1])],
    ids=["equal", "of another length", "but for rounding", "nothing", "right angles", "nothing beside a right angle"],
)
def test_a_tie_of_any_kind_is_wrong_on_both_sides(tmp_path, same, opposite):
    vectors = {"a": [1, 0], "b": same, "c": opposite, "d": [1, 2], "e": [2, 1], "f": [-3, 1], "g": [-1, -1]}
    found = two_by_two(tmp_path, [("a", "b", "c"), ("a", "c", "b"), ("d", "e", "f"), ("d", "e", "g")], vectors)
    assert found["examples"]["mr"]["correct"] == ["0011"]


def test_a_difference_just_above_the_margin_counts():
    angle = np.array([0.0, 0.5, 0.5 + 4 * MARGIN])
    anchor, same, opposite = (np.array([[np.cos(each), np.sin(each)]]) for each in angle)
    assert nearer(anchor, same, opposite).tolist() == [True]
    assert nearer(anchor, opposite, same).tolist() == [False]


def test_sentences_that_are_equal_tie_in_any_place_of_any_set(tmp_path):
    rng = np.random.default_rng(0)
    texts = [f"text {number}" for number in range(60)]
    vectors = {text: rng.normal(size=48) for text in texts}
    rows = [(texts[number], texts[(number * 7 + 1) % 60], texts[(number * 7 + 1) % 60]) for number in range(60)]
    assert two_by_two(tmp_path, rows, vectors)["main"]["mr"] == 0.0


def test_the_split_that_the_card_names_is_scored_and_no_other(tmp_path):
    vectors = {"a": [1, 0], "b": [1, 1], "c": [0, 1]}
    splits = {"train": table(HEADER, ("a", "c", "b"), ("a", "c", "b")), "dev": table(HEADER, ("a", "b", "c"))}
    card = make_card(tmp_path / "card", "Triplets", splits, evaluate_on="dev")
    assert scored(card, Given(vectors), tmp_path / "store")["main"] == {"mr": 1.0}
