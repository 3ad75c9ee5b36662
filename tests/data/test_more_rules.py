"""Rules and fields of task cards that choose rows: empty texts, a split made of another, a limit, a format; and that unset they are in no digest."""

from __future__ import annotations

import dataclasses

import pytest

from bench.cards.load import load_library
from bench.cards.tasks import Rule, Source, Subset
from bench.data.rows import load_rows, task_digest
from bench.digests import LATER, canonical, digest
from bench.errors import CardError, DataError
from tests.builders import STS_CARD, make_card, table, write_workspace

TOPIC = ("text", "label")
LABELS = {"a": 0, "b": 1}


def topics(folder, rows, **fields):
    return make_card(folder, "Classification", {"train": table(TOPIC, *rows)}, **{"labels": LABELS, "evaluate_on": "test", **fields})


def texts(data, split, subset="mr"):
    return [row["text"] for row in data.splits[subset][split]]


def test_drop_empty_takes_rows_without_text_out_and_counts_them(tmp_path):
    card = topics(tmp_path, [("एक", "a"), (" ", "b"), ("दोन", "b"), ("", "a")], rules=(Rule(rule="drop-empty"),))
    data = load_rows(card, None)
    assert (texts(data, "train"), data.dropped["mr", "train"]) == (["एक", "दोन"], {"drop-empty": 2})
    with pytest.raises(DataError, match="text is empty"):
        load_rows(dataclasses.replace(card, rules=(Rule(rule="drop-empty", splits=("test",)),)), None)


def test_split_rows_makes_two_splits_of_one_without_a_row_in_both_or_lost(tmp_path):
    rows = [(f"वाक्य {number}", "ab"[number % 2]) for number in range(10)]
    card = topics(tmp_path, rows, rules=(Rule(rule="split-rows", splits=("train",), into="test", every=5),))
    data = load_rows(card, None)
    assert texts(data, "test") == ["वाक्य 4", "वाक्य 9"]
    assert sorted(texts(data, "train") + texts(data, "test")) == [text for text, _ in rows]
    assert [len(data.units["mr"][split]) for split in ("train", "test")] == [8, 2]
    assert texts(load_rows(card, None, splits=("test",)), "test") == texts(data, "test")


def test_rows_that_share_a_text_stay_in_one_split(tmp_path):
    rows = [(text, "a") for text in ("एक", "दोन", "तीन", "चार", "एक!", "पाच")]
    data = load_rows(topics(tmp_path, rows, rules=(Rule(rule="split-rows", splits=("train",), into="test", every=5),)), None)
    assert texts(data, "test") == []  # the fifth row is the first one once more


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ("into = 'test2'", "rules.0"),
        ("splits = ['train']\ninto = 'test2'\nevery = 1", "rules.0.every"),
        ("splits = ['train']\ninto = 'test'\nevery = 5", "rules.0.into"),
        ("splits = ['gone']\ninto = 'test2'\nevery = 5", "rules.0.splits"),
    ],
)
def test_a_rule_that_cannot_split_is_told(tmp_path, rule, field):
    card = STS_CARD.replace("[subsets.mr]", f"[[rules]]\nrule = 'split-rows'\n{rule}\n[subsets.mr]")
    with pytest.raises(CardError) as caught:
        load_library(write_workspace(tmp_path, tasks={"sts": card}, suites={}))
    assert [problem.field for problem in caught.value.problems] == [field]


def test_fields_of_split_rows_mean_nothing_for_another_rule(tmp_path):
    card = STS_CARD.replace("[subsets.mr]", "[[rules]]\nrule = 'drop-empty'\nevery = 5\n[subsets.mr]")
    with pytest.raises(CardError, match="every means nothing for drop-empty"):
        load_library(write_workspace(tmp_path, tasks={"sts": card}, suites={}))


def test_a_split_that_a_rule_makes_can_be_scored_and_named(tmp_path):
    source = '[[subsets.mr.sources]]\nsplit = "test"\nfile = "test.tsv"\n'
    card = STS_CARD.replace(source, "").replace("[subsets.mr]", "[[rules]]\nrule = 'split-rows'\nsplits = ['train']\ninto = 'test'\nevery = 5\n[subsets.mr]")
    assert load_library(write_workspace(tmp_path, tasks={"sts": card})).tasks["TinySTS"].common_splits == {"train", "test"}


def two_languages(folder, mr, hi, **fields):
    card = make_card(folder, "Classification", {"mr": table(TOPIC, *mr), "hi": table(TOPIC, *hi)}, labels=LABELS, **fields)
    sources = {source.split: dataclasses.replace(source, split="test") for source in card.subsets["mr"].sources}
    subsets = {code: Subset(languages=("mar-Deva",), sources=(source,)) for code, source in sources.items()}
    return dataclasses.replace(card, subsets=subsets)


def test_a_limit_takes_the_first_rows_that_the_rules_leave_of_the_split_that_is_scored(tmp_path):
    rows = [("", "a"), ("एक", "a"), ("दोन", "b"), ("तीन", "a")]
    card = make_card(tmp_path, "Classification", dict.fromkeys(("train", "test"), table(TOPIC, *rows)), labels=LABELS, rules=(Rule(rule="drop-empty"),), rows=2)
    data = load_rows(card, None)
    assert (texts(data, "test"), len(texts(data, "train"))) == (["एक", "दोन"], 3)
    assert len(data.units["mr"]["test"]) == 2


def test_of_parallel_languages_the_same_rows_are_taken_though_rules_leave_others(tmp_path):
    mr = [("", "a"), ("दोन", "b"), ("तीन", "a"), ("चार", "b")]
    hi = [("एक", "a"), ("दो", "b"), ("", "a"), ("चार", "b")]
    card = two_languages(tmp_path, mr, hi, parallel=True, rules=(Rule(rule="drop-empty"),), rows=2)
    data = load_rows(card, None)
    assert (texts(data, "test"), texts(data, "test", "hi")) == (["दोन", "चार"], ["दो", "चार"])
    assert data.units["mr"]["test"] == data.units["hi"]["test"]


def test_languages_that_share_no_rows_each_have_their_first_ones(tmp_path):
    rows = [(text, "a") for text in ("एक", "दोन", "तीन")]
    data = load_rows(two_languages(tmp_path, rows, [(f"{text} है", label) for text, label in rows], rows=2), None)
    assert [len(texts(data, "test", code)) for code in ("mr", "hi")] == [2, 2]


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("tsv", 'text\tlabel\n"एक\ta\n'),
        ("csv", 'text,label\n"""एक",a\n'),
        ("jsonl", '{"text": "\\"एक", "label": "a"}\n'),
    ],
)
def test_a_format_says_how_a_file_of_an_odd_suffix_is_read(tmp_path, form, content):
    (tmp_path / "a.dat").write_text(content, encoding="utf-8")
    card = topics(tmp_path, [])
    read = dataclasses.replace(card, subsets={"mr": Subset(languages=("mar-Deva",), sources=(Source(split="train", file="a.dat", format=form),))})
    assert texts(load_rows(read, None), "train") == ['"एक']
    with pytest.raises(DataError, match="with format"):
        load_rows(dataclasses.replace(card, subsets={"mr": Subset(languages=("mar-Deva",), sources=(Source(split="train", file="a.dat"),))}), None)


def test_fields_that_came_later_are_in_no_digest_while_unset_and_in_it_when_set(tmp_path):
    card = topics(tmp_path, [("एक", "a")])
    assert not {"rows", "format", "into", "every"} & set(str(canonical(dataclasses.replace(card, rules=(Rule(rule="drop-empty"),)))).replace("'", " ").split())
    assert task_digest(dataclasses.replace(card, rows=5), None) != task_digest(card, None)


def test_a_class_digest_without_later_fields_is_that_from_before_them():
    @dataclasses.dataclass
    class Before:
        a: int = 1

    @dataclasses.dataclass
    class After:
        a: int = 1
        b: int | None = dataclasses.field(default=None, metadata=LATER)

    assert digest(Before()) == digest(After())
    assert digest(Before()) != digest(After(b=1))
