"""What is remembered of the current cells is used only where nothing has changed that it was made from."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from bench.cards.load import load_library
from bench.cards.workspace import find_workspace
from bench.plan import remembered
from bench.plan.current import CurrentKeys, current_keys
from bench.plan.options import Options
from bench.plan.remembered import recall, remember
from tests.builders import plan_anew
from tests.run.test_run import run

SUITE = """\
[suite]
name = "tiny"
tasks = ["Pairs"]

[[candidates]]
name = "letters"
kind = "lexical"

[[candidates]]
name = "model"
kind = "external"
path = "tiny"
"""
CHOSEN = Options(suite="tiny", device="cpu", offline=True)


@pytest.fixture
def place(workspace_folder, monkeypatch) -> Path:
    """A workspace whose two candidates are made, and whose files are older than any step of the file system's clock."""
    (workspace_folder / "models" / "mini.toml").write_text(SUITE, encoding="utf-8")
    load_library.cache_clear()
    assert run(workspace_folder, suite="tiny")[1].complete
    time.sleep(2 * remembered.SLACK / 1e9)
    return workspace_folder


def recalled(place: Path, options: Options = CHOSEN) -> CurrentKeys | None:
    return recall(find_workspace(place), options)


def planned(place: Path, **options: object) -> CurrentKeys:
    return remember(plan_anew(place, **{"suite": "tiny", **options}))


def test_the_keys_are_those_of_the_plan(place):
    assert recalled(place) is None
    keys = planned(place)
    assert recalled(place) == keys == current_keys(plan_anew(place, suite="tiny"))
    assert keys.candidates["letters"].scores.keys() == {"Pairs"}


@pytest.mark.parametrize(
    "change",
    [
        lambda place: (place / "models" / "mini.toml").write_text(SUITE.replace('"letters"', '"signs"'), encoding="utf-8"),
        lambda place: (place / "models" / "other.toml").write_text("", encoding="utf-8"),
        lambda place: (place / "tasks" / "pairs" / "test-mr.tsv").touch(),
        lambda place: (place / "models" / "tiny" / "config.json").write_bytes((place / "models" / "tiny" / "config.json").read_bytes()),
        lambda place: next((place / ".bench" / "checkpoints").rglob("lexical.json")).unlink(),
        lambda place: shutil.rmtree(place / ".bench" / "checkpoints"),
    ],
    ids=["card", "new card", "data", "model", "file of a checkpoint", "checkpoints"],
)
def test_after_a_change_nothing_is_recalled(place, change):
    planned(place)
    change(place)
    assert recalled(place) is None


def test_what_cards_name_outside_of_their_folders_is_watched_and_so_is_where_links_lead(place):
    card = place / "tasks" / "pairs" / "task.toml"
    (place / "data").mkdir()
    (place / "tasks" / "pairs" / "test-mr.tsv").rename(place / "data" / "v1.tsv")
    (place / "data" / "test-mr.tsv").symlink_to("v1.tsv")
    card.write_text(card.read_text(encoding="utf-8").replace('"test-mr.tsv"', '"../../data/test-mr.tsv"'), encoding="utf-8")
    (place / "models" / "tiny").rename(place / "tiny-v1")
    shutil.copytree(place / "tiny-v1", place / "tiny-v2")
    (place / "tiny").symlink_to("tiny-v1")
    (place / "models" / "mini.toml").write_text(SUITE.replace('path = "tiny"', 'path = "../tiny"'), encoding="utf-8")
    load_library.cache_clear()
    assert run(place, suite="tiny")[1].complete
    time.sleep(2 * remembered.SLACK / 1e9)
    assert planned(place) == recalled(place)
    for change in (
        lambda: (place / "data" / "v1.tsv").touch(),
        lambda: turned(place / "data" / "test-mr.tsv", shutil.copy(place / "data" / "v1.tsv", place / "data" / "v2.tsv").name),
        lambda: turned(place / "tiny", "tiny-v2"),
    ):
        change()
        assert recalled(place) is None
        time.sleep(2 * remembered.SLACK / 1e9)
        planned(place)
        assert recalled(place) is not None


def turned(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


def test_links_that_lead_round_in_circles_cost_no_time(place):
    for name in ("a", "b", "c"):
        (place / "tasks" / "pairs" / name).symlink_to("..")
    planned(place)
    assert recalled(place) is not None


def test_texts_and_lists_of_tokens_that_cards_name_are_watched(place):
    (place / "models" / "mini.toml").write_text(
        SUITE + '[bases.tiny]\npath = "tiny"\n[recipes.plain]\npooling = "mean"\n[[candidates]]\nname = "cut"\nkind = "pruned"\nbase = "tiny"\n'
        'strategy = "top"\nkeep = 2\nrecipe = "plain"\nvocabulary = { corpus = ["../texts.txt", "Pairs:train"], size = 200 }\n',
        encoding="utf-8",
    )
    (place / "texts.txt").write_text("मी घर\nतो घर\n", encoding="utf-8")
    load_library.cache_clear()
    assert place / "models" / "../texts.txt" in set(remembered._named(plan_anew(place, suite="tiny")))


def test_a_file_of_the_same_size_whose_time_was_set_back_counts_as_changed(place):
    path = place / "tasks" / "pairs" / "test-mr.tsv"
    planned(place)
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert recalled(place) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda monkeypatch: monkeypatch.setattr(remembered, "versions", lambda: {"torch": "0"}),
        lambda monkeypatch: monkeypatch.setattr(remembered, "fingerprint", lambda device: {"cpu": "another"}),
        lambda monkeypatch: monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16"),
    ],
    ids=["libraries", "machine", "switch"],
)
def test_on_another_machine_or_with_other_libraries_nothing_is_recalled(place, change, monkeypatch):
    planned(place)
    change(monkeypatch)
    assert recalled(place) is None


def test_another_suite_or_device_has_keys_of_its_own(place):
    planned(place)
    assert recalled(place, Options(suite="tiny", device="cuda")) is None
    assert recalled(place, Options(suite=None, device="cpu")) is None


def test_nothing_is_remembered_where_a_file_changed_while_it_was_read(place):
    plan = plan_anew(place, suite="tiny")
    (place / "tasks" / "pairs" / "test-mr.tsv").touch()
    remember(plan)
    assert recalled(place) is None


def test_nothing_is_remembered_where_a_candidate_was_not_made(place):
    shutil.rmtree(place / ".bench" / "results")
    assert planned(place).candidates["letters"].problem == "not made yet"
    assert recalled(place) is None


def test_what_is_torn_or_cannot_be_written_costs_time_only(place):
    keys = planned(place)
    for path in (place / ".bench" / "current").iterdir():
        path.write_bytes(path.read_bytes()[:-20])
    assert recalled(place) is None
    shutil.rmtree(place / ".bench" / "current")
    (place / ".bench" / "current").write_text("in the way", encoding="utf-8")
    assert planned(place) == keys
