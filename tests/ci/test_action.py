"""The GitHub action: its files are valid, and its shell steps do what they say, in a stand-in for a runner."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.ci.github import ROOT, Job, load, real_bench, script
from tests.conftest import build_workspace

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$LOG"
for one in "$@"; do if [[ $one == body=@* ]]; then cp "${one#body=@}" "$LOG.body"; fi; done
if [[ " $* " == *" --paginate "* ]]; then echo "${EXISTING:-}"; exit "${READ_CODE:-0}"; fi
exit "${WRITE_CODE:-0}"
"""
BENCH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$LOG"
while (($#)); do
  case $1 in
    --markdown) echo "| verdict |" >"$2"; shift ;;
    --out) mkdir -p "$2"; echo "# Leaderboard" >"$2/LEADERBOARD.md"; shift ;;
    check) code=${CHECK_CODE:-0} ;;
    run) code=${RUN_CODE:-0} ;;
  esac
  shift
done
exit "$code"
"""


@pytest.mark.parametrize("path", [ROOT / "action.yml", *WORKFLOWS], ids=lambda path: path.name)
def test_every_file_for_github_fits_the_published_schema(path):
    import importlib.resources

    import jsonschema

    name = "github-actions" if path.name == "action.yml" else "github-workflows"
    schema = json.loads(importlib.resources.files("check_jsonschema").joinpath(f"builtin_schemas/vendor/{name}.json").read_text(encoding="utf-8"))
    document = {"on" if key is True else key: value for key, value in load(path).items()}  # YAML 1.1 takes `on` for true; GitHub does not
    jsonschema.Draft7Validator(schema).validate(document)


def uses(document) -> list[str]:
    """The actions of all steps below."""
    if isinstance(document, dict):
        return ([document["uses"]] if "uses" in document else []) + [one for value in document.values() for one in uses(value)]
    return [one for value in document for one in uses(value)] if isinstance(document, list) else []


@pytest.mark.parametrize("path", [ROOT / "action.yml", *WORKFLOWS], ids=lambda path: path.name)
def test_every_action_that_is_used_is_pinned_to_a_version(path):
    assert [one for one in uses(load(path)) if one != "./" and not re.search(r"@v\d+$", one)] == []


def test_every_input_is_used_and_none_is_put_into_a_script():
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    action = load(ROOT / "action.yml")
    named = set(re.findall(r"inputs\.([\w-]+)", text))
    assert named == set(action["inputs"])
    assert [step["name"] for step in action["runs"]["steps"] if "${{" in step.get("run", "")] == []  # what a user gives goes by the environment


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_our_workflows_give_the_action_inputs_that_it_has(path):
    known = set(load(ROOT / "action.yml")["inputs"])
    for job in load(path)["jobs"].values():
        for step in job["steps"]:
            assert step.get("uses") != "./" or set(step["with"]) <= known


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "log"


def job(tmp_path, *, pull_request: str = "7", **inputs: str) -> Job:
    """A job whose commands only note what they are asked."""
    made = Job(tmp_path / "job", {"suite": "mine", "token": "secret", **inputs}, {"github.event.pull_request.number": pull_request})
    for name, text in (("gh", GH), ("bench", BENCH), ("python", BENCH.replace("exit", "true"))):
        script(made.commands / name, text)
    return made


def told(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines()


def test_the_package_of_the_action_is_installed_with_the_versions_that_it_was_tested_with(tmp_path, log):
    made = job(tmp_path, **{"pip-options": "--no-cache-dir -v"})
    assert made.run(LOG=str(log)) == 0
    assert told(log)[0] == f"-m pip install --quiet -c {ROOT}/constraints.txt --no-cache-dir -v {ROOT}"
    assert (ROOT / "constraints.txt").is_file()


def test_the_run_is_of_all_candidates_or_of_those_that_are_named_without_the_shell_reading_patterns(tmp_path, log):
    made = job(tmp_path)
    (made.folder / "e5-top-is-a-file").touch()
    made.run(LOG=str(log))
    board = made.folder / "temp" / "kasauti-mine"
    assert told(log)[1] == f"run --all --suite mine --workspace . --device cpu --probe none --out {board}"
    assert made.output("board") == str(board)
    log.unlink()
    other = job(tmp_path / "other", candidates="e5-top* chars", workspace="w", **{"data-dir": "my data", "probe": "quick"})
    (other.folder / "e5-top-is-a-file").touch()
    other.run(LOG=str(log))
    assert told(log)[1].startswith("run e5-top* chars --suite mine --workspace w --data-dir my data --device cpu --probe quick")


@pytest.mark.parametrize(("code", "verdict"), [(0, "pass"), (1, "regression"), (2, "error"), (3, "missing"), (4, "inconclusive")])
def test_the_job_ends_with_the_exit_code_of_the_check_after_it_has_told_the_pull_request(tmp_path, log, code, verdict):
    made = job(tmp_path)
    assert made.run(LOG=str(log), CHECK_CODE=str(code)) == code
    assert made.output("verdict") == verdict
    assert told(log)[-1].startswith("api --method POST repos/someone/models/issues/7/comments")
    assert f"### Kasauti, suite mine: {verdict}" in Path(f"{log}.body").read_text(encoding="utf-8")


def test_the_check_is_given_the_baseline_and_strictness_only_where_they_are_asked_for(tmp_path, log):
    made = job(tmp_path)
    made.run(LOG=str(log))
    board = made.output("board")
    assert told(log)[2] == f"check --suite mine --workspace . --device cpu --markdown {board}/check.md --junit-xml {board}/check.xml"
    log.unlink()
    job(tmp_path / "other", baseline="main", strict="true", **{"data-dir": "d"}).run(LOG=str(log))
    assert told(log)[2].endswith("--data-dir d --baseline main --strict")


def test_an_incomplete_run_is_still_checked_and_a_wrong_card_is_not(tmp_path, log):
    made = job(tmp_path)
    assert made.run(LOG=str(log), RUN_CODE="3", CHECK_CODE="3") == 3
    assert made.output("verdict") == "missing"
    new = job(tmp_path / "new")  # what failed is what the baseline does not have: the check passes, the job does not
    assert new.run(LOG=str(log), RUN_CODE="3", CHECK_CODE="0") == 3
    assert new.output("verdict") == "missing"
    assert "::error::What the baseline has holds, but the run is incomplete" in new.ran["Check"].stdout
    wrong = job(tmp_path / "wrong")
    assert wrong.run(LOG=str(log), RUN_CODE="2") == 2
    assert wrong.output("verdict") == "unchecked"
    assert "Check" not in wrong.ran


def test_without_a_check_the_board_is_computed_and_an_incomplete_run_fails(tmp_path, log):
    made = job(tmp_path, check="false")
    assert made.run(LOG=str(log)) == 0
    assert (made.output("verdict"), "Check" in made.ran) == ("unchecked", False)
    assert job(tmp_path / "other", check="false").run(LOG=str(log), RUN_CODE="3") == 3


def test_the_comment_holds_check_and_board_and_is_written_anew_each_time(tmp_path, log):
    made = job(tmp_path)
    made.run(LOG=str(log), EXISTING="41\n42")
    assert "api --method PATCH repos/someone/models/issues/comments/41 -F body=@" in told(log)[-1]
    body = Path(f"{log}.body").read_text(encoding="utf-8")
    assert body.startswith("<!-- kasauti: mine -->\n")
    assert body.index("| verdict |") < body.index("<details><summary>The board</summary>") < body.index("# Leaderboard")
    assert 'startswith("<!-- kasauti: mine -->")' in told(log)[-2]


def test_a_board_that_is_too_long_for_a_comment_is_left_to_the_artifact(tmp_path, log):
    made = job(tmp_path)
    made.run(LOG=str(log))
    Path(made.output("board"), "LEADERBOARD.md").write_text("x" * 70_000, encoding="utf-8")
    comment = next(step for step in made.action["runs"]["steps"] if step.get("name") == "Comment")
    assert made.step(comment, LOG=str(log)) == 0
    body = Path(f"{log}.body").read_text(encoding="utf-8")
    assert "too long for a comment" in body
    assert len(body) < 65_536


@pytest.mark.parametrize(
    ("inputs", "environment", "word"),
    [
        ({"pull_request": ""}, {}, "No comment: this run belongs to no pull request."),
        ({"token": ""}, {}, "No comment: there is no token."),
        ({}, {"READ_CODE": "1"}, "::warning::No comment: the comments of this pull request cannot be read"),
        ({}, {"WRITE_CODE": "1"}, "::warning::No comment: this token may not write one"),
    ],
)
def test_where_no_comment_can_be_written_a_word_says_so_and_the_job_goes_on(tmp_path, log, inputs, environment, word):
    made = job(tmp_path, **inputs)
    assert made.run(LOG=str(log), **environment) == 0
    assert word in made.ran["Comment"].stdout


def test_no_comment_is_written_where_none_is_wanted(tmp_path, log):
    made = job(tmp_path, comment="false")
    made.run(LOG=str(log))
    assert "Comment" not in made.ran


@pytest.mark.slow
def test_the_steps_run_a_real_suite_and_tell_its_board(tmp_path, tiny_base, log):
    workspace = build_workspace(tmp_path / "workspace", tiny_base)
    made = Job(
        tmp_path / "job",
        {"suite": "small", "candidates": "letters", "workspace": str(workspace), "token": "secret"},
        {"github.event.pull_request.number": "7"},
    )
    script(made.commands / "gh", GH)
    script(made.commands / "python", "#!/usr/bin/env bash\n")
    real_bench(made.commands)
    assert made.run(LOG=str(log)) != 0  # nothing is blessed yet, so there is nothing to pass
    assert made.ran["Run"].returncode == 0, made.ran["Run"].stderr
    assert {path.name for path in Path(made.output("board")).iterdir()} >= {"LEADERBOARD.md", "leaderboard.json", "leaderboard.csv"}
    assert "letters" in Path(f"{log}.body").read_text(encoding="utf-8")
    assert (workspace / ".bench" / "results").is_dir()
