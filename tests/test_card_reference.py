"""The reference of docs/cards.md names every field of every card with its default, and no other; its first suite is one that loads and can run."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from bench.cards.kinds import KINDS
from bench.cards.recipes import Base, Curve, Phase, Recipe, Vocabulary
from bench.cards.suites import Grid, SuiteInfo
from bench.cards.tasks import Rule, Source, Subset, TaskCard
from tests.builders import plan_anew

PAGE = (Path(__file__).parents[1] / "docs" / "cards.md").read_text(encoding="utf-8")
PARTS = {
    "[suite]": (SuiteInfo,),
    "[bases.NAME]": (Base,),
    "[recipes.NAME]": (Recipe,),
    "[[recipes.NAME.phases]]": (Phase,),
    "[recipes.NAME.curve]": (Curve,),
    "vocabulary = { }": (Vocabulary,),
    "[[grids]]": (Grid,),
    "[[candidates]]": tuple(KINDS.values()),
    "task.toml": (TaskCard,),
    "[subsets.NAME]": (Subset,),
    "[[subsets.NAME.sources]]": (Source,),
    "[[rules]]": (Rule,),
}
"""The parts of cards, as the reference calls them, and the classes that read them."""


def default_of(part: str, name: str) -> str:
    """What the reference says of a field that is left out; `kind` says itself which class of a candidate has it."""
    found = {_default(field) for card in PARTS[part] for field in dataclasses.fields(card) if field.name == name}
    return "required" if name == "kind" else " or ".join(sorted(found - {"-"})) or "-"


def _default(field: dataclasses.Field[object]) -> str:
    if field.default is dataclasses.MISSING:
        return "required" if field.default_factory is dataclasses.MISSING else "-"
    if field.default in (None, "", ()):
        return "-"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return f"`{list(field.default) if isinstance(field.default, tuple) else field.default}`"


@pytest.mark.parametrize("part", PARTS)
def test_the_reference_names_every_field_of_a_part_with_its_default_and_no_other(part):
    section = PAGE.partition("\n## Reference\n")[2].partition(f"### `{part}`\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", section, flags=re.MULTILINE)
    fields = {field.name for card in PARTS[part] for field in dataclasses.fields(card) if field.type != "Folder"}
    assert {name: default for name, _, default, _ in rows} == {name: default_of(part, name) for name in fields}


def test_the_first_suite_of_the_page_can_be_run_as_it_stands(tmp_path):
    blocks = re.findall(r"```(?:tsv|toml)\n(.*?)```", PAGE.partition("five minutes")[2], flags=re.DOTALL)
    for name, text in zip(("tasks/weather/test.tsv", "tasks/weather/task.toml", "models/weather.toml"), blocks, strict=False):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert {cell.status for cell in plan_anew(tmp_path, suite="weather").cells} == {"to do"}
