"""The paired bootstrap: equal to scipy and scikit-learn on each resample, and right about what is different."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

from bench.statistics.bootstrap import average_precision, score_estimate, spearman
from bench.statistics.estimate import Estimate
from bench.statistics.units import numbered, weights

RNG = np.random.default_rng(0)
GOLD = RNG.integers(0, 11, size=60) / 2
COSINE = np.round(GOLD / 5 + RNG.normal(scale=0.3, size=60), 1)


def drawn(counts: np.ndarray) -> np.ndarray:
    """The example numbers that stand in one resample."""
    return np.repeat(np.arange(len(counts)), counts.astype(int))


def counts_of(seed: int) -> np.ndarray:
    """How often each of the 60 rows is drawn in each of 50 resamples."""
    return np.random.default_rng(seed).multinomial(60, np.full(60, 1 / 60), size=50).astype(float)


def test_spearman_ranks_anew_in_each_resample_with_ties_averaged():
    counts = counts_of(1)
    expected = [spearmanr(GOLD[drawn(row)], COSINE[drawn(row)])[0] for row in counts]
    assert spearman(GOLD, COSINE, counts) == pytest.approx(expected, abs=1e-12)


def test_average_precision_equals_scikit_learn_with_tied_scores():
    labels = (GOLD > 2.5).astype(float)
    counts = counts_of(2)
    expected = [average_precision_score(labels[drawn(row)], COSINE[drawn(row)]) for row in counts]
    assert average_precision(COSINE, labels, counts) == pytest.approx(expected, abs=1e-12)


def pairs(name: str = "pairs") -> Estimate:
    examples = {"gold": GOLD.tolist(), "cosine": COSINE.tolist()}
    found = score_estimate("cosine_spearman", 0.5, examples, numbered(name, 60))
    assert found is not None
    return found


def test_the_same_rows_have_the_same_resamples_for_every_candidate_and_others_have_others():
    assert (pairs().items == pairs().items).all()
    assert not np.allclose(pairs().items, pairs("others").items)


def test_accuracy_is_averaged_over_few_shot_draws_and_keeps_their_spread():
    found = score_estimate("accuracy", 0.5, {"correct": ["1111", "0000"]}, numbered("rows", 4), draws="d")
    assert found is not None
    assert set(found.items) == {0.5}
    assert found.factors["draws d"].deviations.tolist() == [0.5, -0.5]


def test_a_metric_that_the_outputs_do_not_determine_has_no_estimate():
    assert score_estimate("f1_weighted", 0.5, {"correct": ["10"]}, numbered("rows", 2)) is None


@pytest.mark.parametrize("examples", [{"gold": [1, 1, 1, 1], "cosine": [1, 2, 3, 4]}, {"gold": [1, 2, 3, 4], "cosine": [0, 0, 0, 0]}], ids=["gold", "cosine"])
def test_a_test_so_uniform_that_a_resample_has_no_score_has_no_estimate(examples):
    assert score_estimate("cosine_spearman", 0.5, examples, numbered("rows", 4)) is None


@pytest.mark.parametrize("labels", [[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 0]])
def test_average_precision_needs_two_units_of_each_label(labels):
    assert score_estimate("cosine_ap", 0.5, {"gold": labels, "cosine": [0.1, 0.2, 0.3, 0.4]}, numbered("rows", 4)) is None


def test_rows_that_are_all_one_unit_have_no_estimate():
    assert score_estimate("cosine_spearman", 0.5, {"gold": GOLD.tolist(), "cosine": COSINE.tolist()}, (("rows", 0),) * 60) is None


def test_a_small_test_has_a_score_in_every_resample():
    """Whole counts would leave one of 1,000 resamples of six rows without a right answer or without a row."""
    for count in (3, 4, 6):
        examples = {"gold": [1, 1, *[0] * (count - 2), 0], "cosine": list(range(count + 1))}
        assert score_estimate("cosine_ap", 0.5, examples, numbered(f"rows {count}", count + 1)) is not None


def test_the_interval_of_a_mean_has_the_width_that_theory_gives():
    values = RNG.normal(size=400)
    weight = weights(numbered("means", 400))
    low, high = Estimate(values.mean(), weight @ values / weight.sum(axis=1)).interval
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.06)
