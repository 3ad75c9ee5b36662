"""Every architecture that can be pruned keeps its parent's weights bit for bit, and comes back from disk as it was saved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bench.errors import LayerError, ModelError
from bench.make.verify import reload_gate
from bench.models.architectures import SUPPORTED, UNSUPPORTED, architecture, layer_count
from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_sentence_model
from bench.models.pruning import keep_layers, randomise

BERT = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "num_hidden_layers": 4, "max_position_embeddings": 66, "pad_token_id": 0}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_heads": 4, "num_layers": 4}
GPT2 = {"n_embd": 32, "n_head": 4, "n_layer": 4, "n_positions": 66}
MODERN = {**BERT, "global_attn_every_n_layers": 2, "local_attention": 4, "cls_token_id": 2, "sep_token_id": 3}
DEBERTA = {**BERT, "relative_attention": True, "position_buckets": 16, "pos_att_type": ["p2c", "c2p"], "conv_kernel_size": 3, "conv_act": "gelu"}
TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("Bert", BERT),
    "roberta": ("Roberta", BERT),
    "xlm-roberta": ("XLMRoberta", BERT),
    "electra": ("Electra", {**BERT, "embedding_size": 32}),
    "distilbert": ("DistilBert", {"dim": 32, "n_heads": 4, "hidden_dim": 64, "n_layers": 4, "max_position_embeddings": 66, "pad_token_id": 0}),
    "mpnet": ("MPNet", {**BERT, "pad_token_id": 1}),
    "xlnet": ("XLNet", {"d_model": 32, "n_head": 4, "d_inner": 64, "n_layer": 4, "pad_token_id": 0}),
    "deberta-v2": ("DebertaV2", DEBERTA),
    "modernbert": ("ModernBert", MODERN),
    "gpt2": ("GPT2", GPT2),
    "t5": ("T5", T5),
    "mt5": ("MT5", T5),
}
LISTS = [[0, 1], [0, 3], [1, 2], [3]]


def make_base(folder: Path, kind: str, tokenizer_folder: Path, **changes: Any) -> Path:
    """A base of four layers with random weights, as the architecture's own class saves it, and the tiny WordPiece tokenizer."""
    name, fields = TINY[kind]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer_folder)
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**{"vocab_size": len(tokenizer), **fields, **changes})
    model = getattr(transformers, f"{name}Model")(config)
    with torch.no_grad():
        for parameter in model.parameters():  # zeros and ones, as biases and norms start, would hide a layer taken from elsewhere
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bases(tmp_path_factory, tiny_base):
    """A function that gives the folder of an architecture's base, made once."""
    root, made = tmp_path_factory.mktemp("bases"), {}

    def base(kind: str) -> Path:
        if kind not in made:
            made[kind] = make_base(root / kind, kind, tiny_base)
        return made[kind]

    return base


def layers_of(model) -> torch.nn.ModuleList:
    transformer = model[0].auto_model
    return transformer.get_submodule(architecture(transformer.config.model_type).layers)


def test_every_architecture_that_can_be_pruned_is_tried_here():
    assert sorted(TINY) == sorted(SUPPORTED)


@pytest.mark.parametrize("kept", LISTS, ids=str)
@pytest.mark.parametrize("kind", TINY)
def test_kept_layers_are_the_parents_and_survive_saving(bases, tmp_path, kind, kept):
    base = bases(kind)
    assert layer_count(base) == 4
    parent, child = load_sentence_model(base), load_sentence_model(base)
    if kind == "modernbert" and 0 not in kept:
        with pytest.raises(LayerError, match="must keep layer 0"):
            keep_layers(child[0].auto_model, kept)
        return
    keep_layers(child[0].auto_model, kept)
    own = {name: value for name, value in child[0].auto_model.state_dict().items() if "relative_attention_bias" not in name}
    prefix = architecture(kind).layers
    old_of = {f"{prefix}.{new}.": f"{prefix}.{old}." for new, old in enumerate(kept)}
    whole = parent[0].auto_model.state_dict()
    for name, value in own.items():
        start = next((start for start in old_of if name.startswith(start)), "")
        assert torch.equal(value, whole[old_of.get(start, "") + name.removeprefix(start)]), name

    child.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    found = reload_gate(tmp_path / "saved", SentenceEncoder(child))
    assert found["layers"] == len(kept)
    config = json.loads((tmp_path / "saved" / "config.json").read_text(encoding="utf-8"))
    assert config[architecture(kind).depth] == len(kept)
    assert found["parameters"]["body"] >= sum(value.numel() for value in layers_of(child).parameters())
    assert found["parameters"]["embeddings"] >= config["vocab_size"] * 32
    assert sum(found["parameters"].values()) == sum(value.numel() for value in child.parameters())


@pytest.mark.parametrize("kind", TINY)
def test_the_first_layers_alone_give_what_the_parent_has_after_them(bases, kind):
    """Nothing that a layer gets from outside (positions, masks, local windows, T5's bias) is lost.

    The child's last layer gives bit for bit what the parent's same layer gives.
    """
    parent, child = load_sentence_model(bases(kind)), load_sentence_model(bases(kind))
    keep_layers(child[0].auto_model, [0, 1, 2])
    seen = []

    def remember(_module, _inputs, output):
        seen.append(output[0] if isinstance(output, tuple) else output)

    for model in (parent, child):
        layers_of(model)[2].register_forward_hook(remember)
        model.encode(["आज पाऊस पडतो आहे नाही मोठे लहान"])
    assert torch.equal(*seen)


@pytest.mark.parametrize("kind", TINY)
def test_random_weights_have_the_same_class_and_the_depth_asked(bases, tmp_path, kind):
    model = load_sentence_model(bases(kind))
    before = type(model[0].auto_model)
    randomise(model, layers=2, seed=1)
    assert type(model[0].auto_model) is before
    model.eval()
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    assert reload_gate(tmp_path / "saved", SentenceEncoder(model))["layers"] == 2


@pytest.mark.parametrize("kind", ["t5", "mt5"])
@pytest.mark.parametrize("kept", [[0, 2], [1, 2], [3]], ids=str)
def test_the_first_block_that_t5_keeps_has_the_relative_attention_bias_of_the_parent(bases, kind, kept):
    parent, child = load_sentence_model(bases(kind)), load_sentence_model(bases(kind))
    keep_layers(child[0].auto_model, kept)
    biases = {name: value for name, value in child[0].auto_model.named_parameters() if "relative_attention_bias" in name}
    assert list(biases) == ["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    assert torch.equal(*(model[0].auto_model.get_parameter(next(iter(biases))) for model in (parent, child)))


def test_modernbert_keeps_local_and_global_attention_with_the_layers_that_had_it(bases):
    parent, child = load_sentence_model(bases("modernbert")), load_sentence_model(bases("modernbert"))
    types = parent[0].auto_model.config.layer_types
    keep_layers(child[0].auto_model, [0, 2, 3])
    assert child[0].auto_model.config.layer_types == [types[0], types[2], types[3]] == ["full_attention", "full_attention", "sliding_attention"]


def test_a_gpt2_whose_attention_is_scaled_by_place_may_only_lose_its_top(tiny_base, tmp_path):
    base = make_base(tmp_path / "gpt2", "gpt2", tiny_base, scale_attn_by_inverse_layer_idx=True)
    keep_layers(load_sentence_model(base)[0].auto_model, [0, 1])
    with pytest.raises(LayerError, match="scale_attn_by_inverse_layer_idx"):
        keep_layers(load_sentence_model(base)[0].auto_model, [0, 2])


def test_a_model_without_a_padding_token_encodes_texts_of_different_lengths(bases, tmp_path):
    folder = Path(shutil.copytree(bases("gpt2"), tmp_path / "gpt2"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token, tokenizer.eos_token = None, tokenizer.sep_token
    tokenizer.save_pretrained(folder)
    model = load_sentence_model(folder)
    texts = ["मी घरी", "आज पाऊस पडतो आहे नाही मोठे लहान"]
    together, alone = model.encode(texts), np.stack([model.encode(text) for text in texts])
    assert np.abs(together - alone).max() < 1e-5


@pytest.mark.parametrize("kind", [kind for kind in TINY if kind not in {"xlnet", "t5", "mt5"}])
def test_a_text_longer_than_the_positions_is_cut_to_fit(bases, tmp_path, kind):
    folder = Path(shutil.copytree(bases(kind), tmp_path / kind))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = 10**30  # what a tokenizer says that was saved without one
    tokenizer.save_pretrained(folder)
    model = load_sentence_model(folder)
    assert 60 < model.max_seq_length <= 66
    assert np.isfinite(model.encode("पाऊस " * 200)).all()


@pytest.mark.parametrize("kind", [*UNSUPPORTED, "llama"])
def test_an_architecture_that_cannot_be_pruned_is_refused_with_the_reason(tmp_path, kind):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind, "num_hidden_layers": 12}), encoding="utf-8")
    with pytest.raises(LayerError) as caught:
        layer_count(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'config.json'}: model_type {kind!r} cannot be pruned: ")
    assert UNSUPPORTED.get(kind, "expected one of bert") in message


def test_an_albert_has_its_layers_shared_as_the_refusal_says():
    model = transformers.AlbertModel(transformers.AlbertConfig(vocab_size=10, embedding_size=8, hidden_size=8, num_attention_heads=2, intermediate_size=8))
    assert model.config.num_hidden_layers == 12
    assert sum(1 for name, _ in model.named_modules() if name.endswith(".attention")) == 1


def test_a_config_without_a_number_of_layers_is_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json: n_layer must be the number of layers"):
        layer_count(tmp_path)
