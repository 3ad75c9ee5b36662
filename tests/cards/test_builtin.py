"""Built-in tasks, bases and suites beside a workspace's own cards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.cards.load import Library, load_library
from bench.cards.tokens import token_file
from bench.cards.workspace import Workspace, builtin_content, find_workspace
from bench.errors import BenchError, CardError
from bench.plan.options import Options
from bench.plan.selection import select
from tests.builders import STS_CARD, blueprint_of, plan_anew, write_workspace

OWN = """\
[suite]
name = "mine"
tasks = ["KasautiSTS"]

[[candidates]]
name = "letters"
kind = "lexical"

[[candidates]]
name = "cut"
kind = "pruned"
base = "BASE"
strategy = "top"
keep = 1
"""
BASES = {name for path in (builtin_content() / "models").glob("*.toml") for name in re.findall(r"^\[bases\.([\w-]+)\]", path.read_text("utf-8"), re.MULTILINE)}


def own(folder: Path, card: str = OWN.replace("BASE", "mini"), **tasks: str) -> Library:
    """The library of a workspace with one suite and these tasks."""
    return load_library(write_workspace(folder, tasks=tasks, suites={"mine.toml": card}))


def builtin() -> Library:
    return load_library(find_workspace(builtin_content()))


def test_an_own_suite_may_name_every_built_in_task(tmp_path):
    scored = {name: card for name, card in builtin().tasks.items() if card.evaluated}
    assert len(scored) > 10
    listed = ", ".join(f'"{name}"' for name in scored)
    assert own(tmp_path, OWN.replace('"KasautiSTS"', listed).replace("BASE", "mini")).tasks.items() >= scored.items()


@pytest.mark.parametrize("base", sorted(BASES))
def test_an_own_suite_may_name_every_built_in_base_without_its_table(tmp_path, base):
    suite = own(tmp_path, OWN.replace("BASE", base)).suites["mine"]
    shipped = next(one for one in builtin().suites.values() if base in one.bases)
    path, found = shipped.bases[base].path, suite.bases[base]
    assert found.sha256 == shipped.bases[base].sha256
    assert path is None or Path(str(found.path)) == shipped.file.parent / path


def test_a_base_means_the_same_in_every_built_in_suite():
    for base in BASES:
        assert len({one.bases[base] for one in builtin().suites.values() if base in one.bases}) == 1


def test_an_own_base_of_a_built_in_name_counts(tmp_path):
    card = OWN.replace("BASE", "mini").replace("[[candidates]]", '[bases.mini]\npath = "elsewhere"\n\n[[candidates]]', 1)
    assert own(tmp_path, card).suites["mine"].bases["mini"].path == "elsewhere"


def test_a_built_in_base_with_other_content_is_told_under_its_own_card(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.models.locate.model_digest", lambda folder: "0" * 64)
    own(tmp_path)
    with pytest.raises(BenchError) as caught:
        blueprint_of(plan_anew(tmp_path, suite="mine"), "cut")
    card = next(one.file for one in builtin().suites.values() if "mini" in one.bases)
    assert re.match(rf"{re.escape(str(card.parent))}/\w+\.toml: bases\.mini: sha256 is ", str(caught.value))


TRAINED = OWN.replace("BASE", "mini") + 'recipe = "mini/two-phase"\n'


def test_an_own_suite_may_name_a_built_in_recipe_by_its_suite_and_name(tmp_path):
    suite = own(tmp_path, TRAINED).suites["mine"]
    assert suite.recipes == {"mini/two-phase": builtin().suites["mini"].recipes["two-phase"]}
    assert [vars(one)["recipe"] for one in suite.expand()[1:]] == ["mini/two-phase"]
    assert {"KasautiNLI", "KasautiSTS"} <= set(suite.data_sets)


def test_in_the_names_of_a_grid_a_built_in_recipe_is_called_by_its_own_name(tmp_path):
    grid = '[[grids]]\nkind = "pruned"\nbases = ["mini"]\nstrategies = ["top"]\nkeep = [6]\nrecipes = ["mini/two-phase", "public/untuned"]\n'
    suite = own(tmp_path, OWN.replace("BASE", "mini") + grid).suites["mine"]
    assert {one.name for one in suite.expand()} >= {"mini-top6-two-phase", "mini-top6-untuned"}


def test_a_recipe_that_no_suite_has_is_told(tmp_path):
    with pytest.raises(CardError, match="no recipe 'mini/two-fase'; did you mean 'mini/two-phase'"):
        own(tmp_path, TRAINED.replace("two-phase", "two-fase"))


def test_a_built_in_recipe_without_its_suite_is_told_with_it(tmp_path):
    with pytest.raises(CardError, match=r"no recipe 'taught'; did you mean '[a-z]+/taught'"):
        own(tmp_path, TRAINED.replace("mini/two-phase", "taught"))


def test_an_own_suite_may_name_the_list_of_tokens_that_comes_with_the_package(tmp_path):
    card = OWN.replace("BASE", "e5") + 'vocabulary = { tokens = "small/marathi-hindi.txt" }\n'
    own(tmp_path, card)
    shipped = builtin_content() / "models" / "small" / "marathi-hindi.txt"
    assert token_file(tmp_path / "models", "small/marathi-hindi.txt") == shipped
    mine = tmp_path / "models" / "small" / "marathi-hindi.txt"
    mine.parent.mkdir()
    mine.write_text('"अ"\n', encoding="utf-8")
    assert token_file(tmp_path / "models", "small/marathi-hindi.txt") == mine


def test_a_base_that_is_nowhere_is_told_the_nearest_built_in_one(tmp_path):
    with pytest.raises(CardError, match="did you mean 'mini-6'"):
        own(tmp_path, OWN.replace("BASE", "mini6"))


def test_an_own_task_of_a_built_in_name_counts(tmp_path):
    library = own(tmp_path, sts=STS_CARD.replace("TinySTS", "KasautiSTS"))
    assert library.task("KasautiSTS").folder == tmp_path / "tasks" / "sts"
    assert library.task("KasautiSTS-nukta").folder == tmp_path / "tasks" / "sts"


def test_built_in_cards_that_do_not_fit_an_own_task_are_left_out_and_the_others_stay(tmp_path):
    topics = STS_CARD.replace("TinySTS", "KasautiSTS").replace('"STS"', '"Classification"')
    library = own(tmp_path, sts=topics)
    assert "KasautiSTS-nukta" not in library.tasks
    assert "KasautiTopic-kNN" in library.tasks
    assert "small" not in library.suites  # its recipes train on pairs


def test_built_in_suites_stand_behind_own_ones_and_an_own_one_of_the_same_name_counts(tmp_path):
    library = own(tmp_path, OWN.replace('"mine"', '"mini"').replace("BASE", "mini"))
    assert list(library.suites) == ["mini", *(name for name in builtin().suites if name != "mini")]
    assert [candidate.name for candidate in library.candidates["mini"]] == ["letters", "cut"]


def test_without_a_name_own_suites_are_chosen_before_built_in_ones(tmp_path):
    library = own(tmp_path)
    assert select(library, Options()).suite.name == "mine"
    assert select(library, Options(names=("mini-top6",), suite="mini")).suite.name == "mini"
    assert select(library, Options(names=("e5-top6",))).suite.name == "small"


def test_a_built_in_cell_has_the_same_key_in_every_workspace(tmp_path):
    own(tmp_path, OWN.replace("BASE", "mini").replace("keep = 1", 'keep = 6\nrecipe = "short"') + SHORT)
    here, there = (plan_anew(folder, suite="mini", names=("char-3gram", "mini-top6")) for folder in (tmp_path, builtin_content()))
    assert [blueprint_of(here, name).key for name in ("char-3gram", "mini-top6")] == [blueprint_of(there, name).key for name in ("char-3gram", "mini-top6")]
    assert {name: task.digest for name, task in here.tasks.items()} == {name: task.digest for name, task in there.tasks.items()}


SHORT = """
[recipes.short]

[[recipes.short.phases]]
kind = "sts"
data = ["KasautiSTS"]
"""


def test_an_own_candidate_on_a_built_in_base_has_the_key_that_it_has_with_the_table_written_out(tmp_path):
    table_of = f'[bases.mini]\npath = "{(builtin_content() / "models/mini/base-12").as_posix()}"\n\n[[candidates]]'
    cards = {"named": OWN.replace("BASE", "mini"), "written": OWN.replace("BASE", "mini").replace("[[candidates]]", table_of, 1)}
    keys = set()
    for name, card in cards.items():
        own(tmp_path / name, card)
        keys.add(blueprint_of(plan_anew(tmp_path / name), "cut").key)
    assert len(keys) == 1


def test_what_is_chosen_without_a_name_are_the_own_cards_and_what_they_use(tmp_path):
    library = own(tmp_path, sts=STS_CARD, card=OWN.replace("BASE", "mini") + SHORT.replace("KasautiSTS", "KasautiNLI").replace('"sts"', '"nli"'))
    assert set(library.chosen_tasks(None)) == {"TinySTS", "KasautiSTS", "KasautiNLI"}
    assert set(library.chosen_suites(None)) == {"mine"}
    assert builtin().chosen_tasks(None) == builtin().tasks
    assert {"KasautiTopic", "KasautiNLI"} <= set(library.chosen_tasks("mini"))


def test_a_folder_with_models_and_no_tasks_is_a_workspace(tmp_path):
    own(tmp_path)
    (tmp_path / "tasks").rmdir()
    inside = tmp_path / "models" / "deeper"
    inside.mkdir()
    assert find_workspace(start=inside) == Workspace(tmp_path, tmp_path)
    assert find_workspace(tmp_path) == Workspace(tmp_path, tmp_path)


def test_a_folder_of_weights_called_models_is_no_workspace(tmp_path):
    (tmp_path / "models" / "bert").mkdir(parents=True)
    found = find_workspace(start=tmp_path)
    assert found.borrowed
    assert found.home == tmp_path
    with pytest.raises(BenchError, match="bench init"):
        find_workspace(tmp_path / "models" / "bert")


def test_an_own_suite_on_a_built_in_task_can_be_planned_whole(tmp_path):
    """The example of the README."""
    own(tmp_path)
    cells = plan_anew(tmp_path, suite="mine").cells
    assert {cell.status for cell in cells} == {"to do"}
    assert len(cells) == 4


def test_an_own_task_without_the_split_that_a_built_in_suite_trains_on_leaves_that_suite_out_without_a_word(tmp_path):
    library = own(tmp_path, sts=STS_CARD.replace("TinySTS", "KasautiSTS").replace('split = "train"', 'split = "other"'))
    assert "small" not in library.suites
    assert "mine" in library.suites
