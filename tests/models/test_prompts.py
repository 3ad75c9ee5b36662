"""One prompt, known to the batch plan and to the model: the one that was given, else the model's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_encoder, load_sentence_model
from bench.models.prompts import default_prompt, set_prompt
from bench.models.shared_prefix import SharedPrefixEncoder
from tests.conftest import WORDS_MR, sentences

TEXTS = sentences(WORDS_MR, 12)
JOINED = "प्रश्न"
"""Without a space behind it, so that a text's first word is cut into other tokens than without a prompt, and its length changes by a number that depends on
the text."""


@pytest.fixture(scope="module")
def prompted(tiny_base, tmp_path_factory) -> Path:
    """A folder with a default prompt, prompts for a task type and for a task, and an empty one."""
    folder = tmp_path_factory.mktemp("prompted") / "model"
    model = load_sentence_model(tiny_base)
    model.prompts = {"usual": JOINED, "STS": "नदी: ", "STSBenchmark": "झाड: ", "BitextMining": ""}
    model.default_prompt_name = "usual"
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def encoder_of(folder: Path, **options) -> SentenceEncoder:
    encoder = load_encoder(folder, **options)
    assert isinstance(encoder, SentenceEncoder)
    return encoder


@pytest.mark.parametrize("given", [None, "", "आज: ", JOINED])
def test_the_plan_counts_the_tokens_of_the_prompt_that_the_model_gets(prompted, monkeypatch, given):
    encoder = encoder_of(prompted, prompt=given)
    masks, forward = [], encoder.model[0].forward

    def seen(features, **named):
        masks.append(features["attention_mask"])
        return forward(features, **named)

    monkeypatch.setattr(encoder.model[0], "forward", seen)
    found = encoder.encode(TEXTS)
    assert masks
    assert all(bool(mask.all()) for mask in masks), "a batch was padded"
    plain = SentenceTransformer(str(prompted), device="cpu", model_kwargs={"dtype": "float32"})
    assert np.abs(found - plain.encode(TEXTS, prompt=given)).max() < 1e-6
    assert encoder.prompt == (JOINED if given is None else given)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), JOINED),
        (("STS",), "नदी: "),
        (("STSBenchmark", "STS"), "झाड: "),
        (("Mine", "STS"), "नदी: "),
        (("BitextMining",), ""),
        (("Mine", "Classification"), JOINED),
    ],
)
def test_a_task_gets_the_first_prompt_that_the_model_has_for_it(prompted, names, expected):
    assert encoder_of(prompted).for_task(*names).prompt == expected


@pytest.mark.parametrize("given", ["", "आज: "])
def test_a_prompt_that_is_given_holds_for_every_task(prompted, given):
    assert encoder_of(prompted, prompt=given).for_task("STSBenchmark", "STS").prompt == given


def test_forms_that_are_encoded_together_get_the_models_own_prompt(prompted):
    together = SharedPrefixEncoder(load_sentence_model(prompted), [[0, 1, 2, 3]]).encode(TEXTS)
    assert np.array_equal(together[0, 1, 2, 3], encoder_of(prompted).encode(TEXTS))


@pytest.mark.parametrize("prompt", ["आज: ", ""])
def test_a_model_with_one_prompt_gives_it_to_whoever_loads_it(prompted, tmp_path, prompt):
    model = load_sentence_model(prompted)
    expected = SentenceEncoder(model, prompt=prompt).encode(TEXTS)
    set_prompt(model, prompt)
    model.save_pretrained(str(tmp_path), create_model_card=False)
    loaded = SentenceTransformer(str(tmp_path), device="cpu")
    assert default_prompt(loaded) == prompt
    for encode in (loaded.encode, loaded.encode_query, loaded.encode_document):
        assert np.abs(encode(TEXTS) - expected).max() < 1e-6
    assert {encoder_of(tmp_path).for_task(*names).prompt for names in ((), ("STS",), ("STSBenchmark", "STS"))} == {prompt}
