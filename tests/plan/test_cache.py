"""What a workspace has stored, and what of it goes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from bench.cards.load import load_library
from bench.cards.workspace import find_workspace
from bench.errors import StorageError
from bench.plan.cache import Entry, entries, remove, require_idle
from bench.run.execute import execute
from bench.run.report import Silent
from bench.store import Store
from tests.builders import board_of, plan_anew
from tests.cli.command import bench
from tests.conftest import build_workspace


@pytest.fixture(scope="module")
def scored(tmp_path_factory, tiny_base, brief_probes) -> Path:
    """A workspace in which the lexical candidate, a trimmed, untrained one, and an external one that is used in its own way have run."""
    folder = build_workspace(tmp_path_factory.mktemp("scored") / "workspace", tiny_base)
    card = folder / "models" / "mini.toml"
    trimmed = '\n[[candidates]]\nname = "cut"\nkind = "pruned"\nbase = "tiny"\nstrategy = "top"\nkeep = 2\nvocabulary = { corpus = ["Pairs"], size = 250 }\n'
    used = '\n[[candidates]]\nname = "used"\nkind = "external"\npath = "tiny"\nprompts = { STS = "नदी " }\nmax_length = 16\n'
    card.write_text(card.read_text(encoding="utf-8") + trimmed + used, encoding="utf-8")
    assert execute(plan_anew(folder, names=("letters", "cut", "used"), tasks=("Pairs",), probe="quick"), Silent()).complete
    return folder


@pytest.fixture
def copied(scored, tmp_path) -> Path:
    return shutil.copytree(scored, tmp_path / "copy")


def stored(folder: Path, devices: tuple[str, ...] = ("cpu",)) -> list[Entry]:
    load_library.cache_clear()
    return entries(find_workspace(folder), devices, None)


def unused(folder: Path, **more) -> set[str]:
    return {one.kind for one in stored(folder, **more) if not one.used and one.kind != "locks"}


def forget(folder: Path, name: str) -> None:
    """Take a candidate off the card."""
    card = folder / "models" / "mini.toml"
    head, found, tail = card.read_text(encoding="utf-8").partition(f'[[candidates]]\nname = "{name}"')
    assert found
    card.write_text(head + "".join(tail.partition("\n\n")[1:]), encoding="utf-8")


def test_everything_that_a_run_of_the_current_cards_has_stored_is_needed(copied):
    found = stored(copied)
    assert {one.kind for one in found} >= {"checkpoints", "embeddings", "bases", "results", "locks"}
    assert unused(copied) == set()
    assert all(one.bytes > 0 for one in found if one.kind in {"checkpoints", "embeddings", "bases", "results"})


def test_what_is_stored_of_a_candidate_that_left_the_card_goes_and_the_rest_stays_as_it_is(copied):
    before = board_of(plan_anew(copied))
    forget(copied, "cut")
    assert unused(copied) == {"checkpoints", "embeddings", "bases", "results"}
    gone = list(remove(stored(copied), copied / ".bench"))
    assert not any(one.path.exists() for one in gone)
    plan = plan_anew(copied, names=("letters",), tasks=("Pairs",))
    assert {cell.status for cell in plan.cells} == {"done"}
    assert [row.mean for row in board_of(plan).rows if row.name == "letters"] == [row.mean for row in before.rows if row.name == "letters"]
    assert unused(copied) == set()


def test_a_base_trimmed_in_another_way_goes_and_the_one_in_use_stays(copied):
    card = copied / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("size = 250", "size = 240"), encoding="utf-8")
    assert [one.used for one in stored(copied) if one.kind == "bases"] == [False]


def test_a_base_converted_by_another_version_goes_and_that_of_this_version_stays(copied, monkeypatch):
    from bench.models import converted

    card = copied / "models" / "mini.toml"
    base = f'[bases.e]\npackage = "some"\nfile = "x"\nformat = "e5-q4"\nsha256 = "{"1" * 64}"\n'
    card.write_text(card.read_text(encoding="utf-8") + base, encoding="utf-8")
    folder = converted.converted_folder("1" * 64, "e5-q4", copied / ".bench")
    folder.mkdir()
    assert next(one for one in stored(copied) if one.path == folder).used
    monkeypatch.setattr(converted, "CONVERTERS", {"e5-q4": (10**6, converted.CONVERTERS["e5-q4"][1])})
    assert not next(one for one in stored(copied) if one.path == folder).used


@pytest.mark.parametrize("where", ["checkpoints/.{key}.{pid}", "bases/.{key}.saving-{pid}", "results/aa/.{key}.json.{pid}.tmp"])
def test_what_a_killed_process_left_half_written_goes_and_what_a_living_one_writes_stays(copied, where):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        path = copied / ".bench" / where.format(key="0" * 32, pid=process.pid)
        path.parent.mkdir(exist_ok=True)
        path.write_text("half", encoding="utf-8")
        assert next(one for one in stored(copied) if one.path == path).used
        process.communicate(b"\n")
    assert not next(one for one in stored(copied) if one.path == path).used


@pytest.mark.parametrize("name", [".training-" + "0" * 32, "nested-" + "0" * 32])
def test_the_state_of_a_training_that_no_candidate_has_goes(copied, name):
    (copied / ".bench" / "checkpoints" / name).mkdir()
    assert unused(copied) == {"trainings"}


def test_the_state_of_an_interrupted_training_of_a_current_candidate_stays(copied):
    from tests.builders import blueprint_of

    (copied / ".bench" / "checkpoints" / f".training-{blueprint_of(plan_anew(copied), 'tiny').training_key[:32]}").mkdir()
    assert unused(copied) == set()


def test_embeddings_that_were_set_aside_go(copied):
    shard = next((copied / ".bench" / "embeddings").glob("*/*.npy"))
    shard.with_name(f"{shard.name}.altered").write_bytes(b"x")
    assert unused(copied) == {"left over"}


def rewrite(folder: Path, **changes: object) -> None:
    """Change what every result tells of where it was computed."""
    store = Store(folder / ".bench" / "results")
    for path in store.folder.glob("*/*.json"):
        told = store.get(path.stem)
        assert told is not None
        store.put(path.stem, {**told, **changes})


def test_what_another_type_of_device_has_computed_cannot_be_judged_and_stays(copied):
    rewrite(copied, computed_on={"device": "cuda"})
    forget(copied, "cut")
    assert unused(copied) == {"bases"}


def test_what_another_machine_has_computed_cannot_be_judged_and_stays(copied):
    rewrite(copied, machine={"cpu": "another"})
    forget(copied, "cut")
    assert unused(copied) == {"bases"}


def test_what_is_stored_of_a_candidate_whose_base_is_gone_stays(copied):
    (copied / "models" / "tiny").rename(copied / "elsewhere")
    assert unused(copied) == set()


def test_scores_of_a_task_whose_data_is_gone_stay(copied):
    (copied / "tasks" / "pairs" / "test-mr.tsv").rename(copied / "elsewhere.tsv")
    assert unused(copied) == set()


def test_nothing_goes_while_a_run_holds_a_lock(copied):
    forget(copied, "cut")
    held = copied / ".bench" / "locks" / "probe"
    code = f"from filelock import FileLock; lock = FileLock({str(held)!r}); lock.acquire(); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        before = {one.path for one in stored(copied)}
        with pytest.raises(StorageError, match="holds this lock"):
            list(remove(stored(copied), copied / ".bench"))
        assert {one.path for one in stored(copied)} == before
        assert next(one for one in stored(copied) if one.path == held).used
        process.communicate(b"\n")
    require_idle(copied / ".bench")


def test_a_lock_that_nobody_holds_goes_and_a_run_takes_it_anew(copied):
    list(remove(stored(copied), copied / ".bench"))
    assert not list((copied / ".bench" / "locks").iterdir())
    with FileLock(copied / ".bench" / "locks" / "probe"):
        pass


def test_the_command_shows_first_and_removes_when_told_so(copied):
    forget(copied, "cut")
    everything = {path for path in (copied / ".bench").rglob("*") if path.is_file()}
    shown = bench("cache", "gc", cwd=copied)
    assert shown.returncode == 0, shown.stderr
    assert "give --yes" in shown.stdout
    assert {path for path in (copied / ".bench").rglob("*") if path.is_file()} >= everything
    told = json.loads(bench("cache", "list", "--json", cwd=copied).stdout)
    done = bench("cache", "gc", "--yes", cwd=copied)
    assert done.returncode == 0, done.stderr
    assert {one["path"] for one in told if Path(one["path"]).exists()} == {one["path"] for one in told if one["used"]}
    assert "checkpoints" in bench("cache", "list", cwd=copied).stdout


def test_an_empty_workspace_has_nothing(workspace_folder):
    assert stored(workspace_folder) == []
    assert not os.path.lexists(workspace_folder / ".bench")
