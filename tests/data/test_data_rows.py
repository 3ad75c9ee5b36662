"""Rows: canonical columns, typed labels and scores, and declared rules whose every removal is counted."""

import dataclasses

import pytest

from bench.cards.tasks import Rule, Source, Subset
from bench.data.rows import load_rows, normalise, task_digest
from bench.errors import DataError
from tests.builders import make_card, make_library, table

LABELS = {"sports": 0, "health": 1}


def topics(folder, *rows, split="test", **fields):
    return make_card(folder, "Classification", {split: table(("text", "label"), *rows)}, **{"labels": LABELS, **fields})


def pairs(folder, *rows, **fields):
    return make_card(folder, "STS", {"test": table(("sentence1", "sentence2", "score"), *rows)}, **fields)


def texts(data, split="test"):
    return [row["text"] for row in data.splits["mr"][split]]


def refusal(card):
    with pytest.raises(DataError) as caught:
        load_rows(card, None)
    return str(caught.value)


def test_rows_have_canonical_columns_numbers_for_labels_and_trimmed_texts(tmp_path):
    card = topics(tmp_path, ("  धाव घेतली ", "sports"), ("ताप आला", "health"))
    data = load_rows(card, None)
    assert data.splits == {"mr": {"test": [{"text": "धाव घेतली", "label": 0}, {"text": "ताप आला", "label": 1}]}}
    assert data.dropped == {("mr", "test"): {}}


def test_columns_of_other_names_are_found_as_the_card_says(tmp_path):
    card = make_card(
        tmp_path, "STS", {"test": table(("id", "a", "b", "gold"), (1, "नदी", "घर", 2.5))}, columns={"sentence1": "b", "sentence2": "a", "score": "gold"}
    )
    assert load_rows(card, None).splits["mr"]["test"] == [{"sentence1": "घर", "sentence2": "नदी", "score": 2.5}]


@pytest.mark.parametrize("value", ['["ताप आला"]', '{"text": "ताप आला"}', "[]"])
def test_a_list_or_an_object_where_a_text_is_needed_is_refused_and_in_a_column_that_is_not_read_it_is_passed_over(tmp_path, value):
    rows = f'{{"text": "धाव घेतली", "label": "sports", "more": {value}}}\n'
    card = make_card(tmp_path, "Classification", {"test": rows}, suffix="jsonl", labels=LABELS)
    assert texts(load_rows(card, None)) == ["धाव घेतली"]
    card = make_card(tmp_path, "Classification", {"test": f'{rows}{{"text": {value}, "label": "health"}}\n'}, suffix="jsonl", labels=LABELS)
    message = refusal(card)
    assert message.startswith(f"{tmp_path / 'Tiny-test.jsonl'}:2: text must be a text or a number (got ")


def test_a_column_that_the_file_does_not_have_is_refused_with_file_line_and_nearest_column(tmp_path):
    message = refusal(make_card(tmp_path, "Classification", {"test": table(("txet", "label"), ("नदी", "sports"))}, labels=LABELS))
    assert f"{tmp_path / 'Tiny-test.tsv'}:2" in message
    assert "'text'" in message
    assert "did you mean 'txet'" in message


def test_a_label_that_the_card_does_not_list_is_refused_with_file_line_and_nearest_label(tmp_path):
    message = refusal(topics(tmp_path, ("नदी", "sports"), ("घर", "helth")))
    assert f"{tmp_path / 'Tiny-test.tsv'}:3" in message
    assert "'helth'" in message
    assert "did you mean 'health'" in message


def test_a_card_without_labels_is_refused_with_an_example_of_how_to_write_them(tmp_path):
    message = refusal(topics(tmp_path, ("नदी", "sports"), labels={}))
    assert str(tmp_path / "task.toml") in message
    assert "labels = { sports = 0 }" in message


def test_nli_rows_need_no_labels_in_the_card(tmp_path):
    rows = [("नदी", "पाणी", label) for label in ("entailment", "neutral", "contradiction")]
    card = make_card(tmp_path, "NLI", {"train": table(("premise", "hypothesis", "label"), *rows)})
    assert [row["label"] for row in load_rows(card, None).splits["mr"]["train"]] == [0, 1, 2]


@pytest.mark.parametrize("text", ["", "   ", "\u00a0"], ids=["empty", "blanks", "no-break-space"])
def test_an_empty_text_is_refused_with_file_line_and_column(tmp_path, text):
    message = refusal(topics(tmp_path, ("नदी", "sports"), (text, "sports")))
    assert f"{tmp_path / 'Tiny-test.tsv'}:3" in message
    assert "text is empty" in message


@pytest.mark.parametrize("score", ["5.01", "-0.5", "nan", "inf", "", "four", "4,5"])
def test_a_score_that_is_no_number_in_the_range_of_the_card_is_refused_with_file_line_range_and_what_was_found(tmp_path, score):
    message = refusal(pairs(tmp_path, ("नदी", "घर", 0), ("नदी", "पाणी", score)))
    assert f"{tmp_path / 'Tiny-test.tsv'}:3" in message
    assert "from 0 to 5" in message
    assert repr(score) in message


@pytest.mark.parametrize("score", ["0", "5", "2.5"])
def test_scores_at_both_ends_of_the_range_are_taken(tmp_path, score):
    assert load_rows(pairs(tmp_path, ("नदी", "घर", score)), None).splits["mr"]["test"][0]["score"] == float(score)


ROWS = [("पहिली बातमी", "sports"), ("दुसरी बातमी", "label"), ("तिसरी \ufffd बातमी", "health"), ("पहिली, बातमी!", "sports"), ("चौथी बातमी", "health")]


@pytest.mark.parametrize(
    ("rule", "kept", "dropped"),
    [
        (Rule(rule="drop-label", values=("label",)), [0, 2, 3, 4], 1),
        (Rule(rule="keep-label", values=("sports",)), [0, 3], 3),
        (Rule(rule="drop-characters", values=("\ufffd",)), [0, 1, 3, 4], 1),
        (Rule(rule="drop-duplicates"), [0, 1, 2, 4], 1),
        (Rule(rule="drop-duplicates", splits=("train",)), [0, 1, 2, 3, 4], 0),
    ],
    ids=["drop-label", "keep-label", "drop-characters", "drop-duplicates", "another-split"],
)
def test_a_rule_drops_the_rows_that_it_names_and_counts_them(tmp_path, rule, kept, dropped):
    data = load_rows(topics(tmp_path, *ROWS, labels={**LABELS, "label": 2}, rules=(rule,)), None)
    assert texts(data) == [ROWS[index][0] for index in kept]
    assert data.dropped["mr", "test"] == ({rule.rule: dropped} if dropped else {})


def test_every_row_that_is_dropped_is_counted_once_under_the_first_rule_that_names_it(tmp_path):
    rules = (Rule(rule="drop-label", values=("label",)), Rule(rule="drop-characters", values=("\ufffd", "बातमी")))
    data = load_rows(topics(tmp_path, *ROWS, rules=rules), None)
    assert texts(data) == []
    assert data.dropped["mr", "test"] == {"drop-label": 1, "drop-characters": 4}


def test_a_label_that_a_rule_drops_need_not_be_listed(tmp_path):
    data = load_rows(topics(tmp_path, *ROWS, rules=(Rule(rule="drop-label", values=("label",)),)), None)
    assert len(texts(data)) == 4


def test_two_pairs_are_duplicates_only_when_both_texts_repeat_in_the_same_order(tmp_path):
    rows = [("नदी", "घर", 1), ("नदी", "पाणी", 1), ("घर", "नदी", 1), ("नदी.", "घर", 2)]
    data = load_rows(pairs(tmp_path, *rows, rules=(Rule(rule="drop-duplicates"),)), None)
    assert [(row["sentence1"], row["sentence2"]) for row in data.splits["mr"]["test"]] == [("नदी", "घर"), ("नदी", "पाणी"), ("घर", "नदी")]


def test_a_duplicate_is_dropped_within_a_split_and_not_across_splits(tmp_path):
    text = table(("text", "label"), ("नदी", "sports"))
    card = make_card(tmp_path, "Classification", {"train": text, "test": text}, labels=LABELS, rules=(Rule(rule="drop-duplicates"),))
    assert (texts(load_rows(card, None), "train"), texts(load_rows(card, None), "test")) == (["नदी"], ["नदी"])


def test_a_row_that_a_later_rule_drops_does_not_make_its_repeat_a_duplicate(tmp_path):
    rules = (Rule(rule="drop-duplicates"), Rule(rule="drop-label", values=("label",)))
    data = load_rows(topics(tmp_path, ("नदी", "label"), ("नदी", "sports"), rules=rules), None)
    assert texts(data) == ["नदी"]


def seen_card(folder, *rules):
    return make_card(
        folder,
        "Classification",
        {
            "train": table(("text", "label"), ("नदी वाहते", "sports"), ("घर", "sports")),
            "dev": table(("text", "label"), ("घर!", "health"), ("शाळा", "health")),
            "test": table(("text", "label"), ("«नदी» वाहते.", "sports"), ("पाऊस", "health")),
        },
        labels=LABELS,
        rules=rules,
    )


def test_rows_seen_in_another_split_are_dropped_and_counted_whatever_their_punctuation(tmp_path):
    data = load_rows(seen_card(tmp_path, Rule(rule="drop-seen", seen_in="train", splits=("test",))), None)
    assert (texts(data, "train"), texts(data, "dev"), texts(data, "test")) == (["नदी वाहते", "घर"], ["घर!", "शाळा"], ["पाऊस"])
    assert data.dropped == {("mr", "train"): {}, ("mr", "dev"): {}, ("mr", "test"): {"drop-seen:train": 1}}


def test_a_rule_without_splits_drops_what_was_seen_from_every_other_split(tmp_path):
    data = load_rows(seen_card(tmp_path, Rule(rule="drop-seen", seen_in="train")), None)
    assert (texts(data, "train"), texts(data, "dev"), texts(data, "test")) == (["नदी वाहते", "घर"], ["शाळा"], ["पाऊस"])


def test_a_pair_counts_as_seen_in_either_order(tmp_path):
    header = ("sentence1", "sentence2", "score")
    splits = {"train": table(header, ("नदी", "घर", 1), ("नदी", "पाऊस", 1)), "test": table(header, ("घर", "नदी", 1))}
    card = make_card(tmp_path, "STS", splits, rules=(Rule(rule="drop-seen", seen_in="test", splits=("train",)),))
    data = load_rows(card, None)
    assert [row["sentence2"] for row in data.splits["mr"]["train"]] == ["पाऊस"]
    assert data.dropped["mr", "train"] == {"drop-seen:test": 1}


def test_only_the_splits_asked_for_are_read_and_those_that_rules_look_into(tmp_path):
    card = seen_card(tmp_path, Rule(rule="drop-seen", seen_in="train"))
    assert set(load_rows(card, None, splits=["test"]).splits["mr"]) == {"train", "test"}
    assert set(load_rows(dataclasses.replace(card, rules=()), None, splits=["test"]).splits["mr"]) == {"test"}


def side_by_side(folder, left, right):
    (folder / "left.txt").write_text(left, encoding="utf-8")
    (folder / "right.txt").write_text(right, encoding="utf-8")
    sources = (Source(split="test", file="left.txt", column="sentence1"), Source(split="test", file="right.txt", column="sentence2"))
    card = make_card(folder, "BitextMining", {})
    return dataclasses.replace(card, subsets={"mr": Subset(languages=("mar-Deva", "hin-Deva"), sources=sources)})


def test_text_files_of_one_split_stand_side_by_side(tmp_path):
    data = load_rows(side_by_side(tmp_path, "पाणी\nपाऊस\n", "पानी\nबारिश\n"), None)
    assert data.splits["mr"]["test"] == [{"sentence1": "पाणी", "sentence2": "पानी"}, {"sentence1": "पाऊस", "sentence2": "बारिश"}]


def test_side_by_side_text_files_of_unequal_length_are_refused_with_the_card_the_split_and_the_lengths(tmp_path):
    message = refusal(side_by_side(tmp_path, "पाणी\nपाऊस\n", "पानी\n"))
    for part in (str(tmp_path / "task.toml"), "'test'", "left.txt has 2", "right.txt has 1"):
        assert part in message


def test_an_empty_text_file_beside_another_is_a_file_of_unequal_length(tmp_path):
    assert "left.txt has 1, right.txt has 0" in refusal(side_by_side(tmp_path, "पाणी\n", ""))


def test_an_empty_line_in_the_second_of_two_text_files_is_told_with_that_file(tmp_path):
    assert f"{tmp_path / 'right.txt'}:2" in refusal(side_by_side(tmp_path, "पाणी\nपाऊस\n", "पानी\n\n"))


def test_tables_of_one_split_are_read_one_after_the_other(tmp_path):
    card = topics(tmp_path, ("नदी", "sports"), split="train")
    more = topics(tmp_path, ("घर", "health"), split="more")
    sources = tuple(dataclasses.replace(one.subsets["mr"].sources[0], split="test") for one in (card, more))
    both = dataclasses.replace(card, subsets={"mr": Subset(languages=("mar-Deva",), sources=sources)})
    assert texts(load_rows(both, None)) == ["नदी", "घर"]


def test_a_card_that_shares_the_rows_of_another_reads_them_with_its_labels_and_rules(tmp_path):
    own = topics(tmp_path / "own", *ROWS, name="Own", rules=(Rule(rule="drop-label", values=("label",)),))
    shared = dataclasses.replace(own, name="Shared", labels={}, rules=(), subsets={}, classifier="knn", data="Own", folder=tmp_path / "shared")
    library = make_library(own, shared)
    assert load_rows(library.task("Shared"), None) == load_rows(library.task("Own"), None)
    assert task_digest(library.task("Shared"), None) != task_digest(library.task("Own"), None)


def rewritten_pairs(folder, *rows, split="test", rule="nasal-spelling", **fields):
    """A card with these rows in train and in the split that is scored, and a card that rewrites them, as the library gives them."""
    text = table(("sentence1", "sentence2", "score"), *rows)
    own = make_card(folder / "own", "STS", {"train": text, split: text}, name="Own", evaluate_on=split, **fields)
    rewritten = dataclasses.replace(own, name="Rewritten", rules=(), subsets={}, data="Own", perturbation=rule, evaluate_on="test", folder=folder / "rewritten")
    library = make_library(own, rewritten)
    return library.task("Own"), library.task("Rewritten")


def test_a_rewritten_task_has_the_rows_and_scores_of_the_clean_one_with_other_texts(tmp_path):
    _, rewritten = rewritten_pairs(tmp_path, ("हिंदी बोलो", "हिंदी बोली", 4.5), ("नदी", "गंगा", 2), ("घर", "शाळा", 0))
    assert load_rows(rewritten, None).splits["mr"]["test"] == [
        {"sentence1": "हिंदी बोलो", "sentence2": "हिन्दी बोली", "score": 4.5},
        {"sentence1": "नदी", "sentence2": "गङ्गा", "score": 2.0},
        {"sentence1": "घर", "sentence2": "शाळा", "score": 0.0},
    ]


@pytest.mark.parametrize("split", ["test", "dev"])
def test_only_the_split_that_is_scored_is_rewritten(tmp_path, split):
    own, rewritten = rewritten_pairs(tmp_path, ("पाच", "तीन", 3), split=split, rule="digits")
    assert load_rows(rewritten, None).splits["mr"] == {
        "train": load_rows(own, None).splits["mr"]["train"],
        split: [{"sentence1": "५", "sentence2": "3", "score": 3.0}],
    }


def test_rows_are_dropped_by_their_clean_texts_before_they_are_rewritten(tmp_path):
    rows = [("घर", "हिंदी", 1), ("घर", "हिन्दी", 2), ("घर", "हिंदी", 3)]
    own, rewritten = rewritten_pairs(tmp_path, *rows, rules=(Rule(rule="drop-duplicates"),))
    assert (
        load_rows(rewritten, None).dropped == load_rows(own, None).dropped == {("mr", "train"): {"drop-duplicates": 1}, ("mr", "test"): {"drop-duplicates": 1}}
    )
    assert [row["sentence2"] for row in load_rows(rewritten, None).splits["mr"]["test"]] == ["हिन्दी", "हिंदी"]


def test_the_identity_of_a_rewritten_task_is_neither_that_of_the_clean_one_nor_of_another_rule(tmp_path):
    own, rewritten = rewritten_pairs(tmp_path, ("घर", "नदी", 1))
    cards = [own, rewritten, dataclasses.replace(rewritten, perturbation="nukta"), dataclasses.replace(own, perturbation="nukta")]
    assert len({task_digest(card, None) for card in cards}) == 4


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"description": "other words", "citation": "c", "reference": "r", "license": "l"}, True),
        ({"labels": {"sports": 1, "health": 0}}, False),
        ({"rules": (Rule(rule="drop-duplicates"),)}, False),
        ({"experiments": 3}, False),
        ({"classifier": "knn"}, False),
    ],
    ids=["prose", "labels", "rules", "experiments", "classifier"],
)
def test_the_identity_of_a_task_changes_with_what_decides_its_scores_and_not_with_its_prose(tmp_path, change, same):
    card = topics(tmp_path, ("नदी", "sports"))
    assert (task_digest(dataclasses.replace(card, **change), None) == task_digest(card, None)) is same


def test_the_identity_of_a_task_changes_with_its_data(tmp_path):
    before = task_digest(topics(tmp_path, ("नदी", "sports")), None)
    assert task_digest(topics(tmp_path, ("नदी", "health")), None) != before


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("नदी वाहते.", "नदी वाहते!", True),
        ("नदी वाहते।", "«नदी» वाहते", True),
        ("PM-Kisan 2024", "pm kisan, 2024", True),
        ("क\u093c", "\u0958", True),
        ("नदी\u200d", "नदी", True),
        ("नदी", "नदि", False),
        ("घर १२", "घर १३", False),
        ("कमल", "कमाल", False),
    ],
    ids=["full-stop", "danda-and-quotes", "case-and-hyphen", "nukta", "joiner", "vowel-length", "digits", "vowel-sign"],
)
def test_a_text_is_the_same_whatever_its_punctuation_and_case_but_not_with_other_letters_signs_or_digits(one, other, same):
    assert (normalise(one) == normalise(other)) is same
