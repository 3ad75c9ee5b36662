"""Probes: real sentences, honest counters, a process of their own."""

from __future__ import annotations

import itertools

import pytest

from bench.models.lexical import LexicalEncoder
from bench.models.loading import load_sentence_model
from bench.probe import memory
from bench.probe.machine import fingerprint, pick_device, usable_cores, versions
from bench.probe.protocol import probe, probe_key, probe_sentences
from bench.probe.worker import Profile, measure

PROFILE = Profile(sentences=40, singles=20, warm_up=2, rounds=2, batch_sizes=(4, 16))


@pytest.fixture(scope="module")
def measured(minilm):
    return measure(minilm, "", "fp32", "cpu", probe_sentences(), PROFILE, 1)


@pytest.mark.parametrize(
    ("prompt", "precision", "used"),
    [(None, None, {"prompt": "पाऊस ", "precision": {"fp16": 1.0}}), ("", "fp32", {"prompt": "", "precision": {"fp32": 1.0}})],
)
def test_a_model_is_timed_with_the_prompt_and_the_precision_that_it_is_judged_with(tiny_base, tmp_path, prompt, precision, used):
    """The sentences are pairs of an STS task: the folder's prompt for these, unless the card has one."""
    model = load_sentence_model(tiny_base)
    model.prompts, model.default_prompt_name = {"usual": "आज ", "STS": "पाऊस "}, "usual"
    model.half().save_pretrained(str(tmp_path), create_model_card=False)
    few = Profile(sentences=4, singles=1, warm_up=0, rounds=1, batch_sizes=(4,))
    assert measure(tmp_path, prompt, precision, "cpu", probe_sentences(), few, 1)["used"] == used


def test_sentences_are_real_marathi_and_hindi_in_turn():
    texts = probe_sentences()
    assert len(texts) >= 300
    assert len(set(texts)) == len(texts)
    assert all(3 <= len(text.split()) <= 40 for text in texts)


def test_times_agree_with_each_other(measured):
    single, offline = measured["single"], measured["offline"]
    assert 0 < single["p50"] <= single["p90"]
    assert single["samples"] == 20
    assert offline["batch_size"] in PROFILE.batch_sizes
    assert offline["sentences_per_second"] > 0.5 / single["p50"]
    assert offline["characters_per_second"] == pytest.approx(offline["sentences_per_second"] * measured["characters"] / measured["sentences"])
    assert measured["load"] > single["p50"]


def test_threads_are_set_and_read_back(measured):
    assert measured["threads"] == 1


def test_the_peak_is_at_least_what_was_loaded(measured):
    found = measured["memory"]
    if found["peak_while_encoding"] is None:
        pytest.skip("this system does not let the peak be reset")
    assert found["peak_while_encoding"] >= found["before_load"]
    assert found["peak_while_encoding"] > 100 * 2**20


def test_the_peak_can_be_reset():
    if not memory.reset_peak():
        pytest.skip("this system does not let the peak be reset")
    block = bytearray(200 * 2**20)
    for index in range(0, len(block), 4096):
        block[index] = 1
    high = memory.peak()
    del block
    memory.reset_peak()
    assert memory.peak() < high - 150 * 2**20


def test_a_probe_runs_in_a_process_of_its_own(tmp_path):
    LexicalEncoder().save(tmp_path / "lexical")
    found = probe(tmp_path / "lexical", prompt="", precision="fp32", device="cpu", profile="quick")
    assert found["offline"]["sentences_per_second"] > 0
    assert found["bytes_on_disk"] == (tmp_path / "lexical" / "lexical.json").stat().st_size
    assert found["threads"] == usable_cores()


def test_the_key_changes_with_checkpoint_prompt_precision_and_profile():
    choices = itertools.product("ab", ("", "query: "), ("fp32", "int8"), ("quick", "full"))
    assert len({probe_key(content, prompt, precision, "cpu", profile) for content, prompt, precision, profile in choices}) == 16


def test_the_fingerprint_names_cpu_cores_and_memory():
    found = fingerprint()
    assert found["cores"] >= 1
    assert found["memory_gib"] >= 1
    assert found["cpu"]
    assert set(versions()) >= {"torch", "mteb", "sentence-transformers"}


def test_auto_is_cuda_only_where_there_is_one():
    import torch

    assert pick_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.gpu
def test_cuda_is_synchronised_and_its_allocator_read(minilm):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    found = measure(minilm, "", "fp32", "cuda", probe_sentences(), PROFILE, 1)
    assert found["memory"]["cuda_allocated_peak"] > 80 * 2**20
    assert found["memory"]["cuda_reserved_peak"] >= found["memory"]["cuda_allocated_peak"]
    assert found["device_name"]
