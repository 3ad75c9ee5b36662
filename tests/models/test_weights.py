"""A model has the weights of its folder or is refused: every loader, file format, kind of folder, module and candidate."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules

import bench
from bench.errors import ModelError
from bench.make.distill import teacher_targets
from bench.make.strategies.ranked import rank_folder
from bench.models.architectures import SUPPORTED, architecture
from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_encoder, load_sentence_model
from bench.models.weights import check_modules
from bench.sweep.sweep import sweep
from tests.conftest import build_workspace
from tests.make.test_distill import teacher_in
from tests.models.test_architectures import TINY, make_base
from tests.run.test_run import run

Tensors = dict[str, torch.Tensor]
LOADERS = {"load_sentence_model": load_sentence_model, "load_encoder": load_encoder}
FORMATS = ["safetensors", "bin", "sharded safetensors", "sharded bin"]
LAYER = "encoder.layer.2."
QUERY = "encoder.layer.1.attention.self.query.weight"
HEADS = {
    "bert": ["BertForMaskedLM", "BertForPreTraining", "BertForSequenceClassification"],
    "roberta": ["RobertaForMaskedLM", "RobertaForSequenceClassification"],
    "xlm-roberta": ["XLMRobertaForMaskedLM"],
    "electra": ["ElectraForPreTraining", "ElectraForMaskedLM"],
    "distilbert": ["DistilBertForMaskedLM", "DistilBertForSequenceClassification", "DistilBertForQuestionAnswering"],
    "mpnet": ["MPNetForMaskedLM"],
    "xlnet": ["XLNetLMHeadModel", "XLNetForSequenceClassification", "XLNetForQuestionAnswering"],
    "deberta-v2": ["DebertaV2ForMaskedLM", "DebertaV2ForSequenceClassification"],
    "modernbert": ["ModernBertForMaskedLM", "ModernBertForSequenceClassification"],
    "gpt2": ["GPT2LMHeadModel", "GPT2ForSequenceClassification", "GPT2DoubleHeadsModel"],
    "t5": ["T5ForConditionalGeneration"],
    "mt5": ["MT5ForConditionalGeneration"],
}


def external(folder: Path) -> SentenceTransformer:
    """The model that `load_encoder` loads."""
    encoder = load_encoder(folder)
    assert isinstance(encoder, SentenceEncoder)
    return encoder.model


def rewrite(folder: Path, change: Callable[[Tensors], Any], form: str = "safetensors") -> Path:
    """Change the tensors of a folder, and store them in another form."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    (folder / "model.safetensors").unlink()
    suffix, stem = (".bin", "pytorch_model") if form.endswith("bin") else (".safetensors", "model")

    def write(part: Tensors, path: Path) -> None:
        if suffix == ".bin":
            torch.save(part, path)
        else:
            save_file({name: tensor.contiguous() for name, tensor in part.items()}, path, metadata={"format": "pt"})

    if not form.startswith("sharded"):
        write(tensors, folder / f"{stem}{suffix}")
        return folder
    names = sorted(tensors)
    parts = {f"{stem}-0000{number}-of-00002{suffix}": names[number - 1 :: 2] for number in (1, 2)}
    for file, part in parts.items():
        write({name: tensors[name] for name in part}, folder / file)
    index = {"metadata": {}, "weight_map": {name: file for file, part in parts.items() for name in part}}
    (folder / f"{stem}{suffix}.index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def configure(folder: Path, **fields: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **fields}), encoding="utf-8")
    return folder


def leave_out(pattern: str) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        for name in [name for name in tensors if re.search(pattern, name)]:
            del tensors[name]

    return change


def nothing(_: Tensors) -> None:
    pass


DAMAGES: dict[str, tuple[Callable[[Tensors], Any], dict[str, Any], str]] = {
    "a layer left out": (leave_out(re.escape(LAYER)), {}, rf"16 tensors \({re.escape(LAYER)}attention\.output.*, \.\.\.\) missing in the weights"),
    "one tensor left out": (leave_out(re.escape(QUERY)), {}, rf"1 tensor \({re.escape(QUERY)}\) missing in the weights"),
    "one tensor misshapen": (
        lambda tensors: tensors.update({QUERY: tensors[QUERY][:-1]}),
        {},
        rf"{re.escape(QUERY)} is \[31, 32\] in the weights, \[32, 32\] in the model",
    ),
    "one tensor too many": (lambda tensors: tensors.update(surplus=torch.ones(3)), {}, r"1 tensor \(surplus\) in the weights but not in the model"),
    "no tensor at all": (dict.clear, {}, "missing in the weights"),
    "more layers in the configuration": (nothing, {"num_hidden_layers": 6}, r"32 tensors \(encoder\.layer\.4\..*missing in the weights.*num_hidden_layers"),
    "fewer layers in the configuration": (nothing, {"num_hidden_layers": 3}, r"16 tensors \(encoder\.layer\.3\..*not in the model"),
    "another width in the configuration": (nothing, {"intermediate_size": 32}, "of another shape"),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tiny_base) -> dict[str, Path]:
    """The tiny base as transformers saves it, and as sentence-transformers does."""
    sentence = tmp_path_factory.mktemp("folders") / "sentence"
    load_sentence_model(tiny_base).save_pretrained(str(sentence), create_model_card=False)
    return {"transformers": tiny_base, "sentence-transformers": sentence}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("form", [form if form == "safetensors" else pytest.param(form, marks=pytest.mark.slow) for form in FORMATS])
@pytest.mark.parametrize("kind", ["transformers", "sentence-transformers"])
def test_weights_that_are_not_those_of_the_configuration_are_refused_by_every_loader(folders, tmp_path, kind, form, damage):
    change, fields, message = DAMAGES[damage]
    if damage == "no tensor at all":
        form = form.removeprefix("sharded ")
    folder = configure(rewrite(Path(shutil.copytree(folders[kind], tmp_path / "broken")), change, form), **fields)
    for load in LOADERS.values():
        with pytest.raises(ModelError, match=rf"^{re.escape(str(folder))}: .*{message}"):
            load(folder)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["transformers", "sentence-transformers"])
def test_whole_weights_load_from_every_form(folders, tmp_path, kind, form):
    folder = rewrite(Path(shutil.copytree(folders[kind], tmp_path / "whole")), nothing, form)
    for load in LOADERS.values():
        load(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_an_empty_file_is_refused_by_every_loader(tiny_base, tmp_path, name):
    folder = Path(shutil.copytree(tiny_base, tmp_path / "empty"))
    (folder / "model.safetensors").unlink()
    (folder / name).touch()
    for load in LOADERS.values():
        with pytest.raises(ModelError, match="empty: cannot be loaded: "):
            load(folder)


def test_a_shard_that_is_not_there_is_refused_by_every_loader(tiny_base, tmp_path):
    folder = rewrite(Path(shutil.copytree(tiny_base, tmp_path / "torn")), nothing, "sharded safetensors")
    (folder / "model-00002-of-00002.safetensors").unlink()
    for load in LOADERS.values():
        with pytest.raises(ModelError, match="torn: cannot be loaded: "):
            load(folder)


@pytest.mark.parametrize("depth", [3, 5])
@pytest.mark.parametrize("kind", sorted(SUPPORTED))
def test_another_depth_in_the_configuration_is_refused_for_every_architecture(tiny_base, tmp_path, kind, depth):
    base = configure(make_base(tmp_path / kind, kind, tiny_base), **{architecture(kind).depth: depth, "layer_types": None})
    for load in LOADERS.values():
        with pytest.raises(ModelError, match="missing in the weights" if depth == 5 else "not in the model"):
            load(base)


@pytest.mark.parametrize(("kind", "head"), [(kind, head) for kind, heads in HEADS.items() for head in heads])
def test_folders_with_heads_load_and_give_what_the_bare_model_gives(tiny_base, tmp_path, kind, head):
    _, fields = TINY[kind]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_base)
    torch.manual_seed(0)
    config = getattr(transformers, f"{TINY[kind][0]}Config")(vocab_size=len(tokenizer), **fields)
    config.tie_word_embeddings = head in {"BertForMaskedLM", "T5ForConditionalGeneration", "GPT2LMHeadModel"}  # tied and untied heads
    whole = getattr(transformers, head)(config).eval()
    whole.save_pretrained(tmp_path / head)
    tokenizer.save_pretrained(tmp_path / head)
    body = whole.get_encoder() if kind in {"t5", "mt5"} else getattr(whole, whole.base_model_prefix)
    ids = torch.tensor([[2, 7, 8, 9, 3]])
    with torch.inference_mode():
        expected = body(input_ids=ids).last_hidden_state
        for model in (load_sentence_model(tmp_path / head), external(tmp_path / head)):
            assert torch.equal(model[0].auto_model.eval()(input_ids=ids).last_hidden_state, expected)


def test_every_supported_architecture_is_tried_with_a_head():
    assert sorted(HEADS) == sorted(SUPPORTED)


OLD: dict[str, tuple[str, Callable[[Tensors], Any]]] = {
    "norms called gamma and beta": (
        "bert",
        lambda tensors: [
            tensors.update({name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensors.pop(name)})
            for name in list(tensors)
        ],
    ),
    "numbers of positions": ("bert", lambda tensors: tensors.update({"embeddings.position_ids": torch.arange(66)[None]})),
    "names with the model before them": ("bert", lambda tensors: [tensors.update({f"bert.{name}": tensors.pop(name)}) for name in list(tensors)]),
    "masks of attention": ("gpt2", lambda tensors: tensors.update({"h.0.attn.bias": torch.ones(1, 1, 66, 66), "h.0.attn.masked_bias": torch.tensor(-1e4)})),
    "ELECTRA's projection that is not needed": (
        "electra",
        lambda tensors: tensors.update({"electra.embeddings_project.weight": torch.ones(32, 32), "electra.embeddings_project.bias": torch.ones(32)}),
    ),
    "DeBERTa's second word embeddings": ("deberta-v2", lambda tensors: tensors.update({"deberta.embeddings.word_embeddings._weight": torch.ones(5, 32)})),
}


@pytest.mark.parametrize("what", OLD)
def test_what_published_folders_carry_beside_the_model_loads(tiny_base, tmp_path, what):
    kind, change = OLD[what]
    plain = make_base(tmp_path / "plain", kind, tiny_base)
    folder = rewrite(Path(shutil.copytree(plain, tmp_path / "old")), change)
    for load in LOADERS.values():
        load(folder)
    assert load_encoder(folder).encode(["आज पाऊस"]).tolist() == load_encoder(plain).encode(["आज पाऊस"]).tolist()


def test_a_pooler_that_the_folder_does_not_have_is_not_there_with_random_weights(tiny_base):
    assert not any("pooler" in name for name, _ in external(tiny_base).named_parameters())


MODULES: dict[str, Callable[[], torch.nn.Module]] = {
    "Dense": lambda: modules.Dense(32, 8),
    "LayerNorm": lambda: modules.LayerNorm(32),
    "WeightedLayerPooling": lambda: modules.WeightedLayerPooling(32, num_hidden_layers=4, layer_start=2),
    "LSTM": lambda: modules.LSTM(32, 8),
    "CNN": lambda: modules.CNN(32, 8, [1]),
}


def with_module(folder: Path, tiny_base: Path, module: torch.nn.Module) -> Path:
    """The tiny base with a module after its transformer; the folder of that module."""
    model = load_sentence_model(tiny_base)
    early = not isinstance(module, modules.Dense | modules.LayerNorm)
    SentenceTransformer(modules=[model[0], module, model[1]] if early else [model[0], model[1], module], device="cpu").save_pretrained(str(folder))
    return next(folder.glob(f"?_{type(module).__name__}"))


@pytest.mark.parametrize("form", ["safetensors", "bin"])
@pytest.mark.parametrize("damage", ["left out", "too many", "misshapen", "no file"])
@pytest.mark.parametrize("name", MODULES)
def test_weights_of_every_other_module_are_checked(tiny_base, tmp_path, name, damage, form):
    part = with_module(tmp_path / "model", tiny_base, MODULES[name]())
    rewrite(part, nothing, form)
    load_encoder(tmp_path / "model")

    first = next(iter(MODULES[name]().state_dict()))
    changes: dict[str, Callable[[Tensors], Any]] = {
        "left out": lambda tensors: tensors.pop(first),
        "too many": lambda tensors: tensors.update(surplus=torch.ones(2)),
        "misshapen": lambda tensors: tensors.update({first: tensors[first][:1].clone()}),
        "no file": nothing,
    }
    if form == "bin":
        save_file(torch.load(part / "pytorch_model.bin", weights_only=True), part / "model.safetensors")
        (part / "pytorch_model.bin").unlink()
    rewrite(part, changes[damage], form)
    if damage == "no file":
        next(path for path in part.iterdir() if path.suffix in {".safetensors", ".bin"}).unlink()
    for load in LOADERS.values():
        with pytest.raises(ModelError, match=re.escape(str(tmp_path / "model"))) as caught:
            load(tmp_path / "model")
        assert {"left out": first, "too many": "surplus", "misshapen": first, "no file": "model.safetensors"}[damage] in str(caught.value)


@pytest.fixture
def static(tmp_path, tiny_base) -> Path:
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_base).backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    embedding = modules.StaticEmbedding(tokenizer, embedding_weights=torch.randn(tokenizer.get_vocab_size(), 16))
    SentenceTransformer(modules=[embedding], device="cpu").save_pretrained(str(tmp_path / "static"))
    return tmp_path / "static"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.update(surplus=torch.ones(2)), r"1 tensor \(surplus\) in the weights but not in the model"),
        (lambda tensors: tensors.update({"embedding.weight": tensors["embedding.weight"][:-3].clone()}), "vectors for .* tokens, the tokenizer has"),
        (dict.clear, "cannot be loaded"),
    ],
    ids=["too many", "rows left out", "nothing"],
)
def test_weights_of_a_static_model_are_checked(static, change, message):
    load_encoder(static)
    with pytest.raises(ModelError, match=rf"{re.escape(str(static))}.*{message}"):
        load_encoder(rewrite(static, change))


def test_a_static_model_of_model2vec_loads(static):
    rewrite(static, lambda tensors: tensors.update(embeddings=tensors.pop("embedding.weight")))
    load_encoder(static)


def test_modules_made_of_settings_need_no_weights(tiny_base, tmp_path):
    with_module(tmp_path / "model", tiny_base, modules.WordWeights(["a", "b"], {"a": 0.5, "b": 0.25}))
    load_encoder(tmp_path / "model")


def test_modules_behind_a_router_are_checked_too(tiny_base, static, tmp_path):
    from sentence_transformers.base.modules import Router

    embedding = SentenceTransformer(str(static), device="cpu")[0]
    dense = modules.Dense(16, 8)
    router = Router.for_query_document([embedding, dense], [embedding, dense], default_route="query")
    SentenceTransformer(modules=[router], device="cpu").save_pretrained(str(tmp_path / "routed"))
    assert load_encoder(tmp_path / "routed").encode(["आज"]).shape == (1, 8)
    (part,) = (tmp_path / "routed").rglob("*_StaticEmbedding/model.safetensors")
    rewrite(part.parent, lambda tensors: tensors.update(surplus=torch.ones(2)))
    with pytest.raises(ModelError, match="surplus"):
        load_encoder(tmp_path / "routed")


def test_a_transformer_that_came_in_by_another_way_is_refused(tiny_base):
    model = load_sentence_model(tiny_base)
    model[0].model = transformers.BertModel(model[0].auto_model.config)
    with pytest.raises(ModelError, match="BertModel was loaded in a way by which its weights cannot be checked"):
        check_modules(tiny_base, model, [])


def test_only_one_place_loads_models():
    """What is loaded elsewhere is not checked."""

    def loads(call: ast.Call) -> bool:
        called = ast.unparse(call.func)
        built = called in {"SentenceTransformer", "Transformer"} and "modules" not in {keyword.arg for keyword in call.keywords}
        return built or re.search(r"Model\w*\.from_pretrained$", called) is not None

    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in Path(bench.__file__).parent.rglob("*.py")}
    assert {name for name, tree in trees.items() if any(isinstance(node, ast.Call) and loads(node) for node in ast.walk(tree))} == {"loading.py"}


@pytest.fixture(scope="module")
def deeper(tmp_path_factory, tiny_base) -> Path:
    """The tiny base with a configuration that asks for more layers than there are."""
    return configure(Path(shutil.copytree(tiny_base, tmp_path_factory.mktemp("deeper") / "tiny")), num_hidden_layers=9)


@pytest.mark.parametrize("strategy", ["contribution", "weight-variance", "greedy"])
def test_layers_of_such_a_base_are_not_ranked(deeper, strategy):
    with pytest.raises(ModelError, match="missing in the weights"):
        rank_folder(deeper, strategy, ["आज पाऊस", "नदी मोठी आहे"])


def test_such_a_base_is_not_swept(deeper):
    with pytest.raises(ModelError, match="missing in the weights"):
        sweep(deeper, name="tiny", strategies=["top"])


def test_such_a_teacher_teaches_nothing(deeper, tmp_path):
    with pytest.raises(ModelError, match="missing in the weights"):
        teacher_targets("student", (), teacher_in(deeper, tmp_path), width=32, seed=0, device="cpu", progress=lambda _: None)


CANDIDATES = """
[[recipes.taught.phases]]
kind = "distill"
data = ["Pairs"]

[[candidates]]
name = "pruned"
kind = "pruned"
base = "tiny"
strategy = "bottom"
keep = 2

[[candidates]]
name = "random"
kind = "scratch"
base = "tiny"
keep = 2

[[candidates]]
name = "small"
kind = "scratch"
weights = "pretrained"
base = "tiny"

[[candidates]]
name = "nested"
kind = "nested"
base = "tiny"
keep = 2
recipe = "short"

[[candidates]]
name = "static"
kind = "static"
base = "tiny"
recipe = "short"

[[candidates]]
name = "taught"
kind = "distilled"
base = "tiny"
strategy = "top"
keep = 2
recipe = "taught"
teacher = "tiny"

[[candidates]]
name = "external"
kind = "external"
path = "tiny"
"""


@pytest.mark.slow
def test_a_candidate_of_every_kind_fails_on_such_a_base(tmp_path, tiny_base, deeper):
    folder = build_workspace(tmp_path / "workspace", tiny_base)
    shutil.copy(deeper / "config.json", folder / "models" / "tiny")
    card = folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + CANDIDATES, encoding="utf-8")
    _, outcome = run(folder, stages=("make",))
    assert {cell.candidate for cell in outcome.failed} == {"tiny", "tiny-top2", "pruned", "random", "small", "nested", "static", "taught", "external"}
    for cell, error in outcome.failed.items():
        assert "missing in the weights" in error or cell.candidate == "taught", error
