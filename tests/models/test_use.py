"""What an external candidate's card says of its use: prompts of tasks, the longest text, code of its own; each is in the key only where it is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.cards.candidate import Use
from bench.cards.load import load_library
from bench.errors import CardError, ModelError
from bench.evaluate.encode import encode_tasks
from bench.models.embeddings import EmbeddingStore
from bench.models.loading import load_encoder, load_sentence_model
from bench.plan.keys import embeddings_key, evaluate_key
from bench.probe.protocol import probe_key
from tests.builders import SUITE_CARD, identified, make_candidate, make_card, write_workspace

LONG = "आज सकाळी मी घरी जातो आणि पुस्तक वाचतो"
CODE = """
import torch

class Halved(torch.nn.Module):
    def forward(self, features):
        features["sentence_embedding"] = features["sentence_embedding"] / 2
        return features

    @classmethod
    def load(cls, *args, **kwargs):
        return cls()
"""


@pytest.fixture(scope="session")
def whole(tiny_base, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "model"
    load_sentence_model(tiny_base).save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture
def with_code(whole, tmp_path) -> Path:
    """A model with a module whose class is in the folder."""
    folder = shutil.copytree(whole, tmp_path / "coded")
    (folder / "halved.py").write_text(CODE, encoding="utf-8")
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    added = {"idx": len(modules), "name": str(len(modules)), "path": f"{len(modules)}_Halved", "type": "halved.Halved"}
    (folder / added["path"]).mkdir()
    (folder / "modules.json").write_text(json.dumps([*modules, added]), encoding="utf-8")
    return folder


def external(**fields):
    return make_candidate("external", path="x", **fields)


def test_a_text_is_cut_to_max_length(whole):
    texts = [LONG, f"{LONG} नदी झाड"]
    first, second = load_encoder(whole, use=Use(max_length=4)).encode(texts)
    np.testing.assert_array_equal(first, second)
    first, second = load_encoder(whole).encode(texts)
    assert np.abs(first - second).max() > 1e-3


def test_more_tokens_than_a_model_takes_are_refused(whole):
    with pytest.raises(ModelError, match=r"max_length must be at most 64, .* \(got 65\)"):
        load_encoder(whole, use=Use(max_length=65))


def test_code_in_a_folder_runs_only_where_the_card_says_so(with_code, whole):
    with pytest.raises(ModelError, match=r"halved.Halved is no module of sentence-transformers.*trust_remote_code"):
        load_encoder(with_code)
    (with_code / "exported.json").write_text('{"backend": "onnx", "inputs": [], "numbers": 1}', encoding="utf-8")  # what our own exported folders have
    with pytest.raises(ModelError, match=r"halved.Halved is no module of sentence-transformers"):
        load_encoder(with_code, use=Use(backend="onnx"))
    trusted = load_encoder(with_code, use=Use(trust_remote_code=True)).encode([LONG])
    np.testing.assert_allclose(trusted, load_encoder(whole).encode([LONG]) / 2, rtol=1e-5)


def test_a_tasks_own_prompt_comes_before_that_of_its_type_and_that_of_the_card(whole, tmp_path):
    names = {"Named": "STS", "OfType": "STS", "Other": "Triplets"}
    cards = {name: make_card(tmp_path / name, kind, {}, name=name) for name, kind in names.items()}
    tasks = {name: (card, [LONG]) for name, card in cards.items()}
    encoder = load_encoder(whole, prompt="c: ")
    made = encode_tasks(encoder, tasks, lambda prompt: EmbeddingStore(tmp_path / repr(prompt), hardware={}), prompts={"Named": "n: ", "STS": "t: "})
    assert {name: one.used["prompt"] for name, one in made.items()} == {"Named": "n: ", "OfType": "t: ", "Other": "c: "}
    np.testing.assert_allclose(made["Named"].store.lookup([LONG]), load_encoder(whole, prompt="n: ").encode([LONG]), atol=1e-6)


@pytest.mark.parametrize("said", [{"max_length": 4}, {"trust_remote_code": True}, {"prompts": {"STS": "q: "}}])
def test_what_a_card_says_of_the_use_is_in_the_keys_of_scores_and_measurements(said):
    plain, used = external(), external(**said)
    assert evaluate_key(plain, "c", identified(), "cpu") != evaluate_key(used, "c", identified(), "cpu")
    assert (embeddings_key(plain, "c", "", "cpu") == embeddings_key(used, "c", "", "cpu")) == ("prompts" in said)
    keys = [probe_key("c", one.probe_prompt, one.runs_in, "cpu", "quick", one.use) for one in (plain, used)]
    assert keys[0] != keys[1]


def test_of_the_prompts_for_single_tasks_only_the_one_that_is_used_is_in_the_key_of_a_score():
    one, other = external(prompts={"STS": "q: ", "Topic": "t: "}), external(prompts={"STS": "q: ", "Topic": "u: "})
    same = [evaluate_key(model, "c", identified("Pairs"), "cpu") for model in (one, other, external(prompt="q: "))]
    assert len(set(same)) == 1
    apart = [evaluate_key(model, "c", identified("Topic", "Classification"), "cpu") for model in (one, other, external(), external(prompt="q: "))]
    assert len(set(apart)) == 4


def suite(more, external='path = "other"'):
    return SUITE_CARD + f'[[candidates]]\nname = "ext"\nkind = "external"\n{external}\n' + more


def test_a_prompt_for_a_task_that_there_is_not_is_told(tmp_path):
    card = suite('prompts = { TinySTs = "q: ", Classification = "c: " }\n')
    with pytest.raises(CardError, match=r"candidates.1.prompts.TinySTs: no task and no type of tasks 'TinySTs'; did you mean 'TinySTS'"):
        load_library(write_workspace(tmp_path, suites={"tiny.toml": card}))


SMALL = '[[candidates]]\nname = "small"\nkind = "pruned"\nbase = "mini"\nlayers = [0]\n'
FULL = '[[candidates]]\nname = "full"\nkind = "full"\nbase = "mini"\n'


@pytest.mark.parametrize(
    ("card", "parent"),
    [
        (suite(SMALL, 'path = "mini"'), "ext"),
        (suite(SMALL + FULL, 'path = "mini"'), "full"),
        (suite(SMALL), None),
        (suite(SMALL + '[[candidates]]\nname = "ext2"\nkind = "external"\npath = "mini"\n', 'path = "mini"'), None),
    ],
    ids=["the-base-itself", "a-full-one-first", "another-model", "a-choice"],
)
def test_an_external_model_that_is_the_base_is_the_parent_where_there_is_no_full_one(tmp_path, card, parent):
    library = load_library(write_workspace(tmp_path, suites={"tiny.toml": card}))
    assert {one.name: one.parent for one in library.candidates["tiny"]}["small"] == parent


def test_what_is_made_here_can_be_compared_by_another_similarity_than_the_cosine(tmp_path):
    library = load_library(write_workspace(tmp_path, suites={"tiny.toml": suite(FULL + 'similarity = "dot"\n')}))
    by_dot = library.candidates["tiny"][-1]
    assert by_dot.similarity == "dot"
    assert evaluate_key(by_dot, "c", identified(), "cpu") != evaluate_key(make_candidate("full"), "c", identified(), "cpu")
