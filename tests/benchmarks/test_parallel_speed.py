"""Several candidates at a time: a ratio against one after the other in the same run, on the same cores, never seconds."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from bench.cards.workspace import builtin_content, find_workspace
from bench.plan.options import Options
from bench.plan.planning import Plan, make_plan
from bench.probe.machine import usable_cores
from bench.run.execute import execute
from bench.run.report import Silent
from tests.benchmarks.ratios import compare

pytestmark = [pytest.mark.slow, pytest.mark.skipif(usable_cores() < 2, reason="one core does one thing at a time")]
ROUNDS = 2
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


def fresh(folder: Path, jobs: int) -> Plan:
    """A plan to make and score four models of two layers, in a workspace of its own where nothing is stored."""
    content = builtin_content()
    for name in ("tasks", "models/mini"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(content / name, folder / name)
    (folder / "models" / "two-layers.toml").write_text(SUITE, encoding="utf-8")
    return make_plan(find_workspace(folder), Options(suite="two-layers", probe="none", jobs=jobs))


def test_two_small_models_at_a_time_are_faster_than_one_after_the_other(benchmark, tmp_path):
    plans = {(jobs, number): fresh(tmp_path / f"{jobs}-{number}", jobs) for jobs in (1, 2) for number in range(ROUNDS)}

    def run(jobs: int) -> None:
        outcome = execute(plans.pop(next(key for key in plans if key[0] == jobs)), Silent())
        assert outcome.complete, outcome

    compare(benchmark, "parallel", theirs=lambda: run(1), ours=lambda: run(2), rounds=ROUNDS, clock=time.perf_counter)
