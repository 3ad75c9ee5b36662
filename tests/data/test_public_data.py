"""The published files of suite `public`, where they are: verified, read, and their known defects counted."""

from __future__ import annotations

import pytest

from bench.cards.load import load_library
from bench.cards.workspace import Workspace, builtin_content
from bench.data.rows import missing_files, task_digest
from bench.data.training import DataCache

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def data(published_data):
    content = builtin_content()
    return DataCache(load_library(Workspace(content, content)), published_data, offline=True)


def test_every_file_of_the_suite_is_there_and_has_its_checksum(data):
    suite = data.library.suites["public"]
    for name in suite.suite.tasks:
        assert missing_files(data.library.task(name), data.data_dir) == []
        assert len(task_digest(data.library.task(name), data.data_dir)) == 64


@pytest.mark.parametrize(
    ("task", "subset", "split", "rule", "dropped"),
    [
        ("STSb", "hi", "train", "drop-characters", 19),
        ("STSb", "mr", "train", "drop-characters", 16),
        ("MahaNewsSHC", "mr", "test", "drop-label", 11),
        ("MahaNewsSHC", "mr", "train", "drop-label", 11),
        ("MahaParaphrase", "mr", "train", "drop-seen:test", 39),
    ],
)
def test_known_defects_are_dropped_and_counted(data, task, subset, split, rule, dropped):
    assert data.rows(task).dropped[subset, split][rule] == dropped


def test_no_training_row_holds_a_text_of_any_test(data):
    from bench.data.rows import normalise

    suite = data.library.suites["public"]
    guard = data.guard(suite.suite.tasks)
    leaked = 0
    for phase in suite.recipes["two-phase"].phases:
        rows = data.training_set(phase, guard)
        texts = {normalise(text) for row in (*rows.triplets, *rows.pairs, *rows.scored) for text in row if isinstance(text, str)}
        assert not texts & guard
        leaked += sum(rows.leaked.values())
    assert leaked > 500
