"""A model's folder that says nonsense about itself is refused in words that name the file and the field, and only its own candidate cannot run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from bench.errors import ModelError
from bench.make.static import static_model
from bench.models.architectures import layer_count
from bench.models.loading import load_encoder, load_sentence_model
from bench.models.soundness import check_folder
from tests.builders import plan_anew
from tests.conftest import build_workspace

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
SETTINGS = "config_sentence_transformers.json"


@pytest.fixture(scope="session")
def whole(tiny_base, tmp_path_factory) -> Path:
    """The tiny base as a sentence-transformers folder."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    load_sentence_model(tiny_base).save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture
def model(whole, tmp_path) -> Path:
    return shutil.copytree(whole, tmp_path / "model")


def settle(folder: Path, **fields: Any) -> None:
    path = folder / SETTINGS
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **fields}), encoding="utf-8")


def test_a_folder_as_it_was_saved_is_sound(model):
    check_folder(model)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", "1_Pooling/config.json"])
def test_a_pointer_of_git_lfs_in_place_of_any_file_is_told_before_anything_is_loaded(model, name):
    (model / name).write_text(POINTER, encoding="utf-8")
    with pytest.raises(ModelError, match=rf"{name}: is the pointer that Git LFS leaves.*git lfs pull"):
        load_encoder(model)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("prompts", value) for value in (5, [1], None, {"STS": 5}, {"STS": ["query: "]})),
        *(("default_prompt_name", value) for value in ("gone", 3, ["query"], {})),
        *(("similarity_fn_name", value) for value in ("cosin", 3, ["cosine"])),
        *(("__version__", value) for value in (3, None)),
    ],
)
def test_settings_that_are_none_are_refused_with_their_field_and_what_was_found(model, field, value):
    settle(model, **{field: value})
    with pytest.raises(ModelError, match=rf"{SETTINGS}: {field} must be .* \(got .*\)"):
        load_encoder(model, prompt=None, precision=None)


@pytest.mark.parametrize("text", ["[]", "null", "", "{", '"x"', "[" * 100_000], ids=["list", "null", "empty", "torn", "text", "deep"])
@pytest.mark.parametrize("name", [SETTINGS, "modules.json"])
def test_a_file_of_settings_that_is_no_json_object_or_list_is_refused_with_its_name(model, name, text):
    (model / name).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=name):
        load_encoder(model)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nowhere.Module", "other code would run"),
        ("os.path.join", "other code would run"),
        (3, "must be the class of a module"),
        ("Transformer", "must be the class of a module"),
        ("sentence_transformers.models.Nope", "Nope"),
    ],
)
def test_an_unknown_class_of_a_module_is_refused_by_name(model, kind, told):
    path = model / "modules.json"
    first, *others = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps([{**first, "type": kind}, *others]), encoding="utf-8")
    with pytest.raises(ModelError, match=told):
        load_encoder(model)


def test_a_list_of_modules_without_a_transformer_is_refused_as_having_no_tokenizer(model):
    path = model / "modules.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))[1:]), encoding="utf-8")
    with pytest.raises(ModelError, match="has no tokenizer for text"):
        load_encoder(model)


def test_a_panic_of_the_tokenizer_is_an_error_of_one_line(model):
    """Its template puts a token around every text that it does not say the number of; the library in Rust ends in a panic, which is no `Exception`."""
    path = model / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["post_processor"]["special_tokens"] = {}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError) as told:
        load_encoder(model).encode(["मी घरी"])
    assert "\n" not in str(told.value)


def test_a_tokenizer_with_more_tokens_than_there_are_embeddings_is_refused_though_no_text_uses_them(model):
    tokenizer = AutoTokenizer.from_pretrained(str(model))
    rows = len(tokenizer)
    tokenizer.add_tokens(["qqqq"])
    tokenizer.save_pretrained(str(model))
    with pytest.raises(ModelError, match=rf"embeddings for {rows} tokens, the tokenizer has numbers up to {rows} \('qqqq'\)"):
        load_encoder(model)


@pytest.mark.parametrize("dimensions", [None, 32])
def test_static_embeddings_of_fewer_tokens_than_dimensions_are_refused_with_the_number_that_would_do(tiny_base, dimensions, monkeypatch):
    sentence_model = load_sentence_model(tiny_base)
    monkeypatch.setattr("bench.make.static._token_outputs", lambda model: _outputs(model)[:20])
    with pytest.raises(ModelError, match=r"a base of 20 tokens .* give dimensions = 20 or fewer \(got 32\)"):
        static_model(sentence_model, ["घर"], dimensions=dimensions)


def _outputs(model: Any) -> Any:
    return model[0].auto_model.get_input_embeddings().weight.detach().numpy()


@pytest.mark.parametrize("depth", [-4, 0, "4", True, None])
def test_a_number_of_layers_that_is_none_is_refused_as_the_fault_of_the_base(model, depth):
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps({**config, "num_hidden_layers": depth}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"config.json: num_hidden_layers must be the number of layers, a whole number above 0") as caught:
        layer_count(model)
    assert type(caught.value) is ModelError


@pytest.mark.parametrize("text", ["{}", "[]", "", '{"model_type": 3}', '{"model_type": "bert", "num_hidden_layers": -4}'])
def test_a_base_whose_configuration_says_nothing_keeps_only_its_own_candidates_from_running(tmp_path, tiny_base, text):
    folder = build_workspace(tmp_path / "w", tiny_base)
    (folder / "models" / "tiny" / "config.json").write_text(text, encoding="utf-8")
    cells = {str(cell.cell): cell for cell in plan_anew(folder).cells}
    assert cells["tiny make"].status == "cannot run"
    assert "config.json" in cells["tiny make"].reason
    assert "Traceback" not in cells["tiny make"].reason
    assert cells["letters make"].status == "to do"


def test_a_model_that_loads_and_fits_no_text_is_an_error_of_one_line(tmp_path, tiny_base):
    folder = tmp_path / "model"
    load_encoder(tiny_base).save(folder)
    settings = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
    settings["modality_config"] = {"image": settings["modality_config"]["text"]}
    (folder / "sentence_bert_config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ModelError, match="the model was loaded and cannot embed a text: ValueError: Modality 'text' is not supported") as caught:
        load_encoder(folder).encode(["घर"])
    assert "\n" not in str(caught.value)


def test_settings_that_are_nested_without_end_are_refused_with_their_file(tmp_path, tiny_base):
    folder = tmp_path / "model"
    load_encoder(tiny_base).save(folder)
    (folder / "sentence_bert_config.json").write_text('{"a": ' * 100_000 + "{}" + "}" * 100_000, encoding="utf-8")
    with pytest.raises(ModelError, match=r"sentence_bert_config\.json: cannot be read"):
        load_encoder(folder)
