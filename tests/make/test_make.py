"""Making: pruning keeps the parent's weights, random weights follow the seed, and the reload gate catches what was not saved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.cards.origin import Origin
from bench.errors import ModelError
from bench.make.verify import inspect, reload_gate
from bench.models.architectures import layer_count
from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_encoder, load_sentence_model
from bench.models.locate import locate_model
from bench.models.pruning import keep_layers, randomise


def weights(model) -> dict[str, torch.Tensor]:
    return dict(model[0].auto_model.named_parameters())


@pytest.mark.parametrize("kept", [[0, 1], [2, 3], [0, 3], [1]])
def test_kept_layers_are_bit_equal_to_the_parents(tiny_base, kept):
    parent, child = load_sentence_model(tiny_base), load_sentence_model(tiny_base)
    keep_layers(child[0].auto_model, kept)
    assert child[0].auto_model.config.num_hidden_layers == len(kept)
    for new, old in enumerate(kept):
        for name, value in child[0].auto_model.encoder.layer[new].named_parameters():
            assert torch.equal(value, parent[0].auto_model.encoder.layer[old].get_parameter(name))
    assert torch.equal(weights(child)["embeddings.word_embeddings.weight"], weights(parent)["embeddings.word_embeddings.weight"])


def test_keeping_every_layer_changes_no_embedding(tiny_base):
    model = load_sentence_model(tiny_base)
    before = model.encode(["मी घरी जातो"])
    keep_layers(model[0].auto_model, [0, 1, 2, 3])
    assert np.array_equal(model.encode(["मी घरी जातो"]), before)


def test_a_layer_that_the_base_does_not_have_is_refused(tiny_base):
    with pytest.raises(ModelError, match="between 0 and 3"):
        keep_layers(load_sentence_model(tiny_base)[0].auto_model, [0, 4])


def test_an_architecture_that_cannot_be_pruned_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "albert", "num_hidden_layers": 12}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json: model_type 'albert' cannot be pruned"):
        layer_count(tmp_path)


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[]", "expected a JSON object")])
def test_a_broken_config_is_named(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        layer_count(tmp_path)


def test_a_base_that_is_no_model_folder_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    for path, words in (("empty", "is not a model folder"), ("missing", "does not exist")):
        with pytest.raises(ModelError, match=rf"nowhere: .*{path} {words}"):
            locate_model("nowhere", Origin(path=path), where="card", folder=tmp_path, state=tmp_path, offline=True)


def test_random_weights_follow_the_seed_and_keep_the_shape(tiny_base):
    first, same, other = (load_sentence_model(tiny_base) for _ in range(3))
    for model, seed in ((first, 1), (same, 1), (other, 2)):
        randomise(model, layers=2, seed=seed)
    name = "encoder.layer.1.output.dense.weight"
    assert torch.equal(weights(first)[name], weights(same)[name])
    assert not torch.equal(weights(first)[name], weights(other)[name])
    assert weights(first)[name].shape == weights(load_sentence_model(tiny_base))[name].shape
    assert first[0].auto_model.config.num_hidden_layers == 2


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_pooling_is_what_the_recipe_says(tiny_base, pooling):
    model = load_sentence_model(tiny_base, pooling=pooling)
    tokens = model[0].auto_model(**model.tokenizer(["मी घरी जातो"], return_tensors="pt")).last_hidden_state[0]
    expected = tokens.mean(dim=0) if pooling == "mean" else tokens[0]
    assert np.allclose(model.encode(["मी घरी जातो"])[0], expected.detach().numpy(), atol=1e-6)


def test_a_pruned_sentence_model_keeps_its_other_modules(minilm):
    model = load_sentence_model(minilm)
    keep_layers(model[0].auto_model, [0, 1, 2])
    assert [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Normalize"]
    assert np.linalg.norm(model.encode("pruned")) == pytest.approx(1.0, abs=1e-6)


@pytest.fixture
def saved(tiny_base, tmp_path):
    """A pruned model and the folder it was saved to."""
    model = load_sentence_model(tiny_base)
    keep_layers(model[0].auto_model, [0, 2])
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    return model, tmp_path / "saved"


def test_the_reload_gate_passes_what_was_saved_whole(saved):
    model, folder = saved
    found = reload_gate(folder, SentenceEncoder(model))
    assert found["reload_difference"] <= 1e-5
    assert found["layers"] == 2
    assert sum(found["parameters"].values()) == sum(parameter.numel() for parameter in model.parameters())


def test_the_reload_gate_catches_a_config_left_at_the_old_depth(saved):
    model, folder = saved
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["num_hidden_layers"] = 4
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match="num_hidden_layers"):
        reload_gate(folder, SentenceEncoder(model))


def test_the_reload_gate_catches_weights_stored_in_lower_precision(saved):
    from safetensors.torch import load_file, save_file

    model, folder = saved
    path = folder / "model.safetensors"
    save_file({name: value.bfloat16() for name, value in load_file(path).items()}, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="differ by"):
        reload_gate(folder, SentenceEncoder(model))


def test_parameters_are_split_into_embeddings_and_body(saved):
    _, folder = saved
    found = inspect(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    width = config["hidden_size"]
    assert found.embedding_parameters == (config["vocab_size"] + config["max_position_embeddings"] + 2 + 2) * width
    assert found.body_parameters == 2 * (
        4 * (width * width + width) + 2 * width * config["intermediate_size"] + config["intermediate_size"] + width + 4 * width
    )


def test_torn_weights_are_named_with_their_folder(tiny_base, tmp_path):
    torn = Path(shutil.copytree(tiny_base, tmp_path / "torn"))
    whole = (torn / "model.safetensors").read_bytes()
    (torn / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"torn: cannot be loaded: .*incomplete metadata"):
        load_sentence_model(torn)
    with pytest.raises(ModelError, match=r"torn: cannot be loaded: .*incomplete metadata"):
        load_encoder(torn)
