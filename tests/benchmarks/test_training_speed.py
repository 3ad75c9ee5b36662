"""Fine-tuning in bfloat16 on a CPU with attention as matrix products: a ratio against PyTorch's fused kernel in the same run, never seconds."""

from __future__ import annotations

import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench.cards.recipes import Phase
from bench.cards.workspace import builtin_content
from bench.data.training import Development, TrainingSet
from bench.make import finetune as module
from bench.models.loading import load_sentence_model
from bench.probe.machine import has_fast_bf16
from tests.benchmarks.ratios import compare

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not has_fast_bf16(), reason="this CPU has no bfloat16 instructions, so training is in float32 here")]
MARATHI = "{} मुले सकाळी लवकर उठून नदीच्या काठाने चालत शाळेत जातात आणि दुपारी घरी परत येऊन अभ्यास करतात"
HINDI = "{} बच्चे सुबह जल्दी उठकर नदी के किनारे चलते हुए स्कूल जाते हैं और दोपहर में घर लौटकर पढ़ाई करते हैं"
PAIRS = tuple((MARATHI.format(a), HINDI.format(b), (a + b) % 5 / 4) for a in range(16) for b in range(16))
PHASE = Phase(kind="sts", data=("Pairs",), epochs=1.0, batch_size=32, learning_rate=1e-4, max_length=64)


def train(folder: Path) -> None:
    """One epoch over the pairs; its state is kept in a new folder under this one."""
    module.finetune(
        load_sentence_model(builtin_content() / "models" / "mini" / "base-6", pooling="mean"),
        [(PHASE, TrainingSet(scored=PAIRS))],
        seed=0,
        bf16=True,
        folder=Path(tempfile.mkdtemp(dir=folder)),
        development=Development(),
        progress=lambda _kind, _fraction: None,
    )


def test_bfloat16_training_on_a_cpu_is_faster_with_attention_as_matrix_products_than_with_the_fused_kernel(benchmark, monkeypatch, tmp_path):
    def ours():
        train(tmp_path)

    def fused():
        with monkeypatch.context() as patch:
            patch.setattr(module, "training_attention", lambda _device, bf16: nullcontext())
            train(tmp_path)

    ours()  # imports and first-use costs are nobody's
    compare(benchmark, "training", theirs=fused, ours=ours, rounds=3, clock=time.perf_counter)
