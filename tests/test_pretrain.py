"""Pre-training: the tokenizer keeps Devanagari whole, learning learns, and a killed run gives the same weights."""

from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from bench.errors import DataError
from bench.make.corpus import ppmi_embeddings
from bench.make.pretrain import PretrainOptions, Stage, draw_batch, pretrain
from bench.make.tokenizer import SPECIAL_TOKENS, train_wordpiece
from bench.workspace import builtin_content

OPTIONS = PretrainOptions(
    stages=(Stage(1, 6_000, 16), Stage(2, 6_000, 16)), hidden=32, heads=2, intermediate=64, vocab_size=600, max_length=32, batch_tokens=256, warmup_steps=5
)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    path = builtin_content() / "tasks" / "kasauti-sts" / "train.tsv"
    with path.open(encoding="utf-8", newline="") as handle:
        return [row[column] for row in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE) for column in ("mr1", "hi1", "mr2", "hi2")]


@pytest.fixture(scope="module")
def corpus(lines, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("text", ["हिंदी", "क़लम", "र्\u200dया", "क्\u200cष", "ज्ञानेश्वरांनी", "पाँच", "२८ राज्ये", "३,५०० रु."])
def test_the_tokenizer_keeps_matras_nukta_and_joiners(lines, text):
    tokenizer = train_wordpiece([*lines, *[text] * 3], vocab_size=2000, max_length=32)
    joined = tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"], clean_up_tokenization_spaces=False)
    assert joined.replace(" ", "") == unicodedata.normalize("NFC", text).replace(" ", "")


def test_training_a_tokenizer_twice_gives_the_same_vocabulary(lines):
    first, second = (train_wordpiece(lines, vocab_size=800, max_length=32) for _ in range(2))
    assert first.get_vocab() == second.get_vocab()


def test_special_tokens_hold_the_first_ids(lines):
    tokenizer = train_wordpiece(lines, vocab_size=500, max_length=32)
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == [0, 1, 2, 3, 4]
    assert tokenizer("पाऊस")["input_ids"][0] == 2
    assert tokenizer("पाऊस")["input_ids"][-1] == 3


def test_masks_follow_seed_and_step_and_spare_special_tokens():
    ids = np.random.default_rng(0).integers(3, 600, size=5000).astype(np.int32)
    first, again, other = (draw_batch(ids, step=step, options=OPTIONS, length=16) for step in (7, 7, 8))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    inputs, positions, labels = first
    assert inputs.shape == (16, 16)
    assert (labels >= len(SPECIAL_TOKENS)).all()
    assert len(positions) == pytest.approx(16 * 15 * OPTIONS.mask_fraction, rel=0.05)
    assert (inputs.ravel()[positions] == 4).mean() == pytest.approx(0.8, abs=0.15)


def test_tokens_of_like_company_get_like_vectors():
    rng = np.random.default_rng(0)
    text = np.concatenate([rng.permutation([10, 11, 12]) if rng.random() < 0.5 else rng.permutation([20, 21, 22]) for _ in range(3000)])
    vectors = ppmi_embeddings(text.astype(np.int32), vocab_size=30, dim=4, window=2)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert unit[10] @ unit[11] > unit[10] @ unit[21] + 0.2
    assert vectors.std() == pytest.approx(0.02, rel=1e-3)


@pytest.mark.slow
def test_loss_falls_and_the_base_loads_as_a_plain_transformers_folder(corpus, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    record = pretrain([corpus], tmp_path / "base", OPTIONS, log_every=5, bf16=False)
    losses = [point["loss"] for point in record["curve"]]
    assert losses[-1] < losses[0] - 0.2
    assert record["held_out_perplexity"] < OPTIONS.vocab_size
    assert len(AutoModel.from_pretrained(tmp_path / "base").encoder.layer) == 2
    assert len(AutoTokenizer.from_pretrained(tmp_path / "base")) == OPTIONS.vocab_size
    assert json.loads((tmp_path / "base" / "pretraining.json").read_text(encoding="utf-8"))["corpus"] == record["corpus"]


class Killed(BaseException):
    """Stands for a kill: nothing in the code under test may catch it."""


@pytest.mark.slow
@pytest.mark.parametrize("after", [3, 23, 30, 44])
def test_an_interrupted_run_resumes_to_the_same_weights(corpus, tmp_path, after):
    from safetensors.numpy import load_file

    whole = pretrain([corpus], tmp_path / "whole", OPTIONS, bf16=False)

    def stop(progress) -> None:
        if progress.step == after:
            raise Killed

    with pytest.raises(Killed):
        pretrain([corpus], tmp_path / "parts", OPTIONS, bf16=False, save_seconds=0.0, log_every=1, report=stop)
    parts = pretrain([corpus], tmp_path / "parts", OPTIONS, bf16=False)
    expected, found = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert parts["held_out_loss"] == whole["held_out_loss"]


def test_a_corpus_that_is_too_small_is_refused(tmp_path):
    path = tmp_path / "small.txt"
    path.write_text("पाऊस पडतो\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"small\.txt: too little text"):
        pretrain([path], tmp_path / "base", OPTIONS)
