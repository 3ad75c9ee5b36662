"""Which stored sweep is told of which base."""

from __future__ import annotations

import json

import pytest

from bench.plan.sweeps import layer_similarity


@pytest.fixture
def state(tmp_path):
    """A state with a sweep of the content `a`."""
    stored(tmp_path, "swept", {"content": "a", "layer_similarity": [[1.0, 0.123456], [0.123456, 1.0]]})
    return tmp_path


def stored(state, name, told):
    path = state / "sweeps" / name / "sweep.json"
    path.parent.mkdir(parents=True)
    path.write_text(told if isinstance(told, str) else json.dumps(told), encoding="utf-8")


def test_a_base_has_the_sweep_of_its_content_whatever_that_was_called(state):
    assert layer_similarity(state, {"one": "a", "two": "b", "same": "a"}) == {name: [[1.0, 0.1235], [0.1235, 1.0]] for name in ("one", "same")}


def test_without_sweeps_there_is_nothing(tmp_path):
    assert layer_similarity(tmp_path, {"one": "a"}) == {}


@pytest.mark.parametrize("told", ["{", "[]", "{}", {"content": "b", "layer_similarity": 3}, {"content": "b", "layer_similarity": [["x"]]}, {"content": []}])
def test_a_file_that_is_no_sweep_is_passed_over(state, told):
    stored(state, "odd", told)
    assert set(layer_similarity(state, {"one": "a", "two": "b"})) == {"one"}
