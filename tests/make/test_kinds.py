"""Nested and static candidates: one training for many depths, and no transformer at all."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize

from bench.cards.load import load_library
from bench.cards.recipes import Phase
from bench.cards.workspace import find_workspace
from bench.data.training import Development, TrainingSet
from bench.errors import CardError, LayerError, ModelError
from bench.make.finetune import finetune
from bench.make.nested import nested_loss, shared_training, truncate
from bench.make.static import SIF, static_model
from bench.models.loading import load_sentence_model
from tests.builders import blueprint_of, board_of, checkpoint_of, made_of
from tests.run.test_run import results, run

NESTED = '[[grids]]\nkind = "nested"\nbases = ["tiny"]\nkeep = [1, 3, 4]\nrecipes = ["short"]\n'
STATIC = '[[candidates]]\nname = "static"\nkind = "static"\nbase = "tiny"\nrecipe = "short"\ndimensions = 16\n'


MATRYOSHKA = """
[recipes.widths]
pooling = "mean"
dimensions = [8, 16]

[[recipes.widths.phases]]
kind = "nli"
data = ["Triples"]
epochs = 1

[[recipes.widths.phases]]
kind = "sts"
data = ["Pairs"]
epochs = 1

[[grids]]
kind = "nested"
bases = ["tiny"]
keep = [2, 4]
dimensions = [8, 16]
recipes = ["widths"]

[[candidates]]
name = "whole"
kind = "nested"
base = "tiny"
keep = 2
recipe = "widths"
"""


def with_candidates(folder: Path, added: str) -> Path:
    card = folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + added, encoding="utf-8")
    return folder


def test_nested_candidates_share_one_training_and_are_cut_off_at_their_depth(workspace_folder):
    names = ("tiny-nested1", "tiny-nested3", "tiny-nested4")
    planner, outcome = run(with_candidates(workspace_folder, NESTED), names=names, tasks=("Pairs",))
    assert outcome.complete, outcome
    assert len(list((workspace_folder / ".bench" / "checkpoints").glob("nested-*"))) == 1
    weights = [load_file(checkpoint_of(planner, name) / "model.safetensors") for name in names]
    for shallow in weights[:2]:
        assert all(np.array_equal(shallow[tensor], weights[2][tensor]) for tensor in shallow)
    assert [max(int(tensor.split(".")[2]) for tensor in one if tensor.startswith("encoder.layer")) for one in weights] == [0, 2, 3]
    rows = {row.name: row for row in board_of(planner).rows}
    assert [rows[name].kept for name in names] == ["0", "0-2", "0-3"]
    cosines = [result["examples"]["mr"]["cosine"] for result in results(workspace_folder).values() if "examples" in result]
    assert len({tuple(found) for found in cosines}) == 3


def test_nested_candidates_of_all_depths_and_dimensions_share_one_training(workspace_folder):
    names = ("tiny-nested2-d8", "tiny-nested2-d16", "tiny-nested4-d8", "tiny-nested4-d16", "whole")
    planner, outcome = run(with_candidates(workspace_folder, MATRYOSHKA), names=names, tasks=("Pairs",))
    assert outcome.complete, outcome
    (shared,) = (workspace_folder / ".bench" / "checkpoints").glob("nested-*")
    made = {name: made_of(planner, name) for name in names}
    assert [made[name]["dimensions"] for name in names] == [8, 16, 8, 16, 32]
    assert len({one["content"] for one in made.values()}) == 5
    bodies = {name: made[name]["parameters"]["body"] for name in names}
    assert bodies["tiny-nested2-d8"] - bodies["whole"] == 8 * 32, "the module that cuts is counted as what it is"
    folders = {name: checkpoint_of(planner, name) for name in names}
    text = "आज पाऊस पडतो"
    whole = SentenceTransformer(str(folders["whole"])).encode(text)
    assert np.array_equal(SentenceTransformer(str(folders["tiny-nested2-d8"])).encode(text), whole[:8])
    assert np.array_equal(SentenceTransformer(str(folders["tiny-nested4-d16"])).encode(text), SentenceTransformer(str(shared)).encode(text)[:16])
    assert json.loads((folders["tiny-nested2-d8"] / "kasauti.json").read_text(encoding="utf-8"))["dimensions"] == 8
    assert "- embeddings: 8 of " in (folders["tiny-nested2-d8"] / "README.md").read_text(encoding="utf-8")


def test_training_several_widths_changes_what_is_learned_and_its_key(workspace_folder):
    added = MATRYOSHKA + '[[candidates]]\nname = "depths"\nkind = "nested"\nbase = "tiny"\nkeep = 2\nrecipe = "short"\n'
    planner, outcome = run(with_candidates(workspace_folder, added), names=("whole", "depths"), stages=("make",))
    assert outcome.complete, outcome
    blueprints = [blueprint_of(planner, name) for name in ("whole", "depths")]
    assert len({one.training_key for one in blueprints}) == 2
    assert len(list((workspace_folder / ".bench" / "checkpoints").glob("nested-*"))) == 2


@pytest.mark.slow
def test_a_model_that_normalises_gives_embeddings_of_length_one_after_truncation_in_any_process(tiny_base, tmp_path):
    model = load_sentence_model(tiny_base)
    whole = model.encode(["घर", "नदी"])
    model.append(Normalize())
    truncate(model, 8)
    model.save_pretrained(str(tmp_path / "cut"), create_model_card=False)
    program = (
        "import sys, numpy; from sentence_transformers import SentenceTransformer; numpy.save(sys.argv[2], "
        "SentenceTransformer(sys.argv[1]).encode(['घर', 'नदी']))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "cut"), str(tmp_path / "found.npy")], check=True, capture_output=True)
    found = np.load(tmp_path / "found.npy")
    assert np.allclose(found, whole[:, :8] / np.linalg.norm(whole[:, :8], axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("act", [lambda model: truncate(model, 33), lambda model: nested_loss(model, None, [8, 33])])
def test_a_width_that_a_model_has_not_is_refused(tiny_base, act):
    with pytest.raises(ModelError, match=r"'dimensions' must be at most 32, the width of the model \(got 33\)"):
        act(load_sentence_model(tiny_base))


@pytest.mark.parametrize("dimensions", [(), (8, 16, 24)])
def test_nested_trainings_of_one_seed_draw_the_same_layers_and_widths(tiny_base, tmp_path, dimensions):
    texts = ["मी घरी जातो", "आज पाऊस पडतो आहे", "वह किताब पढ़ता है", "पानी नहीं है", "ती शाळा मोठे"]
    rows = TrainingSet(scored=tuple((one, other, 0.1 * index) for index, (one, other) in enumerate(itertools.pairwise(texts * 4)) if index < 10))

    def weights(seed: int, drawn_before: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        model = load_sentence_model(tiny_base)
        random.seed(drawn_before)
        phase = Phase(kind="sts", data=("x",), epochs=2, batch_size=2, learning_rate=1e-3)
        state = tmp_path / f"{seed}-{drawn_before}"
        nested = {"every_depth": True, "dimensions": dimensions}
        finetune(model, [(phase, rows)], seed=seed, bf16=False, **nested, folder=state, development=Development(), progress=lambda _kind, _fraction: None)
        return model.state_dict()

    first, again, other = weights(1, 1), weights(1, 2), weights(2, 1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_training_every_depth_changes_what_is_learned(workspace_folder):
    planner, outcome = run(with_candidates(workspace_folder, NESTED), names=("tiny", "tiny-nested4"), stages=("make",))
    assert outcome.complete, outcome
    full, nested = (load_file(checkpoint_of(planner, name) / "model.safetensors") for name in ("tiny", "tiny-nested4"))
    assert full.keys() == nested.keys()
    assert not np.array_equal(full["encoder.layer.1.output.dense.weight"], nested["encoder.layer.1.output.dense.weight"])


def test_a_nested_training_that_another_depth_needs_again_is_not_repeated(workspace_folder):
    folder = with_candidates(workspace_folder, NESTED)
    run(folder, names=("tiny-nested1",), stages=("make",))
    (trained,) = (folder / ".bench" / "checkpoints").glob("nested-*")
    before = (trained / "model.safetensors").stat().st_mtime_ns
    _, outcome = run(folder, names=("tiny-nested3",), stages=("make",))
    assert outcome.complete
    assert (trained / "model.safetensors").stat().st_mtime_ns == before


def test_what_a_killed_training_of_all_depths_left_is_removed(tiny_base, tmp_path):
    left = tmp_path / ".nested-abc.saving-1"
    left.mkdir()
    model, told = shared_training(tmp_path / "nested-abc", lambda: (load_sentence_model(tiny_base), {"phases": []}))
    assert not left.exists()
    assert told == {"phases": []}
    assert len(model[0].auto_model.encoder.layer) == 4


def test_a_static_candidate_is_trained_scored_and_loads_without_a_transformer(workspace_folder):
    planner, outcome = run(with_candidates(workspace_folder, STATIC), names=("static",))
    assert outcome.complete, outcome
    folder = checkpoint_of(planner, "static")
    model = SentenceTransformer(str(folder))
    assert [type(module).__name__ for module in model] == ["StaticEmbedding"]
    assert model.encode("मी घरी जातो").shape == (16,)
    row = next(row for row in board_of(planner).rows if row.name == "static")
    assert row.parameters["body"] == 0
    assert row.parameters["embeddings"] == 16 * len(load_sentence_model(workspace_folder / "models" / "tiny").tokenizer)
    assert row.parent == "tiny"
    assert set(row.scores) == {"Pairs mr", "Pairs hi", "Topics", "Paraphrases", "Translations"}
    assert json.loads((folder / "kasauti.json").read_text(encoding="utf-8"))["dimensions"] == 16


def test_a_static_vector_is_the_weighted_mean_of_its_tokens(tiny_base):
    base = load_sentence_model(tiny_base)
    texts = ["घर घर घर पाऊस", "नदी"]
    static = static_model(base, texts)
    table = static[0].embedding.weight.detach().numpy()
    ids = static.tokenizer.encode("घर नदी", add_special_tokens=False).ids
    assert np.allclose(static.encode("घर नदी"), table[ids].mean(axis=0), atol=1e-6)
    counts = np.bincount([one for text in texts for one in static.tokenizer.encode(text, add_special_tokens=False).ids], minlength=len(table))
    unweighted = table / (SIF / (SIF + counts / counts.sum()))[:, None]
    assert np.allclose(np.cov(unweighted.T), np.diag(np.var(unweighted, axis=0, ddof=1)), atol=1e-4), "the principal components are uncorrelated"


def test_more_dimensions_than_the_base_has_are_refused(tiny_base):
    with pytest.raises(ModelError, match=r"'dimensions' must be at most 32, the width of the base \(got 33\)"):
        static_model(load_sentence_model(tiny_base), ["घर"], dimensions=33)


@pytest.mark.parametrize(
    ("added", "field", "message"),
    [
        ('[[candidates]]\nname = "n"\nkind = "nested"\nbase = "tiny"\nkeep = 2\n', "keep", "a recipe to train all depths by"),
        ('[[candidates]]\nname = "n"\nkind = "nested"\nbase = "tiny"\nrecipe = "short"\n', "keep", "needs keep"),
        (
            '[[candidates]]\nname = "n"\nkind = "nested"\nbase = "tiny"\nkeep = 2\nrecipe = "short"\ndimensions = 8\n',
            "dimensions",
            "dimensions need dimensions = [...] in recipe 'short'",
        ),
        (
            MATRYOSHKA.replace("[8, 16]\nrecipes", "[12]\nrecipes").replace("keep = [2, 4]", "keep = [2]"),
            "dimensions",
            "must be one of [8, 16], the dimensions of recipe 'widths'",
        ),
        (MATRYOSHKA.replace("dimensions = [8, 16]\n\n", "dimensions = [0]\n\n"), "dimensions.0", "greater than 0"),
        (
            '[[grids]]\nkind = "pruned"\nbases = ["tiny"]\nstrategies = ["top"]\nkeep = [2]\ndimensions = [8]\n',
            "dimensions",
            "dimensions mean nothing for kind 'pruned'",
        ),
        ('[[candidates]]\nname = "s"\nkind = "static"\nbase = "tiny"\n', "recipe", "a static candidate needs a recipe"),
        ('[[candidates]]\nname = "f"\nkind = "full"\nbase = "tiny"\ndimensions = 8\n', "dimensions", "dimensions mean nothing for kind 'full'"),
    ],
)
def test_a_card_that_cannot_be_made_is_refused_with_its_field(workspace_folder, added, field, message):
    load_library.cache_clear()
    with pytest.raises(CardError) as caught:
        load_library(find_workspace(with_candidates(workspace_folder, added)))
    (problem,) = caught.value.problems
    assert problem.field.endswith(field)
    assert message in problem.message


def test_a_depth_that_the_base_has_not_is_refused(workspace_folder):
    added = '[[candidates]]\nname = "deep"\nkind = "nested"\nbase = "tiny"\nkeep = 5\nrecipe = "short"\n'
    with pytest.raises(ModelError, match=r"deep: keep must be between 1 and 4 for a base of 4 layers \(got 5\)"):
        run(with_candidates(workspace_folder, added), names=("deep",), stages=("make",))


@pytest.mark.parametrize(
    ("added", "name"),
    [
        (MATRYOSHKA.replace("[8, 16]\n\n", "[8, 16, 33]\n\n"), "whole"),
        (STATIC.replace("16", "33"), "static"),
    ],
)
def test_more_dimensions_than_the_base_has_end_a_plan_with_exit_code_2(workspace_folder, added, name):
    with pytest.raises(LayerError, match=rf"mini\.toml: {name}: dimensions must be at most 32, the width of its base \(got 33\)") as caught:
        run(with_candidates(workspace_folder, added), names=(name,), stages=("make",))
    assert caught.value.exit_code == 2


def test_a_model_in_lower_precision_is_compared_with_the_full_one_and_is_no_parent(workspace_folder):
    added = '[[grids]]\nkind = "full"\nbases = ["tiny"]\nrecipes = ["short"]\nprecisions = ["int8"]\n'
    load_library.cache_clear()
    candidates = {one.name: one for one in load_library(find_workspace(with_candidates(workspace_folder, added))).candidates["small"]}
    assert candidates["tiny-int8"].parent == "tiny"
    assert candidates["tiny-top2"].parent == "tiny"


def altered_nested(folder: Path, name: str) -> None:
    path = folder / name
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json", "digest.json"])
def test_a_training_of_all_depths_that_is_not_what_was_saved_is_trained_anew_with_a_word(tiny_base, tmp_path, caplog, name):
    trained = []

    def train():
        trained.append(1)
        return load_sentence_model(tiny_base), {"phases": [{"steps": 3}]}

    folder = tmp_path / "nested-abc"
    shared_training(folder, train)
    assert shared_training(folder, train)[1] == {"phases": [{"steps": 3}]}
    assert len(trained) == 1
    altered_nested(folder, name)
    caplog.clear()
    assert shared_training(folder, train)[1] == {"phases": [{"steps": 3}]}
    assert len(trained) == 2
    assert [message.startswith(f"bench: {folder}: ") for message in caplog.messages if message.startswith("bench: ")] == [True]
    shared_training(folder, train)
    assert len(trained) == 2
