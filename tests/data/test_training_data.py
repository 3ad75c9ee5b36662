"""Training data: what each kind of task gives a phase, and that no text of a test is ever trained on."""

import dataclasses

import pytest

from bench.cards.recipes import Curve, Phase
from bench.data.training import DataCache, TrainingSet
from bench.errors import DataError
from tests.builders import make_card, make_library, table

NOTHING = frozenset()
STS = ("sentence1", "sentence2", "score")
PAIR = ("sentence1", "sentence2", "label")


def training_set(*cards, kind="sts", data=None, guard=()):
    cache = DataCache(make_library(*cards), None, offline=True)
    return cache.training_set(Phase(kind=kind, data=data or tuple(card.name for card in cards)), cache.guard(guard))


def test_a_triplet_trains_in_both_directions(tmp_path):
    card = make_card(tmp_path, "Triplets", {"train": table(("premise", "entailment", "contradiction"), ("नदी वाहते", "पाणी वाहते", "नदी कोरडी आहे"))})
    assert training_set(card, kind="nli").triplets == (("नदी वाहते", "पाणी वाहते", "नदी कोरडी आहे"), ("पाणी वाहते", "नदी वाहते", "नदी कोरडी आहे"))


def nli_card(folder, *rows, name="Tiny"):
    return make_card(folder, "NLI", {"train": table(("premise", "hypothesis", "label"), *rows)}, name=name)


def test_nli_rows_are_grouped_by_premise_wherever_they_stand(tmp_path):
    card = nli_card(
        tmp_path,
        ("एक", "एक-होय", "entailment"),
        ("दोन", "दोन-नाही", "contradiction"),
        ("एक", "एक-कदाचित", "neutral"),
        ("दोन", "दोन-होय", "entailment"),
        ("एक", "एक-नाही", "contradiction"),
    )
    assert training_set(card, kind="nli").triplets[::2] == (("एक", "एक-होय", "एक-नाही"), ("दोन", "दोन-होय", "दोन-नाही"))


@pytest.mark.parametrize(
    ("labels", "count"),
    [(["entailment"], 0), (["entailment", "neutral"], 0), (["contradiction", "neutral"], 0), (["entailment", "contradiction"] * 2, 2)],
    ids=["only-entailment", "no-contradiction", "no-entailment", "two-of-each"],
)
def test_a_premise_gives_as_many_triplets_as_it_has_both_an_entailment_and_a_contradiction(tmp_path, labels, count):
    rows = [("एक", f"वाक्य {number}", label) for number, label in enumerate(labels)]
    other = [("दोन", "होय", "entailment"), ("दोन", "नाही", "contradiction")]
    triplets = training_set(nli_card(tmp_path, *rows, *other), kind="nli").triplets
    assert sum(negative != "नाही" for _, _, negative in triplets) == 2 * count


def test_only_paraphrase_rows_become_pairs(tmp_path):
    card = make_card(tmp_path, "PairClassification", {"train": table(PAIR, ("नदी", "सरिता", "P"), ("नदी", "घर", "NP"))}, labels={"P": 1, "NP": 0})
    made = training_set(card, kind="nli")
    assert made.pairs == (("नदी", "सरिता"),)
    assert (made.triplets, made.scored) == ((), ())


@pytest.mark.parametrize(
    ("score_range", "scores", "scaled"),
    [((0.0, 5.0), (0, 2.5, 5), (0.0, 0.5, 1.0)), ((1.0, 5.0), (1, 2, 5), (0.0, 0.25, 1.0)), ((-1.0, 1.0), (-1, 0, 1), (0.0, 0.5, 1.0))],
)
def test_scores_are_scaled_from_the_range_of_the_card_to_0_and_1(tmp_path, score_range, scores, scaled):
    rows = [(f"नदी {number}", f"घर {number}", score) for number, score in enumerate(scores)]
    card = make_card(tmp_path, "STS", {"train": table(STS, *rows)}, score_range=score_range)
    assert [score for _, _, score in training_set(card).scored] == pytest.approx(scaled)


def test_a_reference_may_name_another_split_than_the_one_that_the_card_trains_on(tmp_path):
    card = make_card(tmp_path, "STS", {"train": table(STS, ("नदी", "घर", 1)), "dev": table(STS, ("पाऊस", "पाणी", 5))})
    assert training_set(card, data=("Tiny:dev",)).scored == (("पाऊस", "पाणी", 1.0),)
    assert training_set(dataclasses.replace(card, train_on="dev")).scored == (("पाऊस", "पाणी", 1.0),)


def test_the_rows_of_several_data_sets_stand_one_after_the_other(tmp_path):
    cards = [make_card(tmp_path, "STS", {"train": table(STS, (f"नदी {name}", "घर", 5))}, name=name) for name in ("A", "B")]
    made = training_set(*cards, data=("B", "A"))
    assert [first for first, _, _ in made.scored] == ["नदी B", "नदी A"]
    assert made.leaked == {"B": 0, "A": 0}
    assert len(made) == 2


def test_texts_of_any_test_of_the_suite_are_taken_out_and_counted_even_with_other_punctuation_or_case(tmp_path):
    trained = make_card(
        tmp_path,
        "STS",
        {
            "train": table(
                STS,
                ("आज पाऊस आहे!", "घर मोठे", 1),  # the topic test's text in the first column
                ("शाळा", "«पुस्तक» वाचतो.", 2),  # the pair test's text in the second
                ("ISRO चे यान", "तारा", 3),  # the same but for case
                ("नवे वाक्य", "दुसरे वाक्य", 4),
            ),
            "test": table(STS, ("पुस्तक वाचतो", "आकाश", 0)),
        },
    )
    topics = make_card(tmp_path, "Classification", {"test": table(("text", "label"), ("आज पाऊस आहे", "a"), ("isro चे यान", "a"))}, name="Topics", labels={"a": 0})
    made = training_set(trained, topics, data=("Tiny",), guard=("Tiny", "Topics"))
    assert [first for first, _, _ in made.scored] == ["नवे वाक्य"]
    assert made.leaked == {"Tiny": 3}


def test_only_what_is_tested_guards_and_not_what_the_same_task_trains_on(tmp_path):
    card = make_card(tmp_path, "STS", {"train": table(STS, ("नदी", "घर", 1)), "test": table(STS, ("पाऊस", "पाणी", 5))})
    cache = DataCache(make_library(card), None, offline=True)
    assert cache.guard(["Tiny"]) == {"पाऊस", "पाणी"}
    assert DataCache(make_library(dataclasses.replace(card, evaluate_on="train")), None, offline=True).guard(["Tiny"]) == {"नदी", "घर"}


def test_a_leaked_premise_hypothesis_or_triplet_member_takes_its_row_out(tmp_path):
    header = ("premise", "entailment", "contradiction")
    rows = [("नदी", "ब", "क"), ("प", "नदी", "फ"), ("च", "छ", "नदी"), ("त", "थ", "द")]
    card = make_card(tmp_path, "Triplets", {"train": table(header, *rows)})
    topics = make_card(tmp_path, "Classification", {"test": table(("text", "label"), ("नदी", "a"))}, name="Topics", labels={"a": 0})
    made = training_set(card, topics, kind="nli", data=("Tiny",), guard=("Topics",))
    assert made.triplets == (("त", "थ", "द"), ("थ", "त", "द"))
    assert made.leaked == {"Tiny": 3}


def test_a_test_that_cannot_be_read_here_guards_nothing_and_stops_nothing(tmp_path):
    trained = make_card(tmp_path, "STS", {"train": table(STS, ("नदी", "घर", 1))})
    gone = make_card(tmp_path, "Classification", {"test": table(("text", "label"), ("नदी", "a"))}, name="Topics", labels={"a": 0})
    (tmp_path / "Topics-test.tsv").unlink()
    assert len(training_set(trained, gone, data=("Tiny",), guard=("Topics",))) == 1


@pytest.mark.parametrize("why", ["gone", "malformed", "unreadable"])
def test_a_test_that_cannot_be_read_is_named_with_the_reason(tmp_path, why):
    trained = make_card(tmp_path, "STS", {"train": table(STS, ("नदी", "घर", 1)), "test": table(STS, ("पाऊस", "पाणी", 5))})
    broken = make_card(
        tmp_path, "Classification", {"test": table(("text", "label"), ("नदी", "b" if why == "malformed" else "a"))}, name="Topics", labels={"a": 0}
    )
    path = tmp_path / "Topics-test.tsv"
    if why != "malformed":
        path.unlink()
    if why == "unreadable":
        path.symlink_to("/proc/self/mem")
    cache = DataCache(make_library(trained, broken), None, offline=True)
    assert list(cache.unread(["Tiny", "Topics"])) == ["Topics"]
    assert "Topics-test.tsv" in cache.unread(["Topics"])["Topics"]
    assert cache.guard(["Tiny", "Topics"]) == {"पाऊस", "पाणी"}


def test_a_test_guards_also_where_another_split_of_its_task_cannot_be_read(tmp_path):
    trained = make_card(tmp_path, "STS", {"train": table(STS, ("नदी", "घर", 1), ("पाऊस", "पाणी", 5))})
    header = ("text", "label")
    half = make_card(tmp_path, "Classification", {"train": table(header, ("आकाश", "a")), "test": table(header, ("नदी", "a"))}, name="Topics", labels={"a": 0})
    (tmp_path / "Topics-train.tsv").unlink()
    assert training_set(trained, half, data=("Tiny",), guard=("Topics",)).leaked == {"Tiny": 1}


@pytest.mark.parametrize("why", ["leaked", "no-paraphrase", "empty"])
def test_a_phase_with_nothing_left_to_train_on_is_refused_with_its_data_and_kind(tmp_path, why):
    rows = {"leaked": [("नदी", "घर", "P")], "no-paraphrase": [("नदी", "पाऊस", "NP")], "empty": []}[why]
    card = make_card(tmp_path, "PairClassification", {"train": table(PAIR, *rows), "test": table(PAIR, ("घर", "आकाश", "P"))}, labels={"P": 1, "NP": 0})
    with pytest.raises(DataError, match=r"Tiny: no rows .*'nli'"):
        training_set(card, kind="nli", guard=("Tiny",))


def test_data_that_is_missing_is_refused_with_its_file(tmp_path):
    card = make_card(tmp_path, "STS", {"train": table(STS, ("नदी", "घर", 1))})
    (tmp_path / "Tiny-train.tsv").unlink()
    with pytest.raises(DataError, match=r"Tiny-train\.tsv"):
        training_set(card)


def test_the_identity_of_training_data_depends_on_its_rows_only(tmp_path):
    row = ("नदी", "घर", 1)
    one = training_set(make_card(tmp_path / "one", "STS", {"train": table(STS, row)}, name="One"))
    other = training_set(make_card(tmp_path / "other", "STS", {"train": table(("id", *STS), (7, *row)), "test": table(STS, ("अ", "ब", 1))}, name="Other"))
    assert one.leaked != other.leaked
    assert one.digest == other.digest


@pytest.mark.parametrize(
    "other",
    [
        TrainingSet(scored=(("नदी", "घर", 0.25),)),
        TrainingSet(scored=(("घर", "नदी", 0.5),)),
        TrainingSet(pairs=(("नदी", "घर"),)),
        TrainingSet(scored=(("नदी", "घर", 0.5), ("नदी", "घर", 0.5))),
        TrainingSet(),
    ],
    ids=["score", "order", "kind", "count", "nothing"],
)
def test_the_identity_of_training_data_changes_with_any_row(other):
    assert TrainingSet(scored=(("नदी", "घर", 0.5),)).digest != other.digest


def test_the_order_of_rows_is_part_of_their_identity():
    rows = (("नदी", "घर", 0.5), ("पाऊस", "पाणी", 1.0))
    assert TrainingSet(scored=rows).digest != TrainingSet(scored=rows[::-1]).digest


def test_the_data_of_a_task_is_read_once(tmp_path):
    cache = DataCache(make_library(make_card(tmp_path, "STS", {"train": table(STS, ("नदी", "घर", 1))})), None, offline=True)
    first = cache.training_set(Phase(kind="sts", data=("Tiny",)), NOTHING)
    (tmp_path / "Tiny-train.tsv").unlink()
    assert cache.training_set(Phase(kind="sts", data=("Tiny",)), NOTHING) == first


def test_rows_are_guarded_once_for_all_candidates_that_share_them_and_anew_for_another_guard(tmp_path):
    rows = table(STS, ("नदी", "घर", 1), ("पाऊस", "पाणी", 2), ("आकाश", "तारा", 3))
    cache = DataCache(make_library(make_card(tmp_path, "STS", {"train": rows, "dev": rows})), None, offline=True)
    for take in (lambda guard: cache.training_set(Phase(kind="sts", data=("Tiny",)), guard), lambda guard: cache.development(Curve(data=("Tiny:dev",)), guard)):
        assert take(NOTHING) is take(NOTHING)
        assert take(frozenset({"नदी"})) != take(NOTHING)


def test_a_curve_is_drawn_on_at_most_so_many_pairs_of_each_language_and_never_on_a_test_text(tmp_path):
    rows = [(f"नदी {number}", f"घर {number}", number % 6) for number in range(6)]
    card = make_card(tmp_path, "STS", {"train": table(STS, ("अ", "ब", 1)), "dev": table(STS, *rows), "test": table(STS, (rows[1][0], "क", 2))})
    cache = DataCache(make_library(card), None, offline=True)
    found = cache.development(Curve(data=("Tiny:dev",), rows=3), cache.guard(["Tiny"]))
    assert {name: [first for first, *_ in pairs] for name, pairs in found.pairs.items()} == {"Tiny:dev mr": ["नदी 0", "नदी 2", "नदी 3"]}
    assert cache.development(None, NOTHING).pairs == {}


def test_a_curve_of_which_only_test_texts_are_there_is_refused(tmp_path):
    card = make_card(tmp_path, "STS", {"train": table(STS, ("अ", "ब", 1)), "dev": table(STS, ("नदी", "घर", 1)), "test": table(STS, ("नदी", "क", 2))})
    cache = DataCache(make_library(card), None, offline=True)
    with pytest.raises(DataError, match="Tiny:dev: no mr rows are left to draw a curve from"):
        cache.development(Curve(data=("Tiny:dev",)), cache.guard(["Tiny"]))
