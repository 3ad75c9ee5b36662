"""Which part of a suite a machine of several does."""

from __future__ import annotations

import pytest

from bench.cards.load import load_library
from bench.plan.options import Options
from bench.plan.selection import select
from tests.builders import SUITE_CARD, write_workspace
from tests.cli.command import bench

SEVERAL = "".join(f'[[candidates]]\nname = "chars-{low}-{high}"\nkind = "lexical"\nngram = [{low}, {high}]\n' for low in range(1, 5) for high in range(low, 5))
TAUGHT = """
[recipes.taught]
[[recipes.taught.phases]]
kind = "distill"
data = ["TinySTS"]

[recipes.deep]
[[recipes.deep.phases]]
kind = "sts"
data = ["TinySTS"]

[[candidates]]
name = "teacher"
kind = "full"
base = "mini"
recipe = "short"

[[candidates]]
name = "student"
kind = "distilled"
base = "mini"
recipe = "taught"
teacher = "teacher"
strategy = "top"
keep = 2

[[candidates]]
name = "teacher-int8"
kind = "full"
base = "mini"
recipe = "short"
precision = "int8"
"""
NESTED = "".join(f'[[candidates]]\nname = "nested{keep}"\nkind = "nested"\nbase = "mini"\nrecipe = "deep"\nkeep = {keep}\n' for keep in (1, 2, 3))


def parts(folder, card: str, count: int) -> list[set[str]]:
    load_library.cache_clear()
    library = load_library(write_workspace(folder, suites={"tiny.toml": card}))
    return [{one.name for one in select(library, Options(suite="tiny", shard=(index, count))).chosen} for index in range(1, count + 1)]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_candidate_is_in_exactly_one_part(tmp_path, count):
    found = parts(tmp_path, SUITE_CARD + SEVERAL, count)
    assert sum(map(len, found)) == len(set().union(*found)) == 11
    assert count == 1 or sum(map(bool, found)) > 1


def test_a_new_candidate_moves_no_other_wherever_it_stands_on_the_card(tmp_path):
    before = parts(tmp_path, SUITE_CARD + SEVERAL, 3)
    new = '[[candidates]]\nname = "aaa"\nkind = "lexical"\nngram = [5, 6]\n'
    after = parts(tmp_path, SUITE_CARD.replace("[[candidates]]", f"{new}\n[[candidates]]", 1) + SEVERAL, 3)
    assert [part - {"aaa"} for part in after] == before


@pytest.mark.parametrize("count", [2, 3, 5, 11])
def test_what_would_be_made_twice_stays_together(tmp_path, count):
    found = parts(tmp_path, SUITE_CARD + SEVERAL + TAUGHT + NESTED, count)
    for group in ({"teacher", "student", "teacher-int8"}, {"nested1", "nested2", "nested3"}):
        assert sum(bool(group & part) for part in found) == 1


def test_a_run_of_a_part_without_candidates_says_so_and_is_done(tmp_path):
    count = 11
    empty = 1 + next(place for place, part in enumerate(parts(tmp_path, SUITE_CARD, count)) if not part)
    found = bench("run", "--all", "--suite", "tiny", "--shard", f"{empty}/{count}", "--device", "cpu", "--workspace", str(tmp_path), cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert f"part {empty} of {count} has no candidate of suite tiny; there is nothing to do" in found.stdout + found.stderr
    assert not (tmp_path / "leaderboard").exists()
