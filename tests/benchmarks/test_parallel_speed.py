"""Several candidates at a time: a ratio against one after the other in the same run, on the same cores, never seconds."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from bench.cards.workspace import builtin_content, find_workspace
from bench.plan.options import Options
from bench.plan.planning import make_plan
from bench.probe.machine import usable_cores
from bench.run.execute import execute
from tests.run.test_run import Silent

pytestmark = [pytest.mark.slow, pytest.mark.skipif(usable_cores() < 2, reason="one core does one thing at a time")]
SUITE = """
[suite]
name = "two-layers"
tasks = ["KasautiSTS"]

[bases.mini]
path = "mini/base-12"

[recipes.short]

[[recipes.short.phases]]
kind = "sts"
data = ["KasautiSTS"]
epochs = 1
batch_size = 64
learning_rate = 2e-4
max_length = 128

[[grids]]
kind = "scratch"
bases = ["mini"]
keep = [2]
recipes = ["short"]
seeds = [0, 1, 2, 3]
"""


def seconds(folder: Path, jobs: int) -> float:
    """How long it takes to make and score four models of two layers in a fresh workspace."""
    content = builtin_content()
    for name in ("tasks", "models/mini"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(content / name, folder / name)
    (folder / "models" / "two-layers.toml").write_text(SUITE, encoding="utf-8")
    planner = make_plan(find_workspace(folder), Options(suite="two-layers", probe="none", jobs=jobs))
    start = time.perf_counter()
    outcome = execute(planner, Silent())
    assert outcome.complete, outcome
    return time.perf_counter() - start


def test_two_small_models_at_a_time_are_faster_than_one_after_the_other(benchmark, tmp_path):
    alone = seconds(tmp_path / "alone", 1)
    together = benchmark.pedantic(seconds, args=(tmp_path / "together", 2), rounds=1)
    benchmark.extra_info["ratio"] = alone / together
    assert alone / together > 1.0
