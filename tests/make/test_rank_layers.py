"""Layers ranked by the base itself: from its weights, or from what its layers do to calibration text."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.cards.load import load_library
from bench.cards.workspace import Workspace, builtin_content
from bench.data.rows import load_rows, normalise, text_columns, unique_texts
from bench.errors import LayerError
from bench.make.strategies.pure import RANKED
from bench.make.strategies.ranked import (
    TEXTS_PER_LANGUAGE,
    Rankings,
    angular_blocks,
    calibration_texts,
    greedy_removals,
    kept_after,
    layer_similarities,
    over_threshold,
    rank_folder,
    weight_scores,
)
from bench.models.loading import load_sentence_model
from bench.models.pruning import keep_layers
from bench.store import Store
from tests.builders import blueprint_of, plan_anew
from tests.models.test_architectures import TINY, make_base

TEXTS = ["मी घरी जातो", "आज पाऊस पडतो आहे", "वह किताब पढ़ता है", "पानी नहीं है", "ती शाळा मोठे"]
SHIPPED = load_library(Workspace(builtin_content(), builtin_content()))


@pytest.fixture
def model(tiny_base):
    return load_sentence_model(tiny_base).eval()


def still(model, layer: int) -> None:
    """Make a BERT layer add nothing: what comes out is its input, normed once more."""
    for module in (model[0].auto_model.encoder.layer[layer].attention.output.dense, model[0].auto_model.encoder.layer[layer].output.dense):
        torch.nn.init.zeros_(module.weight)
        torch.nn.init.zeros_(module.bias)


def test_no_calibration_text_stands_in_any_test_of_the_shipped_suites():
    chosen = {normalise(text) for text in calibration_texts(frozenset())}
    tasks = [SHIPPED.task(name) for suite in SHIPPED.suites.values() if suite.name == "mini" for name in suite.suite.tasks]
    assert tasks
    for card in tasks:
        for splits in load_rows(card, None, splits=(card.evaluate_on,)).splits.values():
            assert not chosen & {normalise(text) for text in unique_texts(splits[card.evaluate_on], text_columns(card))}, card.name


def test_calibration_texts_are_of_both_languages_and_all_different():
    texts = calibration_texts(frozenset())
    assert len(texts) == len(set(texts)) == 2 * TEXTS_PER_LANGUAGE


def test_a_guarded_text_is_never_used_for_calibration():
    first = calibration_texts(frozenset())[0]
    assert first not in calibration_texts(frozenset({normalise(first)}))


def test_similarities_are_those_of_the_states_between_the_layers(model):
    cosines, angles = layer_similarities(model, TEXTS)
    expected, tokens = np.zeros((5, 5)), 0
    for text in TEXTS:
        states = torch.stack(model[0].auto_model(**model.tokenizer([text], return_tensors="pt"), output_hidden_states=True).hidden_states)[:, 0]
        expected += torch.nn.functional.cosine_similarity(states[:, None], states[None], dim=-1).sum(dim=-1).detach().numpy()
        tokens += states.shape[1]
    assert np.allclose(cosines, expected / tokens, atol=1e-6)
    assert np.allclose(np.diagonal(cosines), 1.0)
    assert ((angles >= 0) & (angles <= 1)).all()
    assert np.allclose(angles, angles.T)


def test_a_layer_that_does_next_to_nothing_goes_first_by_contribution_and_by_greed(tiny_base, tmp_path):
    model = load_sentence_model(tiny_base)
    still(model, 2)
    model.save_pretrained(str(tmp_path / "still"), create_model_card=False)
    for strategy in ("contribution", "greedy", "angular"):
        assert rank_folder(tmp_path / "still", strategy, TEXTS)["kept"][2] == [0, 1, 3], strategy


@pytest.mark.parametrize("variance", [False, True])
def test_the_layer_with_the_smallest_weights_scores_lowest(model, variance):
    for parameter in model[0].auto_model.encoder.layer[1].parameters():
        parameter.data.mul_(0.1)
    scores = weight_scores(model, variance=variance)
    assert min(range(4), key=scores.__getitem__) == 1
    flat = torch.cat([value.detach().double().flatten() for value in model[0].auto_model.encoder.layer[3].parameters()])
    assert scores[3] == pytest.approx(float(((flat - flat.mean()) ** 2).mean() if variance else flat.abs().mean()))


def test_greed_measures_the_model_that_pruning_would_make(tiny_base, model):
    order, scores = greedy_removals(model, TEXTS)
    assert sorted(order) == [0, 1, 2, 3]
    full = model.encode(TEXTS, normalize_embeddings=True)
    alone = {}
    for layer in range(4):
        child = load_sentence_model(tiny_base)
        keep_layers(child[0].auto_model, [other for other in range(4) if other != layer])
        alone[layer] = float((child.encode(TEXTS, normalize_embeddings=True) * full).sum(axis=1).mean())
    assert order[0] == max(alone, key=alone.__getitem__)
    assert scores[0] == pytest.approx(max(alone.values()), abs=1e-5)


def test_greed_leaves_the_model_as_it_was(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    greedy_removals(model, TEXTS)
    assert model[0].auto_model.config.num_hidden_layers == 4
    assert {name: torch.equal(value, before[name]) for name, value in model.state_dict().items()} == dict.fromkeys(before, True)


ANGLES = np.array(
    [
        [0.0, 0.3, 0.4, 0.5, 0.6],
        [0.3, 0.0, 0.1, 0.3, 0.9],
        [0.4, 0.1, 0.0, 0.1, 0.2],
        [0.5, 0.3, 0.1, 0.0, 0.3],
        [0.6, 0.9, 0.2, 0.3, 0.0],
    ]
)


def test_the_block_with_the_smallest_angle_goes_the_upper_one_of_two_equal_ones():
    assert angular_blocks(ANGLES) == [[3], [0, 1], [0, 1, 3]]


def test_a_layer_that_cannot_go_is_in_no_block():
    assert angular_blocks(ANGLES, fixed=1) == [[0], [0, 1], [0, 1, 3]]


@pytest.mark.parametrize(
    ("order", "fixed", "kept"),
    [([3, 1, 0, 2], 0, [[2], [0, 2], [0, 1, 2]]), ([0, 3, 1, 2], 1, [[0], [0, 2], [0, 1, 2]]), ([0, 1], 0, [[1]])],
)
def test_layers_go_in_their_order_and_those_that_cannot_go_last(order, fixed, kept):
    assert kept_after(order, fixed=fixed) == kept


@pytest.mark.parametrize(
    ("threshold", "removed"),
    [(0.95, [4, 6, 8]), (0.925, [2, 4, 6, 8, 10]), (0.9, [1, 2, 3, 4, 6, 8, 10]), (0.98, [8]), (0.5, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])],
)
def test_a_threshold_removes_as_many_layers_as_are_above_it(threshold, removed):
    similarities = [0.5, 0.91, 0.93, 0.91, 0.96, 0.8, 0.97, 0.7, 0.99, 0.9, 0.94, 0.6]
    assert over_threshold(similarities, threshold) == [layer for layer in range(12) if layer not in removed]


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        (0.5, r"threshold must be at least 0\.9000, else every layer goes \(.* 0\.9000 to 0\.9500; got 0\.5\)"),
        (0.95, r"threshold must be below 0\.9500, else no layer goes and it is the full model \(.* 0\.9000 to 0\.9500; got 0\.95\)"),
    ],
)
def test_a_threshold_that_removes_everything_or_nothing_is_refused_with_the_bounds_that_prune(threshold, message):
    with pytest.raises(LayerError, match=message):
        over_threshold([0.9, 0.95], threshold)


def test_a_layer_that_cannot_go_stays_whatever_the_threshold_and_does_not_count_as_one_that_could():
    assert over_threshold([0.99, 0.95, 0.9], 0.92, fixed=1) == [0, 2]
    with pytest.raises(LayerError, match=r"below 0\.9500"):
        over_threshold([0.99, 0.95, 0.9], 0.97, fixed=1)


@pytest.mark.parametrize("strategy", sorted(RANKED))
@pytest.mark.parametrize("kind", TINY)
def test_every_architecture_can_be_ranked_in_every_way(tiny_base, tmp_path, kind, strategy):
    base = make_base(tmp_path / kind, kind, tiny_base)
    for depth, kept in enumerate(rank_folder(base, strategy, TEXTS[:2])["kept"], start=1):
        assert len(kept) == depth
        keep_layers(load_sentence_model(base)[0].auto_model, kept)


def put_into(folder: Path, **changed: object) -> None:
    """Put another ranking in the place of the only one that is stored."""
    (stored,) = folder.rglob("*.json")
    store = Store(folder)
    store.put(stored.stem, {**store.get(stored.stem), **changed})


@pytest.mark.slow
def test_a_ranking_that_was_edited_is_computed_anew_with_a_word(tiny_base, tmp_path, caplog):
    found = Rankings(tmp_path / "rankings", lambda: TEXTS).kept(tiny_base, "0" * 64, "weight-variance", None)
    (stored,) = (tmp_path / "rankings").rglob("*.json")
    text = stored.read_text(encoding="utf-8")
    stored.write_text(text.replace('"kept": [[', '"kept": [[9, '), encoding="utf-8")
    assert Rankings(tmp_path / "rankings", lambda: TEXTS).kept(tiny_base, "0" * 64, "weight-variance", None) == found
    assert [record.message for record in caplog.records if str(stored) in record.message]
    assert stored.read_text(encoding="utf-8") == text


def test_a_ranking_is_computed_once_and_again_when_the_base_or_the_text_changes(tiny_base, tmp_path):
    asked = []

    def texts() -> list[str]:
        asked.append(len(asked))
        return TEXTS

    rankings = Rankings(tmp_path / "rankings", texts)
    found = rankings.kept(tiny_base, "0" * 64, "contribution", None)
    put_into(tmp_path / "rankings", kept=[[3], [0, 3], [0, 1, 3]])
    assert rankings.kept(tiny_base, "0" * 64, "contribution", "cls") == [[3], [0, 3], [0, 1, 3]] != found
    assert rankings.kept(tiny_base, "1" * 64, "contribution", None) == found
    assert Rankings(tmp_path / "rankings", lambda: TEXTS[:2]).kept(tiny_base, "0" * 64, "contribution", None)
    assert len(list((tmp_path / "rankings").rglob("*.json"))) == 3
    Rankings(tmp_path / "rankings", pytest.fail).kept(tiny_base, "0" * 64, "weight-variance", None)


GRID = '\n[[grids]]\nkind = "pruned"\nbases = ["tiny"]\nstrategies = ["contribution", "weight-aggregate", "random"]\nkeep = [2]\n'


def test_a_plan_resolves_a_ranked_strategy_to_its_kept_list(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + GRID, encoding="utf-8")
    plan = plan_anew(workspace_folder)
    blueprint = blueprint_of(plan, "tiny-contribution2")
    expected = rank_folder(workspace_folder / "models" / "tiny", "contribution", calibration_texts(plan.resolver.guard))["kept"][1]
    assert list(blueprint.kept) == expected == blueprint.lineage["kept_layers"]
    assert blueprint_of(plan_anew(workspace_folder), "tiny-contribution2").key == blueprint.key


def with_threshold(folder: Path, threshold: float) -> Path:
    """The workspace with a candidate `over`, of a base with random weights: its similarities are between 0.1 and 0.99999."""
    card = folder / "models" / "mini.toml"
    added = f'\n[[candidates]]\nname = "over"\nkind = "pruned"\nbase = "tiny"\nstrategy = "contribution"\nthreshold = {threshold}\n'
    card.write_text(card.read_text(encoding="utf-8") + added, encoding="utf-8")
    return folder


def still_half_of(base: Path) -> None:
    """Make layers 1 and 3 of a base do next to nothing, and layers 0 and 2 very much."""
    model = load_sentence_model(base)
    for layer in (0, 2):
        for module in (model[0].auto_model.encoder.layer[layer].attention.output.dense, model[0].auto_model.encoder.layer[layer].output.dense):
            torch.nn.init.normal_(module.weight, std=3.0)
    for layer in (1, 3):
        still(model, layer)
    model[0].auto_model.save_pretrained(base)


def test_a_card_with_a_threshold_is_made_of_the_layers_that_are_not_above_it(workspace_folder):
    still_half_of(workspace_folder / "models" / "tiny")
    plan = plan_anew(with_threshold(workspace_folder, 0.9))
    similarities = rank_folder(workspace_folder / "models" / "tiny", "contribution", calibration_texts(plan.resolver.guard))["scores"]
    assert [similarity > 0.9 for similarity in similarities] == [False, True, False, True]
    blueprint = blueprint_of(plan, "over")
    assert list(blueprint.kept) == [0, 2] == blueprint.lineage["kept_layers"]
    put_into(workspace_folder / ".bench" / "rankings", scores=[0.1, 0.2, 0.3, 0.99])
    assert blueprint_of(plan_anew(workspace_folder), "over").kept == (0, 1, 2), "the ranking that is kept is the one that is read"


@pytest.mark.parametrize(("threshold", "message"), [(0.1, "at least .* every layer goes"), (0.99999, "below .* it is the full model")])
def test_a_threshold_that_cannot_prune_the_base_ends_a_plan_with_exit_code_2(workspace_folder, threshold, message):
    with pytest.raises(LayerError, match=rf"mini\.toml: over: threshold must be {message}") as caught:
        plan_anew(with_threshold(workspace_folder, threshold))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ('strategy = "top"\nkeep = 4', "deep: keep must be between 1 and 3 for a base of 4 layers (got 4)"),
        ('strategy = "greedy"\nkeep = 9', "deep: keep must be between 1 and 3 for a base of 4 layers (got 9)"),
        ("layers = [0, 7]", "deep: layers must be between 0 and 3 for a base of 4 layers (got 7)"),
    ],
)
def test_a_depth_that_the_base_does_not_have_ends_a_plan_with_exit_code_2(workspace_folder, fields, message):
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + f'\n[[candidates]]\nname = "deep"\nkind = "pruned"\nbase = "tiny"\n{fields}\n', encoding="utf-8")
    with pytest.raises(LayerError) as caught:
        plan_anew(workspace_folder)
    assert str(caught.value) == f"{card}: {message}"
    assert caught.value.exit_code == 2


def test_a_base_of_an_architecture_that_cannot_be_pruned_ends_a_plan_with_exit_code_2(workspace_folder):
    config = workspace_folder / "models" / "tiny" / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"model_type": "bert"', '"model_type": "albert"'), encoding="utf-8")
    with pytest.raises(LayerError, match=r"mini\.toml: .*config\.json: model_type 'albert' cannot be pruned: all its layers share one set of weights"):
        plan_anew(workspace_folder)


def test_a_modernbert_without_its_first_layer_is_refused_before_anything_is_made(workspace_folder, tiny_base):
    folder = workspace_folder / "models" / "tiny"
    shutil.rmtree(folder)
    make_base(folder, "modernbert", tiny_base)
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('strategies = ["top"]', 'strategies = ["bottom"]'), encoding="utf-8")
    with pytest.raises(LayerError, match=r"mini\.toml: tiny-bottom2: modernbert must keep layer 0"):
        plan_anew(workspace_folder)
