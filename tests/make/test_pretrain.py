"""Pre-training: the tokenizer keeps Devanagari whole, learning learns, and a killed run gives the same weights."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import hashlib
import itertools
import json
import re
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.numpy import load_file

from bench.cards.workspace import builtin_content
from bench.errors import DataError
from bench.make.pretrain.card import sources_table
from bench.make.pretrain.corpus import ppmi_embeddings
from bench.make.pretrain.guessing import guesses, guessing_loss
from bench.make.pretrain.state import kept_tokenizer, load_state, save_state
from bench.make.pretrain.tokenizer import SPECIAL_TOKENS, own_mends, train_wordpiece
from bench.make.pretrain.train import PretrainOptions, PretrainStage, default_stages, draw_batch, pretrain
from bench.make.vocabulary.devanagari import inspect_tokenizer

OPTIONS = PretrainOptions(
    stages=(PretrainStage(1, 6_000, 16), PretrainStage(2, 6_000, 16)),
    hidden=32,
    heads=2,
    intermediate=64,
    vocab_size=600,
    max_length=32,
    batch_tokens=256,
    warmup_steps=5,
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
    assert record["final_held_out"][0]["perplexity"] < OPTIONS.vocab_size
    assert len(AutoModel.from_pretrained(tmp_path / "base").encoder.layer) == 2
    assert len(AutoTokenizer.from_pretrained(tmp_path / "base")) == OPTIONS.vocab_size
    assert json.loads((tmp_path / "base" / "pretraining.json").read_text(encoding="utf-8"))["corpus"] == record["corpus"]


def test_the_loss_of_guessing_is_that_of_the_frequencies_of_the_text_that_was_trained_on():
    trained_on = np.array([3] * 90 + [5] * 59 + [6] * 29 + [7] * 9, dtype=np.int32)
    expected = -np.mean([np.log([0.6, 0.3]).mean(), np.log([0.1]).mean()])
    assert guessing_loss(trained_on, [np.array([5, 6]), np.array([7])], vocab_size=8) == pytest.approx(expected)


@pytest.mark.parametrize(("perplexity", "told"), [(40.0, False), (94.9, False), (95.1, True), (100.0, True), (300.0, True)])
def test_a_perplexity_about_that_of_guessing_or_above_is_told_with_the_mend(perplexity, told):
    found = guesses(perplexity, 100.0)
    assert bool(found) == told
    assert not told or "give it more --tokens" in found


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "told"), [(0.0, True), (1e-2, False)])
def test_a_base_that_has_learned_nothing_from_context_says_so(tmp_path, rate, told):
    words = ["अ", "आ", "इ", "ई", "उ", "ऊ", "ए", "ऐ", "ओ", "औ"]
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(" ".join(words[(start + place) % 10] * 2 for place in range(10)) for start in range(2000)), encoding="utf-8")
    options = dataclasses.replace(OPTIONS, stages=(PretrainStage(2, 60_000, 16),), learning_rate=rate, vocab_size=30, hidden=16)
    said: list[str] = []
    record = pretrain([corpus], tmp_path / "base", options, bf16=False, warn=said.append)
    assert any("learned nothing from context" in one for one in said) == told
    assert (record["final_held_out"][0]["perplexity"] > 0.95 * record["final_held_out"][0]["guessing"]) == told


def test_what_the_gate_finds_in_an_own_tokenizer_is_mended_by_other_text_not_by_another_tokenizer(lines):
    poor = train_wordpiece([line.replace("\u093c", "") for line in lines if "़" not in unicodedata.normalize("NFD", line)], vocab_size=400, max_length=32)
    text = ["xyz qvw кот", *lines[:50]]
    found = {one.check: one for one in own_mends(inspect_tokenizer(poor, {"corpus": text})) if one.status != "ok"}
    assert "add text that has them" in found["nukta"].mend
    assert "are unknown" in found["nukta"].found
    assert not any("use a tokenizer trained" in str(one) or "load the tokenizer" in str(one) or "normaliz" in str(one) for one in found.values())


class Killed(BaseException):
    """Stands for a kill: nothing in the code under test may catch it."""


@pytest.mark.slow
@pytest.mark.parametrize("after", [3, 23, 30, 44])
def test_an_interrupted_run_resumes_to_the_same_weights(corpus, tmp_path, after):
    whole = pretrain([corpus], tmp_path / "whole", OPTIONS, bf16=False)

    def stop(progress) -> None:
        if progress.step == after:
            raise Killed

    with pytest.raises(Killed):
        pretrain([corpus], tmp_path / "parts", OPTIONS, bf16=False, save_seconds=0.0, log_every=1, report=stop)
    parts = pretrain([corpus], tmp_path / "parts", OPTIONS, bf16=False)
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")
    assert parts["held_out"] == whole["held_out"]
    assert parts["final_held_out"] == whole["final_held_out"]


@pytest.mark.slow
def test_a_run_with_dropout_resumes_to_the_same_weights_too(corpus, tmp_path):
    options = dataclasses.replace(OPTIONS, dropout=0.2)
    pretrain([corpus], tmp_path / "whole", options, bf16=False)

    def stop(progress) -> None:
        if progress.step == 30:
            raise Killed

    with pytest.raises(Killed):
        pretrain([corpus], tmp_path / "parts", options, bf16=False, save_seconds=0.0, log_every=1, report=stop)
    pretrain([corpus], tmp_path / "parts", options, bf16=False)
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")


def assert_same_weights(one: Path, other: Path) -> None:
    expected, found = (load_file(folder / "model.safetensors") for folder in (one, other))
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
def test_a_run_on_a_megabyte_killed_by_the_system_resumes_to_the_same_weights(lines, tmp_path):
    shuffled = np.random.default_rng(0).permuted(np.array(lines * 5, dtype=object))
    text = "\n".join(shuffled)
    corpus = tmp_path / "corpus.txt"
    corpus.write_bytes(text.encode()[: 1024 * 1024].decode(errors="ignore").encode())
    command = [sys.executable, "-m", "bench", "pretrain", "--corpus", str(corpus), "--layers", "4", "--hidden", "32", "--heads", "2", "--intermediate", "64"]
    command += ["--vocab-size", "2000", "--tokens", "300K", "--threads", "1", "--save-seconds", "0"]
    subprocess.run([*command, "--out", str(tmp_path / "whole")], check=True, capture_output=True)
    with subprocess.Popen([*command, "--out", str(tmp_path / "parts")], stderr=subprocess.PIPE, text=True) as killed:
        for line in killed.stderr:
            if line.lstrip()[:2].isdigit() and float(line.split("%")[0]) > 30:
                killed.kill()
                break
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    subprocess.run([*command, "--out", str(tmp_path / "parts")], check=True, capture_output=True)
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.slow
def test_the_card_says_what_was_done_to_which_text(corpus, tmp_path):
    record = pretrain([corpus], tmp_path / "base", OPTIONS, bf16=False, sources="Sentences of the shipped sets.", license="cc-by-4.0", languages=("mr", "hi"))
    page = ModelCard.load(tmp_path / "base" / "README.md")
    assert page.data.to_dict() == {"library_name": "transformers", "pipeline_tag": "fill-mask", "license": "cc-by-4.0", "language": ["mr", "hi"]}
    card = page.text
    assert hashlib.sha256(corpus.read_bytes()).hexdigest() in card
    assert "Sentences of the shipped sets." in card
    assert f"perplexity {record['final_held_out'][0]['perplexity']}" in card


@pytest.mark.parametrize("layers", [1, 2, 6, 12, 24])
def test_models_of_every_depth_see_the_same_tokens_at_the_same_lengths(layers):
    stages = default_stages(layers, 40_000_000)
    assert [(stage.tokens, stage.length) for stage in stages] == [(stage.tokens, stage.length) for stage in default_stages(12, 40_000_000)]
    assert sum(stage.tokens for stage in stages) == 40_000_000
    assert stages[-1].layers == layers
    assert all(shallow.layers <= deep.layers for shallow, deep in itertools.pairwise(stages))


@pytest.mark.slow
def test_held_out_text_is_judged_in_every_stage_at_its_own_length(corpus, tmp_path):
    stages = (PretrainStage(1, 1_500, 16), PretrainStage(1, 1_500, 32))
    record = pretrain([corpus], tmp_path / "base", dataclasses.replace(OPTIONS, stages=stages), bf16=False)
    assert [(one["layers"], one["length"]) for one in record["held_out"]] == [(1, 16), (1, 32)]
    assert [one["length"] for one in record["final_held_out"]] == [16, 32]
    assert record["final_held_out"][1]["loss"] == record["held_out"][1]["loss"]


@pytest.mark.parametrize(
    ("name", "content"), [("latin.txt", "é".encode("latin-1")), ("plain.txt.gz", b"no gzip"), ("cut.txt.gz", gzip.compress(b"x" * 99, mtime=0)[:-9])]
)
def test_a_corpus_that_cannot_be_read_is_refused_with_its_name(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{re.escape(name)}: cannot be read after line \d+: .*; expected UTF-8"):
        pretrain([path], tmp_path / "base", OPTIONS)


def test_a_table_of_sources_with_a_short_line_is_refused_with_file_and_line(tmp_path):
    path = tmp_path / "SOURCES.tsv"
    path.write_text("language\tsource\nmr\tstories\nhi\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"SOURCES\.tsv:3: expected 2 cells as in the header, found 1"):
        sources_table(path)


def test_a_corpus_that_is_too_small_is_refused(tmp_path):
    path = tmp_path / "small.txt"
    path.write_text("पाऊस पडतो\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"small\.txt: too little text"):
        pretrain([path], tmp_path / "base", OPTIONS)


def state_of(step: int) -> dict[str, object]:
    return {"identity": {"corpus": "c"}, "step": step, "model": {"weight": torch.arange(50.0)}}


def test_the_last_state_of_a_pre_training_is_kept_alone_under_its_digest(tmp_path):
    save_state(tmp_path, state_of(1))
    save_state(tmp_path, state_of(2))
    (kept,) = tmp_path.iterdir()
    assert kept.name == f"state-{hashlib.sha256(kept.read_bytes()).hexdigest()}.pt"
    assert load_state(tmp_path, {"corpus": "c"})["step"] == 2
    assert load_state(tmp_path, {"corpus": "d"}) is None


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.99, None])
def test_a_state_of_a_pre_training_that_was_altered_or_torn_is_not_gone_on_from_and_is_told_of(tmp_path, caplog, place):
    save_state(tmp_path, state_of(1))
    (kept,) = tmp_path.iterdir()
    data = bytearray(kept.read_bytes())
    if place is None:
        del data[-100:]
    else:
        data[int(place * len(data))] ^= 1
    kept.write_bytes(data)
    assert load_state(tmp_path, {"corpus": "c"}) is None
    assert str(kept) in caplog.text


def test_a_tokenizer_in_the_making_is_used_again_only_when_it_is_what_was_saved_for_this_training(lines, tmp_path, caplog):
    trained = []

    def train():
        trained.append(1)
        return train_wordpiece(lines[:200], vocab_size=300, max_length=32)

    folder = tmp_path / "tokenizer"
    first = kept_tokenizer(folder, "one", train)
    assert kept_tokenizer(folder, "one", train).get_vocab() == first.get_vocab()
    assert (len(trained), caplog.messages) == (1, [])
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(text.replace('"[UNK]"', '"[UNKNOWN]"'), encoding="utf-8")
    assert kept_tokenizer(folder, "one", train).get_vocab() == first.get_vocab()
    kept_tokenizer(folder, "another", train)
    assert len(trained) == 3
    assert [str(folder) in message for message in caplog.messages] == [True, True]
