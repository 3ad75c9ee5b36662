"""Kept layers: from a strategy's name to the list of layers that stay."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import ModelError
from bench.make.layers import STRATEGIES, describe_kept, kept_layers, resolve_layers
from bench.specs import Candidate

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
    assert resolve_layers(Candidate(name="m", base="b", **fields), 4) == kept


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"layers": (0, 4)}, ["between 0 and 3", "4 layers", "got 4"]),
        ({"strategy": "top", "keep": 4}, ["between 1 and 3", "4 layers", "got 4"]),
    ],
    ids=["layers", "keep"],
)
def test_layers_that_the_base_does_not_have_are_refused_with_the_name_of_the_candidate(fields, parts):
    with pytest.raises(ModelError) as caught:
        resolve_layers(Candidate(name="m-small", kind="pruned", base="b", **fields), 4)
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
