"""Which rows are resampled together: whoever reads a row of a file, and whatever shares a sentence with it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bench.cards.load import load_library
from bench.cards.tasks import Rule, Source, Subset, TaskCard
from bench.cards.workspace import Workspace, builtin_content
from bench.data.rows import load_rows
from bench.errors import CardError, DataError
from tests.builders import STS_CARD, make_card, make_library, table, write_workspace

TOPICS = [("नदी", "river", "a"), ("घर", "house", "b"), ("झाड", "tree", "a"), ("शाळा", "school", "b")]


def card_of(folder: Path, kind: str, columns: dict[str, dict[str, str]], **fields: object) -> TaskCard:
    """A card over one file of three columns, `mr`, `hi` and `label`, with a subset for each entry of `columns`."""
    card = make_card(folder, kind, {"test": table(("mr", "hi", "label"), *TOPICS)}, **fields)
    source = card.subsets["mr"].sources[0]
    subsets = {name: Subset(languages=("mar-Deva",), sources=(source,), columns=renamed) for name, renamed in columns.items()}
    return dataclasses.replace(card, subsets=subsets)


LABELS = {"a": 0, "b": 1}


def units(card: TaskCard, subset: str = "mr", split: str = "test"):
    return load_rows(card, None).units[subset][split]


def test_languages_of_one_file_and_other_tasks_over_it_have_the_same_units(tmp_path):
    topic = card_of(tmp_path / "a", "Classification", {"mr": {"text": "mr"}, "hi": {"text": "hi"}}, labels=LABELS)
    bitext = card_of(tmp_path / "b", "BitextMining", {"mr-hi": {"sentence1": "mr", "sentence2": "hi"}})
    assert units(topic, "mr") == units(topic, "hi") == units(bitext, "mr-hi")
    assert len(set(units(topic))) == 4


def test_a_row_keeps_its_unit_when_rules_drop_rows_before_it(tmp_path):
    whole = card_of(tmp_path, "Classification", {"mr": {"text": "mr"}}, labels=LABELS)
    fewer = dataclasses.replace(whole, rules=(Rule(rule="drop-label", values=("a",)),))
    seen = dataclasses.replace(whole, rules=(Rule(rule="drop-characters", values=("द",)),))
    assert units(fewer) == (units(whole)[1], units(whole)[3])
    assert units(seen) == units(whole)[1:]


def test_rows_that_another_split_has_leave_with_their_units(tmp_path):
    splits = {"train": table(("text", "label"), ("घर", "a")), "test": table(("text", "label"), ("नदी", "a"), ("घर", "b"), ("झाड", "b"))}
    card = make_card(tmp_path, "Classification", splits, labels=LABELS, rules=(Rule(rule="drop-seen", splits=("test",), seen_in="train"),))
    whole = units(dataclasses.replace(card, rules=()))
    assert units(card) == (whole[0], whole[2])


def test_files_of_one_split_keep_the_units_that_they_have_alone(tmp_path):
    parts = [make_card(tmp_path, "Classification", {"test": table(("text", "label"), (text, "a"))}, name=text, labels=LABELS) for text in ("नदी", "घर")]
    both = dataclasses.replace(parts[0], subsets={"mr": Subset(languages=("mar-Deva",), sources=tuple(part.subsets["mr"].sources[0] for part in parts))})
    assert units(both) == units(parts[0]) + units(parts[1])
    assert len(set(units(both))) == 2


def test_lines_of_text_files_that_stand_side_by_side_are_units_of_the_first(tmp_path):
    for name, lines in (("left", "नदी\nघर\n"), ("right", "नदी है\nघर है\n")):
        (tmp_path / f"{name}.txt").write_text(lines, encoding="utf-8")
    sources = [Source(split="test", file=f"{name}.txt", column=f"sentence{number}") for number, name in enumerate(("left", "right"), 1)]
    card = dataclasses.replace(make_card(tmp_path, "BitextMining", {}), subsets={"mr": Subset(languages=("mar-Deva", "hin-Deva"), sources=tuple(sources))})
    assert [number for _, number in units(card)] == [0, 1]


CHAIN = [("क", "ख", 1), ("ग", "घ", 2), ("ख", "च", 3), ("छ", " घ!", 4), ("ज", "झ", 5), ("च", "ट", 0)]


def chained(folder: Path, **fields: object) -> TaskCard:
    return make_card(folder, "STS", {"test": table(("sentence1", "sentence2", "score"), *CHAIN)}, **fields)


def test_rows_that_share_a_sentence_are_one_unit_directly_or_through_others(tmp_path):
    assert [number for _, number in units(chained(tmp_path))] == [0, 1, 0, 1, 4, 0]


def test_sentences_are_compared_before_rules_and_rewriting(tmp_path):
    own = chained(tmp_path, name="Own")
    rewritten = dataclasses.replace(own, name="Rewritten", subsets={}, data="Own", perturbation="romanised", folder=tmp_path / "other")
    library = make_library(own, rewritten)
    assert units(library.task("Rewritten")) == units(own)
    fewer = dataclasses.replace(own, rules=(Rule(rule="drop-characters", values=("ट",)),))
    assert units(fewer) == units(own)[:-1]


def test_a_sentence_that_two_languages_of_a_file_share_binds_its_rows_in_both(tmp_path):
    rows = [("नदी", "नदी है", "a"), ("घर", "मकान", "b"), ("मकान", "इमारत", "a")]
    card = make_card(tmp_path, "Classification", {"test": table(("mr", "hi", "label"), *rows)}, labels=LABELS)
    source = card.subsets["mr"].sources[0]
    subsets = {name: Subset(languages=("mar-Deva",), sources=(source,), columns={"text": name}) for name in ("mr", "hi")}
    both = dataclasses.replace(card, subsets=subsets)
    assert [number for _, number in units(both, "mr")] == [number for _, number in units(both, "hi")] == [0, 1, 1]


def parallel(folder: Path, hindi: list[tuple[object, ...]], **fields: object) -> TaskCard:
    header = ("sentence1", "sentence2", "score")
    sides = {
        name: make_card(folder, "STS", {"test": table(header, *rows)}, name=name)
        for name, rows in (("mr", [("क", "ख", 1), ("ग", "घ", 2), ("च", "छ", 3)]), ("hi", hindi))
    }
    subsets = {name: dataclasses.replace(side.subsets["mr"]) for name, side in sides.items()}
    return dataclasses.replace(sides["mr"], subsets=subsets, **fields)


HINDI = [("प", "फ", 1), ("ब", "भ", 2), ("म", "य", 3)]


def test_rows_of_parallel_languages_in_files_of_their_own_are_the_same_units(tmp_path):
    apart, together = parallel(tmp_path, HINDI), parallel(tmp_path, HINDI, parallel=True)
    assert set(units(apart, "mr")).isdisjoint(units(apart, "hi"))
    assert units(together, "mr") == units(together, "hi") == units(apart, "mr")


def test_parallel_rows_stay_together_where_a_rule_drops_one_side(tmp_path):
    card = parallel(tmp_path, HINDI, parallel=True, rules=(Rule(rule="drop-characters", values=("भ",)),))
    assert units(card, "hi") == (units(card, "mr")[0], units(card, "mr")[2])


def test_a_sentence_that_one_parallel_language_repeats_binds_the_rows_of_both(tmp_path):
    card = parallel(tmp_path, [("प", "फ", 1), ("ब", "भ", 2), ("म", "प", 3)], parallel=True)
    assert [number for _, number in units(card, "mr")] == [number for _, number in units(card, "hi")] == [0, 1, 0]


def test_parallel_languages_of_different_length_are_refused_with_card_split_and_lengths(tmp_path):
    with pytest.raises(DataError) as caught:
        load_rows(parallel(tmp_path, HINDI[:2], parallel=True), None)
    for part in (str(tmp_path / "task.toml"), "parallel", "'test'", "mr has 3", "hi has 2"):
        assert part in str(caught.value)


def test_a_card_of_one_language_cannot_be_parallel(tmp_path):
    workspace = write_workspace(tmp_path, tasks={"sts": STS_CARD.replace('type = "STS"', 'type = "STS"\nparallel = true')})
    with pytest.raises(CardError) as caught:
        load_library(workspace)
    assert "task.toml:3" in str(caught.value)
    assert "parallel" in str(caught.value)


def test_the_shipped_tests_of_both_languages_and_their_bitext_share_their_rows():
    content = builtin_content()
    library = load_library(Workspace(content, content))
    topic, sentiment, bitext, negation = (load_rows(library.task(f"Kasauti{name}"), None).units for name in ("Topic", "Sentiment", "Bitext", "Negation"))
    assert topic["mr"] == topic["hi"]
    assert bitext["mr-hi"]["test"] == topic["mr"]["test"] + sentiment["mr"]["test"]
    assert len(set(negation["mr"]["test"])) == len(negation["mr"]["test"])
    assert negation["mr"] == negation["hi"]
