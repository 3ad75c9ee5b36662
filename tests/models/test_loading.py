"""What is in a model's folder beside its weights: links, hidden files, tokenizers, positions; and models that give every text the same embedding."""

from __future__ import annotations

import json
import os
import shutil
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

from bench.cards.load import load_library
from bench.cards.workspace import Workspace, builtin_content, find_workspace
from bench.cli.resolve import resolve_model
from bench.data.rows import load_rows
from bench.data.training import TrainingSet
from bench.digests import BOOKKEEPING, RECORDS, file_digest, folder_digest, model_digest
from bench.errors import CardError, ModelError
from bench.evaluate.score import LookupEncoder, score_task
from bench.evaluate.tasks import build_task, task_texts
from bench.make.distill import teacher_targets
from bench.make.verify import TEXTS, inspect
from bench.models.architectures import SUPPORTED
from bench.models.embeddings import EmbeddingStore
from bench.models.encoders import check_spread
from bench.models.loading import load_encoder, load_sentence_model
from bench.models.packages import package_path
from bench.models.shared_prefix import SharedPrefixEncoder
from tests.cli.command import bench
from tests.conftest import WORDS_HI, WORDS_MR, sentences
from tests.make.test_distill import teacher_in
from tests.models.test_architectures import make_base
from tests.models.test_weights import external
from tests.run.test_run import run

LOADERS = [load_sentence_model, load_encoder]


@pytest.fixture
def base(tiny_base, tmp_path) -> Path:
    return Path(shutil.copytree(tiny_base, tmp_path / "model"))


@pytest.fixture
def sentence(tiny_base, tmp_path) -> Path:
    load_sentence_model(tiny_base).save_pretrained(str(tmp_path / "sentence"), create_model_card=False)
    return tmp_path / "sentence"


# digests


def link_folder(folder: Path, outside: Path) -> Path:
    """Put a folder of the model elsewhere, with a link in its place; a file of it."""
    shutil.move(folder / "1_Pooling", outside / "pooling")
    (folder / "1_Pooling").symlink_to(outside / "pooling", target_is_directory=True)
    return outside / "pooling" / "config.json"


def link_file(folder: Path, outside: Path) -> Path:
    shutil.move(folder / "model.safetensors", outside / "blob")
    (folder / "model.safetensors").symlink_to(outside / "blob")
    return outside / "blob"


def link_within_a_link(folder: Path, outside: Path) -> Path:
    file = link_folder(folder, outside)
    shutil.move(file, outside / "settings")
    file.symlink_to(outside / "settings")
    return outside / "settings"


def hide_a_module(folder: Path, _: Path) -> Path:
    shutil.move(folder / "1_Pooling", folder / ".pooling")
    listed = (folder / "modules.json").read_text(encoding="utf-8").replace("1_Pooling", ".pooling")
    (folder / "modules.json").write_text(listed, encoding="utf-8")
    return folder / ".pooling" / "config.json"


@pytest.mark.parametrize("arrange", [link_folder, link_file, link_within_a_link, hide_a_module])
def test_whatever_is_read_when_a_model_is_loaded_is_in_its_digest(sentence, tmp_path, arrange):
    file = arrange(sentence, tmp_path)
    load_encoder(sentence)
    before = model_digest(sentence)
    file.write_bytes(file.read_bytes() + b" ")
    assert model_digest(sentence) != before


def test_links_do_not_change_a_digest(sentence, tmp_path):
    before = model_digest(sentence)
    link_folder(sentence, tmp_path)
    link_file(sentence, tmp_path)
    assert model_digest(sentence) == before


def test_a_file_swapped_behind_a_link_for_one_of_the_same_size_and_time_is_seen(sentence, tmp_path):
    file = link_file(sentence, tmp_path)
    before = model_digest(sentence)
    status, content = file.stat(), file.read_bytes()
    other = tmp_path / "other"
    other.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(file)
    assert model_digest(sentence) != before


def test_pages_bookkeeping_and_records_are_not_in_a_digest(sentence):
    before = model_digest(sentence)
    for name in ("README.md", ".cache/huggingface/x.json", ".git/config", ".gitattributes", ".DS_Store", *RECORDS):
        (sentence / name).parent.mkdir(parents=True, exist_ok=True)
        (sentence / name).write_text("{}", encoding="utf-8")
    assert model_digest(sentence) == before


@pytest.mark.parametrize("target", ["..", "."])
def test_a_link_that_leads_back_is_told(sentence, target):
    (sentence / "1_Pooling" / "again").symlink_to(target, target_is_directory=True)
    with pytest.raises(ModelError, match=r"1_Pooling/again: this link leads back to .*; remove the link"):
        folder_digest(sentence)
    with pytest.raises(ModelError, match="leads back"):
        load_encoder(sentence)


def test_a_file_that_links_to_itself_is_no_file(sentence):
    before = model_digest(sentence)
    (sentence / "loop").symlink_to("loop")
    assert model_digest(sentence) == before


@pytest.mark.parametrize("place", [*(f"{name}/pooling" for name in sorted(BOOKKEEPING)), "../pooling", "/tmp/pooling"])
def test_a_module_at_a_place_that_is_not_digested_is_refused(sentence, place):
    listed = json.loads((sentence / "modules.json").read_text(encoding="utf-8"))
    listed[1]["path"] = place
    (sentence / "modules.json").write_text(json.dumps(listed), encoding="utf-8")
    for load in LOADERS:
        with pytest.raises(ModelError, match=r"modules\.json: path .* is no part of the model's content digest"):
            load(sentence)


@pytest.mark.parametrize("place", ["../model.safetensors", "kasauti.json", "weights.md", ".cache/model.safetensors"])
def test_a_shard_at_a_place_that_is_not_digested_is_refused(base, place):
    (base / place).parent.mkdir(exist_ok=True)
    shutil.move(base / "model.safetensors", base / place)
    names = load_file(base / place)
    (base / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(names, place)}), encoding="utf-8")
    for load in LOADERS:
        with pytest.raises(ModelError, match=r"index\.json: weight_map .* is no part of the model's content digest"):
            load(base)


def test_a_tokenizer_from_elsewhere_is_refused(sentence):
    (sentence / "sentence_bert_config.json").write_text(json.dumps({"tokenizer_name_or_path": "elsewhere"}), encoding="utf-8")
    with pytest.raises(ModelError, match="tokenizer_name_or_path '/elsewhere' is no part"):
        load_encoder(sentence)


def test_an_adapter_is_refused_since_its_base_lies_elsewhere(base):
    (base / "adapter_config.json").write_text("{}", encoding="utf-8")
    for load in LOADERS:
        with pytest.raises(ModelError, match="holds an adapter"):
            load(base)


# sha256 on cards

EXTERNAL = '\n[[candidates]]\nname = "external"\nkind = "external"\npath = "tiny"\n'


def pin(folder: Path, digest: str, *, where: str) -> Path:
    card = folder / "models" / "mini.toml"
    text = card.read_text(encoding="utf-8")
    text = text.replace('path = "tiny"\n', f'path = "tiny"\nsha256 = "{digest}"\n') if where == "base" else text + EXTERNAL + f'sha256 = "{digest}"\n'
    card.write_text(text, encoding="utf-8")
    return card


@pytest.mark.parametrize(("where", "candidate", "named"), [("base", "tiny", "bases.tiny"), ("external", "external", "candidate external")])
def test_content_that_a_card_does_not_name_is_refused_with_both_digests(workspace_folder, where, candidate, named):
    card = pin(workspace_folder, "a" * 64, where=where)
    _, outcome = run(workspace_folder, names=(candidate,), stages=("make",))
    (reason,) = outcome.blocked.values()
    found = model_digest(workspace_folder / "models" / "tiny")
    assert f"{card}: {named}: sha256 is {'a' * 64}, but the content of {workspace_folder / 'models' / 'tiny'} has {found}" in reason


@pytest.mark.parametrize(("where", "name"), [("base", "tiny"), ("base", "tiny-top2"), ("external", "external")])
def test_verbs_that_look_at_a_model_take_the_content_that_the_card_names_and_no_other(workspace_folder, where, name):
    place, folder = find_workspace(workspace_folder), workspace_folder / "models" / "tiny"
    pin(workspace_folder, model_digest(folder), where=where)
    load_library.cache_clear()
    assert resolve_model(name, place, None, offline=True, needs="tokenizer") == folder
    (folder / "special_tokens_map.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match=model_digest(folder)):
        resolve_model(name, place, None, offline=True, needs="tokenizer")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "tiny-top2", "path"])
def test_doctor_prints_the_digest_that_belongs_on_the_card(workspace_folder, name):
    folder = workspace_folder / "models" / "tiny"
    told = bench("doctor", str(folder) if name == "path" else name, "--json", "--workspace", str(workspace_folder))
    (findings,) = json.loads(told.stdout).values()
    assert next(one["found"] for one in findings if one["check"] == "content") == f"sha256 {model_digest(folder)}"


def test_a_digest_on_a_candidate_that_is_made_from_a_base_is_an_error_of_the_card(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('kind = "full"\n', f'kind = "full"\nsha256 = "{"a" * 64}"\n'), encoding="utf-8")
    with pytest.raises(CardError, match=r"sha256 means nothing for kind 'full'"):
        run(workspace_folder)


INSTALLED = {one.metadata["Name"] for one in distributions()}


def test_every_shipped_base_has_its_digest_on_the_card():
    content = builtin_content()
    for suite in load_library(Workspace(content, content)).suites.values():
        for name, shipped in suite.bases.items():
            if shipped.path is not None:
                assert shipped.sha256 == model_digest(suite.file.parent / shipped.path), (suite.name, name)
            elif shipped.package in INSTALLED:
                assert shipped.sha256 == file_digest(package_path(name, shipped.package, shipped.file)), (suite.name, name)
            else:
                assert shipped.sha256 is not None, (suite.name, name)


# tokenizers


def without(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).unlink()
    return folder


@pytest.mark.parametrize("kind", ["transformers", "sentence-transformers"])
@pytest.mark.parametrize("architecture", sorted(SUPPORTED))
def test_a_folder_without_a_vocabulary_is_refused_by_every_loader(tiny_base, tmp_path, architecture, kind):
    folder = make_base(tmp_path / architecture, architecture, tiny_base)
    if kind == "sentence-transformers":
        load_sentence_model(folder).save_pretrained(str(tmp_path / "saved"), create_model_card=False)
        folder = tmp_path / "saved"
    (folder / "tokenizer_config.json").unlink()  # so that the class is that of the architecture
    without(folder, "tokenizer.json")
    for load in LOADERS:
        with pytest.raises(ModelError, match=r"the tokenizer's vocabulary is missing \(expected tokenizer\.json|cannot be loaded"):
            load(folder)


@pytest.mark.slow
def test_doctor_tells_a_vocabulary_that_is_missing(base):
    found = bench("doctor", str(without(base, "tokenizer.json", "tokenizer_config.json")))
    assert found.returncode == 2
    assert "the tokenizer's vocabulary is missing (expected tokenizer.json, or vocab.txt)" in found.stderr


def test_a_vocabulary_in_an_older_file_is_enough(base):
    tokens = sorted(transformers.AutoTokenizer.from_pretrained(base).get_vocab().items(), key=lambda entry: entry[1])
    without(base, "tokenizer.json", "tokenizer_config.json")
    (base / "vocab.txt").write_text("\n".join(token for token, _ in tokens) + "\n", encoding="utf-8")
    for load in LOADERS:
        load(base)


def latin(letters: str) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({token: number for number, token in enumerate(["[UNK]", "[PAD]", *letters])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


@pytest.mark.parametrize("kind", ["transformer", "static"])
def test_a_tokenizer_that_makes_nothing_but_unknown_tokens_is_refused_at_the_inspection(base, tmp_path, kind):
    folder, tokenizer = base, latin("abc")
    if kind == "static":
        folder = tmp_path / "static"
        SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu").save_pretrained(str(folder))
    else:
        transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(base)
    load_encoder(folder)
    with pytest.raises(ModelError, match=r"nothing but unknown tokens, or the same ones, of Marathi and Hindi text"):
        inspect(folder)


# positions


@pytest.mark.parametrize("length", ["128", -1, 0])
def test_a_length_that_no_text_can_be_cut_to_is_told(sentence, length):
    (sentence / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": length}), encoding="utf-8")
    with pytest.raises(ModelError, match=rf"^{sentence}: texts are cut to {length!r} tokens; expected a whole number above 0 as max_seq_length"):
        load_sentence_model(sentence)


@pytest.mark.parametrize("kind", sorted(SUPPORTED))
def test_a_text_longer_than_the_positions_is_cut_by_every_loader(tiny_base, tmp_path, kind):
    folder = make_base(tmp_path / kind, kind, tiny_base)
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": 10**30}), encoding="utf-8")
    saved = load_sentence_model(folder)
    saved.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    (tmp_path / "saved" / "tokenizer_config.json").write_text((folder / "tokenizer_config.json").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "saved" / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 4096}), encoding="utf-8")
    long = "पाऊस " * 200
    for place in (folder, tmp_path / "saved"):
        assert np.isfinite(load_encoder(place).encode([long, "पाऊस"])).all()
        assert external(place).max_seq_length == load_sentence_model(place).max_seq_length


def test_a_model_without_a_padding_token_encodes_texts_of_different_lengths_as_an_external_one(tiny_base, tmp_path):
    folder = make_base(tmp_path / "gpt2", "gpt2", tiny_base)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token, tokenizer.eos_token = None, tokenizer.sep_token
    tokenizer.save_pretrained(folder)
    model = external(folder)
    assert np.isfinite(model.encode(["मी घरी", "आज पाऊस पडतो आहे नाही मोठे लहान"])).all()


# embeddings that are all the same

MANY = [*sentences(WORDS_MR, 60), *sentences(WORDS_HI, 60)]
PRECISIONS = ["fp32", "bf16", "fp16", "int8"]


def flatten(folder: Path, weight: float = 0.0) -> Path:
    """Set the last norm's weight, so that its bias is all that is left of a text."""
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.3.output.LayerNorm."
    tensors[f"{name}weight"] = torch.full_like(tensors[f"{name}weight"], weight)
    tensors[f"{name}bias"] = torch.randn(32, generator=torch.Generator().manual_seed(0)).to(tensors[f"{name}bias"].dtype)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_model_whose_last_norm_is_zero_gives_the_same_embedding_at_every_precision(base, precision):
    vectors = load_encoder(flatten(base), precision=precision).encode(MANY)
    with pytest.raises(ModelError, match=r"m: the embeddings of most of 120 texts are the same .*is a norm's weight zero"):
        check_spread(vectors, "m", (precision,))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_model_of_random_weights_passes_at_every_precision(base, precision):
    check_spread(load_encoder(base, precision=precision).encode(MANY), "m", (precision,))


@pytest.mark.parametrize("kind", sorted(SUPPORTED))
def test_models_of_every_architecture_pass(tiny_base, tmp_path, kind):
    check_spread(load_encoder(make_base(tmp_path / kind, kind, tiny_base)).encode(MANY), kind)


def cone(cosine: float, count: int = 500) -> np.ndarray:
    """Random vectors with this mean cosine between two of them."""
    generator = np.random.default_rng(0)
    own, shared = generator.normal(size=(count, 64)), generator.normal(size=64)
    own, shared = own / np.linalg.norm(own, axis=1, keepdims=True), shared / np.linalg.norm(shared)
    return (np.sqrt(cosine) * shared + np.sqrt(1 - cosine) * own).astype(np.float32)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("cosine", [0.0, 0.9, 0.998])
def test_narrow_cones_of_honest_models_pass(cosine, precision):
    check_spread(cone(cosine), "m", (precision,))


@pytest.mark.parametrize(
    "vectors",
    [
        np.ones((50, 8), dtype=np.float32),
        cone(1.0) + np.random.default_rng(1).normal(size=(500, 64)).astype(np.float32) * 1e-7,
        np.concatenate([np.ones((60, 64), dtype=np.float32), cone(0.0, 40)]),
        np.arange(1, 51, dtype=np.float32)[:, None] * np.ones((50, 8), dtype=np.float32),
        np.ones((2, 3), dtype=np.float32),
    ],
    ids=["equal", "equal but for rounding", "most equal", "one direction", "two texts"],
)
def test_embeddings_that_tell_no_text_from_another_are_refused(vectors):
    with pytest.raises(ModelError, match="are the same but for rounding"):
        check_spread(vectors, "m")


def test_a_few_texts_with_the_same_embedding_pass():
    check_spread(np.concatenate([np.ones((40, 64), dtype=np.float32), cone(0.0, 60)]), "m")


def test_such_a_model_fails_the_inspection(base):
    with pytest.raises(ModelError, match=rf"model: the embeddings of most of {len(TEXTS)} texts are the same"):
        inspect(flatten(base))


def test_such_a_model_is_not_swept_and_teaches_nothing(base, tmp_path):
    with pytest.raises(ModelError, match=r"with layers \[0, 3\]: the embeddings of most"):
        SharedPrefixEncoder(load_sentence_model(flatten(base)), [[0], [0, 3]]).encode(MANY)
    rows = TrainingSet(unlabelled=tuple(MANY), leaked=0)
    with pytest.raises(ModelError, match="teacher of student: the embeddings of most"):
        teacher_targets("student", [rows], teacher_in(base, tmp_path), width=32, seed=0, device="cpu", progress=lambda _: None)


def test_a_task_of_any_type_is_not_scored_on_such_embeddings(workspace_folder, tmp_path):
    class Constant:
        def encode(self, texts):
            return np.ones((len(texts), 8), dtype=np.float32)

    library = load_library(find_workspace(workspace_folder))
    names = library.suites["small"].suite.tasks
    assert len({library.task(name).type for name in names}) == 4
    for name in names:
        card = library.task(name)
        task = build_task(card, load_rows(card, None), "0" * 16)
        store = EmbeddingStore(tmp_path / name)
        store.add(task_texts(card, task), Constant())
        with pytest.raises(ModelError, match=rf"{name} \[.*\]: the embeddings of most"):
            score_task(card, task, LookupEncoder(store, "constant", "0"))


def test_a_model_without_numbers_of_its_own_is_judged_as_in_fp32():
    check_spread(cone(0.0), "m", {})
    with pytest.raises(ModelError, match="the same but for rounding"):
        check_spread(np.ones((100, 64), dtype=np.float32), "m", {})
