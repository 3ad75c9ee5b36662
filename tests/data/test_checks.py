"""Tasks that cannot be scored are found before anything is trained, each with its file, subset, split and what was expected."""

from __future__ import annotations

import dataclasses

import pytest

from bench.cards.load import load_library
from bench.cards.recipes import Curve
from bench.cards.tasks import Rule
from bench.cards.workspace import Workspace, builtin_content
from bench.data.training import DataCache
from bench.errors import DataError
from tests.builders import make_card, make_library, table

STS = ("sentence1", "sentence2", "score")
PAIR = ("sentence1", "sentence2", "label")
TOPIC = ("text", "label")
TRIPLET = ("premise", "entailment", "contradiction")
LABELS = {"sports": 0, "health": 1, "film": 2}
GOOD_TOPICS = (("धाव", "sports"), ("ताप", "health"))


def check(card):
    DataCache(make_library(card), None, offline=True).check(card.name)


def remarks(card):
    return DataCache(make_library(card), None, offline=True).remarks(card.name)


def refusal(card):
    with pytest.raises(DataError) as caught:
        check(card)
    message = str(caught.value)
    assert message.startswith(f"{card.folder / 'task.toml'}: Tiny cannot be scored: subset 'mr': ")
    assert "\n" not in message
    return message


def topics(folder, train=GOOD_TOPICS, test=GOOD_TOPICS, **fields):
    return make_card(folder, "Classification", {"train": table(TOPIC, *train), "test": table(TOPIC, *test)}, **{"labels": LABELS, **fields})


GOOD = {
    "STS": (STS, [("अ", "ब", 1), ("क", "ड", 2)], {}),
    "PairClassification": (PAIR, [("अ", "ब", "yes"), ("क", "ड", "no")], {"labels": {"yes": 1, "no": 0}}),
    "BitextMining": (STS[:2], [("अ", "ब"), ("क", "ड")], {}),
    "Triplets": (TRIPLET, [("अ", "ब", "क"), ("ड", "इ", "फ")], {}),
}


@pytest.mark.parametrize("kind", GOOD)
def test_two_different_rows_are_enough_of_any_type(tmp_path, kind):
    header, rows, fields = GOOD[kind]
    check(make_card(tmp_path, kind, {"test": table(header, *rows)}, **fields))
    check(topics(tmp_path / "topics"))


@pytest.mark.parametrize("kind", [*GOOD, "Classification"])
@pytest.mark.parametrize(("count", "found"), [(0, "no rows"), (1, "1 row")])
def test_a_test_of_fewer_than_two_rows_is_refused_whatever_its_type(tmp_path, kind, count, found):
    if kind == "Classification":
        card = topics(tmp_path, test=GOOD_TOPICS[:count])
    else:
        header, rows, fields = GOOD[kind]
        card = make_card(tmp_path, kind, {"test": table(header, *rows[:count])}, **fields)
    assert f"split 'test' has {found}; expected at least 2" in refusal(card)


@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl"])
def test_a_test_file_without_a_single_byte_is_refused_like_one_without_rows(tmp_path, suffix):
    assert "split 'test' has no rows" in refusal(make_card(tmp_path, "STS", {"test": ""}, suffix=suffix))


def test_rows_that_the_rules_took_are_counted_in_the_refusal(tmp_path):
    rules = (Rule(rule="drop-label", values=("sports",), splits=("train",)), Rule(rule="drop-duplicates", splits=("train",)))
    message = refusal(topics(tmp_path, train=(("धाव", "sports"), ("खेळ", "sports")), rules=rules))
    assert "split 'train' has no rows, after rules took 2 by drop-label; expected rows of at least two labels to learn from" in message


def test_a_test_of_which_every_row_stands_in_training_is_refused(tmp_path):
    rules = (Rule(rule="drop-seen", seen_in="train", splits=("test",)),)
    assert "split 'test' has no rows, after rules took 2 by drop-seen:train" in refusal(topics(tmp_path, rules=rules))


def test_scores_that_are_all_the_same_are_refused(tmp_path):
    message = refusal(make_card(tmp_path, "STS", {"test": table(STS, ("अ", "ब", 3), ("क", "ड", 3))}))
    assert "every row of split 'test' has the score 3" in message


@pytest.mark.parametrize("label", ["yes", "no"])
def test_pairs_of_one_label_are_refused(tmp_path, label):
    card = make_card(tmp_path, "PairClassification", {"test": table(PAIR, ("अ", "ब", label), ("क", "ड", label))}, labels={"yes": 1, "no": 0})
    assert f"every row of split 'test' has the label '{label}'; expected at least two" in refusal(card)


def test_a_classification_test_of_one_label_is_refused(tmp_path):
    assert "every row of split 'test' has the label 'sports'" in refusal(topics(tmp_path, test=(("अ", "sports"), ("ब", "sports"))))


@pytest.mark.parametrize(("rows", "found"), [((), "no rows"), ((("धाव", "sports"), ("खेळ", "sports")), "one label only, 'sports'")], ids=["none", "one label"])
def test_a_classifier_needs_rows_of_two_labels_to_learn_from(tmp_path, rows, found):
    assert f"split 'train' has {found}; expected rows of at least two labels" in refusal(topics(tmp_path, train=rows))


def test_every_label_of_the_test_needs_a_row_to_be_learned_from(tmp_path):
    message = refusal(topics(tmp_path, test=(*GOOD_TOPICS, ("पट", "film"))))
    assert "split 'train' has no row of 'film', which split 'test' asks for" in message
    check(topics(tmp_path / "unused"))  # a label of the card that stands in no split


@pytest.mark.parametrize(("samples", "count", "drawn"), [(8, 2, 4), (2, 9, 4), (8, 1, 2)])
def test_nearest_neighbours_need_a_draw_of_as_many_rows(tmp_path, samples, count, drawn):
    train = [(f"{text} {number}", label) for text, label in GOOD_TOPICS for number in range(count)]
    fields = {"samples_per_label": samples, "classifier": "knn"}
    assert f"has {drawn}; expected at least as many as neighbours, 5" in refusal(topics(tmp_path, train=train, **fields))
    check(topics(tmp_path, train=train, **fields, neighbours=drawn))
    check(topics(tmp_path, train=train, **{**fields, "classifier": "logistic-regression"}))


def test_only_the_split_that_the_card_names_is_looked_at(tmp_path):
    good, bad = table(STS, ("अ", "ब", 1), ("क", "ड", 2)), table(STS, ("अ", "ब", 3))
    card = make_card(tmp_path, "STS", {"train": bad, "dev": bad, "test": good})
    check(card)
    assert "split 'dev' has 1 row" in refusal(dataclasses.replace(card, evaluate_on="dev"))


def test_every_subset_is_named_that_cannot_be_scored(tmp_path):
    card = make_card(tmp_path, "STS", {"test": table(STS, ("अ", "ब", 3))})
    two = dataclasses.replace(card, subsets={**card.subsets, "hi": card.subsets["mr"]})
    assert "; subset 'hi': split 'test' has 1 row" in refusal(two)


@pytest.mark.parametrize("spoilt", ["train", "test"])
def test_what_is_wrong_in_a_file_that_scoring_reads_is_found_too(tmp_path, spoilt):
    rows = {"train": GOOD_TOPICS, "test": GOOD_TOPICS, spoilt: [*GOOD_TOPICS, ("गाव", "farming")]}
    with pytest.raises(DataError, match=rf"Tiny-{spoilt}\.tsv:4: unknown label 'farming'"):
        check(topics(tmp_path, **rows))


def test_a_task_is_looked_at_once(tmp_path):
    card = topics(tmp_path, test=())
    cache = DataCache(make_library(card), None, offline=True)
    for path in (*tmp_path.glob("*.tsv"), None):
        with pytest.raises(DataError, match="split 'test' has no rows"):
            cache.check("Tiny")
        if path is not None:
            path.unlink()


def test_every_shipped_task_passes(tmp_path):
    library = load_library(Workspace(builtin_content(), tmp_path))
    cache = DataCache(library, None, offline=True)
    names = [name for name, card in library.tasks.items() if card.evaluated and card.folder.name.startswith("kasauti-")]
    assert len(names) == 14
    for name in names:
        cache.check(name)


@pytest.mark.data
def test_every_published_task_passes(tmp_path, published_data):
    library = load_library(Workspace(builtin_content(), tmp_path))
    cache = DataCache(library, published_data, offline=True)
    for name in library.suites["public"].suite.tasks:
        cache.check(name)


@pytest.mark.parametrize("limit", [None, 2], ids=["all", "the first two"])
def test_a_curve_over_pairs_of_one_score_is_refused(tmp_path, limit):
    rows = [("अ", "ब", 3), ("क", "ड", 3), *([("इ", "फ", 1)] if limit else [])]
    card = make_card(tmp_path, "STS", {"train": table(STS, ("ग", "घ", 1)), "dev": table(STS, *rows), "test": table(STS, ("च", "छ", 1), ("ज", "झ", 2))})
    cache = DataCache(make_library(card), None, offline=True)
    with pytest.raises(DataError, match=r"Tiny:dev: every one of its 2 mr pairs .* same score"):
        cache.development(Curve(data=("Tiny:dev",), rows=limit), cache.guard(["Tiny"]))


def test_a_curve_over_pairs_of_one_score_is_refused_where_the_others_stand_in_a_test(tmp_path):
    rows = [("अ", "ब", 3), ("क", "ड", 3), ("च", "ट", 1)]
    card = make_card(tmp_path, "STS", {"train": table(STS, ("ग", "घ", 1)), "dev": table(STS, *rows), "test": table(STS, ("च", "छ", 1), ("ज", "झ", 2))})
    cache = DataCache(make_library(card), None, offline=True)
    assert cache.development(Curve(data=("Tiny:dev",)), frozenset()).pairs
    with pytest.raises(DataError, match="same score"):
        cache.development(Curve(data=("Tiny:dev",)), cache.guard(["Tiny"]))


@pytest.mark.parametrize("shared", [0, 1, 2])
def test_test_rows_that_a_classifier_has_learned_by_heart_are_counted(tmp_path, shared):
    train = [("धाव", "sports"), ("ताप", "health")]
    test = [*train[:shared], *[("उडी", "sports"), ("सर्दी", "health")][shared:]]
    found = [remark for remark in remarks(topics(tmp_path, train, test, samples_per_label=1)) if "stand" in remark]
    assert [remark.split(" rows ")[0] for remark in found] == ([f"subset 'mr': {shared} of the 2"] if shared else [])


def test_overlap_is_found_however_the_text_is_spaced_and_gone_where_a_rule_takes_it_out(tmp_path):
    train, test = [*GOOD_TOPICS, ("चेंडू", "sports")], [("धाव!", "sports"), ("उडी", "sports"), ("सर्दी", "health")]
    assert "1 of the 3 rows" in remarks(topics(tmp_path, train, test, samples_per_label=1))[0]
    rules = (Rule(rule="drop-seen", seen_in="train", splits=("test",)),)
    assert remarks(topics(tmp_path, train, test, samples_per_label=1, rules=rules)) == ()


def test_labels_of_fewer_rows_than_a_draw_takes_are_named_with_their_number(tmp_path):
    train = [("धाव", "sports"), ("उडी", "sports"), ("ताप", "health")]
    [found] = remarks(topics(tmp_path, train, [("अ", "sports"), ("ब", "health")], samples_per_label=2))
    assert "samples_per_label (2) of 'health' (1)" in found


@pytest.mark.parametrize(("column", "rows"), [("sentence2", [("अ", "क"), ("ब", "क"), ("इ", "ड")]), ("sentence1", [("अ", "क"), ("अ", "ख"), ("इ", "ड")])])
def test_sentences_of_bitext_that_stand_there_twice_are_counted_and_named(tmp_path, column, rows):
    [found] = remarks(make_card(tmp_path, "BitextMining", {"test": table(STS[:2], *rows)}))
    assert found == (
        f"subset 'mr': 2 of the 3 rows of split 'test' have a {column} that is that of another row (rows 1 and 2): only 1 of these can be found, "
        "so that even a perfect model misses 1"
    )


@pytest.mark.parametrize("kind", GOOD)
def test_nothing_is_said_of_rows_in_which_nothing_is_odd(tmp_path, kind):
    header, rows, fields = GOOD[kind]
    assert remarks(make_card(tmp_path, kind, {"test": table(header, *rows)}, **fields)) == ()
