"""Methods against their controls: who is compared with whom, and that the interval holds both the test sample and the seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.cards.candidate import Candidate
from bench.standings.board import Board, Column, Row
from bench.standings.methods import comparisons
from bench.standings.seeds import fold
from bench.statistics.estimate import Estimate
from tests.builders import make_candidate, markdown_of

SIZE = {"embeddings": 10, "body": 60}
STEADY = np.linspace(-0.01, 0.01, 1000)


def candidates(name: str, *, kind: str, seeds: int = 3, **fields: object) -> list[Candidate]:
    return [make_candidate(kind, **{"name": f"{name}-seed{seed}", "base": "m", "seed": seed, "recipe": "r", "parent": "m", **fields}) for seed in range(seeds)]


def pruned(strategy: str, **fields: object) -> list[Candidate]:
    return candidates(f"m-{strategy}", kind="pruned", strategy=strategy, keep=6, **fields)


SCRATCH = candidates("m-scratch", kind="scratch", keep=6)


def compare(scores: dict[str, tuple[float, ...]], groups: list[list[Candidate]], *, noise: float = 1.0, size: dict[str, dict[str, int]] | None = None):
    """Comparisons of candidates whose mean and single task's score are given by seed; all share the same test sample's noise."""
    everyone = [candidate for group in groups for candidate in group]
    rows = {}
    for candidate in everyone:
        name, _, seed = candidate.name.partition("-seed")
        score = scores[name][int(seed)]
        drawn = score + noise * STEADY * (1 if name != "m-top" else 2)
        estimate = Estimate(score, drawn)
        fields = {"mean": score, "estimate": estimate, "estimates": {"A": estimate}}
        rows[candidate.name] = Row(candidate.name, candidate.kind, "m", "", (size or {}).get(name, SIZE), {"A": score}, {}, None, None, **fields)
    return comparisons(fold(rows, everyone), everyone)


THREE = {"m-top": (0.70, 0.72, 0.74), "m-random": (0.60, 0.64, 0.65), "m-scratch": (0.50, 0.51, 0.52)}


def test_every_method_meets_random_and_scratch_and_random_meets_scratch():
    found = compare(THREE, [pruned("top"), pruned("random"), SCRATCH])
    assert [(one.method, one.control) for one in found] == [("m-top", "m-random"), ("m-top", "m-scratch"), ("m-random", "m-scratch")]
    assert found[0].differences["mean"].value == pytest.approx(0.09)
    assert {one.seeds for one in found} == {(3, 3)}


def test_a_model_that_was_pretrained_small_is_a_method_and_no_control():
    small = candidates("m-pretrained", kind="scratch", weights="pretrained")
    found = compare({**THREE, "m-pretrained": (0.7, 0.7, 0.7)}, [small, SCRATCH])
    assert [(one.method, one.control) for one in found] == [("m-pretrained", "m-scratch")]


@pytest.mark.parametrize(
    ("groups", "size"),
    [
        ([pruned("top", seeds=2), SCRATCH], None),
        ([pruned("top"), SCRATCH[:2]], None),
        ([pruned("top"), SCRATCH], {"m-top": {"embeddings": 10, "body": 20}}),
    ],
    ids=["two seeds of the method", "two seeds of the control", "another size"],
)
def test_too_few_seeds_or_another_size_is_no_comparison(groups, size):
    assert compare(THREE, groups, size=size) == ()


def test_the_interval_over_seeds_is_that_of_welch():
    (found,) = compare(THREE, [pruned("random"), SCRATCH], noise=0.0)
    expected = stats.ttest_ind(THREE["m-random"], THREE["m-scratch"], equal_var=False).confidence_interval()
    assert found.differences["A"].half_width == pytest.approx((expected.high - expected.low) / 2)


def test_the_interval_over_test_examples_is_the_paired_one_where_no_seed_makes_a_difference():
    same = {"m-top": (0.7, 0.7, 0.7), "m-scratch": (0.5, 0.5, 0.5)}
    (found,) = compare(same, [pruned("top"), SCRATCH])
    low, high = np.percentile(STEADY, [2.5, 97.5])
    assert found.differences["mean"].half_width == pytest.approx((high - low) / 2)


def test_a_method_that_wins_on_the_test_sample_and_not_over_seeds_is_not_sure():
    scattered = {"m-top": (0.52, 0.60, 0.74), "m-scratch": (0.50, 0.51, 0.52)}
    (found,) = compare(scattered, [pruned("top"), SCRATCH], noise=0.01)
    assert found.differences["mean"].value > 0.1
    assert not found.differences["mean"].sure
    (steady,) = compare(THREE, [pruned("random"), SCRATCH], noise=0.01)
    assert steady.differences["mean"].sure


def test_the_page_shows_each_difference_with_its_interval_and_a_sure_one_in_bold():
    found = compare(THREE, [pruned("random"), SCRATCH], noise=0.0)
    column = Column("A", "mr", "A", "cosine_spearman")
    page = markdown_of(Board("s", "", "cpu", (column,), (), (), (), (), {}, found))
    half = 100 * found[0].differences["A"].half_width
    assert f"| m-random | m-scratch | 3 and 3 | **+12.0 ± {half:.1f}** | **+12.0 ± {half:.1f}** |" in " ".join(page.split())
    assert "Methods against" not in markdown_of(Board("s", "", "cpu", (column,), (), (), (), (), {}))
