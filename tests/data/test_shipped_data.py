"""The shipped data: what its pages promise of it, row by row."""

import collections
import csv
import itertools
import unicodedata
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from bench.cards.load import load_library
from bench.cards.workspace import Workspace
from bench.data.rows import load_rows, normalise

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tasks").glob("kasauti-*/*.tsv"))
CARDS = sorted(path.parent.name for path in (ROOT / "tasks").glob("kasauti-*/task.toml"))


def name_of(path):
    return f"{path.parent.name}/{path.stem}"


def read(path):
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def with_column(name):
    """Files that have a column of this name, for `parametrize`."""
    return pytest.mark.parametrize("path", [path for path in FILES if name in read(path)[0]], ids=name_of)


def text_columns(rows):
    """Columns of sentences; they begin with the language's code."""
    return [column for column in rows[0] if column.startswith(("mr", "hi"))]


def sentences(path):
    """Normalised sentence to where it stands."""
    rows = read(path)
    return {normalise(row[column]): f"{name_of(path)} {row['id']} {column}" for row in rows for column in text_columns(rows) if row[column]}


def trigrams(text):
    padded = f" {text.lower()} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}


each_file = pytest.mark.parametrize("path", FILES, ids=name_of)


def test_the_sets_that_the_default_suite_is_made_of_are_there():
    assert {name_of(path) for path in FILES} >= {
        *("kasauti-sts/train", "kasauti-sts/dev", "kasauti-sts/test", "kasauti-nli/train"),
        *("kasauti-topic/train", "kasauti-topic/test", "kasauti-sentiment/train", "kasauti-sentiment/test"),
    }


ACROSS = [
    (one, other)
    for one, other in itertools.combinations(FILES, 2)
    if one.stem != other.stem and (one.parent == other.parent or "test" in (one.stem, other.stem))
]


@pytest.mark.parametrize(("one", "other"), ACROSS, ids=[f"{name_of(one)} {name_of(other)}" for one, other in ACROSS])
def test_no_sentence_stands_in_two_splits_of_a_set_or_in_a_test_and_any_training_data(one, other):
    first, second = sentences(one), sentences(other)
    assert [(first[text], second[text]) for text in first.keys() & second.keys()] == []


@each_file
def test_no_id_repeats(path):
    counts = collections.Counter(row["id"] for row in read(path))
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("path", [path for path in FILES if path.stem == "test"], ids=name_of)
def test_no_row_of_a_test_repeats(path):
    rows = read(path)
    for language in ("mr", "hi"):
        columns = [column for column in text_columns(rows) if column.startswith(language)]
        counts = collections.Counter(tuple(sorted(normalise(row[column]) for column in columns)) for row in rows)
        assert [texts for texts, count in counts.items() if count > 1] == []


@each_file
def test_every_text_is_in_nfc_without_blanks_at_its_ends(path):
    found = [(row["id"], column) for row in read(path) for column, text in row.items() if text != unicodedata.normalize("NFC", text).strip()]
    assert found == []


@each_file
def test_every_line_has_a_cell_for_each_column_and_no_character_was_lost(path):
    rows = read(path)
    assert [row["id"] for row in rows if None in row or None in row.values()] == []
    assert "\ufffd" not in path.read_text(encoding="utf-8")


@each_file
def test_every_sentence_is_in_devanagari(path):
    rows = read(path)
    found = [(row["id"], c) for row in rows for c in text_columns(rows) if row[c] and not any("\u0900" <= letter <= "\u097f" for letter in row[c])]
    assert found == []


@each_file
def test_the_marathi_and_the_hindi_of_a_row_differ(path):
    rows = read(path)
    columns = [column for column in text_columns(rows) if column.startswith("mr")]
    assert columns
    found = [(row["id"], column) for row in rows for column in columns if row[column] and normalise(row[column]) == normalise(row[f"hi{column[2:]}"])]
    assert found == []


@each_file
def test_a_sentence_is_there_in_both_languages_or_in_neither(path):
    rows = read(path)
    columns = [column for column in text_columns(rows) if column.startswith("mr")]
    assert [(row["id"], column) for row in rows for column in columns if bool(row[column]) != bool(row[f"hi{column[2:]}"])] == []


@with_column("score")
def test_every_score_is_a_multiple_of_a_half_between_0_and_5(path):
    assert [row["id"] for row in read(path) if not 0 <= float(row["score"]) <= 5 or (2 * float(row["score"])) % 1] == []


@with_column("score")
def test_every_score_stands_about_as_often_as_every_other(path):
    counts = collections.Counter(float(row["score"]) for row in read(path))
    assert len(counts) == 11
    assert max(counts.values()) <= 1.5 * min(counts.values())


@pytest.mark.parametrize("language", ["mr", "hi"])
def test_shared_letters_do_not_give_the_scores_of_the_pair_test_away(language):
    rows = read(ROOT / "tasks" / "kasauti-sts" / "test.tsv")
    overlap = []
    for row in rows:
        first, second = trigrams(row[f"{language}1"]), trigrams(row[f"{language}2"])
        overlap.append(len(first & second) / len(first | second))
    assert spearmanr(overlap, [float(row["score"]) for row in rows]).statistic < 0.55


@with_column("label")
def test_every_label_stands_equally_often(path):
    counts = collections.Counter(row["label"] for row in read(path))
    assert len(set(counts.values())) == 1, counts


@pytest.fixture
def library(tmp_path):
    return load_library(Workspace(ROOT, tmp_path))


@pytest.mark.parametrize("folder", CARDS)
def test_every_shipped_task_can_be_read_by_its_card_and_loses_no_row(folder, library):
    name = next(card.name for card in library.tasks.values() if card.folder.name == folder)
    data = load_rows(library.task(name), None)
    assert data.splits
    assert all(rows for splits in data.splits.values() for rows in splits.values())
    assert not any(data.dropped.values())


def test_the_bitext_test_pairs_every_row_of_the_topic_and_sentiment_tests(library):
    data = load_rows(library.task("KasautiBitext"), None)
    rows = [row for folder in ("kasauti-topic", "kasauti-sentiment") for row in read(ROOT / "tasks" / folder / "test.tsv")]
    assert [(row["sentence1"], row["sentence2"]) for row in data.splits["mr-hi"]["test"]] == [(row["mr"], row["hi"]) for row in rows]


def test_every_label_of_the_cards_stands_in_every_split(library):
    for name in ("KasautiTopic", "KasautiSentiment"):
        card = library.task(name)
        for splits in load_rows(card, None).splits.values():
            assert {split: {row["label"] for row in rows} for split, rows in splits.items()} == {split: set(card.labels.values()) for split in splits}
