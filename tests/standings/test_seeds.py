"""Rows of several seeds: what they share, what they average, and what they cannot say."""

from __future__ import annotations

import numpy as np
import pytest

from bench.cards.specs import Candidate
from bench.standings.board import Drop, RecoveryPoint, Row
from bench.standings.seeds import fold, groups
from bench.statistics.estimate import Estimate


def candidate(name: str, seed: int, **fields: object) -> Candidate:
    return Candidate(**{"name": name, "kind": "pruned", "base": "m", "strategy": "random", "keep": 2, "seed": seed, **fields})


def row(name: str, kept: str, mean: float | None, **fields: object) -> Row:
    return Row(name, "pruned", "m-seed0", kept, {"embeddings": 1, "body": 1}, {"A": mean} if mean else {}, {}, None, None, mean=mean, **fields)


def test_candidates_that_differ_in_more_than_the_seed_stay_apart():
    found = groups([candidate("a-seed0", 0), candidate("a-seed1", 1), candidate("b-seed0", 0, keep=3), candidate("b-seed1", 1, precision="int8", keep=3)])
    assert found == {"a": ["a-seed0", "a-seed1"], "b-seed0": ["b-seed0"], "b-seed1": ["b-seed1"]}


def test_two_candidates_of_one_seed_are_not_two_seeds():
    assert groups([candidate("a", 0), candidate("b", 0)]) == {"a": ["a"], "b": ["b"]}


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_a_group_of_seeds_whose_name_another_candidate_has_drops_no_row(order):
    everyone = [candidate("m", 0, keep=3), candidate("m-seed1", 1), candidate("m-seed2", 2)]
    found = groups([everyone[place] for place in order])
    assert len(found) == 2
    assert sorted(name for names in found.values() for name in names) == ["m", "m-seed1", "m-seed2"]
    assert found["m"] == ["m"]


def test_two_groups_of_seeds_of_one_name_stay_two_rows():
    found = groups(
        [candidate(name, seed, keep=keep) for keep, names in ((2, ("m-seed0", "m-seed1")), (3, ("m-seed2", "m-seed3"))) for seed, name in enumerate(names)]
    )
    assert sorted(map(sorted, found.values())) == [["m-seed0", "m-seed1"], ["m-seed2", "m-seed3"]]


def test_a_row_names_every_kept_list_that_its_seeds_drew():
    (folded,) = fold({"a-seed0": row("a-seed0", "0-1", 0.4), "a-seed1": row("a-seed1", "0,2", 0.6)}, [candidate("a-seed0", 0), candidate("a-seed1", 1)])
    assert (folded.name, folded.kept, folded.seeds) == ("a", "0-1 / 0,2", 2)
    assert folded.mean == pytest.approx(0.5)
    assert folded.spread == pytest.approx(np.std([0.4, 0.6], ddof=1))


def test_a_parent_that_is_folded_too_is_named_as_its_row():
    rows = {name: row(name, "0", 0.5) for name in ("m-seed0", "m-seed1", "small")}
    found = fold(rows, [candidate("m-seed0", 0), candidate("m-seed1", 1), candidate("small", 0, keep=1)])
    assert {one.name: one.parent for one in found} == {"m": "m", "small": "m"}


def test_a_drop_is_averaged_and_one_without_replicates_leaves_no_interval():
    drops = [Drop(0.1, Estimate(0.1, np.array([0.1, 0.2]))), Drop(0.3, None)]
    rows = {f"a-seed{seed}": row(f"a-seed{seed}", "0", 0.5, drops={"D": drop}) for seed, drop in enumerate(drops)}
    (folded,) = fold(rows, [candidate("a-seed0", 0), candidate("a-seed1", 1)])
    assert folded.drops["D"].value == pytest.approx(0.2)
    assert folded.drops["D"].interval is None


@pytest.mark.parametrize(("steps", "expected"), [((10, 10), [0.3]), ((10, 12), [])], ids=["same steps", "other steps"])
def test_a_recovery_curve_is_averaged_where_the_seeds_were_scored_after_the_same_steps(steps, expected):
    curves = [(RecoveryPoint("sts", step, score),) for step, score in zip(steps, (0.2, 0.4), strict=True)]
    rows = {f"a-seed{seed}": row(f"a-seed{seed}", "0", 0.5, recovery=curve) for seed, curve in enumerate(curves)}
    (folded,) = fold(rows, [candidate("a-seed0", 0), candidate("a-seed1", 1)])
    assert [point.score for point in folded.recovery] == pytest.approx(expected)
