"""Kept layers: from a strategy's name to the list of layers that stay."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.cards.candidate import Strategy
from bench.cards.kinds import Pruned
from bench.errors import LayerError, ModelError
from bench.make.strategies.pure import RANKED, STRATEGIES, describe_kept, kept_layers, resolve_layers
from tests.builders import make_candidate

quickly = settings(max_examples=60, deadline=None, database=None)
SIZES = st.integers(2, 48).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, total - 1)))


@pytest.mark.parametrize(
    ("strategy", "total", "keep", "kept"),
    [
        ("top", 12, 6, [0, 1, 2, 3, 4, 5]),
        ("top", 12, 2, [0, 1]),
        ("top", 12, 11, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("bottom", 12, 6, [6, 7, 8, 9, 10, 11]),
        ("bottom", 12, 1, [11]),
        ("middle", 12, 6, [0, 1, 2, 9, 10, 11]),
        ("middle", 12, 5, [0, 1, 2, 10, 11]),
        ("middle", 12, 2, [0, 11]),
        ("middle", 12, 1, [0]),
        ("middle", 3, 2, [0, 2]),
        ("top", 2, 1, [0]),
        ("bottom", 2, 1, [1]),
    ],
)
def test_a_strategy_is_named_for_the_end_that_it_removes(strategy, total, keep, kept):
    assert kept_layers(strategy, total=total, keep=keep) == kept


FIGURE_1 = {
    "top": {2: [11, 12], 4: [9, 10, 11, 12], 6: [7, 8, 9, 10, 11, 12]},
    "even-alternate": {2: [12, 10], 4: [12, 10, 8, 6], 6: [12, 10, 8, 6, 4, 2]},
    "odd-alternate": {2: [11, 9], 4: [11, 9, 7, 5], 6: [11, 9, 7, 5, 3, 1]},
    "symmetric": {2: [6, 7], 4: [5, 6, 7, 8], 6: [4, 5, 6, 7, 8, 9]},
    "bottom": {2: [1, 2], 4: [1, 2, 3, 4], 6: [1, 2, 3, 4, 5, 6]},
}
"""arXiv 2004.03844, Figure 1: the layers that go, numbered from 1, when K of 12 are dropped."""

IRREGULAR = {
    "top": {3: [10, 11, 12], 5: [8, 9, 10, 11, 12], 7: [6, 7, 8, 9, 10, 11, 12]},
    "even-alternate": {3: [12, 10, 8], 5: [12, 10, 8, 6, 4], 7: [12, 10, 8, 6, 4, 2, 11]},
    "odd-alternate": {3: [11, 9, 7], 5: [11, 9, 7, 5, 3], 7: [11, 9, 7, 5, 3, 1, 12]},
    "symmetric": {3: [5, 6, 7], 5: [4, 5, 6, 7, 8], 7: [3, 4, 5, 6, 7, 8, 9]},
    "middle": {3: [6, 7, 8], 5: [5, 6, 7, 8, 9], 7: [4, 5, 6, 7, 8, 9, 10]},
    "bottom": {3: [1, 2, 3], 5: [1, 2, 3, 4, 5], 7: [1, 2, 3, 4, 5, 6, 7]},
}
"""Odd K, which need a choice of ours where an odd number does not halve and where alternating layers run out; see the module's docstring."""


SEEDED = [[1, 2, 3, 5, 6, 9], [1, 3, 7, 9, 10, 11], [2, 5, 7, 8, 9, 11]]


def dropped_of_twelve(strategy: str, dropped: int) -> list[int]:
    """The layers that go, as the paper counts."""
    return sorted(set(range(1, 13)) - {layer + 1 for layer in kept_layers(strategy, total=12, keep=12 - dropped)})


@pytest.mark.parametrize(("strategy", "k", "gone"), [(name, k, gone) for name, row in FIGURE_1.items() for k, gone in row.items()])
def test_what_goes_of_twelve_layers_is_what_the_paper_draws(strategy, k, gone):
    assert dropped_of_twelve(strategy, k) == sorted(gone)


@pytest.mark.parametrize(("strategy", "k", "gone"), [(name, k, gone) for name, row in IRREGULAR.items() for k, gone in row.items()])
def test_an_odd_number_goes_as_the_module_says(strategy, k, gone):
    assert dropped_of_twelve(strategy, k) == sorted(gone)


@given(SIZES)
@quickly
def test_middle_and_symmetric_are_one_for_an_even_number_to_keep_and_mirror_images_for_an_odd_one(size):
    total, keep = size
    middle, symmetric = (kept_layers(name, total=total, keep=keep) for name in ("middle", "symmetric"))
    assert symmetric == sorted(total - 1 - layer for layer in middle)
    assert (middle == symmetric) == (keep % 2 == 0)


def test_a_random_choice_follows_the_seed_and_is_the_same_everywhere():
    assert [kept_layers("random", total=12, keep=6, seed=seed) for seed in (0, 1, 2)] == SEEDED
    assert [resolve_layers(Pruned(name="m", base="b", strategy="random", keep=6, seed=seed), 12) for seed in (0, 1, 2)] == SEEDED


def test_a_random_choice_takes_every_layer_about_as_often_as_any_other():
    counts = [0] * 12
    for seed in range(2000):
        for layer in kept_layers("random", total=12, keep=6, seed=seed):
            counts[layer] += 1
    assert max(abs(count - 1000) for count in counts) < 5 * (2000 * 0.25) ** 0.5


def test_every_name_on_a_card_is_either_a_pure_strategy_or_a_ranked_one():
    assert sorted([*STRATEGIES, *RANKED]) == sorted(get_args(Strategy))


def test_an_unknown_strategy_is_refused_with_the_nearest_name():
    with pytest.raises(LayerError, match="no strategy 'even_alternate'; did you mean 'even-alternate'"):
        kept_layers("even_alternate", total=12, keep=6)


def test_a_ranked_strategy_takes_the_list_of_the_depth_asked():
    asked = []

    def rank(strategy):
        asked.append(strategy)
        return [[3], [1, 3], [0, 1, 3]]

    assert resolve_layers(Pruned(name="m", base="b", strategy="greedy", keep=2), 4, rank=rank) == [1, 3]
    assert resolve_layers(Pruned(name="m", base="b", strategy="top", keep=2), 4, rank=rank) == [0, 1]
    threshold = Pruned(name="m", base="b", strategy="contribution", threshold=0.5)
    assert resolve_layers(threshold, 4, rank=rank, over={0.5: (1, 3)}.__getitem__) == [1, 3]
    assert asked == ["greedy"]


@given(st.sampled_from(sorted(STRATEGIES)), SIZES)
@quickly
def test_every_strategy_keeps_as_many_layers_as_asked_in_rising_order_without_repeats(strategy, size):
    total, keep = size
    kept = kept_layers(strategy, total=total, keep=keep)
    assert len(kept) == keep
    assert kept == sorted(set(kept))
    assert 0 <= kept[0] <= kept[-1] < total


@given(SIZES)
@quickly
def test_removing_the_middle_keeps_both_ends_and_gives_the_odd_layer_to_the_lower_one(size):
    total, keep = size
    kept = kept_layers("middle", total=total, keep=keep)
    removed = sorted(set(range(total)) - set(kept))
    assert removed == list(range(removed[0], removed[-1] + 1))
    below, above = removed[0], total - 1 - removed[-1]
    assert below - above in (0, 1)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
@pytest.mark.parametrize("keep", [0, -1, 12, 13])
def test_a_depth_that_prunes_nothing_or_everything_is_refused_with_the_depths_that_do(strategy, keep):
    with pytest.raises(ModelError, match=rf"between 1 and 11 .*12 layers.*got {keep}\)"):
        kept_layers(strategy, total=12, keep=keep)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"kind": "full"}, [0, 1, 2, 3]),
        ({"kind": "pruned", "strategy": "top", "keep": 2}, [0, 1]),
        ({"kind": "pruned", "strategy": "middle", "keep": 3}, [0, 1, 3]),
        ({"kind": "pruned", "layers": (0, 3)}, [0, 3]),
        ({"kind": "pruned", "layers": (0, 1, 2, 3)}, [0, 1, 2, 3]),
        ({"kind": "scratch", "keep": 2}, [0, 1]),
        ({"kind": "scratch", "weights": "pretrained"}, [0, 1, 2, 3]),
        ({"kind": "scratch", "keep": 4}, [0, 1, 2, 3]),
    ],
)
def test_a_candidate_keeps_the_layers_of_its_kind(fields, kept):
    assert resolve_layers(make_candidate(base="b", **fields), 4) == kept


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"layers": (0, 4)}, ["between 0 and 3", "4 layers", "got 4"]),
        ({"strategy": "top", "keep": 4}, ["between 1 and 3", "4 layers", "got 4"]),
        ({"strategy": "greedy", "keep": 4}, ["between 1 and 3", "4 layers", "got 4"]),
    ],
    ids=["layers", "keep", "ranked"],
)
def test_layers_that_the_base_does_not_have_are_refused_with_the_name_of_the_candidate(fields, parts):
    with pytest.raises(ModelError) as caught:
        resolve_layers(Pruned(name="m-small", base="b", **fields), 4)
    message = str(caught.value)
    assert message.startswith("m-small: ")
    assert [part for part in parts if part not in message] == []


@pytest.mark.parametrize(
    ("kept", "text"),
    [([], ""), ([0], "0"), ([0, 1], "0-1"), ([0, 2], "0,2"), ([0, 1, 2, 9, 10, 11], "0-2,9-11"), ([0, 3, 4, 7], "0,3-4,7"), (range(12), "0-11")],
)
def test_a_list_of_kept_layers_is_shown_with_its_runs_joined(kept, text):
    assert describe_kept(kept) == text


@given(st.sets(st.integers(0, 40), min_size=1).map(sorted))
@quickly
def test_what_is_shown_of_a_list_of_kept_layers_says_all_of_it(kept):
    said = []
    for run in describe_kept(kept).split(","):
        first, _, last = run.partition("-")
        said.extend(range(int(first), int(last or first) + 1))
    assert said == kept
