"""Specs: digests, the names that grids expand to, defaults."""

import dataclasses
import hashlib
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.cards.kinds import KINDS, Pruned
from bench.cards.recipes import Phase, Vocabulary
from bench.cards.suites import Grid
from bench.cards.tasks import Source, Subset, TaskCard
from bench.digests import LATER, canonical, digest, file_digest, folder_digest
from tests.builders import make_candidate

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4), max_leaves=12)
quickly = settings(max_examples=60, deadline=None, database=None)

VOCABULARY = Vocabulary(corpus=("A",), size=9)
OTHER_VOCABULARY = {"corpus": ("A", "B"), "size": 8}

OTHER_CANDIDATE = {
    "name": "other",
    "kind": "another",
    "base": "n",
    "strategy": "bottom",
    "keep": 5,
    "threshold": 0.5,
    "layers": (0, 1),
    "weights": "pretrained",
    "teacher": "t",
    "vocabulary": VOCABULARY,
    "recipe": "q",
    "dimensions": 8,
    "precision": "bf16",
    "backend": "onnx",
    "seed": 1,
    "path": "there",
    "hub": "a/b",
    "revision": "c",
    "package": "p",
    "file": "p/m.bin",
    "format": "e5-q4",
    "sha256": "a" * 64,
    "prompt": "query: ",
    "similarity": "dot",
    "ngram": (2, 3),
    "prompts": {"STS": "q: "},
    "max_length": 64,
    "trust_remote_code": True,
    "parent": "m",
}
"""A value for every field that a candidate of some kind has, other than the default."""
CANDIDATES = [make_candidate(kind) for kind in KINDS]


def others_of(candidate):
    return {field.name: OTHER_CANDIDATE[field.name] for field in dataclasses.fields(candidate) if field.name != "folder"}


SOURCE = Source(split="test", file="test.tsv")
CARD = TaskCard(name="T", type="Classification", description="d", license="l", subsets={"mr": Subset(languages=("mar-Deva",), sources=(SOURCE,))})
OTHER_CARD = {
    "name": "U",
    "type": "STS",
    "description": "e",
    "license": "m",
    "citation": "c",
    "reference": "https://example.org",
    "main_score": "f1",
    "score_range": (0.0, 1.0),
    "labels": {"a": 0},
    "evaluate_on": "dev",
    "train_on": "dev",
    "classifier": "knn",
    "neighbours": 6,
    "samples_per_label": 9,
    "experiments": 11,
    "rules": ({"rule": "drop-duplicates"},),
    "subsets": {"mr": Subset(languages=("mar-Deva",), sources=(dataclasses.replace(SOURCE, sha256="0" * 64),))},
    "data": "U",
    "parallel": True,
    "perturbation": "digits",
    "rows": 7,
}

PHASE = Phase(kind="nli", data=("A",))
OTHER_PHASE = {
    "kind": "sts",
    "data": ("A:dev",),
    "epochs": 1.0,
    "batch_size": 9,
    "learning_rate": 1e-5,
    "warmup_ratio": 0.2,
    "weight_decay": 0.0,
    "max_length": 511,
    "scale": 10.0,
    "loss": "cosine",
}

CHANGES = [
    pytest.param(spec, field, value, id=f"{type(spec).__name__}.{field}")
    for spec, others in (
        *((candidate, others_of(candidate)) for candidate in CANDIDATES),
        (CARD, OTHER_CARD),
        (PHASE, OTHER_PHASE),
        (VOCABULARY, OTHER_VOCABULARY),
    )
    for field, value in others.items()
]


def shuffled(value, seed):
    """The same value with the keys of every object in another order."""
    if isinstance(value, dict):
        keys = list(value)
        random.Random(seed).shuffle(keys)
        return {key: shuffled(value[key], seed) for key in keys}
    return [shuffled(item, seed) for item in value] if isinstance(value, list) else value


@given(VALUES, st.integers(0, 99))
@quickly
def test_a_digest_does_not_depend_on_the_order_of_keys(value, seed):
    assert digest(shuffled(value, seed)) == digest(value)


@given(st.dictionaries(st.text(max_size=6), SCALARS, min_size=1, max_size=5), st.data())
@quickly
def test_a_digest_changes_with_any_value_of_an_object(value, data):
    key = data.draw(st.sampled_from(sorted(value)))
    other = data.draw(SCALARS.filter(lambda new: repr(new) != repr(value[key])))
    assert digest({**value, key: other}) != digest(value)


@given(st.lists(st.integers(), min_size=2, max_size=6).filter(lambda items: items != items[::-1]))
@quickly
def test_a_digest_depends_on_the_order_of_lists(items):
    assert digest(items) != digest(items[::-1])


def test_a_digest_is_the_sha256_of_json_with_sorted_keys_and_no_spaces():
    text = '{"a":["अ",1.5,null],"b":true}'
    assert digest({"b": True, "a": ("अ", 1.5, None)}) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(("spec", "field", "value"), CHANGES)
def test_a_digest_changes_with_every_field_of_a_spec(spec, field, value):
    assert getattr(spec, field) != value
    assert digest(dataclasses.replace(spec, **{field: value})) != digest(spec)


@pytest.mark.parametrize(
    ("spec", "others"),
    [*((candidate, others_of(candidate)) for candidate in CANDIDATES), (CARD, OTHER_CARD), (PHASE, OTHER_PHASE)],
    ids=[*KINDS, "task", "phase"],
)
def test_no_field_of_a_spec_is_left_out_of_its_digest_except_where_its_card_stands(spec, others):
    later = {field.name for field in dataclasses.fields(spec) if field.metadata == LATER}
    assert {field.name for field in dataclasses.fields(spec)} - {"folder"} == set(others)
    assert set(canonical(spec)) == set(others) - later
    assert set(canonical(dataclasses.replace(spec, **{field: others[field] for field in later}))) == set(others)


@pytest.mark.parametrize("spec", [*CANDIDATES, CARD], ids=[*KINDS, "task"])
def test_a_digest_does_not_depend_on_the_folder_in_which_the_card_stands(spec):
    assert digest(dataclasses.replace(spec, folder=Path("elsewhere"))) == digest(spec)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_has_no_digest(value):
    with pytest.raises(ValueError, match="JSON"):
        digest({"score": value})


def write_tree(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


TREE = {"config.json": "{}", "1_Pooling/config.json": "{}"}


@pytest.mark.parametrize(
    ("files", "same"),
    [
        (TREE, True),
        ({**TREE, "README.md": "a page"}, True),
        ({**TREE, ".cache/lock": "hidden"}, True),
        ({**TREE, "lineage.json": "ignored by name"}, True),
        ({**TREE, "config.json": "{ }"}, False),
        ({**TREE, "weights.bin": ""}, False),
        ({"config.json": "{}", "2_Pooling/config.json": "{}"}, False),
        ({"config.json": "{}"}, False),
    ],
    ids=["copy", "page", "hidden", "ignored", "other-bytes", "empty-file-more", "renamed-folder", "file-less"],
)
def test_a_folder_digest_sees_names_and_bytes_but_no_pages_and_no_hidden_or_ignored_files(tmp_path, files, same):
    one, other = write_tree(tmp_path / "one", TREE), write_tree(tmp_path / "other", files)
    assert (folder_digest(one, ignore=("lineage.json",)) == folder_digest(other, ignore=("lineage.json",))) is same


def test_a_file_digest_is_the_sha256_of_its_bytes(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"\x00\xff")
    assert file_digest(path) == hashlib.sha256(b"\x00\xff").hexdigest()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"kind": "full"}, ["m"]),
        ({"kind": "full", "recipes": ("r",)}, ["m"]),
        ({"kind": "full", "recipes": ("r", "q")}, ["m-r", "m-q"]),
        ({"kind": "full", "seeds": (0, 7)}, ["m-seed0", "m-seed7"]),
        ({"kind": "full", "precisions": ("fp32", "int8")}, ["m", "m-int8"]),
        ({"kind": "full", "precisions": ("bf16",), "seeds": (0, 1)}, ["m-seed0-bf16", "m-seed1-bf16"]),
        ({"kind": "full", "backends": ("torch", "onnx", "openvino")}, ["m", "m-onnx", "m-openvino"]),
        ({"kind": "pruned", "strategies": ("top", "middle"), "keep": (6, 2)}, ["m-top6", "m-top2", "m-middle6", "m-middle2"]),
        ({"kind": "scratch", "keep": (12, 2)}, ["m-scratch12", "m-scratch2"]),
        ({"kind": "pruned", "bases": ("m", "n"), "strategies": ("top",), "keep": (6,)}, ["m-top6", "n-top6"]),
        ({"kind": "nested", "keep": (6, 2), "dimensions": (96,)}, ["m-nested6-d96", "m-nested2-d96"]),
        ({"kind": "full", "vocabularies": (VOCABULARY, Vocabulary(corpus=("A",), size=8))}, ["m-v9", "m-v8"]),
        ({"kind": "pruned", "strategies": ("top",), "keep": (6,), "vocabularies": (VOCABULARY,), "seeds": (0, 1)}, ["m-top6-v9-seed0", "m-top6-v9-seed1"]),
        ({"kind": "full", "vocabularies": (Vocabulary(tokens="e5/mr-hi.txt"),)}, ["m"]),
        ({"kind": "full", "vocabularies": (Vocabulary(tokens="e5/mr-hi.txt"), Vocabulary(tokens="mr.txt"))}, ["m-mr-hi", "m-mr"]),
        (
            {"kind": "pruned", "strategies": ("top",), "keep": (6,), "recipes": ("r", "q"), "seeds": (0, 1)},
            ["m-top6-r-seed0", "m-top6-r-seed1", "m-top6-q-seed0", "m-top6-q-seed1"],
        ),
    ],
)
def test_a_grid_names_its_candidates_and_says_recipe_and_seed_only_where_it_has_several(fields, names):
    assert [candidate.name for candidate in Grid(**{"bases": ("m",), **fields}).expand()] == names


def test_a_grid_hands_every_choice_on_to_its_candidates():
    grid = Grid(kind="pruned", bases=("m",), strategies=("middle",), keep=(6,), recipes=("r",), vocabularies=(VOCABULARY,), seeds=(3,), prompt="query: ")
    made = Pruned(name="m-middle6-v9", base="m", strategy="middle", keep=6, vocabulary=VOCABULARY, recipe="r", seed=3, prompt="query: ")
    assert grid.expand() == [made]


@given(
    st.lists(st.sampled_from("mnop"), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(["top", "middle", "bottom"]), min_size=1, unique=True),
    st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from("qrs"), max_size=3, unique=True),
    st.lists(st.integers(0, 20), min_size=1, max_size=3, unique=True),
)
@quickly
def test_no_two_candidates_of_a_grid_share_a_name(bases, strategies, keep, recipes, seeds):
    grid = Grid(kind="pruned", bases=tuple(bases), strategies=tuple(strategies), keep=tuple(keep), recipes=tuple(recipes), seeds=tuple(seeds))
    names = [candidate.name for candidate in grid.expand()]
    assert len(set(names)) == len(names) == len(bases) * len(strategies) * len(keep) * (len(recipes) or 1) * len(seeds)


@pytest.mark.parametrize(("kind", "given_epochs", "epochs"), [("nli", None, 1.0), ("sts", None, 4.0), ("nli", 3.0, 3.0), ("sts", 0.5, 0.5)])
def test_a_phase_runs_one_epoch_of_nli_and_four_of_sts_unless_the_card_says_otherwise(kind, given_epochs, epochs):
    assert Phase(kind=kind, data=("A",), epochs=given_epochs).effective_epochs == epochs


def test_a_phase_defaults_to_the_settings_of_the_released_models():
    phase = Phase(kind="sts", data=("A",))
    assert (phase.batch_size, phase.learning_rate, phase.warmup_ratio, phase.weight_decay, phase.max_length, phase.scale) == (8, 2e-5, 0.1, 0.01, 512, 20.0)


@pytest.mark.parametrize(
    ("kind", "main_score", "score"),
    [
        ("STS", None, "cosine_spearman"),
        ("Classification", None, "accuracy"),
        ("PairClassification", None, "cosine_ap"),
        ("BitextMining", None, "f1"),
        ("Classification", "f1", "f1"),
    ],
)
def test_a_task_is_scored_by_its_main_score_or_the_default_of_its_type(kind, main_score, score):
    assert dataclasses.replace(CARD, type=kind, main_score=main_score).score_name == score


@pytest.mark.parametrize(("kind", "evaluated"), [("STS", True), ("BitextMining", True), ("NLI", False), ("Triplets", True)])
def test_nli_only_trains(kind, evaluated):
    assert dataclasses.replace(CARD, type=kind).evaluated is evaluated


def test_triplets_are_evaluated_where_they_have_the_split_for_it():
    triplets = dataclasses.replace(CARD, type="Triplets")
    assert triplets.evaluated
    assert not dataclasses.replace(triplets, evaluate_on="dev").evaluated


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"file": "test.tsv"}, "test.tsv"),
        ({"repository": "owner/data", "path": "a/b.csv"}, "owner/data/a/b.csv"),
        ({"hub": "owner/set", "revision": "abc"}, "hub:owner/set@abc"),
    ],
)
def test_messages_name_a_source_by_its_file_its_repository_or_its_hub_id(fields, label):
    assert Source(split="test", **fields).label == label
