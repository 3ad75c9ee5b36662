"""What a probe says, held against what is measured without it: a plain script's time and memory, and half of the layers in half of the time.

The two sides take turns, and ratios within a turn are compared, since machines wander.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from bench.cards.workspace import builtin_content
from bench.models.loading import load_sentence_model
from bench.models.pruning import keep_layers
from bench.probe.cold import cold_starts
from bench.probe.profiles import PROFILES
from bench.probe.texts import BUCKETS, block
from bench.probe.work import split_seconds
from bench.probe.worker import Subject, Worker
from bench.statistics.latency import middle_interval

pytestmark = pytest.mark.slow
PROFILE = PROFILES["full"]
BASE = builtin_content() / "models" / "mini" / "base-12"
ROUNDS = 15
SIZE = 8


PLAIN = """
import json, sys
import torch
from sentence_transformers import SentenceTransformer

folder, texts = json.loads(sys.argv[1])
torch.set_num_threads(1)
model = SentenceTransformer(folder, device="cpu")
model.encode(texts[:1])
model.encode(texts, batch_size=8)
"""
"""What someone would write who wants embeddings."""
WATCH = """
import os, sys

process = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", *sys.argv[1:]])
_, status, usage = os.wait4(process, 0)
print(usage.ru_maxrss * 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def largest_resident(script: str, argument: str) -> int:
    """Bytes that a script's process held at most, as the kernel tells the process that started it.

    That one has to be small: its own size is counted, since the script's process began as a copy of it.
    """
    done = subprocess.run([sys.executable, "-c", WATCH, script, argument], capture_output=True, text=True, check=True)
    return int(done.stdout)


def worker(folder: Path) -> Worker:
    """A measuring process's work, in this process, ready for the rounds."""
    ready = Worker(subject(folder), PROFILE)
    ready.load()
    ready.settle()
    return ready


def subject(folder: Path) -> Subject:
    return Subject("it", folder, "content of it", None, "fp32", "cpu", 1)


@pytest.fixture(scope="module")
def half(tmp_path_factory) -> Path:
    """The first six layers of the base's twelve."""
    folder = tmp_path_factory.mktemp("half")
    model = load_sentence_model(BASE)
    keep_layers(model[0].auto_model, range(6))
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def test_throughput_is_that_of_plain_encode_within_five_percent(minilm):
    probed, plain = worker(minilm), SentenceTransformer(str(minilm), device="cpu")

    def plainly(number: int) -> float:
        seconds = 0.0
        for _ in range(probed.repeats[SIZE]):
            for bucket in BUCKETS:
                texts = list(block({bucket: PROFILE.block[bucket]}, number))
                start = time.perf_counter()
                plain.encode(texts, batch_size=SIZE)
                seconds += time.perf_counter() - start
        return seconds / probed.repeats[SIZE]

    plainly(-1)
    ratio, low, high = middle_interval([plainly(number) / sum(probed.part(bucket, number, SIZE)[0] for bucket in BUCKETS) for number in range(ROUNDS)])
    print(f"the probe's sentences a second are {ratio:.3f} [{low:.3f}, {high:.3f}] times those of plain encode")  # pytest -s shows it
    assert ratio == pytest.approx(1, abs=0.05)


def test_the_peak_of_memory_is_that_of_a_plain_script_as_the_system_saw_it_within_five_percent(minilm):
    """What `/usr/bin/time -v` prints as "Maximum resident set size" is the same number of the kernel's."""
    texts = block(PROFILE.block, 0)
    outside = largest_resident(PLAIN, json.dumps([str(minilm), texts]))
    peak = cold_starts(subject(minilm), texts, SIZE, 1)["memory"]["peak"]
    print(f"the probe's peak is {peak / 2**20:.1f} MiB, that of a plain script {outside / 2**20:.1f} MiB")  # pytest -s shows it
    assert peak == pytest.approx(outside, rel=0.05)


def test_half_of_the_layers_take_half_of_the_bodys_time(half):
    whole, pruned = worker(BASE), worker(half)

    def body(one: Worker, number: int) -> float:
        texts = block(PROFILE.block, number)

        def run() -> float:
            start = time.perf_counter()
            one.encode(texts, SIZE)
            return time.perf_counter() - start

        parts = split_seconds(one.encoder, run, "cpu")
        assert parts is not None
        return parts["forward"]

    ratio, low, high = middle_interval([body(pruned, number) / body(whole, number) for number in range(ROUNDS)])
    print(f"six layers take {ratio:.3f} [{low:.3f}, {high:.3f}] of the time of twelve")  # pytest -s shows it
    assert ratio == pytest.approx(0.5, abs=0.08)
