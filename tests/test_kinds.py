"""Nested and static candidates: one training for many depths, and no transformer at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer

from bench.cards import load_library
from bench.errors import CardError, ModelError
from bench.make.nested import shared_training
from bench.make.prune import load_sentence_model
from bench.make.static import SIF, static_model
from bench.standings.table import build_board
from bench.workspace import find_workspace
from tests.test_run import results, run

NESTED = '[[grids]]\nkind = "nested"\nbases = ["tiny"]\nkeep = [1, 3, 4]\nrecipes = ["short"]\n'
STATIC = '[[candidates]]\nname = "static"\nkind = "static"\nbase = "tiny"\nrecipe = "short"\ndimensions = 16\n'


def with_candidates(folder: Path, added: str) -> Path:
    card = folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + added, encoding="utf-8")
    return folder


def test_nested_candidates_share_one_training_and_are_cut_off_at_their_depth(workspace_folder):
    names = ("tiny-nested1", "tiny-nested3", "tiny-nested4")
    planner, outcome = run(with_candidates(workspace_folder, NESTED), names=names, tasks=("Pairs",))
    assert outcome.complete, outcome
    assert len(list((workspace_folder / ".bench" / "checkpoints").glob("nested-*"))) == 1
    weights = [load_file(planner.checkpoint_folder(planner.blueprint(planner.candidates[name])) / "model.safetensors") for name in names]
    for shallow in weights[:2]:
        assert all(np.array_equal(shallow[tensor], weights[2][tensor]) for tensor in shallow)
    assert [max(int(tensor.split(".")[2]) for tensor in one if tensor.startswith("encoder.layer")) for one in weights] == [0, 2, 3]
    rows = {row.name: row for row in build_board(planner).rows}
    assert [rows[name].kept for name in names] == ["0", "0-2", "0-3"]
    cosines = [result["examples"]["mr"]["cosine"] for result in results(workspace_folder).values() if "examples" in result]
    assert len({tuple(found) for found in cosines}) == 3


def test_training_every_depth_changes_what_is_learned(workspace_folder):
    planner, outcome = run(with_candidates(workspace_folder, NESTED), names=("tiny", "tiny-nested4"), stages=("make",))
    assert outcome.complete, outcome
    full, nested = (
        load_file(planner.checkpoint_folder(planner.blueprint(planner.candidates[name])) / "model.safetensors") for name in ("tiny", "tiny-nested4")
    )
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
    folder = planner.checkpoint_folder(planner.blueprint(planner.candidates["static"]))
    model = SentenceTransformer(str(folder))
    assert [type(module).__name__ for module in model] == ["StaticEmbedding"]
    assert model.encode("मी घरी जातो").shape == (16,)
    row = next(row for row in build_board(planner).rows if row.name == "static")
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


def test_a_model_in_lower_precision_is_compared_with_the_full_one_and_is_no_parent(workspace_folder):
    added = '[[grids]]\nkind = "full"\nbases = ["tiny"]\nrecipes = ["short"]\nprecisions = ["int8"]\n'
    load_library.cache_clear()
    candidates = {one.name: one for one in load_library(find_workspace(with_candidates(workspace_folder, added))).candidates["mini"]}
    assert candidates["tiny-int8"].parent == "tiny"
    assert candidates["tiny-top2"].parent == "tiny"
