"""Trimmed vocabularies on the board: each beside the model that differs from it in nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.cards.kinds import Pruned
from bench.cards.recipes import Vocabulary
from bench.standings.board import Board, Row
from bench.standings.trimmed import trimmed_models
from bench.statistics.estimate import Estimate
from tests.builders import json_of, markdown_of

SMALL = Vocabulary(corpus=("Text",), size=60)
TRIMMING = {"tokens_before": 12000, "tokens_after": 6000, "texts_changed": 0.125, "tokens_changed": 0.01}
WHOLE = Pruned(name="m-top6", base="m", strategy="top", keep=6)
TRIMMED = Pruned(name="m-top6-v60", base="m", strategy="top", keep=6, vocabulary=SMALL, parent="m")
DRAWN = np.linspace(0.4, 0.6, 1000)


def row(name: str, mean: float | None, replicates: np.ndarray | None, trimming: dict | None = None) -> Row:
    estimate = None if mean is None else Estimate(mean, replicates)
    return Row(name, "pruned", "m", "0-5", None, {}, {}, None, None, mean=mean, estimate=estimate, trimming=trimming)


def test_a_trimmed_model_is_compared_with_its_whole_twin_pair_by_pair():
    rows = [row("m-top6", 0.5, DRAWN), row("m-top6-v60", 0.48, DRAWN - 0.02, TRIMMING)]
    (found,) = trimmed_models(rows, [WHOLE, TRIMMED])
    assert (found.name, found.whole) == ("m-top6-v60", "m-top6")
    assert found.difference == pytest.approx(-0.02)
    assert found.difference_interval == pytest.approx((-0.02, -0.02))
    page = markdown_of(Board("s", "", "cpu", (), (), (), (), (), {}, (), (found,)))
    assert "| m-top6-v60 | 6,000 of 12,000 | 12.50% | 1.00% | m-top6 | **-2.0 [-2.0, -2.0]** |" in " ".join(page.split())
    assert json.loads(json_of(Board("s", "", "cpu", (), (), (), (), (), {}, (), (found,))))["trimmed"][0]["tokens_after"] == 6000


@pytest.mark.parametrize("other", [{"keep": 2}, {"seed": 1}, {"precision": "int8"}], ids=str)
def test_a_model_that_differs_in_more_than_the_vocabulary_is_no_twin(other):
    from dataclasses import replace

    rows = [row("m-top6", 0.5, DRAWN), row("m-top6-v60", 0.48, DRAWN, TRIMMING)]
    assert trimmed_models(rows, [replace(WHOLE, **other), TRIMMED]) == ()


def test_without_scores_the_shares_are_shown_and_no_difference():
    (found,) = trimmed_models([row("m-top6", None, None), row("m-top6-v60", 0.48, DRAWN, TRIMMING)], [WHOLE, TRIMMED])
    assert (found.difference, found.difference_interval) == (None, None)
    assert "| m-top6 | – |" in " ".join(markdown_of(Board("s", "", "cpu", (), (), (), (), (), {}, (), (found,))).split())
