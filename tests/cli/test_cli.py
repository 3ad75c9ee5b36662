"""The command line: exit codes, messages, machine-readable output, and no heavy import before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import bench, bench_process

pytestmark = pytest.mark.usefixtures("brief_probes")


def test_importing_the_command_line_pulls_in_nothing_heavy():
    code = (
        "import bench.cli, sys; print([m for m in ('torch', 'transformers', 'mteb', 'pandas', 'sklearn', 'datasets', 'sentence_transformers') if m "
        "in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_planning_on_the_cpu_imports_neither_torch_nor_mteb(workspace_folder):
    code = (
        "import sys\nfrom bench.cli import app\n"
        f"app(['plan', '--all', '--device', 'cpu', '--workspace', {str(workspace_folder)!r}], standalone_mode=False)\n"
        "print([m for m in ('torch', 'transformers', 'mteb', 'sentence_transformers') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", ["run", "plan", "list", "make", "leaderboard", "pretrain", "doctor", "sweep", "vocabulary", "check"])
def test_the_help_of_a_verb_shows_examples(verb):
    shown = bench(verb, "--help")
    assert shown.returncode == 0
    assert f"bench {verb}" in shown.stdout.split("Examples", 1)[1]


def test_version_is_printed():
    from bench import __version__

    assert bench_process("--version").stdout.strip() == f"kasauti {__version__}"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run"], 2, "give candidate NAMEs or --all"),
        (["run", "tiny-tpo2"], 2, "no candidate 'tiny-tpo2' in any suite; did you mean 'tiny-top2'?"),
        (["run", "--all", "--suite", "smal"], 2, "no suite 'smal'; did you mean 'small'?"),
        (["run", "--all", "--task", "Pears"], 2, "did you mean 'Pairs'?"),
        (["run", "--all", "--probe", "fast"], 2, "--probe must be one of quick, full, none (got 'fast')"),
        (["run", "--all", "--shard", "3/2"], 2, "--shard must be i/n"),
        (["run", "--all", "--device", "cuda:99"], 2, "--device cuda:99"),
        (["list", "modls"], 2, "must be one of models, tasks, suites"),
        (["run", "--nonsense"], 2, "No such option"),
    ],
)
def test_a_wrong_command_line_exits_2_with_one_clear_message(workspace_folder, arguments, code, message):
    found = bench(*arguments, cwd=workspace_folder)
    assert found.returncode == code
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_a_folder_that_is_no_workspace_is_refused(tmp_path):
    found = bench("plan", "--workspace", str(tmp_path))
    assert found.returncode == 2
    assert "expected a folder models/" in found.stderr


def test_a_verb_that_writes_in_a_folder_that_is_no_workspace_says_where_before_it_writes(tmp_path):
    found = bench("make", "--all", "--suite", "nowhere", cwd=tmp_path)
    assert f"results go to .bench/ and leaderboard/ in {tmp_path}" in found.stderr.splitlines()[0]
    assert not list(tmp_path.iterdir())


def test_in_a_workspace_nothing_is_said_of_where_results_go(workspace_folder):
    assert "results go to" not in bench("make", "nobody", cwd=workspace_folder).stderr


def test_wrong_cards_are_reported_all_at_once_with_exit_2(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('"top"', '"tpo"').replace("batch_size = 8", "batch_size = 0"), encoding="utf-8")
    task = workspace_folder / "tasks" / "pairs" / "task.toml"
    task.write_text(task.read_text(encoding="utf-8").replace('"mar-Deva"', '"mr"'), encoding="utf-8")
    found = bench("plan", cwd=workspace_folder)
    assert found.returncode == 2
    lines = found.stderr.strip().splitlines()
    assert len(lines) == 4
    assert any("pairs/task.toml:" in line and "languages" in line for line in lines)
    assert sum("batch_size" in line for line in lines) == 2
    assert any("did you mean 'top'?" in line for line in lines)
    assert "Traceback" not in found.stderr


def test_the_workspace_is_found_from_a_folder_inside_it(workspace_folder):
    assert "letters" in bench("list", "models", cwd=workspace_folder / "tasks" / "pairs").stdout


def test_plan_as_json_says_what_is_to_do(workspace_folder):
    plan = json.loads(bench("plan", "letters", "--json", "--device", "cpu", cwd=workspace_folder).stdout)
    assert plan["summary"] == {"done": 0, "to do": 6, "failed": 0, "cannot run": 0}
    assert plan["cells"][0] == {"candidate": "letters", "stage": "make", "target": "", "status": "to do", "key": plan["cells"][0]["key"], "reason": ""}


def test_a_run_prints_the_board_and_writes_it_and_a_second_run_computes_nothing(workspace_folder):
    first = bench("run", "letters", "--device", "cpu", "--publish", cwd=workspace_folder)
    assert first.returncode == 0, first.stderr
    assert "6 cells computed, 0 reused, 0 failed, 0 could not run" in first.stdout
    assert "letters" in first.stdout
    assert "letters evaluate Pairs" in first.stderr
    second = bench("run", "letters", "--device", "cpu", "--json", cwd=workspace_folder)
    end = json.loads(second.stdout.splitlines()[-1])
    assert (end["computed"], end["reused"]) == (0, 6)
    assert all(Path(path).is_file() for path in end["files"])
    board = json.loads((workspace_folder / "leaderboard" / "leaderboard.json").read_text(encoding="utf-8"))
    assert [row["problem"] for row in board["rows"]] == [None, "not made yet", "not made yet"]


@pytest.mark.parametrize("verb", [["list", "tasks"], ["data", "status"], ["vocabulary", "tiny", "corpus.txt", "--size", "200", "--out", "tokens.txt"]])
def test_a_folder_of_data_that_is_not_there_is_refused(workspace_folder, verb):
    (workspace_folder / "corpus.txt").write_text("पाऊस\n", encoding="utf-8")
    found = bench(*verb, "--data-dir", "nowhere", cwd=workspace_folder)
    assert (found.returncode, found.stderr) == (2, "bench: --data-dir: nowhere is no folder; give the one that holds <owner>/<repository>/<path>\n")


@pytest.mark.slow
def test_a_run_with_missing_data_exits_3_and_names_the_file(workspace_folder):
    (workspace_folder / "tasks" / "topics" / "train.tsv").unlink()
    found = bench("run", "letters", "--probe", "none", "--device", "cpu", cwd=workspace_folder)
    assert found.returncode == 3
    assert "topics/train.tsv: no such file" in found.stdout
    assert "Traceback" not in found.stdout + found.stderr


def test_a_changed_checksum_is_reported_by_data_status(workspace_folder):
    card = workspace_folder / "tasks" / "topics" / "task.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('file = "test.tsv"', f'file = "test.tsv"\nsha256 = "{"1" * 64}"'), encoding="utf-8")
    found = bench("data", "status", cwd=workspace_folder)
    assert found.returncode == 3
    assert f"expects {'1' * 64}" in found.stdout


def test_data_status_counts_what_rules_drop(workspace_folder):
    card = workspace_folder / "tasks" / "topics" / "task.toml"
    rule = '[[rules]]\nrule = "drop-label"\nvalues = ["school"]\n'
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("[subsets.mr]", rule + "[subsets.mr]", 1), encoding="utf-8")
    found = json.loads(bench("data", "status", "--json", cwd=workspace_folder).stdout)
    topics = next(entry for entry in found if entry["task"] == "Topics")
    assert topics["splits"][0]["dropped"] == {"drop-label": 6}


@pytest.mark.parametrize("what", ["models", "tasks", "suites"])
def test_lists_are_also_given_as_json(workspace_folder, what):
    assert json.loads(bench("list", what, "--json", cwd=workspace_folder).stdout)


@pytest.mark.slow
def test_make_prints_the_path_of_a_loadable_checkpoint(workspace_folder):
    found = bench("make", "letters", cwd=workspace_folder)
    assert found.returncode == 0, found.stderr
    assert (Path(found.stdout.strip()) / "lexical.json").is_file()


@pytest.mark.slow
def test_make_says_of_named_candidates_that_are_never_trained_that_there_is_nothing_to_train(workspace_folder):
    suite = workspace_folder / "models" / "mini.toml"
    suite.write_text(suite.read_text(encoding="utf-8") + '\n[[candidates]]\nname = "outside"\nkind = "external"\npath = "tiny"\n', encoding="utf-8")
    found = bench("make", "letters", "outside", "--device", "cpu", cwd=workspace_folder)
    assert found.returncode == 0, found.stderr
    assert "bench: letters is a lexical candidate, which has no weights: there is nothing to train\n" in found.stderr
    assert "bench: outside is an external model, which is used as it is: there is nothing to train" in found.stderr
    assert found.stdout.splitlines()[1] == str(workspace_folder / "models" / "tiny")
    assert "nothing to train" not in bench("make", "letters", "--quiet", "--device", "cpu", cwd=workspace_folder).stderr


@pytest.mark.slow
def test_make_says_that_the_folder_of_an_int8_candidate_has_fp32_weights(workspace_folder):
    suite = workspace_folder / "models" / "mini.toml"
    card = '\n[recipes.none]\n[[candidates]]\nname = "small8"\nkind = "full"\nbase = "tiny"\nrecipe = "none"\nprecision = "int8"\n'
    suite.write_text(suite.read_text(encoding="utf-8") + card, encoding="utf-8")
    found = bench("make", "small8", "--device", "cpu", cwd=workspace_folder)
    assert found.returncode == 0, found.stderr
    assert "bench: the folder of small8 holds fp32 weights; its page on the board shows the line that loads them as int8\n" in found.stderr


def test_leaderboard_prints_one_format_and_says_that_it_is_incomplete(workspace_folder):
    found = bench("leaderboard", "--format", "csv", "--device", "cpu", cwd=workspace_folder)
    assert found.returncode == 3
    assert found.stdout.splitlines()[0].startswith("rank,candidate,kind")
    assert not (workspace_folder / "leaderboard").exists()


def test_shards_divide_the_candidates_without_rest(workspace_folder):
    names = []
    for shard in ("1/2", "2/2"):
        cells = json.loads(bench("plan", "--all", "--shard", shard, "--json", "--device", "cpu", cwd=workspace_folder).stdout)["cells"]
        names.append({cell["candidate"] for cell in cells})
    assert names[0] & names[1] == set()
    assert names[0] | names[1] == {"letters", "tiny", "tiny-top2"}
