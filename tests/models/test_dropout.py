"""The share of activations that is dropped in training is what was asked for, in every architecture, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.cards.recipes import Phase, Recipe
from bench.data.training import TrainingSet
from bench.errors import ModelError
from bench.make.blueprint import Blueprint
from bench.models.dropout import set_dropout
from bench.models.loading import load_sentence_model
from tests.builders import make_candidate
from tests.models.test_architectures import TINY, make_base


def outputs(model, *, training: bool) -> torch.Tensor:
    model.train(training)
    torch.manual_seed(0)
    with torch.no_grad():
        return model(model.preprocess(["मी घर आहे", "ती शाळा येते आज"]))["sentence_embedding"]


@pytest.mark.parametrize("kind", TINY)
def test_no_dropout_trains_on_what_is_judged_and_half_of_it_does_not(tmp_path, tiny_base, kind):
    model = load_sentence_model(make_base(tmp_path / "base", kind, tiny_base), pooling="mean")
    judged = outputs(model, training=False)
    set_dropout(model, 0.0)
    torch.testing.assert_close(outputs(model, training=True), judged, rtol=1e-5, atol=1e-6)
    set_dropout(model, 0.5)
    assert not torch.allclose(outputs(model, training=True), judged, rtol=1e-2)


def key(kind: str, dropout: float | None, *, phases: int = 1) -> str:
    recipe = Recipe(dropout=dropout, phases=(Phase(kind="sts", data=("Pairs",)),) * phases)
    candidate = make_candidate(kind, base="tiny", recipe="short")
    return Blueprint(candidate, Path(), "", 4, (0, 1), recipe, "fp32", (TrainingSet(),) * phases, {}).key


def test_the_share_is_in_the_key_of_what_it_decides_and_of_nothing_else():
    assert len({key("full", share) for share in (None, 0.0, 0.1)}) == 3
    assert key("full", 0.0) == key("full", -0.0)
    assert len({key("static", share) for share in (None, 0.0, 0.1)}) == 1
    assert len({key("full", share, phases=0) for share in (None, 0.0, 0.1)}) == 1


def test_a_transformer_that_drops_nothing_refuses_a_share(tiny_base):
    model = load_sentence_model(tiny_base)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.Dropout):
                setattr(module, name, torch.nn.Identity())
    with pytest.raises(ModelError, match="'dropout' of the recipe does nothing: BertModel has no dropout; leave it out"):
        set_dropout(model, 0.1)
