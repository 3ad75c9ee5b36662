"""The page of a checkpoint: the Hub reads from it whose work the model rests on, in which languages, and under which licence."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from bench.cards.workspace import builtin_content
from bench.make.card import base_card_data, model_card
from tests.builders import blueprint_of, plan_anew

DETAILS = {"phases": [{"kind": "nli", "rows": 7, "steps": 1}, {"kind": "sts", "rows": 24, "steps": 3}]}
GIVEN = {
    "language": ["hi", "mr"],
    "library_name": "sentence-transformers",
    "pipeline_tag": "sentence-similarity",
    "base_model": "tiny",
    "datasets": ["Triples", "Pairs"],
    "license": "cc-by-sa-4.0",
}


def write_page(folder: Path, head: str) -> None:
    (folder / "models" / "tiny" / "README.md").write_text(f"---\n{head}\n---\n\n# tiny\n", encoding="utf-8")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def page_of(folder: Path, name: str, tmp_path: Path) -> ModelCard:
    """The page as the Hub's client reads it."""
    path = tmp_path / "README.md"
    path.write_text(model_card(blueprint_of(plan_anew(folder), name), DETAILS), encoding="utf-8")
    return ModelCard.load(path)


def test_a_trained_candidate_names_base_licence_languages_and_data(workspace_folder, tmp_path):
    write_page(workspace_folder, "license: cc-by-sa-4.0")
    page = page_of(workspace_folder, "tiny-top2", tmp_path)
    tags = ["sentence-transformers", "sentence-similarity", "feature-extraction", "kasauti", "pruned"]
    assert page.data.to_dict() == {**GIVEN, "tags": tags}
    assert "- base `tiny`: cc-by-sa-4.0\n- training data Triples: cc-by-4.0\n- training data Pairs: cc-by-4.0" in page.text
    assert "- kept layers (0-based): [0, 1]" in page.text


def test_the_licence_on_the_suites_card_goes_before_that_of_the_bases_page(workspace_folder, tmp_path):
    write_page(workspace_folder, "license: mit")
    edit(workspace_folder / "models" / "mini.toml", 'path = "tiny"', 'path = "tiny"\nlicense = "apache-2.0"')
    page = page_of(workspace_folder, "tiny", tmp_path)
    assert page.data.license == "apache-2.0"
    assert "- base `tiny`: apache-2.0" in page.text


def test_a_licence_with_a_name_of_its_own_keeps_name_and_link(workspace_folder, tmp_path):
    write_page(workspace_folder, "license: other\nlicense_name: gemma\nlicense_link: https://example.org/terms")
    assert {key: page_of(workspace_folder, "tiny", tmp_path).data.get(key) for key in ("license", "license_name", "license_link")} == {
        "license": "other",
        "license_name": "gemma",
        "license_link": "https://example.org/terms",
    }


@pytest.mark.parametrize("head", ["language: mr", "- a list", "license: [unclosed", "license:"])
def test_a_base_that_does_not_say_its_licence_gives_an_unknown_one_and_stops_nothing(workspace_folder, tmp_path, head):
    write_page(workspace_folder, head)
    page = page_of(workspace_folder, "tiny", tmp_path)
    assert page.data.license == "unknown"
    assert "- base `tiny`: not stated" in page.text


def test_a_base_without_a_page_has_nothing_to_say(tmp_path):
    assert base_card_data(tmp_path) == {}
    assert base_card_data(None) == {}


@pytest.mark.parametrize(
    ("base", "data", "expected"),
    [
        ("cc-by-sa-4.0", "cc-by-4.0", "cc-by-sa-4.0"),
        ("cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0", "cc-by-nc-sa-4.0"),
        ("mit", "cc0-1.0", "mit"),
        ("cc-by-sa-4.0", "cc-by-nc-sa-4.0", "other"),
        ("apache-2.0", "https://example.org/data", "other"),
    ],
)
def test_data_that_asks_for_more_than_credit_leaves_no_simple_licence(workspace_folder, tmp_path, base, data, expected):
    write_page(workspace_folder, f"license: {base}")
    edit(workspace_folder / "tasks" / "triples" / "task.toml", "cc-by-4.0", data)
    page = page_of(workspace_folder, "tiny", tmp_path)
    assert page.data.license == expected
    assert f"- training data Triples: {data}" in page.text


def test_random_weights_have_no_base_model_but_its_licence(workspace_folder, tmp_path):
    write_page(workspace_folder, "license: cc-by-sa-4.0")
    suite = workspace_folder / "models" / "mini.toml"
    suite.write_text(
        suite.read_text(encoding="utf-8") + '\n[[candidates]]\nname = "tiny-scratch2"\nkind = "scratch"\nbase = "tiny"\nkeep = 2\nrecipe = "short"\n',
        encoding="utf-8",
    )
    page = page_of(workspace_folder, "tiny-scratch2", tmp_path)
    assert (page.data.base_model, page.data.license) == (None, "cc-by-sa-4.0")
    assert "- starts from random weights" in page.text


def test_data_sets_and_bases_of_the_hub_are_named_by_their_ids(workspace_folder, tmp_path):
    import dataclasses

    write_page(workspace_folder, "license: mit")
    blueprint = blueprint_of(plan_anew(workspace_folder), "tiny")
    card = blueprint.data[0]
    sources = (dataclasses.replace(card.subsets["mr"].sources[0], file=None, hub="owner/triples", revision="0" * 40),)
    hub = dataclasses.replace(card, subsets={"mr": dataclasses.replace(card.subsets["mr"], sources=sources)})
    spec = dataclasses.replace(blueprint.base_spec, path=None, hub="owner/tiny", revision="1" * 40)
    data = ModelCard(model_card(dataclasses.replace(blueprint, data=(hub, blueprint.data[1]), base_spec=spec), DETAILS)).data
    assert (data.base_model, data.datasets) == ("owner/tiny", ["owner/triples", "Pairs"])


def test_a_student_names_the_data_of_its_teacher_and_the_texts_that_it_was_taught_on(workspace_folder, tmp_path):
    write_page(workspace_folder, "license: mit")
    (workspace_folder / "models" / "texts.txt").write_text("\n".join(f"नदी {number}" for number in range(20)) + "\n", encoding="utf-8")
    suite = workspace_folder / "models" / "mini.toml"
    taught = '\n[recipes.taught]\n\n[[recipes.taught.phases]]\nkind = "distill"\ndata = ["texts.txt"]\n'
    student = '\n[[candidates]]\nname = "student"\nkind = "distilled"\nbase = "tiny"\nstrategy = "top"\nkeep = 2\nrecipe = "taught"\nteacher = "tiny"\n'
    suite.write_text(suite.read_text(encoding="utf-8") + taught + student, encoding="utf-8")
    page = page_of(workspace_folder, "student", tmp_path)
    assert page.data.datasets == ["Triples", "Pairs"]
    assert "- training text `texts.txt`: not stated" in page.text
    assert page.data.license == "other"


def test_a_lexical_candidate_rests_on_nobodys_work(workspace_folder, tmp_path):
    page = page_of(workspace_folder, "letters", tmp_path)
    assert page.data.to_dict() == {"pipeline_tag": "sentence-similarity", "tags": ["kasauti", "lexical"]}
    assert "SentenceTransformer" not in page.text


def test_the_page_does_not_decide_the_checkpoint(workspace_folder):
    before = blueprint_of(plan_anew(workspace_folder), "tiny").key
    write_page(workspace_folder, "license: mit")
    edit(workspace_folder / "models" / "mini.toml", 'path = "tiny"', 'path = "tiny"\nlicense = "apache-2.0"')
    edit(workspace_folder / "tasks" / "triples" / "task.toml", "cc-by-4.0", "mit")
    assert blueprint_of(plan_anew(workspace_folder), "tiny").key == before


@pytest.mark.parametrize("base", ["base-12", "base-6", "base-2"])
def test_the_shipped_bases_say_licence_and_languages(base):
    head = base_card_data(builtin_content() / "models" / "mini" / base)
    assert (head["license"], head["language"]) == ("cc-by-sa-4.0", ["mr", "hi"])
