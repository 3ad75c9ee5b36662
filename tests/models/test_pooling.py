"""A recipe's pooling takes the place of the model's, wherever that stands, or is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer, WeightedLayerPooling

from bench.errors import ModelError
from bench.models.loading import load_sentence_model
from bench.models.pooling import check_may_lose_layers

TEXTS = ["मी घरी जातो", "आज पाऊस"]
PROMPT = "नदी झाड "


def pooling(mode="mean") -> Pooling:
    return Pooling(32, mode, include_prompt=False)


SHAPES = {
    "alone": lambda: [pooling()],
    "after weighted layers": lambda: [WeightedLayerPooling(32, num_hidden_layers=4, layer_start=2), pooling()],
    "after a dense of tokens": lambda: [Dense(32, 32, module_input_name="token_embeddings"), pooling()],
    "before a dense and a norm": lambda: [pooling(), Dense(32, 16), Normalize()],
    "two kinds side by side, before a norm": lambda: [pooling(["mean", "max"]), Normalize()],
}


def saved(tiny_base: Path, folder: Path, modules) -> Path:
    transformer = Transformer(str(tiny_base), config_kwargs={"output_hidden_states": True}, model_kwargs={"dtype": "float32"})
    SentenceTransformer(modules=[transformer, *modules], device="cpu").save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.mark.parametrize("new", ["mean", "cls"])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_replaced_where_it_stands_and_keeps_its_other_settings(tiny_base, tmp_path, shape, new):
    old = load_sentence_model(saved(tiny_base, tmp_path / "saved", SHAPES[shape]()))
    found = load_sentence_model(tmp_path / "saved", pooling=new)
    assert [type(module) for module in found] == [type(module) for module in old]
    (place,) = [place for place, module in enumerate(found) if isinstance(module, Pooling)]
    assert (found[place].pooling_mode, found[place].include_prompt) == (new, False)
    # what the modules before the pooling give, pooled by hand without the prompt, then through those after it
    for text in TEXTS:
        features = old.preprocess([text], prompt=PROMPT)
        start = int(features["prompt_length"])
        for module in list(old)[:place]:
            features = module(features)
        tokens = features["token_embeddings"][:, start:]
        features["sentence_embedding"] = tokens.mean(dim=1) if new == "mean" else tokens[:, 0]
        for module in list(old)[place + 1 :]:
            features = module(features)
        expected = features["sentence_embedding"][0].detach().numpy()
        assert np.abs(found.encode([text], prompt=PROMPT)[0] - expected).max() < 1e-5


def test_what_follows_must_fit_its_width(tiny_base, tmp_path):
    saved(tiny_base, tmp_path / "saved", [pooling(["mean", "max"]), Dense(64, 16)])
    with pytest.raises(
        ModelError, match=r"saved: pooling 'mean' gives 32 numbers where the modules after it \(Transformer, Pooling, Dense\) take 64.*leave `pooling` out"
    ):
        load_sentence_model(tmp_path / "saved", pooling="mean")


@pytest.mark.parametrize(("modules", "count"), [(lambda: [pooling(), pooling()], 2)])
def test_several_are_refused(tiny_base, tmp_path, modules, count):
    folder = saved(tiny_base, tmp_path / "saved", modules())
    with pytest.raises(ModelError, match=rf"the recipe's pooling 'mean' needs one Pooling module to replace, found {count} \(Transformer, Pooling, Pooling\)"):
        load_sentence_model(folder, pooling="mean")


def test_none_is_refused(tiny_base, tmp_path):
    saved(tiny_base, tmp_path / "saved", [Dense(32, 32, module_input_name="token_embeddings", module_output_name="sentence_embedding")])
    with pytest.raises(ModelError, match=r"needs one Pooling module to replace, found 0 \(Transformer, Dense\); leave `pooling` out of the recipe"):
        load_sentence_model(tmp_path / "saved", pooling="cls")


def test_a_model_that_weighs_its_layers_cannot_lose_one(tiny_base, tmp_path):
    model = load_sentence_model(saved(tiny_base, tmp_path / "saved", SHAPES["after weighted layers"]()))
    with pytest.raises(ModelError, match="WeightedLayerPooling has a weight for each layer"):
        check_may_lose_layers(model, tmp_path)
    check_may_lose_layers(load_sentence_model(tiny_base), tiny_base)
