"""What names on the command line choose: candidates, rows of several seeds, patterns, and never one of several meanings without a word."""

from __future__ import annotations

import pytest

from bench.cards.load import load_library
from bench.cards.workspace import Workspace, builtin_content
from bench.errors import SelectionError
from bench.plan.options import Options
from bench.plan.selection import select
from tests.builders import SUITE_CARD, write_workspace

MANY = SUITE_CARD.replace('name = "chars"', 'name = "chars-2"') + '[[candidates]]\nname = "chars-3"\nkind = "lexical"\nngram = [2, 3]\n'
WORDS = SUITE_CARD.replace('name = "tiny"', 'name = "other"').replace('name = "chars"', 'name = "words-1"')


def matched(tmp_path, *names, suite=None, tasks=()):
    load_library.cache_clear()
    library = load_library(write_workspace(tmp_path, suites={"tiny.toml": MANY, "other.toml": WORDS}))
    found = select(library, Options(suite=suite, names=names, tasks=tasks))
    return found.suite.name, [candidate.name for candidate in found.chosen], found.tasks


@pytest.mark.parametrize(
    ("names", "suite", "expected"),
    [(["chars-*"], "tiny", ["chars-2", "chars-3"]), (["chars-[3-9]"], "tiny", ["chars-3"]), (["chars-?", "chars-2"], "tiny", ["chars-2", "chars-3"])],
)
def test_a_pattern_stands_for_all_that_match_it_each_once_in_the_order_of_the_card(tmp_path, names, suite, expected):
    assert matched(tmp_path, *names, suite=suite)[:2] == (suite, expected)


def test_a_pattern_finds_the_suite_that_has_what_it_matches(tmp_path):
    assert matched(tmp_path, "word*")[:2] == ("other", ["words-1"])
    assert matched(tmp_path, "char*")[:2] == ("tiny", ["chars-2", "chars-3"])


def test_a_pattern_that_matches_nothing_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(SelectionError, match=r"^no candidate 'chart-\*' in any suite; did you mean 'chars-3'\?$"):
        matched(tmp_path, "chart-*")
    with pytest.raises(SelectionError, match=r"^no candidate of suite 'tiny' matches 'word\*'"):
        matched(tmp_path, "word*", suite="tiny")
    with pytest.raises(SelectionError, match="no task of suite 'tiny' matches"):
        matched(tmp_path, suite="tiny", tasks=("Huge*",))


def test_a_name_that_only_another_suite_has_is_no_slip_and_that_suite_is_named(tmp_path):
    with pytest.raises(SelectionError, match=r"^no candidate 'words-1' in suite 'tiny', but in 'other'; give --suite other$"):
        matched(tmp_path, "words-1", suite="tiny")
    with pytest.raises(SelectionError, match="no candidate of suite 'tiny' 'words-2'"):
        matched(tmp_path, "words-2", suite="tiny")


def test_tasks_may_be_patterns_too(tmp_path):
    assert matched(tmp_path, suite="tiny", tasks=("Tiny*",))[2] == ("TinySTS",)


SEEDS = '[[grids]]\nkind = "full"\nbases = ["mini"]\nrecipes = ["short"]\nseeds = [0, 1, 2]\n'
OTHER = SUITE_CARD.replace('"tiny"', '"other"')


def chosen(folder, suites, *names, suite=None):
    selection = select(load_library(write_workspace(folder, suites=suites)), Options(suite=suite, names=names))
    return selection.suite.name, [candidate.name for candidate in selection.chosen]


@pytest.mark.parametrize("suite", [None, "tiny"])
def test_the_name_of_a_row_stands_for_all_its_seeds(tmp_path, suite):
    assert chosen(tmp_path, {"tiny.toml": SUITE_CARD + SEEDS}, "mini", suite=suite) == ("tiny", ["mini-seed0", "mini-seed1", "mini-seed2"])


def test_a_seed_by_its_own_name_is_that_seed_and_a_row_with_one_of_its_seeds_is_each_once(tmp_path):
    cards = {"tiny.toml": SUITE_CARD + SEEDS}
    assert chosen(tmp_path, cards, "mini-seed1")[1] == ["mini-seed1"]
    assert chosen(tmp_path, cards, "mini-seed1", "mini", "chars")[1] == ["chars", "mini-seed0", "mini-seed1", "mini-seed2"]


def test_a_name_near_that_of_a_row_is_told_so(tmp_path):
    with pytest.raises(SelectionError, match="no candidate 'minni' in any suite; did you mean 'mini'"):
        chosen(tmp_path, {"tiny.toml": SUITE_CARD + SEEDS}, "minni")


@pytest.mark.parametrize(
    "other",
    [
        OTHER.replace('"lexical"', '"lexical"\nngram = [2, 2]'),
        OTHER.replace('"lexical"', '"full"\nbase = "mini"'),
    ],
)
def test_a_name_that_is_another_model_in_another_suite_asks_for_the_suite(tmp_path, other):
    with pytest.raises(SelectionError, match="'chars' is another model in each of the suites other and tiny; say which one with --suite, like --suite other"):
        chosen(tmp_path, {"tiny.toml": SUITE_CARD, "other.toml": other}, "chars")
    assert chosen(tmp_path, {"tiny.toml": SUITE_CARD, "other.toml": other}, "chars", suite="tiny") == ("tiny", ["chars"])


@pytest.mark.parametrize("change", ['path = "mini2"', 'path = "mini"\nsha256 = "' + "0" * 64 + '"'])
def test_a_candidate_of_another_base_or_recipe_of_the_same_name_is_another_model(tmp_path, change):
    full = '[[candidates]]\nname = "m"\nkind = "full"\nbase = "mini"\nrecipe = "short"\n'
    for other in (OTHER.replace('path = "mini"', change), OTHER.replace("[recipes.short]\n", '[recipes.short]\npooling = "cls"\n')):
        load_library.cache_clear()
        with pytest.raises(SelectionError, match="'m' is another model"):
            chosen(tmp_path, {"tiny.toml": SUITE_CARD + full, "other.toml": other + full}, "m")


def test_a_name_that_is_the_same_model_in_several_suites_needs_no_suite_whatever_it_is_compared_with(tmp_path):
    full = '[[candidates]]\nname = "m"\nkind = "full"\nbase = "mini"\n'
    cards = {"tiny.toml": SUITE_CARD + full, "other.toml": OTHER + full + 'parent = "chars"\n'}
    assert chosen(tmp_path, cards, "m") == ("other", ["m"])


def test_of_two_suites_that_share_a_name_the_one_with_all_the_names_is_meant(tmp_path):
    cards = {"tiny.toml": SUITE_CARD + SEEDS, "other.toml": OTHER.replace('"lexical"', '"lexical"\nngram = [2, 2]')}
    assert chosen(tmp_path, cards, "chars", "mini-seed0") == ("tiny", ["chars", "mini-seed0"])


def test_a_candidate_is_meant_before_a_row_of_another_suite_that_is_called_alike(tmp_path):
    full = '[[candidates]]\nname = "mini"\nkind = "full"\nbase = "mini"\nrecipe = "short"\n'
    assert chosen(tmp_path, {"tiny.toml": SUITE_CARD + full, "other.toml": OTHER + SEEDS}, "mini") == ("tiny", ["mini"])


def test_shipped_names_that_several_suites_share_mean_the_same_or_ask_for_the_suite():
    library = load_library(Workspace(builtin_content(), builtin_content()))
    for suite, candidates in library.candidates.items():
        for candidate in candidates:
            assert select(library, Options(suite=suite, names=(candidate.name,))).suite.name == suite
