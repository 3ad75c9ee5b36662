"""Twelve depths of one base together against one after the other: a ratio in the same run, never seconds."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from bench.cards.load import load_library
from bench.cards.workspace import Workspace, builtin_content
from bench.data.rows import load_rows, unique_texts
from bench.make.strategies.pure import kept_layers
from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_sentence_model
from bench.models.pruning import keep_layers
from bench.models.shared_prefix import SharedPrefixEncoder

pytestmark = pytest.mark.slow
BASE = builtin_content() / "models" / "mini" / "base-12"
LAYERS = 12
DEPTHS = [tuple(kept_layers("top", total=LAYERS, keep=keep)) for keep in range(1, LAYERS)] + [tuple(range(LAYERS))]


@pytest.fixture(scope="module")
def texts():
    card = load_library(Workspace(builtin_content(), Path())).task("KasautiSTS")
    rows = load_rows(card, None, splits=("dev",)).splits["mr"]["dev"]
    return list(unique_texts(rows, ("sentence1", "sentence2")))


def pruned(kept):
    model = load_sentence_model(BASE)
    keep_layers(model[0].auto_model, kept)
    return SentenceEncoder(model)


def test_twelve_depths_together_take_twelve_layer_passes_give_the_same_bits_and_are_at_least_five_times_as_fast(benchmark, texts):
    base, alone = load_sentence_model(BASE), {kept: pruned(kept) for kept in DEPTHS}
    together_seconds, apart_seconds = [], []
    for _ in range(2):  # interleaved, so that a busy machine slows both
        start = time.process_time()
        encoder = SharedPrefixEncoder(base, DEPTHS)
        together = encoder.encode(texts)
        together_seconds.append(time.process_time() - start)
        start = time.process_time()
        apart = {kept: one.encode(texts) for kept, one in alone.items()}
        apart_seconds.append(time.process_time() - start)
    assert encoder.layer_passes <= LAYERS / 0.9
    assert [kept for kept in DEPTHS if not np.array_equal(together[kept], apart[kept])] == []
    ratio = min(apart_seconds) / min(together_seconds)
    benchmark.extra_info["times_faster_than_apart"] = round(ratio, 2)
    benchmark.extra_info["layer_passes"] = encoder.layer_passes
    benchmark.pedantic(SharedPrefixEncoder(base, DEPTHS).encode, args=(texts,), rounds=1)
    assert ratio >= 5
