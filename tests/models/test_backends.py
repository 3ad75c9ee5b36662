"""ONNX Runtime and OpenVINO give PyTorch's embeddings, on the threads that were asked for, from a model that holds none of PyTorch's weights."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from bench.cards.candidate import Use
from bench.cards.kinds import External
from bench.cards.workspace import find_workspace
from bench.digests import folder_digest
from bench.errors import BenchError, ModelError
from bench.models import engines, exporting
from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_encoder, load_exported, load_sentence_model
from bench.plan.cache import entries
from bench.plan.keys import evaluate_key, measurement_key
from bench.probe.profiles import PROFILES
from bench.probe.worker import Subject, Worker
from bench.run.execute import execute
from bench.run.report import Silent
from tests.builders import board_of, plan_anew
from tests.conftest import WORDS_HI, WORDS_MR, sentences

for package in ("onnxruntime", "openvino", *engines.EXPORTERS):
    pytest.importorskip(package, reason=f"{package} is not installed: they are in the extra 'dev'")

BACKENDS = tuple(engines.PACKAGES)
TEXTS = [*sentences(WORDS_MR, 7), *sentences(WORDS_HI, 7), "मी", " ".join(WORDS_MR * 5)]


@pytest.fixture(scope="module")
def checkpoint(tiny_base, tmp_path_factory) -> Path:
    """A sentence model with a prompt, a Dense layer after the pooling, and a longest text."""
    from sentence_transformers.sentence_transformer.modules import Dense

    folder = tmp_path_factory.mktemp("checkpoint") / "model"
    model = load_sentence_model(tiny_base)
    model.append(Dense(32, 8))
    model.prompts, model.default_prompt_name, model.max_seq_length = {"usual": "मी "}, "usual", 20
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def state(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("state")


def by_pytorch(checkpoint: Path) -> SentenceEncoder:
    encoder = load_encoder(checkpoint)
    assert isinstance(encoder, SentenceEncoder)
    return encoder


def run_by(backend, checkpoint: Path, state: Path) -> SentenceEncoder:
    folder = exporting.exported(checkpoint, folder_digest(checkpoint), Use(backend=backend), state)
    return load_exported(folder)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_embeddings_are_those_of_pytorch_with_the_prompt_the_length_and_the_modules_of_the_checkpoint(backend, checkpoint, state):
    plain, other = by_pytorch(checkpoint), run_by(backend, checkpoint, state)
    assert (other.prompt, other.model.max_seq_length, len(other.model)) == ("मी ", 20, 3)
    np.testing.assert_allclose(other.encode(TEXTS), plain.encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(other.model.encode(TEXTS, batch_size=5), plain.model.encode(TEXTS, batch_size=5), atol=1e-5)  # padded


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_computes_on_as_many_threads_as_pytorch_would_and_says_so(backend, checkpoint, state):
    folder = exporting.exported(checkpoint, folder_digest(checkpoint), Use(backend=backend), state)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            worker = Worker(Subject("x", folder, "c", None, "fp32", "cpu", threads, Use(backend=backend)), PROFILES["quick"])
            told = worker.load()
            assert told["threads"] == threads
            assert (told["used"]["backend"], told["attention"]) == (backend, None)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("backend", BACKENDS)
def test_pytorch_holds_no_number_of_its_transformer_and_the_precision_counts_them_all(backend, checkpoint, state):
    plain, other = load_encoder(checkpoint), run_by(backend, checkpoint, state)
    assert sum(one.numel() for one in other.model[0].parameters()) == 0
    assert other.precision() == plain.precision() == {"fp32": 1.0}
    assert not list(exporting.exported(checkpoint, folder_digest(checkpoint), Use(backend=backend), state).glob("*.safetensors"))


@pytest.mark.slow
def test_a_model_with_token_types_and_another_architecture_is_exported_too(minilm, tmp_path):
    plain, other = load_encoder(minilm), run_by("onnx", minilm, tmp_path)
    assert "token_type_ids" in json.loads((next((tmp_path / "exported").iterdir()) / engines.SETTINGS).read_text(encoding="utf-8"))["inputs"]
    np.testing.assert_allclose(other.encode(["a cat", "two dogs run"]), plain.encode(["a cat", "two dogs run"]), atol=1e-5)


@pytest.mark.slow
def test_it_is_exported_once_and_anew_where_a_file_of_it_was_altered(checkpoint, tmp_path):
    said: list[str] = []

    def get() -> Path:
        return exporting.exported(checkpoint, folder_digest(checkpoint), Use(backend="onnx"), tmp_path, lambda: said.append("exporting"))

    folder = get()
    assert (get(), said) == (folder, ["exporting"])
    with (folder / "transformer.onnx.data").open("r+b") as file:
        file.seek(100)
        file.write(b"\x00\x01\x02\x03")
    get()
    assert said == ["exporting"] * 2


def test_an_export_that_gives_other_embeddings_is_refused_and_not_kept(checkpoint, tmp_path, monkeypatch):
    plain = by_pytorch(checkpoint)
    right = exporting._embeddings(plain.model)
    wrong = [batch * np.float32(1.01) for batch in right]
    with pytest.raises(ModelError, match=r"run by backend onnx its embeddings differ from PyTorch's by 0.01 of their length \(at most 0.0001\)"):
        exporting._compare(checkpoint, "onnx", right, wrong)
    exporting._compare(checkpoint, "onnx", right, right)


@pytest.mark.slow
def test_code_that_a_configuration_names_is_not_named_by_the_exported_one(checkpoint, tmp_path):
    copy = Path(shutil.copytree(checkpoint, tmp_path / "model"))
    for name in ("config.json", "tokenizer_config.json"):
        told = json.loads((copy / name).read_text(encoding="utf-8"))
        (copy / name).write_text(json.dumps({**told, "auto_map": {"AutoConfig": "somebody/else--code.Config"}}), encoding="utf-8")
    folder = exporting.exported(copy, folder_digest(copy), Use(backend="onnx"), tmp_path)
    assert [file.name for file in folder.rglob("*.json") if "auto_map" in file.read_text(encoding="utf-8")] == []
    np.testing.assert_allclose(load_exported(folder).encode(TEXTS), load_encoder(copy).encode(TEXTS), atol=1e-5)


def test_a_model_without_a_transformer_is_refused(tmp_path):
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    model = SentenceTransformer(modules=[StaticEmbedding(Tokenizer(WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]")), embedding_dim=4)], device="cpu")
    model.save_pretrained(str(tmp_path / "static"), create_model_card=False)
    with pytest.raises(ModelError, match="backend openvino runs a model whose first part is a transformer"):
        exporting.exported(tmp_path / "static", "0" * 64, Use(backend="openvino"), tmp_path / "state")
    assert not list((tmp_path / "state" / "exported").iterdir())


def test_what_is_not_installed_is_named_with_the_line_that_installs_it(monkeypatch):
    def version(package: str) -> str:
        if package in {"onnxruntime", "onnxscript"}:
            raise importlib.metadata.PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    engines._version.cache_clear()
    try:
        with pytest.raises(ModelError, match=r"^m: backend onnx needs onnxruntime, onnxscript, not installed; where this project lies: pip install "):
            engines.check_engine("m", "onnx", "cpu")
        engines.check_engine("m", "torch", "cpu")
    finally:
        engines._version.cache_clear()


def test_a_backend_computes_on_the_cpu_only():
    with pytest.raises(ModelError, match="m: backend openvino runs on the CPU only \\(got device cuda:0\\)"):
        engines.check_engine("m", "openvino", "cuda:0")


def test_every_backend_has_results_of_its_own_and_pytorch_keeps_its_keys(tiny_task):
    keys = {
        backend: (evaluate_key(candidate, "c", tiny_task, "cpu"), measurement_key(candidate, "c", "cpu", "quick"))
        for backend in ("torch", *BACKENDS)
        for candidate in (External(name="x", path="there", precision="fp32", backend=backend),)
    }
    assert len({key for both in keys.values() for key in both}) == 6
    assert "engine" not in engines.use_parts(Use())


@pytest.fixture
def tiny_task(workspace_folder):
    return plan_anew(workspace_folder).tasks["Pairs"]


GRID = """
[[grids]]
kind = "full"
bases = ["tiny"]
recipes = ["short"]
backends = ["onnx", "openvino"]
"""


@pytest.mark.slow
def test_candidates_that_differ_in_their_backend_share_a_checkpoint_and_their_scores_are_the_same(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + GRID, encoding="utf-8")
    names = ("tiny", "tiny-onnx", "tiny-openvino")
    outcome = execute(plan_anew(workspace_folder, names=names, tasks=("Pairs", "Topics"), probe="quick"), Silent())
    assert outcome.complete, (outcome.failed, outcome.blocked)
    assert len([path for path in (workspace_folder / ".bench" / "checkpoints").iterdir() if not path.name.startswith(".")]) == 1
    rows = {row.name: row for row in board_of(plan_anew(workspace_folder)).rows if row.name in names}
    assert {name: row.about.get("backend") for name, row in rows.items()} == {"tiny": None, "tiny-onnx": "onnx", "tiny-openvino": "openvino"}
    assert [row.kind for row in rows.values()].count("full, onnx") == 1
    for name in names[1:]:
        assert rows[name].scores == pytest.approx(rows["tiny"].scores, abs=0.02)
        assert rows[name].parent == "tiny"
        assert rows[name].costs["sentences_per_second"] > 0
    exports = {path.name for path in (workspace_folder / ".bench" / "exported").iterdir()}
    assert len(exports) == 2
    found = entries(find_workspace(workspace_folder), ("cpu",), None)
    assert {one.path.name for one in found if one.kind == "exported" and one.used} == exports
    again = plan_anew(workspace_folder, names=names, tasks=("Pairs", "Topics"), probe="quick")
    assert {cell.status for cell in again.cells} == {"done"}


def test_a_candidate_whose_backend_is_not_there_cannot_run_and_the_others_can(workspace_folder, monkeypatch):
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + GRID, encoding="utf-8")

    def refuse(name: str, backend: str, device: str) -> None:
        if backend == "onnx":
            raise BenchError(f"{name}: backend onnx needs onnxruntime")

    monkeypatch.setattr("bench.plan.resolve.check_engine", refuse)
    plan = plan_anew(workspace_folder, tasks=("Pairs",))
    assert {cell.cell.candidate for cell in plan.cells if cell.status == "cannot run"} == {"tiny-onnx"}
