"""Noise in the weights of a real model: the verdicts run from PASS over INCONCLUSIVE to REGRESSION as it grows, with the margin between them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import bench
from bench.standings.gate.baseline import write_baseline
from bench.standings.gate.load import current

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
MODEL = Path(__file__).parents[2] / "models" / "mini" / "base-2"
SUITE = """\
[suite]
name = "noisy"
tasks = ["KasautiSTS", "KasautiTopic", "KasautiBitext"]

[[candidates]]
name = "model"
kind = "external"
path = "model"
"""
STRENGTHS = (0.01, 0.03, 0.06, 0.09, 0.12, 0.2, 0.4, 0.8)
"""Standard deviation of the noise, as a share of that of each matrix's weights. Its direction is always the same."""
MARGIN = 0.01


def add_noise(folder: Path, strength: float) -> None:
    """Write the model into a folder, with noise in its matrices."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(MODEL, folder)
    weights = load_file(folder / "model.safetensors")
    generator = torch.Generator().manual_seed(0)
    for name, weight in weights.items():
        if weight.dim() > 1:
            noise = strength * weight.float().std() * torch.randn(weight.shape, generator=generator)
            weights[name] = (weight.float() + noise).to(weight.dtype)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def evaluate(home: Path, strength: float) -> None:
    add_noise(home / "models" / "model", strength)
    assert bench.execute(bench.make_plan(suite="noisy", workspace=home, device="cpu", probe="none", offline=True, jobs=1)).complete


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> list[bench.Finding]:
    """The finding on the mean for each strength; the baseline is the model as it is."""
    from bench.cards.workspace import find_workspace
    from bench.plan.options import Options

    home = tmp_path_factory.mktemp("noisy")
    (home / "models").mkdir()
    (home / "models" / "noisy.toml").write_text(SUITE, encoding="utf-8")
    evaluate(home, 0.0)
    now, folder = current(find_workspace(home), Options(suite="noisy", device="cpu", offline=True))
    write_baseline(folder / "baseline.json", now)
    again = bench.check("noisy", workspace=home, device="cpu")
    assert again.exit_code(strict=True) == 0
    assert {finding.code for finding in again.findings} == {"K200", "K600"}
    found = []
    for strength in STRENGTHS:
        evaluate(home, strength)
        checked = bench.check("noisy", workspace=home, device="cpu")
        found.append(next(finding for finding in checked.findings if finding.what == "quality"))
        assert checked.exit_code(strict=True) == {"PASS": 0, "INCONCLUSIVE": 4, "REGRESSION": 1}[found[-1].verdict]
    return found


def test_the_verdicts_run_in_order_of_the_noise(verdicts):
    order = ["PASS", "INCONCLUSIVE", "REGRESSION"]
    places = [order.index(finding.verdict) for finding in verdicts]
    assert places == sorted(places)
    assert set(places) == {0, 1, 2}


def test_the_margin_lies_between_what_passes_and_what_fails(verdicts):
    differences = {verdict: [one.difference for one in verdicts if one.verdict == verdict] for verdict in ("PASS", "REGRESSION")}
    assert max(differences["REGRESSION"]) <= -MARGIN < min(differences["PASS"])


def test_no_loss_beyond_the_smallest_detectable_difference_and_the_margin_passes(verdicts):
    assert all(one.verdict == "REGRESSION" for one in verdicts if one.difference < -MARGIN - one.smallest)
