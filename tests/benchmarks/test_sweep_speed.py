"""Twelve depths of one base together against one after the other: a ratio in the same run, never seconds."""

from __future__ import annotations

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
from tests.benchmarks.ratios import compare

pytestmark = pytest.mark.slow
BASE = builtin_content() / "models" / "mini" / "base-12"
LAYERS = 12
ROUNDS = 7
DEPTHS = [tuple(kept_layers("top", total=LAYERS, keep=keep)) for keep in range(1, LAYERS)] + [tuple(range(LAYERS))]


@pytest.fixture(scope="module")
def texts():
    card = load_library(Workspace(builtin_content(), Path())).task("KasautiSTS")
    rows = load_rows(card, None, splits=("dev",)).splits["mr"]["dev"]
    return list(unique_texts(rows, ("sentence1", "sentence2")))[::3]  # more rounds of fewer texts: a round that nothing disturbs is then likelier


def pruned(kept):
    model = load_sentence_model(BASE)
    keep_layers(model[0].auto_model, kept)
    return SentenceEncoder(model)


def test_twelve_depths_together_take_twelve_layer_passes_give_the_same_bits_and_are_at_least_five_times_as_fast(benchmark, texts):
    base, alone = load_sentence_model(BASE), {kept: pruned(kept) for kept in DEPTHS}
    passes: list[int] = []

    def together():
        encoder = SharedPrefixEncoder(base, DEPTHS)
        found = encoder.encode(texts)
        passes.append(encoder.layer_passes)
        return found

    def apart():
        return {kept: one.encode(texts) for kept, one in alone.items()}

    found, expected = together(), apart()
    assert passes[0] <= LAYERS / 0.9
    assert [kept for kept in DEPTHS if not np.array_equal(found[kept], expected[kept])] == []
    benchmark.extra_info["layer_passes"] = passes[0]
    compare(benchmark, "sweep", theirs=apart, ours=together, rounds=ROUNDS)
