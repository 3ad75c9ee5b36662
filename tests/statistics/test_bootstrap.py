"""The paired bootstrap: equal to scipy and scikit-learn on each resample, and right about what is different."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

from bench.statistics.bootstrap import average_precision, interval, replicates, resample, spearman

RNG = np.random.default_rng(0)
GOLD = RNG.integers(0, 11, size=60) / 2
COSINE = np.round(GOLD / 5 + RNG.normal(scale=0.3, size=60), 1)


def drawn(counts: np.ndarray) -> np.ndarray:
    """The example numbers that stand in one resample."""
    return np.repeat(np.arange(len(counts)), counts.astype(int))


def test_every_resample_holds_as_many_examples_as_the_set():
    counts = resample(60, seed=1, resamples=50)
    assert (counts.sum(axis=1) == 60).all()
    assert 0.6 < (counts > 0).mean() < 0.67  # 1 - 1/e


def test_spearman_ranks_anew_in_each_resample_with_ties_averaged():
    counts = resample(60, seed=1, resamples=50)
    expected = [spearmanr(GOLD[drawn(row)], COSINE[drawn(row)])[0] for row in counts]
    assert spearman(GOLD, COSINE, counts) == pytest.approx(expected, abs=1e-12)


def test_average_precision_equals_scikit_learn_with_tied_scores():
    labels = (GOLD > 2.5).astype(float)
    counts = resample(60, seed=2, resamples=50)
    expected = [average_precision_score(labels[drawn(row)], COSINE[drawn(row)]) for row in counts]
    assert average_precision(COSINE, labels, counts) == pytest.approx(expected, abs=1e-12)


def test_the_same_seed_draws_the_same_resamples_for_every_candidate():
    better = replicates("cosine_spearman", {"gold": GOLD.tolist(), "cosine": COSINE.tolist()}, seed=7)
    again = replicates("cosine_spearman", {"gold": GOLD.tolist(), "cosine": COSINE.tolist()}, seed=7)
    assert better == again
    assert better != replicates("cosine_spearman", {"gold": GOLD.tolist(), "cosine": COSINE.tolist()}, seed=8)


def test_accuracy_is_averaged_over_few_shot_draws():
    found = replicates("accuracy", {"correct": ["1111", "0000"]}, seed=1)
    assert found is not None
    assert set(found) == {0.5}


def test_a_metric_that_the_outputs_do_not_determine_has_no_replicates():
    assert replicates("f1_weighted", {"correct": ["10"]}, seed=1) is None


def test_the_interval_of_a_mean_has_the_width_that_theory_gives():
    values = RNG.normal(size=400)
    means = resample(400, seed=3, resamples=4000) @ values / 400
    low, high = interval(means)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.06)
