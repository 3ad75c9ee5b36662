"""What a plan and a run make of data that cannot be used: a reason in the cell, a word about the guard, and never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import DataError
from bench.plan.cells import PlannedCell
from bench.plan.keys import evaluate_key
from bench.plan.planning import Plan
from bench.plan.warnings import unread_tests, warnings
from tests.builders import blueprint_of, board_of, json_of, made_of, markdown_of, plan_anew
from tests.cli.command import bench
from tests.make.test_distill import add
from tests.run.test_run import run

HEADER = "text\tlabel\n"


def plan(folder: Path, **options) -> tuple[Plan, dict[str, PlannedCell]]:
    planner = plan_anew(folder, **options)
    return planner, {str(cell.cell): cell for cell in planner.cells}


def write(folder: Path, name: str, text: str) -> None:
    (folder / "tasks" / name).write_text(text, encoding="utf-8")


def edit(folder: Path, name: str, *swaps: tuple[str, str]) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    for before, after in swaps:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


UNUSABLE = {
    "no train rows": ("Topics", lambda folder: write(folder, "topics/train.tsv", HEADER)),
    "train rows all dropped": (
        "Topics",
        lambda folder: edit(
            folder, "tasks/topics/task.toml", ("[subsets.mr]", '[[rules]]\nrule = "keep-label"\nvalues = ["none"]\nsplits = ["train"]\n[subsets.mr]')
        ),
    ),
    "one class": ("Topics", lambda folder: edit(folder, "tasks/topics/train.tsv", ("water", "school"))),
    "too few for kNN": ("Topics", lambda folder: edit(folder, "tasks/topics/task.toml", ("experiments = 3", 'classifier = "knn"\nneighbours = 30'))),
    "an empty test file": ("Topics", lambda folder: write(folder, "topics/test.tsv", "")),
    "an empty test of pairs": ("Paraphrases", lambda folder: write(folder, "paraphrases/test.tsv", "")),
    "one translation": ("Translations", lambda folder: write(folder, "translations/test.tsv", "sentence1\tsentence2\nनदी\tनदी\n")),
    "one score": ("Pairs", lambda folder: write(folder, "pairs/test-hi.tsv", "sentence1\tsentence2\tscore\nनदी\tघर\t1\nकल\tआज\t1\n")),
    "a wrong label": ("Topics", lambda folder: edit(folder, "tasks/topics/test.tsv", ("water", "watr"))),
}


@pytest.mark.parametrize(("task", "spoil"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_task_that_cannot_be_scored_is_found_by_the_plan_and_leaves_the_other_cells_alone(workspace_folder, task, spoil):
    spoil(workspace_folder)
    _, cells = plan(workspace_folder, names=("letters",))
    spoilt = cells.pop(f"letters evaluate {task}")
    assert spoilt.status == "cannot run"
    assert "\n" not in spoilt.reason
    assert f"tasks/{task.lower()}/" in spoilt.reason
    assert {cell.status for cell in cells.values()} == {"to do"}


@pytest.mark.parametrize("spoilt", ["no train rows", "one class", "too few for kNN", "an empty test file"])
def test_a_run_with_such_a_task_computes_the_rest_and_says_why_it_is_incomplete(workspace_folder, spoilt):
    task, spoil = UNUSABLE[spoilt]
    spoil(workspace_folder)
    planner, outcome = run(workspace_folder, names=("letters",))
    assert (outcome.computed, outcome.failed) == (4, {})
    assert [str(cell) for cell in outcome.blocked] == [f"letters evaluate {task}"]
    row = next(row for row in board_of(planner).rows if row.name == "letters")
    assert "3 of 4 tasks" in row.problem


CURVE = '\n[recipes.short.curve]\ndata = ["Pairs:dev"]\npoints = 1\n\n[[candidates]]\nname = "letters"'


def with_development(folder: Path, score: int) -> None:
    edit(folder, "models/mini.toml", ('\n[[candidates]]\nname = "letters"', CURVE))
    for code in ("mr", "hi"):
        edit(
            folder,
            "tasks/pairs/task.toml",
            (
                f'[[subsets.{code}.sources]]\nsplit = "train"',
                f'[[subsets.{code}.sources]]\nsplit = "dev"\nfile = "dev.tsv"\n[[subsets.{code}.sources]]\nsplit = "train"',
            ),
        )
    write(folder, "pairs/dev.tsv", f"sentence1\tsentence2\tscore\nविहीर\tओढा\t1\nडोंगर\tदरी\t{score}\n")


def test_a_development_split_of_one_score_is_found_by_the_plan(workspace_folder):
    with_development(workspace_folder, 1)
    _, cells = plan(workspace_folder)
    for name in ("tiny", "tiny-top2"):
        assert cells[f"{name} make"].status == "cannot run"
        assert "Pairs:dev: every one of its 2 mr pairs that are left has the same score" in cells[f"{name} make"].reason
    assert cells["letters make"].status == "to do"


def test_a_development_split_of_different_scores_is_taken(workspace_folder):
    with_development(workspace_folder, 2)
    _, cells = plan(workspace_folder)
    assert {cell.status for cell in cells.values()} == {"to do"}


def test_a_point_of_a_stored_curve_that_has_no_score_does_not_break_the_board(workspace_folder):
    planner, _ = run(workspace_folder, names=("letters",))
    key = blueprint_of(planner, "letters").key
    stored = planner.archive.store.get(key)
    points = [{"step": 0, "score": None}, {"step": 3, "score": 0.5}]
    planner.archive.store.put(key, {**stored, "phases": [{"kind": "sts", "curve": points}, {"kind": "nli", "curve": points[:1]}]})
    board = board_of(planner)
    row = next(row for row in board.rows if row.name == "letters")
    assert [(point.phase, point.step, point.score) for point in row.recovery] == [("sts", 3, 0.5)]
    assert "| letters" in markdown_of(board)


@pytest.fixture
def unguarded(workspace_folder) -> Path:
    """A workspace in which one test of the suite is gone."""
    (workspace_folder / "tasks" / "translations" / "test.tsv").unlink()
    return workspace_folder


def test_the_plan_warns_of_a_test_that_cannot_guard_the_training(unguarded):
    found = bench("plan", "--all", "--device", "cpu", cwd=unguarded)
    warned = [line for line in found.stdout.splitlines() if line.startswith("warning")]
    assert len(warned) == 1
    assert "the texts of test Translations are not kept out of training, since it cannot be read: " in warned[0]
    assert "translations/test.tsv" in warned[0]
    described = json.loads(bench("plan", "--all", "--device", "cpu", "--json", cwd=unguarded).stdout)
    assert [line.split("warning     ")[1] for line in warned] == described["warnings"]


@pytest.mark.usefixtures("brief_probes")
@pytest.mark.parametrize("verb", ["run", "make"])
def test_a_run_warns_before_its_first_cell(unguarded, verb):
    done = bench(verb, "tiny", "--device", "cpu", "--json", cwd=unguarded)
    assert done.stderr.startswith("bench: warning: the texts of test Translations are not kept out of training, since it cannot be read: ")


def test_a_plan_that_trains_nothing_or_can_read_every_test_has_no_warning(unguarded):
    add(unguarded, '\n[recipes.none]\npooling = "mean"\n[[candidates]]\nname = "untuned"\nkind = "full"\nbase = "tiny"\nrecipe = "none"\n')
    planner, _ = plan(unguarded, names=("letters", "untuned"))
    assert unread_tests(planner) == []
    (unguarded / "tasks" / "translations" / "test.tsv").write_text("sentence1\tsentence2\nमाती\tमिट्टी\nखडक\tचट्टान\n", encoding="utf-8")
    planner, _ = plan(unguarded)
    assert unread_tests(planner) == []


def test_the_lineage_names_the_tests_that_guarded_and_those_that_did_not_and_the_key_does_not_hold_them(unguarded):
    planner, _ = plan(unguarded)
    tiny = blueprint_of(planner, "tiny")
    assert tiny.lineage["guard"] == {"tests_read": ["Pairs", "Topics", "Paraphrases"], "tests_not_read": ["Translations"]}
    write(unguarded, "translations/test.tsv", "sentence1\tsentence2\nमाती\tमिट्टी\nखडक\tचट्टान\n")
    planner, _ = plan(unguarded)
    guarded = blueprint_of(planner, "tiny")
    assert guarded.lineage["guard"]["tests_not_read"] == []
    assert (guarded.key, guarded.training_key) == (tiny.key, tiny.training_key)
    assert "guard" not in blueprint_of(planner, "letters").lineage


def test_the_board_says_which_candidates_were_trained_without_the_guard_of_a_test_until_it_can_be_read(unguarded):
    planner, outcome = run(unguarded, stages=("make",))
    assert outcome.complete
    board = board_of(planner)
    assert {row.name: row.unguarded for row in board.rows} == {"letters": (), "tiny": ("Translations",), "tiny-top2": ("Translations",)}
    assert "- **tiny**: Translations" in markdown_of(board)
    made = made_of(planner, "tiny")
    assert "- not kept out of its training data, since they could not be read: the texts of Translations" in (Path(made["folder"]) / "README.md").read_text(
        encoding="utf-8"
    )
    write(unguarded, "translations/test.tsv", "sentence1\tsentence2\nमाती\tमिट्टी\nखडक\tचट्टान\n")
    planner, _ = plan(unguarded)
    assert not any(row.unguarded for row in board_of(planner).rows)


def test_a_training_without_a_guard_is_done_anew_when_the_test_is_there_and_holds_one_of_its_texts(unguarded):
    planner, _ = plan(unguarded)
    before = blueprint_of(planner, "tiny").key
    trained = (unguarded / "tasks" / "pairs" / "train-mr.tsv").read_text(encoding="utf-8").splitlines()[1].split("\t")[0]
    write(unguarded, "translations/test.tsv", f"sentence1\tsentence2\n{trained}\tमिट्टी\nखडक\tचट्टान\n")
    planner, _ = plan(unguarded)
    assert blueprint_of(planner, "tiny").key != before


def test_a_column_in_which_nobody_leaves_chance_is_flagged_on_the_board_of_a_run(workspace_folder):
    for folder in ("negation", "easy"):
        (workspace_folder / "tasks" / folder).mkdir()
        write(
            workspace_folder,
            f"{folder}/task.toml",
            f'name = "{folder}"\ntype = "Triplets"\ndescription = "d"\nlicense = "cc-by-4.0"\n[subsets.mr]\nlanguages = ["mar-Deva"]\n'
            '[[subsets.mr.sources]]\nsplit = "test"\nfile = "test.tsv"\n',
        )
    rows = [(f"नदी वाहते {number}", f"नदी वाहते {number} जोरात", "घर") for number in range(12)]
    for folder, order in (("negation", (0, 2, 1)), ("easy", (0, 1, 2))):
        text = "".join("\t".join(row[place] for place in order) + "\n" for row in rows)
        write(workspace_folder, f"{folder}/test.tsv", f"premise\tentailment\tcontradiction\n{text}")
    edit(workspace_folder, "models/mini.toml", ('"Translations"]', '"Translations", "negation", "easy"]'))
    planner, _ = run(workspace_folder, names=("letters",), tasks=("negation", "easy"))
    board = board_of(planner)
    assert [(flag.column, flag.end) for flag in board.flags] == [("negation", "lowest"), ("easy", "highest")]
    assert "- **negation**: no candidate is surely above the lowest score that there is, 0.0, and it counts in the mean." in markdown_of(board)


def test_results_know_the_bounds_of_every_type_of_task(workspace_folder):
    planner, outcome = run(workspace_folder, names=("letters",))
    assert outcome.complete
    letters, content = planner.selection.everyone["letters"], made_of(planner, "letters")["content"]
    found = {name: planner.archive.store.get(evaluate_key(letters, content, task, "cpu"))["bounds"] for name, task in planner.tasks.items()}
    assert {task: {subset: limits["chance"] for subset, limits in each.items()} for task, each in found.items()} == {
        "Pairs": {"mr": 0.0, "hi": 0.0},
        "Topics": {"mr": 0.5},
        "Paraphrases": {"mr": 0.5},
        "Translations": {"mr-hi": 0.1},
    }


@pytest.mark.parametrize(
    ("task", "split", "spoil", "told"),
    [
        ("topics", "train", lambda text: text.replace("text\tlabel", "text\tlable"), "no column 'label' for 'label'; did you mean 'lable'?"),
        ("topics", "test", lambda text: text.replace("text\tlabel", "txt\tlabel"), "no column 'text' for 'text'"),
        ("pairs", "train-hi", lambda text: text.replace("sentence2", "sentense2"), "did you mean 'sentense2'?"),
        ("pairs", "train-mr", lambda text: text + "a\tb\tnine\n", "score must be a number from 0 to 5, the score_range of the card (got 'nine')"),
        ("translations", "test", lambda text: text + "a\n", "translations/test.tsv:12"),
    ],
)
def test_a_plan_finds_what_is_wrong_in_any_split_before_anything_is_trained(workspace_folder, task, split, spoil, told):
    path = workspace_folder / "tasks" / task / f"{split}.tsv"
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    planner, _ = plan(workspace_folder, names=("letters",))
    (blocked,) = [cell for cell in planner.cells if cell.status == "cannot run"]
    assert told in blocked.reason


@pytest.mark.parametrize("change", [("labels = { water = 0, school = 1 }", ""), ('"test.tsv"', '"test.xlsx"')], ids=["no labels", "unknown suffix"])
def test_a_plan_finds_what_a_card_lacks_to_read_its_files(workspace_folder, change):
    folder = workspace_folder / "tasks" / "topics"
    (folder / "test.xlsx").write_bytes((folder / "test.tsv").read_bytes())
    (folder / "task.toml").write_text((folder / "task.toml").read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    planner, _ = plan(workspace_folder, names=("letters",))
    (blocked,) = [cell for cell in planner.cells if cell.status == "cannot run"]
    assert "labels: missing" in blocked.reason or "cannot read '.xlsx' files" in blocked.reason


def test_what_is_odd_about_rows_is_a_warning_of_the_plan_and_stands_on_the_board(workspace_folder):
    topics = workspace_folder / "tasks" / "topics"
    (topics / "test.tsv").write_bytes((topics / "train.tsv").read_bytes())
    plan = plan_anew(workspace_folder, names=("letters",))
    [warning] = [line for line in warnings(plan) if line.startswith("Topics: ")]
    assert "12 of the 12 rows of split 'test' stand in split 'train' too" in warning
    board = board_of(plan)
    assert f"- **Topics**: {warning.removeprefix('Topics: ')}." in markdown_of(board)
    assert list(json.loads(json_of(board))["remarks"]) == ["Topics"]


def test_a_folder_of_published_data_that_is_not_there_is_refused_before_anything_is_planned(workspace_folder):
    with pytest.raises(DataError, match=r"--data-dir: .*gone is no folder"):
        plan_anew(workspace_folder, data_dir=workspace_folder / "gone")


def test_the_status_of_data_tells_what_a_plan_would_refuse_and_what_is_odd(workspace_folder):
    (workspace_folder / "tasks" / "paraphrases" / "test.tsv").write_text("", encoding="utf-8")
    translations = workspace_folder / "tasks" / "translations" / "test.tsv"
    translations.write_text(translations.read_text(encoding="utf-8") + "घर\tघर\nघर\tघर\n", encoding="utf-8")
    told = bench("data", "status", "--workspace", str(workspace_folder))
    assert told.returncode == 3
    assert "split 'test' has no rows; expected at least 2" in told.stdout
    assert "warning: subset 'mr-hi': 2 of the 12 rows of split 'test' have a sentence1" in told.stdout
