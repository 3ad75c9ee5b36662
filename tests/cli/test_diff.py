"""`bench diff`: two candidates of a workspace, on a terminal, as a page and as JSON."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import bench as public
from bench.publish import losses
from bench.run.execute import execute
from bench.run.report import Silent
from tests.builders import plan_anew
from tests.cli.command import bench
from tests.conftest import build_workspace

MORE = """
[[candidates]]
name = "cut"
kind = "pruned"
base = "tiny"
strategy = "top"
keep = 2

[[grids]]
kind = "pruned"
bases = ["tiny"]
strategies = ["top"]
keep = [1]
seeds = [0, 1]
"""
REWRITTEN = 'name = "Pairs-digits"\ntype = "STS"\ndescription = "d"\nlicense = "cc-by-4.0"\ndata = "Pairs"\nperturbation = "digits"\n'


@pytest.fixture(scope="module")
def scored(tmp_path_factory, tiny_base) -> Path:
    folder = build_workspace(tmp_path_factory.mktemp("scored") / "workspace", tiny_base)
    card = folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('"Translations"]', '"Translations", "Pairs-digits"]') + MORE, encoding="utf-8")
    (folder / "tasks" / "digits").mkdir()
    (folder / "tasks" / "digits" / "task.toml").write_text(REWRITTEN, encoding="utf-8")
    assert execute(plan_anew(folder, names=("letters", "cut")), Silent()).complete
    return folder


def test_every_task_is_compared_with_sentences_flips_and_groups(scored):
    found = public.diff("letters", "cut", workspace=scored, device="cpu", limit=2)
    assert [task.task for task in found.tasks] == ["Pairs", "Topics", "Paraphrases", "Translations"]
    assert found.left_out == {}
    pairs = found.tasks[0]
    assert (pairs.rows, {group.name for group in pairs.groups if group.by == "language"}) == (24, {"mar", "hin"})
    lines = [
        line.split("\t") for code in ("mr", "hi") for line in (scored / "tasks" / "pairs" / f"test-{code}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    assert pairs.examples
    for example in pairs.examples:
        assert [*example.texts, example.gold] == lines[example.row + (12 if example.subset == "hi" else 0)]
    topics = found.tasks[1]
    assert {example.gold for example in topics.examples} <= {"water", "school"}
    board = public.board("small", workspace=scored, device="cpu")
    scores = {row.name: row.task_means for row in board.rows}
    for task in found.tasks:
        assert task.scores == pytest.approx((scores["letters"][task.task], scores["cut"][task.task]))


def test_what_rewriting_costs_each_is_that_of_the_board(scored):
    found = public.diff("letters", "cut", workspace=scored, device="cpu")
    drops = {row.name: row.drops for row in public.board("small", workspace=scored, device="cpu").rows}
    assert [one.label for one in found.rewritten] == ["Pairs-digits mr", "Pairs-digits hi"]
    for one in found.rewritten:
        assert one.drops == pytest.approx(tuple(drops[name][one.label].value for name in ("letters", "cut")))
        assert one.interval is None or one.interval[0] - 1e-9 <= one.difference <= one.interval[1] + 1e-9


def test_a_task_with_rewritten_texts_is_compared_row_by_row_where_it_is_named(scored):
    found = public.diff("letters", "cut", workspace=scored, device="cpu", tasks="Pairs-digits")
    assert [task.task for task in found.tasks] == ["Pairs-digits"]
    assert re.search("[०-९]", " ".join(example.texts[0] for example in found.tasks[0].examples))  # as the model saw them


def test_the_other_way_round_losses_are_gains(scored):
    there, back = (public.diff(*names, workspace=scored, device="cpu") for names in (("letters", "cut"), ("cut", "letters")))
    for one, other in zip(there.tasks, back.tasks, strict=True):
        assert (one.worse, one.better) == (other.better, other.worse)
        assert one.lost == pytest.approx(-other.lost)


def test_an_output_shows_tables_and_sentences(scored):
    found = bench("diff", "letters", "cut", "--task", "Pairs", "--limit", "1", "--device", "cpu", cwd=scored)
    assert found.returncode == 0, found.stderr
    assert "cut against letters: small on cpu" in found.stdout
    assert re.search(r"Pairs: of 24 rows \d+ flipped for the worse with cut", found.stdout)
    assert re.search(r"^1\. (mr|hi), row \d+, gold [0-5]: lost \d+ of 100; gold rank \d+, letters [\d.-]+ \(rank \d+\), cut", found.stdout, flags=re.MULTILINE)


def test_no_line_is_wider_than_a_terminal_of_80_columns_and_no_number_is_cut(scored):
    text = io.StringIO()
    found = public.diff("letters", "cut", workspace=scored, device="cpu", limit=3)
    losses.show(found, Console(width=80, file=text, force_terminal=True, color_system=None, legacy_windows=False))
    lines = text.getvalue().splitlines()
    assert max(cell_len(line) for line in lines) <= 80
    for task in found.tasks:
        line = next(line for line in lines if line.split()[:1] == [task.task])
        assert line.split()[1:3] == [f"{100 * score:.1f}" for score in task.scores]
    assert "…" not in text.getvalue()


def test_json_and_markdown_hold_the_same_numbers(scored):
    told = json.loads(bench("diff", "letters", "cut", "--json", "--device", "cpu", cwd=scored).stdout)
    page = bench("diff", "letters", "cut", "--markdown", "--device", "cpu", cwd=scored).stdout
    assert page.startswith("# Where cut lost against letters\n")
    assert [task["task"] for task in told["tasks"]] == re.findall(r"^## (\w+)$", page.replace("## Rewritten texts", ""), flags=re.MULTILINE)
    for task in told["tasks"]:
        assert f"of {task['rows']} rows {task['worse']} flipped for the worse with cut, {task['better']} for the better" in page
        assert len(task["examples"]) <= 3
        assert all(text in page for example in task["examples"] for text in example["texts"])
        assert f"{100 * task['difference']:+.1f}" in page


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["letters", "cutt"], 2, "no candidate 'cutt' in any suite; did you mean 'cut'?"),
        (["letters", "letters"], 2, "'letters' is compared with itself; give two candidates"),
        (["letters", "cut", "--task", "Pears"], 2, "no task of suite 'small' 'Pears'; did you mean 'Pairs'?"),
        (["letters", "tiny-top1"], 2, "'tiny-top1' stands for 2 candidates; name one of them: tiny-top1-seed0, tiny-top1-seed1"),
        (["letters", "cut", "--json", "--markdown"], 2, "give --json or --markdown, not both"),
        (["letters", "tiny"], 3, "letters and tiny have no task in common here: Pairs: tiny not made yet"),
    ],
)
def test_what_cannot_be_compared_is_said_with_the_mend(scored, arguments, code, message):
    found = bench("diff", *arguments, "--device", "cpu", cwd=scored)
    assert found.returncode == code, found.stdout
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_published_data_that_is_not_here_is_asked_for(scored, tmp_path):
    folder = Path(shutil.copytree(scored, tmp_path / "copy"))
    card = folder / "tasks" / "topics" / "task.toml"
    published = f'repository = "a/b"\ncommit = "{"1" * 40}"\npath = "test.tsv"\nsha256 = "{"2" * 64}"'
    card.write_text(card.read_text(encoding="utf-8").replace('file = "test.tsv"', published), encoding="utf-8")
    found = bench("diff", "letters", "cut", "--device", "cpu", cwd=folder)
    assert found.returncode == 0, found.stderr
    assert re.search(r"not compared: Topics: .*--data-dir", found.stdout.replace("\n", " "))
