"""Kinds of candidates: each has fields of its own, and every field of another kind is refused with the kinds that it is for."""

import dataclasses
from typing import Any, get_args

import pytest

from bench.cards.candidate import FromBase, Kind
from bench.cards.kinds import KINDS, takes
from bench.cards.load import load_library
from bench.cards.suites import Grid
from bench.errors import CardError, LayerError
from tests.builders import SUITE_CARD, make_candidate, write_workspace

CARDS: dict[str, dict[str, Any]] = {
    "full": {"base": "mini"},
    "pruned": {"base": "mini", "strategy": "top", "keep": 2},
    "scratch": {"base": "mini", "keep": 2},
    "distilled": {"base": "mini", "strategy": "top", "keep": 2, "recipe": "taught", "teacher": "outside"},
    "nested": {"base": "mini", "keep": 2, "recipe": "short"},
    "static": {"base": "mini", "recipe": "short"},
    "lexical": {},
    "external": {"path": "there"},
}
"""What a card of each kind needs."""
FIELDS = {
    "base": "mini",
    "strategy": "bottom",
    "keep": 3,
    "threshold": 0.5,
    "layers": [0, 1],
    "weights": "pretrained",
    "teacher": "outside",
    "vocabulary": {"corpus": ["TinySTS"], "size": 9},
    "recipe": "short",
    "dimensions": 8,
    "ngram": [2, 3],
    "similarity": "dot",
    "sha256": "a" * 64,
    "path": "there",
    "hub": "a/b",
    "revision": "0" * 40,
    "package": "p",
    "file": "p/m.bin",
    "format": "e5-q4",
    "prompt": "query: ",
    "precision": "bf16",
    "backend": "onnx",
    "seed": 1,
    "prompts": {"STS": "q: "},
    "max_length": 64,
    "trust_remote_code": True,
}
"""A value for every field that means something for some kind only."""
AXES = {
    "strategies": ["top"],
    "keep": [2],
    "dimensions": [8],
    "vocabularies": [FIELDS["vocabulary"]],
    "teacher": "outside",
}
TAUGHT = '[recipes.taught]\n[[recipes.taught.phases]]\nkind = "distill"\ndata = ["TinySTS"]\n'
OUTSIDE = '[[candidates]]\nname = "outside"\nkind = "external"\npath = "there"\n'


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else f'"{value}"' if isinstance(value, str) else str(value)


def suite_with(table, **fields):
    return SUITE_CARD + TAUGHT + OUTSIDE + f"[[{table}]]\n" + "".join(f"{name} = {toml(value)}\n" for name, value in fields.items())


def load(tmp_path, table, **fields):
    return load_library(write_workspace(tmp_path, suites={"tiny.toml": suite_with(table, **fields)})).candidates["tiny"]


def only_problem(tmp_path, table, **fields):
    with pytest.raises(CardError) as caught:
        load(tmp_path, table, **fields)
    (problem,) = caught.value.problems
    text = suite_with(table, **fields).splitlines()[problem.line - 1]
    return problem.field, problem.message, text


def test_every_kind_has_a_class_that_says_its_name():
    assert list(KINDS) == list(get_args(Kind))
    assert {name: make_candidate(name).kind for name in KINDS} == {name: name for name in KINDS}
    assert {field.name for kind in KINDS.values() for field in dataclasses.fields(kind)} == {*FIELDS, "name", "kind", "parent", "folder"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_of_every_kind_loads_as_the_class_of_its_kind(tmp_path, kind):
    found = next(candidate for candidate in load(tmp_path, "candidates", name="x", kind=kind, **CARDS[kind]) if candidate.name == "x")
    assert type(found) is KINDS[kind]
    assert {name: getattr(found, name) for name in CARDS[kind]} == CARDS[kind]


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in KINDS for field in FIELDS if not takes(kind, field)])
def test_a_field_of_other_kinds_is_refused_with_the_kinds_that_it_is_for(tmp_path, kind, field):
    at, message, line = only_problem(tmp_path, "candidates", name="x", kind=kind, **CARDS[kind], **{field: FIELDS[field]})
    assert at == f"candidates.2.{field}"
    assert line.startswith(f"{field} = ")
    before, _, owners = message.partition("; only for ")
    assert before.startswith(f"{field} mean")
    assert f" nothing for kind {kind!r}" in before
    assert set(owners.replace(" and ", ", ").split(", ")) == {name for name in KINDS if takes(name, field)}
    own = issubclass(KINDS[kind], FromBase) or any(not issubclass(KINDS[name], FromBase) for name in KINDS if takes(name, field))
    assert ("which is not trained" in before) is not own


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_no_kind_has_is_refused_with_the_nearest_of_its_own_kind(tmp_path, kind):
    at, message, _ = only_problem(tmp_path, "candidates", name="x", kind=kind, **CARDS[kind], parnt="outside")
    assert (at, message) == ("candidates.2.parnt", "unknown field; did you mean 'parent'?")


def test_a_candidate_without_a_kind_is_told_that_it_needs_one(tmp_path):
    assert only_problem(tmp_path, "candidates", name="x")[:2] == ("candidates.2.kind", "missing; every card needs it")


def test_what_is_no_table_is_no_candidate(tmp_path):
    card = SUITE_CARD.replace('[[candidates]]\nname = "chars"\nkind = "lexical"\n', "").replace("[suite]", 'candidates = ["chars"]\n[suite]')
    with pytest.raises(CardError) as caught:
        load_library(write_workspace(tmp_path, suites={"tiny.toml": card}))
    assert [(problem.line, problem.field) for problem in caught.value.problems] == [(1, "candidates.0")]
    assert "'chars'" in caught.value.problems[0].message


GRIDS: dict[str, dict[str, Any]] = {
    "full": {},
    "pruned": {"strategies": ["top"], "keep": [2]},
    "scratch": {"keep": [2]},
    "distilled": {"strategies": ["top"], "keep": [2], "recipes": ["taught"], "teacher": "outside"},
    "nested": {"keep": [2], "recipes": ["short"]},
}


@pytest.mark.parametrize("kind", GRIDS)
def test_a_grid_gives_candidates_of_its_kind(tmp_path, kind):
    *_, made = load(tmp_path, "grids", kind=kind, bases=["mini"], **GRIDS[kind])
    assert type(made) is KINDS[kind]


@pytest.mark.parametrize(
    ("kind", "axis"), [(kind, axis) for kind in GRIDS for axis in AXES if axis not in GRIDS[kind] and (kind, axis) != ("nested", "dimensions")]
)
def test_an_axis_of_a_grid_is_refused_where_its_kind_has_no_such_field(tmp_path, kind, axis):
    field = {"strategies": "strategy", "vocabularies": "vocabulary"}.get(axis, axis)
    if takes(kind, field):
        assert load(tmp_path, "grids", kind=kind, bases=["mini"], **GRIDS[kind], **{axis: AXES[axis]})
        return
    at, message, line = only_problem(tmp_path, "grids", kind=kind, bases=["mini"], **GRIDS[kind], **{axis: AXES[axis]})
    assert at == f"grids.0.{axis}"
    assert line.startswith(f"{axis} = ")
    assert message.startswith(f"{axis} mean")
    assert f"nothing for kind {kind!r}; only for " in message


@pytest.mark.parametrize(("kind", "needed"), [(kind, axis) for kind, axes in GRIDS.items() for axis in axes if axis in {"keep", "strategies"}])
def test_a_grid_says_what_its_kind_cannot_do_without(kind, needed):
    without = {name: tuple(value) for name, value in GRIDS[kind].items() if name not in {needed, "teacher"}}
    assert [location for location, _ in Grid(kind=kind, bases=("mini",), **without).flaws()] == [(needed,)]


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"kind": "full"}, range(4)),
        ({"kind": "pruned", "strategy": "top", "keep": 2}, None),
        ({"kind": "pruned", "layers": (0, 3)}, (0, 3)),
        ({"kind": "scratch", "keep": 2}, range(2)),
        ({"kind": "scratch", "weights": "pretrained"}, range(4)),
        ({"kind": "distilled", "strategy": "top", "keep": 2}, None),
        ({"kind": "distilled", "layers": (1, 2)}, (1, 2)),
        ({"kind": "distilled", "weights": "random", "keep": 3}, range(3)),
        ({"kind": "distilled", "weights": "pretrained"}, range(4)),
        ({"kind": "nested", "keep": 3}, range(3)),
        ({"kind": "static"}, ()),
    ],
)
def test_every_kind_says_which_layers_stay_or_leaves_it_to_its_strategy(fields, kept):
    assert make_candidate(base="b", **fields).layers_of(4) == kept


@pytest.mark.parametrize("fields", [{"kind": "nested", "keep": 5}, {"kind": "pruned", "layers": (0, 4)}, {"kind": "distilled", "layers": (4,)}])
def test_layers_beyond_the_base_are_refused_with_the_name_of_the_candidate(fields):
    with pytest.raises(LayerError, match=r"^m: .*for a base of 4 layers \(got \d\)"):
        make_candidate(base="b", **fields).layers_of(4)


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"kind": "full"}, "full"),
        ({"kind": "pruned", "precision": "int8"}, "pruned, int8"),
        ({"kind": "scratch", "weights": "pretrained"}, "scratch, pre-trained"),
        ({"kind": "scratch", "weights": "pretrained", "precision": "bf16"}, "scratch, pre-trained, bf16"),
        ({"kind": "full", "backend": "onnx"}, "full, onnx"),
    ],
)
def test_boards_show_a_kind_with_its_start_and_its_precision(fields, title):
    assert make_candidate(**fields).title == title
