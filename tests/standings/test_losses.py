"""Where one model is worse than another, row by row, for every type of task."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from bench.standings.losses import Side, SubsetRows, overlap, sign_test, task_losses
from bench.statistics.estimate import Estimate


def rows(first, second, *, texts=None, gold=None, name="mr", language="mar", scores=(0.5, 0.4)) -> SubsetRows:
    count = len(first["cosine"]) if "cosine" in first else len(first["correct"][0])
    texts = texts or [(f"वाक्य {number}", "दुसरे वाक्य") for number in range(count)]
    return SubsetRows(name, language, texts, gold or [""] * count, Side(first, scores[0]), Side(second, scores[1]))


def pairs(cosine, gold) -> dict:
    return {"cosine": cosine, "gold": gold}


def test_a_pair_loses_by_how_much_further_its_rank_is_from_gold():
    gold = [0, 1, 2, 3, 4]
    found = task_losses("T", "STS", "cosine_spearman", [rows(pairs([0.1, 0.2, 0.3, 0.4, 0.5], gold), pairs([0.5, 0.2, 0.3, 0.4, 0.1], gold))], limit=10)
    assert [(one.row, one.similarity) for one in found.examples] == [(0, (0.1, 0.5)), (4, (0.5, 0.1))]
    assert [one.lost for one in found.examples] == pytest.approx([0.8, 0.8])
    assert found.examples[0].ranks == pytest.approx((0.1, 0.1, 0.9))
    assert (found.worse, found.better, found.rows) == (2, 0, 5)
    assert found.lost == pytest.approx(0.32)


def test_similarities_in_another_range_lose_nothing():
    gold, cosine = [3, 1, 2, 0], [0.9, 0.5, 0.7, 0.1]
    found = task_losses("T", "STS", "cosine_spearman", [rows(pairs(cosine, gold), pairs([0.9 + one / 100 for one in cosine], gold))], limit=10)
    assert (found.worse, found.better, found.p, found.examples) == (0, 0, None, ())


def test_a_text_loses_by_the_share_of_experiments_and_flips_by_their_majority():
    first = {"correct": ["1111", "1101", "1100"]}
    second = {"correct": ["0110", "0101", "0101"]}
    found = task_losses("T", "Classification", "accuracy", [rows(first, second)], limit=2)
    assert [(one.row, one.quality) for one in found.examples] == [(0, (1.0, 0.0))]
    assert (found.worse, found.better) == (1, 0)
    assert found.lost == pytest.approx(1 / 4)


def test_a_paraphrase_flips_where_one_model_alone_has_it_among_the_highest():
    gold = [1, 1, 0, 0]
    found = task_losses("T", "PairClassification", "cosine_ap", [rows(pairs([0.9, 0.8, 0.2, 0.1], gold), pairs([0.9, 0.2, 0.8, 0.1], gold))], limit=5)
    assert (found.worse, found.better) == (2, 0)
    assert [one.row for one in found.examples] == [1, 2]
    assert [one.lost for one in found.examples] == pytest.approx([0.25, 0.25])


def test_a_translation_loses_its_share_of_f1_and_flips_where_it_is_no_longer_found():
    first, second = {"correct": ["111"], "f1": [1.0, 1.0, 1.0]}, {"correct": ["101"], "f1": [2 / 3, 0.0, 1.0]}
    found = task_losses("T", "BitextMining", "f1", [rows(first, second)], limit=5)
    assert [one.row for one in found.examples] == [1, 0]
    assert [one.lost for one in found.examples] == pytest.approx([1.0, 1 / 3])
    assert (found.worse, found.better) == (1, 0)


def test_triplets_count_what_is_right_for_one_model_only_both_ways():
    found = task_losses("T", "Triplets", "accuracy", [rows({"correct": ["1101"]}, {"correct": ["0011"]}, texts=[("अ", "ब", "क")] * 4)], limit=5)
    assert (found.worse, found.better) == (2, 1)
    assert found.p == pytest.approx(1.0)


def test_examples_come_from_all_subsets_the_worst_first_and_no_more_than_asked():
    mild, bad = (
        rows({"correct": ["11", "11"]}, {"correct": ["10", "11"]}),
        rows({"correct": ["11", "11"]}, {"correct": ["10", "10"]}, name="hi", language="hin"),
    )
    found = task_losses("T", "Classification", "accuracy", [mild, bad], limit=1)
    assert [(one.subset, one.row, one.lost) for one in found.examples] == [("hi", 1, 1.0)]
    assert [(one.name, one.rows, one.worse) for one in found.groups if one.by == "language"] == [("mar", 2, 1), ("hin", 2, 1)]
    assert found.scores == (0.5, 0.4)
    assert found.difference == pytest.approx(-0.1)


def test_losses_are_counted_by_length_and_by_letters_in_common():
    texts = [("एक", "दोन")] * 3 + [("एक दोन तीन", "एक दोन तीन")] * 3 + [("एक दोन तीन चार पाच", "सहा सात आठ नऊ")] * 3
    first, second = {"correct": ["1" * 9]}, {"correct": ["111111000"]}
    found = task_losses("T", "BitextMining", "accuracy", [rows(first, second, texts=texts)], limit=0)
    assert [(one.name, one.rows, one.worse, one.lost) for one in found.groups if one.by == "words"] == [("2", 3, 0, 0.0), ("6", 3, 0, 0.0), ("9", 3, 3, 1.0)]
    assert [one.rows for one in found.groups if one.by == "letters in common"][-1] == 3
    assert found.examples == ()
    single = task_losses("T", "Classification", "accuracy", [rows(first, second, texts=[one[:1] for one in texts])], limit=0)
    assert {one.by for one in single.groups} == {"language", "words"}


def test_every_row_is_in_one_group_of_each_kind():
    rng = np.random.default_rng(0)
    texts = [(" ".join(["शब्द"] * rng.integers(1, 9)), " ".join(["शब्द"] * rng.integers(1, 9))) for _ in range(50)]
    gold = rng.integers(0, 6, 50).tolist()
    found = task_losses("T", "STS", "cosine_spearman", [rows(pairs(rng.random(50), gold), pairs(rng.random(50), gold), texts=texts)], limit=50)
    for by in {one.by for one in found.groups}:
        own = [one for one in found.groups if one.by == by]
        assert sum(one.rows for one in own) == 50
        assert sum(one.worse for one in own) == found.worse
        assert sum(one.lost * one.rows for one in own) == pytest.approx(found.lost * 50)


def test_the_difference_of_scores_has_the_paired_interval():
    noise = np.random.default_rng(0).normal(0, 0.05, 1000)
    first, second = Side({"correct": ["11"]}, 0.8, Estimate(0.8, 0.8 + noise)), Side({"correct": ["10"]}, 0.7, Estimate(0.7, 0.7 + noise))
    found = task_losses("T", "Triplets", "accuracy", [SubsetRows("mr", "mar", [("अ", "ब", "क")] * 2, ["", ""], first, second)], limit=1)
    assert found.interval == pytest.approx((-0.1, -0.1))


def test_the_test_of_flips_is_the_exact_one_of_mcnemar():
    assert sign_test(9, 2) == pytest.approx(binomtest(9, 11).pvalue)
    assert sign_test(0, 0) is None


def test_overlap_of_letters_is_that_of_triples():
    assert overlap("घर", "घर") == 1.0
    assert overlap("abc", "xyz") == 0.0
    assert overlap("ABC", "abcd") == pytest.approx(2 / 5)  # " ab", "abc", "bc " and " ab", "abc", "bcd", "cd "
