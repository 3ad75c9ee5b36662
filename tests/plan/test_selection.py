"""Names of candidates and tasks may be patterns."""

import pytest

from bench.cards.load import load_library
from bench.errors import SelectionError
from bench.plan.options import Options
from bench.plan.selection import select
from tests.builders import SUITE_CARD, write_workspace

MANY = SUITE_CARD.replace('name = "chars"', 'name = "chars-2"') + '[[candidates]]\nname = "chars-3"\nkind = "lexical"\nngram = [2, 3]\n'
OTHER = SUITE_CARD.replace('name = "tiny"', 'name = "other"').replace('name = "chars"', 'name = "words-1"')


def chosen(tmp_path, *names, suite=None, tasks=()):
    load_library.cache_clear()
    library = load_library(write_workspace(tmp_path, suites={"tiny.toml": MANY, "other.toml": OTHER}))
    found = select(library, Options(suite=suite, names=names, tasks=tasks))
    return found.suite.name, [candidate.name for candidate in found.chosen], found.tasks


@pytest.mark.parametrize(
    ("names", "suite", "expected"),
    [(["chars-*"], "tiny", ["chars-2", "chars-3"]), (["chars-[3-9]"], "tiny", ["chars-3"]), (["chars-?", "chars-2"], "tiny", ["chars-2", "chars-3"])],
)
def test_a_pattern_stands_for_all_that_match_it_each_once_in_the_order_of_the_card(tmp_path, names, suite, expected):
    assert chosen(tmp_path, *names, suite=suite)[:2] == (suite, expected)


def test_a_pattern_finds_the_suite_that_has_what_it_matches(tmp_path):
    assert chosen(tmp_path, "word*")[:2] == ("other", ["words-1"])
    assert chosen(tmp_path, "char*")[:2] == ("tiny", ["chars-2", "chars-3"])


def test_a_pattern_that_matches_nothing_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(SelectionError, match=r"^no candidate 'chart-\*' in any suite; did you mean 'chars-3'\?$"):
        chosen(tmp_path, "chart-*")
    with pytest.raises(SelectionError, match=r"^no candidate of suite 'tiny' matches 'word\*'"):
        chosen(tmp_path, "word*", suite="tiny")
    with pytest.raises(SelectionError, match="no task of suite 'tiny' matches"):
        chosen(tmp_path, suite="tiny", tasks=("Huge*",))


def test_tasks_may_be_patterns_too(tmp_path):
    assert chosen(tmp_path, suite="tiny", tasks=("Tiny*",))[2] == ("TinySTS",)
