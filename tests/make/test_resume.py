"""Saved states of a training: gone on from only when they are what was saved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.make.resume import SavedTraining

FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


def save(training: SavedTraining, phase: int, step: int) -> Path:
    """What the trainer would leave."""
    state = training.phase(phase) / f"checkpoint-{step}"
    state.mkdir(parents=True)
    for name in FILES:
        (state / name).write_text(json.dumps({"global_step": step, "file": name}), encoding="utf-8")
    return state


@pytest.fixture
def training(tmp_path) -> SavedTraining:
    return SavedTraining(tmp_path / ".training-abc")


def test_the_last_state_that_was_kept_is_gone_on_from_and_the_ones_before_it_go(training):
    first = save(training, 0, 5)
    training.keep(first)
    assert training.state(0) == first
    second = save(training, 0, 9)
    training.keep(second)
    assert training.state(0) == second
    assert not first.exists()


def test_a_state_whose_save_was_cut_off_is_removed_and_the_one_before_it_is_taken(training, caplog):
    training.keep(first := save(training, 0, 5))
    cut = save(training, 0, 9)
    assert training.state(0) == first
    assert not cut.exists()
    assert caplog.messages == [], "a kill during a save is nothing to tell of"


@pytest.mark.parametrize("name", [*FILES, "digest.json"])
@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_a_state_with_an_altered_file_is_not_gone_on_from_and_is_told_of(training, caplog, name, how):
    training.keep(state := save(training, 0, 5))
    path = state / name
    data = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(data[:-4])
    else:
        data[-4] ^= 1
        path.write_bytes(data)
    assert training.state(0) is None
    assert not state.exists()
    assert len(caplog.messages) == (0 if (name, how) == ("digest.json", "gone") else 1)


@pytest.mark.parametrize("place", ["phase-1/checkpoint-5", "phase-0/checkpoint-7"])
def test_a_state_in_the_place_of_another_is_not_gone_on_from(training, place):
    training.keep(state := save(training, 0, 5))
    (training.folder / place).parent.mkdir(exist_ok=True)
    shutil.copytree(state, training.folder / place)
    assert training.state(int(place[6])) in {None, state}
    assert not (training.folder / place).exists()


def test_a_state_of_another_training_is_not_gone_on_from(training, tmp_path):
    training.keep(save(training, 0, 5))
    other = tmp_path / ".training-def"
    shutil.copytree(training.folder, other)
    assert SavedTraining(other).state(0) is None


def test_records_that_are_not_what_was_written_count_for_nothing(training, caplog):
    training.record([{"kind": "nli", "steps": 20}])
    training.keep(save(training, 1, 5))
    assert training.finished() == [{"kind": "nli", "steps": 20}]
    path = training.folder / "phases.json"
    path.write_text(path.read_text(encoding="utf-8").replace("20", "21"), encoding="utf-8")
    assert training.finished() == []
    assert str(path) in caplog.text
