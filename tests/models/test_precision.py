"""A precision is had or refused: every architecture at every precision, looked at after loading."""

from __future__ import annotations

import copy
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from transformers.pytorch_utils import Conv1D

from bench.errors import ModelError
from bench.make.nested import truncate
from bench.make.static import static_model
from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_encoder, load_sentence_model
from bench.models.precision import held_in, treat
from tests.conftest import WORDS_MR, sentences
from tests.models.test_architectures import TINY, bases, make_base

__all__ = ["bases"]  # a fixture

TEXTS = sentences(WORDS_MR, 6)
QUANTIZED = torch.ao.nn.quantized.dynamic.Linear


def encoder_of(folder: Path, precision) -> SentenceEncoder:
    encoder = load_encoder(folder, precision=precision)
    assert isinstance(encoder, SentenceEncoder)
    return encoder


def cosines(one, other):
    return (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.fixture
def static_folder(tiny_base, tmp_path) -> Path:
    static_model(load_sentence_model(tiny_base), TEXTS).save_pretrained(str(tmp_path / "static"), create_model_card=False)
    return tmp_path / "static"


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
@pytest.mark.parametrize("kind", TINY)
def test_half_precision_is_what_the_library_loads_in_it(bases, kind, precision, dtype):
    found = encoder_of(bases(kind), precision)
    expected = SentenceTransformer(str(bases(kind)), device="cpu", model_kwargs={"dtype": dtype})
    for name, buffer in expected.named_buffers():
        assert dict(found.model.named_buffers())[name].dtype == buffer.dtype, name
    dtypes = {name: value.dtype for name, value in expected.named_parameters()}
    if kind == "xlnet":  # whose attention the library leaves in fp32, as it holds its weights in no Linear
        dtypes = dict.fromkeys(dtypes, dtype)
    assert {name: value.dtype for name, value in found.model.named_parameters()} == dtypes
    assert found.precision()[precision] > 0.7  # T5 keeps some of its layers in fp32
    assert cosines(found.encode(TEXTS), encoder_of(bases(kind), "fp32").encode(TEXTS)).min() > 0.99


@pytest.mark.parametrize(("precision", "dtype", "places"), [("bf16", torch.bfloat16, 1024), ("fp16", torch.float16, 2048)])  # fp16 rounds places further on
def test_places_in_long_texts_are_not_rounded_with_the_weights(tiny_base, tmp_path, precision, dtype, places):
    base = make_base(tmp_path, "modernbert", tiny_base, max_position_embeddings=places, local_attention=256)
    settings = json.loads((base / "tokenizer_config.json").read_text(encoding="utf-8"))
    (base / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": places}), encoding="utf-8")
    exact = load_sentence_model(base)
    with torch.no_grad():
        for name, parameter in exact.named_parameters():
            if "Wqkv" in name:
                parameter.mul_(20)  # attention that looks at places: random weights spread it evenly
    exact.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    long = [" ".join(WORDS_MR * (places * 30 // 1024))]
    expected = encoder_of(tmp_path / "saved", "fp32").encode(long)
    careful = encoder_of(tmp_path / "saved", precision)
    everything = SentenceEncoder(copy.deepcopy(exact).to(dtype))
    assert {buffer.dtype for name, buffer in careful.model.named_buffers() if "inv_freq" in name} == {torch.float32}

    def error(encoder):
        return np.linalg.norm(encoder.encode(long) - expected) / np.linalg.norm(expected)

    assert error(careful) < 0.8 * error(everything)


@pytest.mark.parametrize("kind", TINY)
def test_int8_quantizes_linear_layers_of_every_architecture(bases, kind):
    exact, found = encoder_of(bases(kind), "fp32"), encoder_of(bases(kind), "int8")
    there = [module for module in exact.model.modules() if type(module) in {torch.nn.Linear, Conv1D}]
    made = [module for module in found.model.modules() if isinstance(module, QUANTIZED)]
    assert len(made) == len(there) > 0
    assert not [module for module in found.model.modules() if type(module) in {torch.nn.Linear, Conv1D}]
    assert found.precision()["int8"] == pytest.approx(sum(module.weight().numel() for module in made) / total(exact), abs=1e-4)
    assert sum(found.precision().values()) == pytest.approx(1, abs=1e-3)
    lower, expected = found.encode(TEXTS), exact.encode(TEXTS)
    assert not np.array_equal(lower, expected)
    assert cosines(lower, expected).min() > 0.9


def total(encoder: SentenceEncoder) -> int:
    return sum(parameter.numel() for parameter in encoder.model.parameters())


def test_no_warning_of_pytorch_about_its_quantization_is_shown(tiny_base):
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        encoder_of(tiny_base, "int8").encode(TEXTS)
    assert [str(one.message) for one in shown if "quantiz" in str(one.message)] == []


def test_int8_is_refused_where_no_layer_is_linear(static_folder):
    with pytest.raises(ModelError, match=r"precision int8 quantizes linear layers, and a model of StaticEmbedding has none; choose fp32, bf16 or fp16"):
        load_encoder(static_folder, precision="int8")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_static_model_takes_half_precision(static_folder, precision):
    found = encoder_of(static_folder, precision)
    assert found.precision() == {precision: 1.0}
    assert cosines(found.encode(TEXTS), encoder_of(static_folder, "fp32").encode(TEXTS)).min() > 0.999


def test_int8_leaves_a_layer_alone_that_only_picks_numbers(tiny_base, tmp_path):
    model = load_sentence_model(tiny_base)
    model.save_pretrained(str(tmp_path / "whole"), create_model_card=False)
    truncate(model, 8)
    model.save_pretrained(str(tmp_path / "cut"), create_model_card=False)
    cut = encoder_of(tmp_path / "cut", "int8")
    assert type(cut.model[-1].linear) is torch.nn.Linear
    assert np.array_equal(cut.encode(TEXTS), encoder_of(tmp_path / "whole", "int8").encode(TEXTS)[:, :8])


def test_a_linear_layer_after_the_pooling_is_quantized_with_the_others(tiny_base, tmp_path):
    from sentence_transformers.sentence_transformer.modules import Dense

    model = load_sentence_model(tiny_base)
    model.append(Dense(32, 16))
    model.save_pretrained(str(tmp_path), create_model_card=False)
    assert isinstance(encoder_of(tmp_path, "int8").model[-1].linear, QUANTIZED)
    assert {parameter.dtype for parameter in encoder_of(tmp_path, "bf16").model[-1].parameters()} == {torch.bfloat16}


def test_a_precision_that_changed_nothing_is_refused(tiny_base):
    model = load_sentence_model(tiny_base)
    model[0].auto_model._keep_in_fp32_modules = ["embeddings", "encoder"]
    with pytest.raises(ModelError, match=r"precision bf16 changed nothing of model_type 'bert'; it can be had in fp32"):
        treat(model, "bf16", tiny_base)


@pytest.mark.parametrize(("stored", "name", "dtype"), [("float32", "fp32", "float32"), ("float16", "fp16", "float16"), ("bfloat16", "bf16", "float32")])
@pytest.mark.parametrize("in_config", [True, False])
def test_without_a_precision_a_model_runs_as_it_is_stored(tiny_base, tmp_path, stored, name, dtype, in_config):
    transformers.AutoModel.from_pretrained(tiny_base, dtype=getattr(torch, stored)).save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(tiny_base).save_pretrained(tmp_path)
    if not in_config:
        config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
        config.pop("dtype")
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    found = encoder_of(tmp_path, None)
    assert found.precision() == held_in(SentenceTransformer(str(tmp_path), device="cpu")) == {name: 1.0}
    assert found.dtype == dtype == found.model.encode(TEXTS).dtype
    assert encoder_of(tmp_path, "fp32").precision() == {"fp32": 1.0}
