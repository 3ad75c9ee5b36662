"""`bench sweep`: what is recommended and why, the files it writes, and its errors."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from scipy.stats import spearmanr

from bench.cards.load import load_library, shipped_task
from bench.cards.workspace import Workspace, builtin_content, find_workspace
from bench.cli.sweep import file_name
from bench.data.rows import load_rows, normalise
from bench.digests import model_digest
from bench.make.strategies.pure import RANKED, STRATEGIES, kept_layers
from bench.make.strategies.ranked import calibration_texts, rank_folder
from bench.plan.options import Options
from bench.plan.planning import make_plan
from bench.statistics.estimate import Estimate
from bench.statistics.units import numbered
from bench.sweep.chart import LOOKS, draw
from bench.sweep.depths import Form, eligible, linear_cka, quality, recommend, retained, surest
from bench.sweep.page import quality_table
from bench.sweep.sweep import DEFAULT, EVERY, SPLIT, TASK, Sweep, ranker, sweep
from tests.cli.command import bench


def form(strategy: str, depth: int, score: float, low: float | None) -> Form:
    return Form(strategy, tuple(range(depth)), score, (score - 0.1, score + 0.1), score, None if low is None else (low, 1.1), 0.9)


@pytest.mark.parametrize(
    ("forms", "retain", "expected"),
    [
        ([("top", 1, 0.5, 0.90), ("top", 2, 0.6, 0.97), ("top", 3, 0.7, 0.99)], 0.98, ("top", 3)),
        ([("top", 1, 0.5, 0.90), ("top", 2, 0.6, 0.98), ("top", 3, 0.7, 0.99)], 0.98, ("top", 2)),
        ([("top", 2, 0.5, 0.99), ("bottom", 2, 0.6, 0.985), ("middle", 2, 0.9, 0.9)], 0.98, ("bottom", 2)),
        ([("top", 1, 0.7, 0.99), ("top", 2, 0.6, 0.97), ("top", 3, 0.7, 0.99)], 0.98, ("top", 1)),
        ([("top", 1, 0.5, 0.90), ("top", 2, 0.6, 0.97)], 0.98, None),
        ([("top", 1, 0.5, None)], 0.1, None),
        ([("top", 1, 0.5, 0.90)], 0.9, ("top", 1)),
    ],
)
def test_the_fewest_layers_whose_lower_bound_keeps_enough_are_recommended_and_of_these_the_best_score(forms, retain, expected):
    found = recommend([form(*one) for one in forms], retain=retain)
    assert (found and (found.strategy, found.depth)) == expected


def test_a_random_pick_is_recommended_only_where_nothing_else_was_swept():
    random, top = form("random", 1, 0.9, 0.99), form("top", 2, 0.8, 0.99)
    assert eligible([random, top]) == (top,)
    assert eligible([random]) == (random,)


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        ([("top", 1, 0.5, 0.90), ("top", 2, 0.6, 0.9711), ("top", 3, 0.7, 0.96)], (0.971, "top", 2)),
        ([("top", 2, 0.5, 0.9714), ("bottom", 3, 0.6, 0.9719)], (0.971, "top", 2)),
        ([("top", 1, 0.5, -0.1), ("top", 2, 0.5, None)], None),
        ([("top", 1, 0.5, 1.02)], (1.0, "top", 1)),
    ],
)
def test_what_comes_closest_is_what_would_be_recommended_at_the_highest_retain_that_passes(forms, expected):
    made = [form(*one) for one in forms]
    found = surest(made)
    assert (found and (found[0], found[1].strategy, found[1].depth)) == expected
    assert found is None or recommend(made, retain=found[0]) == found[1]


def swept_by_hand(forms: list[Form], *, retain: float) -> Sweep:
    """A sweep of four layers with these forms."""
    full = Estimate(0.5, np.linspace(0.4, 0.6, 101))
    alike = [[1 - abs(i - j) / 10 for j in range(4)] for i in range(4)]
    return Sweep("tiny", "", 4, retain, {"mr": 9}, full, tuple(forms), recommend(eligible(forms), retain=retain), alike, 4, 6, "cpu")


def test_where_no_depth_passes_the_verdict_says_which_keeps_most_how_sure_and_which_retain_it_would_pass():
    found = swept_by_hand([form("top", 2, 0.9, 0.85), form("top", 3, 0.96, 0.931), form("bottom", 3, 0.9, 0.7)], retain=0.98)
    assert found.recommended is None
    assert found.verdict == (
        "No depth is sure to keep 98% of the full model's score. Most is kept by 3 of 4 layers: top (0-2) keeps 96.0% of the full model's score, "
        "95 % interval 93.1% to 110.0%. It passes --retain 0.931."
    )
    assert "3 of 4 layers: top" in dataclasses.replace(found, retain=0.931, recommended=recommend(found.forms, retain=0.931)).verdict


@pytest.mark.parametrize(("low", "words"), [(-0.2, "nor any share of it that is above zero"), (None, "a share of it says nothing")])
def test_where_nothing_is_sure_the_verdict_says_so(low, words):
    assert words in swept_by_hand([form("top", 2, 0.9, low)], retain=0.98).verdict


@pytest.mark.parametrize(("retain", "words"), [(0.98, "would pass --retain 0.931"), (0.9, "recommended: 3 layers, top")])
def test_the_picture_marks_what_is_recommended_or_comes_closest_and_the_line_of_retain(retain, words):
    found = swept_by_hand([form("top", 2, 0.7, 0.6), form("top", 3, 0.96, 0.931), form("bottom", 3, 0.9, 0.7)], retain=retain)
    tree = ElementTree.fromstring(draw(found))
    ring, _ = [element for element in tree.iter() if element.tag.endswith("circle")]
    assert ring[0].text == found.verdict
    assert any(words in (element.text or "") for element in tree.iter() if element.tag.endswith("}text"))
    full, limit = [float(one.get("y1")) for one in tree.iter() if one.get("stroke-width") == "1.4"]
    markers = [one for one in tree.iter() if one.get("class") == "marker"]
    heights = {one[0].text.partition(":")[0]: float(one.get("points").split(",")[1].split()[0]) for one in markers}
    assert full < heights["top, 3 layers"] < heights["top, 2 layers"]
    assert full < limit < heights["top, 2 layers"]
    assert float(ring.get("cy")) == pytest.approx(heights["top, 3 layers"], abs=5)


def test_where_there_are_no_shares_the_picture_shows_scores():
    tree = ElementTree.fromstring(draw(swept_by_hand([form("top", 2, 0.3, None), form("top", 3, 0.4, None)], retain=0.98)))
    assert any("Spearman" in (element.text or "") for element in tree.iter())
    assert not [element for element in tree.iter() if element.tag.endswith("circle")]


def test_what_is_retained_is_the_ratio_in_each_resample():
    full = Estimate(0.5, np.linspace(0.2, 0.8, 1001))
    share, bounds = retained(Estimate(0.45, full.items * 0.9), full)
    assert share == pytest.approx(0.9)
    assert bounds == pytest.approx((0.9, 0.9))  # paired: the spread of the scores themselves cancels out


@pytest.mark.parametrize("replicates", [[-0.1, 0.4, 0.5], [0.0, 0.4, 0.5]])
def test_nothing_is_retained_of_a_score_that_may_be_zero(replicates):
    assert retained(Estimate(0.4, np.array([0.4, 0.4, 0.4])), Estimate(0.4, np.array(replicates))) is None


def test_quality_is_the_mean_of_spearmans_correlations_and_parallel_pairs_are_drawn_together():
    rng = np.random.default_rng(1)
    gold = {language: rng.integers(0, 6, 40).astype(float) for language in ("mr", "hi")}
    cosines = {language: values + rng.normal(size=40) for language, values in gold.items()}
    units = dict.fromkeys(gold, numbered("pairs", 40))
    found = quality(gold, cosines, units)
    assert found.value == pytest.approx(np.mean([spearmanr(gold[language], cosines[language])[0] for language in gold]))
    same = quality({"mr": gold["mr"], "hi": gold["mr"]}, {"mr": cosines["mr"], "hi": cosines["mr"]}, units)
    assert np.allclose(same.items, quality({"mr": gold["mr"]}, {"mr": cosines["mr"]}, units).items)


def test_linear_cka_is_one_for_rotated_and_scaled_and_small_for_unrelated_representations():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(500, 6)), rng.normal(size=(500, 6))
    rotation, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    assert linear_cka(one, one @ rotation * 3 + 7) == pytest.approx(1)
    assert linear_cka(one, other) < 0.1
    assert linear_cka(one, other) == pytest.approx(linear_cka(other, one))


@pytest.fixture(scope="module")
def swept(tiny_base) -> Sweep:
    return sweep(tiny_base, name="a <tiny> base", strategies=tuple(STRATEGIES), retain=0.5)


@pytest.fixture(scope="module")
def everything(tiny_base, tmp_path_factory) -> tuple[Sweep, list[str]]:
    """A sweep of all strategies, and those that were ranked."""
    ranked: list[str] = []
    place = Workspace(builtin_content(), tmp_path_factory.mktemp("state"))
    return sweep(tiny_base, name="tiny", strategies=EVERY, rank=ranker(tiny_base, place, "mini", say=ranked.append), retain=0.5), ranked


def test_a_sweep_has_every_depth_of_every_strategy_with_its_kept_layers(swept):
    assert swept.strategies == tuple(STRATEGIES)
    planned = [(strategy, tuple(kept_layers(strategy, total=4, keep=keep))) for strategy in STRATEGIES for keep in (1, 2, 3)]
    assert [(one.strategy, one.kept) for one in swept.forms] == planned


def test_a_sweep_has_the_kept_lists_that_a_ranked_strategy_gives_and_computes_them_once(everything, tiny_base):
    found, ranked = everything
    assert found.strategies == EVERY
    assert set(ranked) == set(RANKED)
    assert len(ranked) == len(RANKED)
    for strategy in RANKED:
        expected = rank_folder(tiny_base, strategy, calibration_texts(frozenset()))["kept"]
        assert [list(one.kept) for one in found.forms if one.strategy == strategy] == expected, strategy


def test_no_pair_that_a_sweep_is_judged_on_and_no_test_of_a_suite_calibrates_it(workspace_folder, tiny_base):
    first, second = calibration_texts(frozenset())[:2]
    pairs = workspace_folder / "tasks" / "pairs" / "test-mr.tsv"
    pairs.write_text(pairs.read_text(encoding="utf-8") + f"{first}\t{second}\t3\n", encoding="utf-8")
    load_library.cache_clear()
    place = find_workspace(workspace_folder)
    plan = make_plan(place, Options(probe="none"))
    kept = ranker(tiny_base, place, None)("contribution")
    assert kept == plan.resolver.rankings.kept(tiny_base, model_digest(tiny_base), "contribution", None)
    assert len(list((place.state / "rankings").rglob("*.json"))) == 1, "a plan and a sweep calibrate with the same texts"
    judged = {
        normalise(str(row[side]))
        for splits in load_rows(shipped_task(TASK), None, splits=(SPLIT,)).splits.values()
        for row in splits[SPLIT]
        for side in ("sentence1", "sentence2")
    }
    assert not judged & {normalise(text) for text in calibration_texts(frozenset())}


def test_what_is_swept_by_default_is_everything_but_greedy():
    assert set(EVERY) - set(DEFAULT) == {"greedy"}


def test_many_strategies_are_shown_in_two_tables_and_plots_and_the_ranked_ones_beside_the_control(everything):
    found, _ = everything
    assert found.groups == (tuple(one for one in EVERY if one in STRATEGIES), (*(one for one in EVERY if one in RANKED), "random"))
    for style in ("simple", "pipe"):
        table = quality_table(found, style=style)
        assert max(map(len, table.splitlines())) <= 140
        heads = [line for line in table.splitlines() if "layers" in line]
        assert [[one for one in EVERY if f" {one} " in f"{line} "] for line in heads] == [[one for one in EVERY if one in group] for group in found.groups]
    tree = ElementTree.fromstring(draw(found))
    lines = [element for element in tree.iter() if element.tag.endswith("polyline")]
    assert len(lines) == len(EVERY) + 1, "random is in both"
    assert len({one.get("stroke") for one in lines}) == len(EVERY), "a colour a strategy, in both panels"
    titles = [element.text for element in tree.iter() if element.get("font-size") == "15"]
    assert len(titles) == len(set(titles)) == 3
    across, down = (float(tree.get(side)) for side in ("width", "height"))
    words = [element for element in tree.iter() if element.tag.endswith("}text")]
    assert all(0 < float(element.get("x")) < across and 0 < float(element.get("y")) < down for element in words)


def test_every_strategy_has_a_look_of_its_own_whatever_else_is_swept(everything):
    assert len({(shape, hollow) for _, shape, hollow in LOOKS.values()}) == len({colour for colour, _, _ in LOOKS.values()}) == len(EVERY)
    found, _ = everything
    alone = dataclasses.replace(found, forms=tuple(one for one in found.forms if one.strategy == "angular"))
    (line,) = [element for element in ElementTree.fromstring(draw(alone)).iter() if element.tag.endswith("polyline")]
    assert line.get("stroke") == LOOKS["angular"][0]


def test_few_strategies_are_shown_side_by_side_ranked_or_not(everything):
    found, _ = everything
    few = dataclasses.replace(found, forms=tuple(one for one in found.forms if one.strategy in {"top", "greedy", "angular"}))
    assert few.groups == (("top", "angular", "greedy"),)


def test_a_sweep_computes_every_node_of_the_trie_once(swept):
    lists = {one.kept for one in swept.forms} | {tuple(range(depth)) for depth in (1, 2, 3, 4)}
    assert swept.layer_passes == len({kept[:depth] for kept in lists for depth in range(1, len(kept) + 1)})
    assert swept.layer_passes_apart == sum(map(len, lists))


def test_the_full_model_is_like_itself_and_its_layers_are_like_themselves(swept):
    similarity = np.array(swept.layer_similarity)
    assert similarity.shape == (4, 4)
    assert np.allclose(np.diag(similarity), 1)
    assert np.allclose(similarity, similarity.T)
    assert all(-1 <= one.similarity < 1 for one in swept.forms)


def test_equal_kept_lists_get_equal_numbers_whatever_the_strategy(swept):
    numbers: dict[tuple[int, ...], set[tuple[float, float]]] = {}
    for one in swept.forms:
        numbers.setdefault(one.kept, set()).add((one.score, one.similarity))
    assert {len(found) for found in numbers.values()} == {1}


def test_the_picture_is_well_formed_and_shows_a_curve_a_strategy_and_a_cell_a_pair_of_layers(swept):
    tree = ElementTree.fromstring(draw(swept))
    tags = [element.tag.rpartition("}")[2] for element in tree.iter()]
    assert tags.count("polyline") == len(STRATEGIES)
    assert tags.count("rect") == 1 + 4 * 4
    texts = {element.text for element in tree.iter() if element.tag.endswith("}text")}
    assert {"a <tiny> base: what each depth keeps", "full model", "--retain 0.5", *STRATEGIES} <= texts


@pytest.mark.slow
def test_the_command_prints_json_and_writes_the_three_files(workspace_folder):
    found = bench("sweep", "tiny", "--retain", "0.5", "--strategy", "top", "--strategy", "bottom", "--device", "cpu", "--json", cwd=workspace_folder)
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    assert [(one["strategy"], one["kept"]) for one in document["forms"][:4]] == [("top", [0]), ("top", [0, 1]), ("top", [0, 1, 2]), ("bottom", [3])]
    assert document["data"] == {"task": "KasautiSTS", "split": "dev", "pairs": {"mr": 200, "hi": 200}}
    folder = workspace_folder / ".bench" / "sweeps" / "tiny"
    assert document["files"] == [str(folder / name) for name in ("sweep.json", "sweep.md", "sweep.svg")]
    stored = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    assert stored == {key: value for key, value in document.items() if key != "files"}
    page = (folder / "sweep.md").read_text(encoding="utf-8")
    assert document["verdict"] in page
    assert "100%  encoding" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny", "--strategy", "tpo"], "no strategy 'tpo'; did you mean 'top'?"),
        (["tiny", "--retain", "0"], "--retain must be above 0 and at most 1 (got 0)"),
        (["tiny", "--retain", "98"], "--retain must be above 0 and at most 1 (got 98)"),
        (["tiny", "--retain", "nan"], "--retain must be above 0 and at most 1 (got nan)"),
        (["letters"], "letters is a lexical candidate; it has no layers"),
        (["owner/model", "--offline"], "no base, candidate or folder 'owner/model'; a Hub id needs a revision: owner/model@REVISION"),
    ],
)
def test_a_wrong_sweep_exits_2_with_one_line(workspace_folder, arguments, message):
    found = bench("sweep", *arguments, cwd=workspace_folder)
    assert (found.returncode, found.stderr.strip()) == (2, f"bench: {message}")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("mini", "mini"),
        ("models/mini/base-12", "models--mini--base-12"),
        ("/a/b", "a--b"),
        ("../b", "b"),
        ("owner/model@0a1b", "owner--model@0a1b"),
        ("..", "model"),
    ],
)
def test_what_is_swept_names_its_folder(given, name):
    assert file_name(given) == name
