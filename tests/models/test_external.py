"""A real pre-trained model: all-MiniLM-L6-v2 as an external candidate, and its top-3 pruning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.cards.workspace import builtin_content
from tests.cli.command import bench

pytestmark = pytest.mark.slow

SUITE = """
[suite]
name = "mine"
tasks = ["KasautiSTS"]

[bases.minilm]
path = "{minilm}"

[[candidates]]
name = "minilm"
kind = "external"
path = "{minilm}"

[[candidates]]
name = "minilm-top3"
kind = "pruned"
base = "minilm"
strategy = "top"
keep = 3
parent = "minilm"
"""


@pytest.fixture(scope="module")
def board(minilm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    (folder / "models").mkdir()
    (folder / "models" / "mine.toml").write_text(SUITE.format(minilm=minilm), encoding="utf-8")
    (folder / "tasks").symlink_to(builtin_content() / "tasks")
    found = bench("run", "minilm", "minilm-top3", "--device", "cpu", "--publish", cwd=folder)
    # the built-in task cards stand without the suites that train on them, which is fine
    assert found.returncode == 0, found.stdout + found.stderr
    rows = json.loads((folder / "leaderboard" / "mine" / "leaderboard.json").read_text(encoding="utf-8"))["rows"]
    return folder, {row["candidate"]: row for row in rows}


def mteb_scores(path: Path) -> dict[str, float]:
    """KasautiSTS by `mteb.evaluate` with a stock task and a SentenceTransformer."""
    from bench.cards.load import load_library
    from bench.cards.workspace import Workspace
    from tests.evaluate.test_scores import mtebs

    content = builtin_content()
    return mtebs(load_library(Workspace(content, content)), "KasautiSTS", path)


def test_an_external_model_scores_what_mteb_gives_it(board, minilm):
    _, rows = board
    expected = mteb_scores(minilm)
    assert rows["minilm"]["scores"]["KasautiSTS mr"] == pytest.approx(expected["mr"], abs=1e-6)
    assert rows["minilm"]["scores"]["KasautiSTS hi"] == pytest.approx(expected["hi"], abs=1e-6)


def test_its_pruned_checkpoint_scores_what_mteb_gives_it(board):
    folder, rows = board
    (checkpoint,) = (folder / ".bench" / "checkpoints").iterdir()
    expected = mteb_scores(checkpoint)
    assert rows["minilm-top3"]["scores"]["KasautiSTS mr"] == pytest.approx(expected["mr"], abs=1e-6)
    assert rows["minilm-top3"]["kept_layers"] == "0-2"
    assert rows["minilm-top3"]["of_parent"] == pytest.approx(rows["minilm-top3"]["mean"] / rows["minilm"]["mean"])


def test_half_the_layers_halve_the_body_and_raise_the_throughput(board):
    _, rows = board
    assert rows["minilm-top3"]["parameters_body"] * 2 == rows["minilm"]["parameters_body"]
    assert rows["minilm-top3"]["parameters_embeddings"] == rows["minilm"]["parameters_embeddings"]
    assert rows["minilm-top3"]["sentences_per_second"] > rows["minilm"]["sentences_per_second"]
