"""What a run shows and publishes: the part that was asked for, and never a board that has lost what was published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.cards.load import load_library
from bench.cli import app
from bench.errors import BenchError
from tests.conftest import build_workspace

pytestmark = pytest.mark.usefixtures("brief_probes")
NAMES = ("LEADERBOARD.md", "leaderboard.json", "leaderboard.csv", "index.html")


@pytest.fixture
def call(workspace_folder, capsys, monkeypatch):
    """Calls a verb on the tiny workspace; gives its exit code, or its error, and what it prints on standard output."""
    monkeypatch.setenv("COLUMNS", "80")

    def called(verb: str, *arguments: str) -> tuple[int | str, str]:
        load_library.cache_clear()
        capsys.readouterr()
        try:
            code = app([verb, *arguments, "--workspace", str(workspace_folder), "--device", "cpu"], standalone_mode=False)
        except BenchError as error:
            code = str(error)
        return code or 0, capsys.readouterr().out

    return called


@pytest.fixture(scope="module")
def board(tmp_path_factory, tiny_base) -> Path:
    """The folder of a board with every score of `letters`."""
    folder = build_workspace(tmp_path_factory.mktemp("board") / "workspace", tiny_base)
    load_library.cache_clear()
    assert not app(["run", "letters", "--probe", "none", "--publish", "--device", "cpu", "--workspace", str(folder)], standalone_mode=False)
    return folder / "leaderboard"


@pytest.fixture
def published(board, workspace_folder) -> Path:
    """That board in a workspace in which none of its scores is stored: as in a fresh clone."""
    return Path(shutil.copytree(board, workspace_folder / "leaderboard"))


def contents(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in NAMES]


def test_a_run_of_one_task_leaves_a_fuller_board_as_it_was_and_says_why_and_how(published, call):
    before = contents(published)
    code, out = call("run", "letters", "--task", "Pairs", "--probe", "none")
    assert code == 0
    assert contents(published) == before
    last = out.splitlines()[-1]
    assert last == (
        f"Board: {published} is left as it was: it has 3 scores that the new one lacks, of letters; "
        "--publish replaces it all the same, --out DIR writes elsewhere"
    )


def test_the_first_run_of_a_part_shows_its_table_and_publishes_no_board_of_dashes(call, workspace_folder):
    code, out = call("run", "letters", "--task", "Pairs", "--probe", "none")
    assert code == 0
    assert "Pairs mr" in out
    assert out.splitlines()[-1].endswith("nothing else is scored yet; --publish writes it all the same")
    assert not list((workspace_folder / "leaderboard").glob("*"))
    end = json.loads(call("run", "letters", "--task", "Pairs", "--probe", "none", "--json")[1].splitlines()[-1])
    assert (end["files"], "--publish" in end["not_published"]) == ([], True)
    call("run", "letters", "--task", "Pairs", "--probe", "none", "--publish")
    assert len(contents(workspace_folder / "leaderboard")) == len(NAMES)


def test_a_failed_cell_never_replaces_a_good_board(published, call, workspace_folder):
    before = contents(published)
    (workspace_folder / "tasks" / "topics" / "test.tsv").write_text("text\tlabel\n", encoding="utf-8")
    assert call("run", "letters", "--probe", "none")[0] == 3
    assert contents(published) == before


def test_a_run_that_has_every_published_score_replaces_the_board(published, call):
    (published / "LEADERBOARD.md").write_text("old", encoding="utf-8")
    assert call("run", "letters", "--probe", "none")[0] == 0
    assert "letters" in (published / "LEADERBOARD.md").read_text(encoding="utf-8")


def test_publish_replaces_a_fuller_board(published, call):
    code, out = call("run", "letters", "--task", "Pairs", "--probe", "none", "--publish")
    assert code == 0
    assert out.splitlines()[-1] == f"Board: {', '.join(str(published / name) for name in NAMES)}"
    scores = json.loads((published / "leaderboard.json").read_text(encoding="utf-8"))["rows"][0]["scores"]
    assert [label for label, score in scores.items() if score is not None] == ["Pairs mr", "Pairs hi"]


def test_out_writes_elsewhere_and_spares_what_is_published(published, call, tmp_path):
    before = contents(published)
    assert call("run", "letters", "--task", "Pairs", "--probe", "none", "--out", str(tmp_path / "mine"))[0] == 0
    assert contents(published) == before
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == sorted([*NAMES, "candidates", "tasks"])


def test_leaderboard_loses_nothing_either_and_ends_with_exit_code_3(published, call, tmp_path):
    call("run", "letters", "--task", "Pairs", "--probe", "none")
    before = contents(published)
    error, _ = call("leaderboard")
    assert "is left as it was: it has 3 scores that the new one lacks, of letters" in error
    assert contents(published) == before
    call("leaderboard", "--out", str(tmp_path / "mine"))
    assert len(contents(tmp_path / "mine")) == len(NAMES)
    call("leaderboard", "--publish")
    assert contents(published) == contents(tmp_path / "mine")


def test_a_run_shows_the_scores_of_the_task_and_the_candidate_that_were_asked_for_and_no_others(published, call):
    _, out = call("run", "letters", "--task", "Topics", "--probe", "none")
    assert "Topics" in out
    assert [word for word in ("Pairs", "tiny", "not made yet", "missing") if word in out.split("Board:")[0].replace("cpu", "")] == []


def test_the_scores_of_a_named_task_are_shown_at_80_columns(published, call, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, out = call("run", "letters", "--task", "Pairs", "--probe", "none")
    table = out.split("└")[0]
    score = json.loads((published / "leaderboard.json").read_text(encoding="utf-8"))["rows"][0]["scores"]["Pairs hi"]
    assert f"{100 * score:.1f}" in table


def test_the_last_event_carries_the_scores_that_were_asked_for_with_their_intervals(published, call):
    _, out = call("run", "letters", "--task", "Pairs", "--probe", "none", "--json")
    end = json.loads(out.splitlines()[-1])
    assert [row["candidate"] for row in end["rows"]] == ["letters"]
    assert list(end["rows"][0]["scores"]) == ["Pairs mr", "Pairs hi"]
    for label, score in end["rows"][0]["scores"].items():
        low, high = end["rows"][0]["score_intervals"][label]
        assert low <= score <= high
    assert "is left as it was" in end["not_published"]
    assert end["files"] == []


def test_a_pattern_chooses_and_force_computes_anew(call):
    assert "2 cells computed, 0 reused" in call("run", "lett*", "--task", "Pairs", "--probe", "none")[1]
    assert "0 cells computed, 2 reused" in call("run", "lett*", "--task", "Pairs", "--probe", "none")[1]
    assert "2 cells computed, 0 reused" in call("run", "lett*", "--task", "Pairs", "--probe", "none", "--force")[1]
    assert "1 cells computed, 2 reused" in call("run", "lett*", "--task", "Pairs", "--reprobe")[1]
    assert "1 cells computed, 2 reused" in call("run", "lett*", "--task", "Pairs", "--reprobe")[1]


def test_a_quiet_run_shows_only_what_comes_out_and_the_log_has_the_rest(call, capsys, tmp_path):
    log = tmp_path / "run.log"
    code, out = call("run", "letters", "--task", "Pairs", "--probe", "none", "--quiet", "--log", str(log))
    assert code == 0
    assert "Pairs mr" in out
    text = log.read_text(encoding="utf-8")
    assert "letters evaluate Pairs ..." in text
    assert "letters make  save" in text
    assert out in text


def test_quiet_and_verbose_exclude_each_other(call):
    assert call("run", "letters", "--quiet", "--verbose")[0] == "give --quiet or --verbose, not both; --log FILE keeps in a file what --verbose shows"


def test_pages_are_made_again_from_a_published_file_alone(published, call, tmp_path):
    written = {path.name: path.read_text(encoding="utf-8") for path in published.iterdir() if path.is_file()}
    code, shown = call("leaderboard", "--from", str(published / "leaderboard.json"), "--out", str(tmp_path / "again"))
    assert code == 0
    assert "letters" in shown
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "again").iterdir() if path.is_file()} == written


def test_a_default_suite_does_not_stand_in_the_way_of_a_published_file(published, call, workspace_folder, tmp_path):
    (workspace_folder / "bench.toml").write_text('suite = "mini"\n', encoding="utf-8")
    words = ["leaderboard", "--from", str(published / "leaderboard.json"), "--out", str(tmp_path / "again")]
    assert call(*words)[0] == 0
    assert "give --from or --suite, not both" in str(call(*words, "--suite", "mini")[0])


def test_incomplete_candidates_are_named_whatever_the_format(published, call, capsys, tmp_path):
    file = published / "leaderboard.json"
    told = call("leaderboard", "--format", "csv")[0]
    assert told == "the board is incomplete: letters, tiny, tiny-top2; `bench run --all` computes what is missing"
    load_library.cache_clear()
    for given in (["--format", "csv"], ["--out", str(tmp_path / "again")]):
        app(["leaderboard", "--from", str(file), *given], standalone_mode=False)
        assert capsys.readouterr().err == "bench: the board is incomplete: tiny, tiny-top2\n"


def test_a_file_of_an_earlier_version_is_read_and_what_cards_know_is_added(published, call):
    file = published / "leaderboard.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    for name in ("format", "tasks", "origin", "description"):
        del values[name]
    for row in values["rows"]:
        del row["about"], row["shares"]
    file.write_text(json.dumps(values), encoding="utf-8")
    call("leaderboard", "--from", str(file))
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["format"] == 2
    assert found["tasks"]["Pairs"]["license"] == "cc-by-4.0"
    assert {row["candidate"]: row["about"].get("strategy") for row in found["rows"]}["tiny-top2"] == "top"
    assert [row["scores"] for row in found["rows"]] == [row["scores"] for row in values["rows"]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no board that can be read"),
        ('{"suite": "x"}', "is no board that can be read"),
        ('{"format": 99}', "format: expected a number up to 2, found 99"),
    ],
)
def test_a_file_that_is_no_board_is_named_with_what_is_wrong(published, call, tmp_path, text, told):
    file = tmp_path / "odd.json"
    file.write_text(text, encoding="utf-8")
    code, _ = call("leaderboard", "--from", str(file))
    assert str(file) in code
    assert told in code


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "none.json"], "none.json: no such file; expected a leaderboard.json that bench wrote"),
        (["--from", "none.json", "--suite", "mini"], "give --from or --suite, not both"),
        (["--format", "csv", "--out", "x"], "--format prints and writes nothing"),
        (["--format", "csv", "--open"], "--format prints and writes nothing"),
        (["--from", f"{'x' * 300}.json"], "the name is too long for this file system"),
    ],
)
def test_what_leaderboard_cannot_do_is_said(call, arguments, told):
    assert told in call("leaderboard", *arguments)[0]


def test_a_part_of_what_earlier_files_lack_keeps_no_board_from_being_written_over_another(published, call, tmp_path):
    """`--from` of a file without the members of rewritten tasks, into a folder where a board stands."""
    values = json.loads((published / "leaderboard.json").read_text(encoding="utf-8"))
    del values["robustness_columns"]
    for row in values["rows"]:
        del row["drops"], row["problem"]
    (tmp_path / "old.json").write_text(json.dumps(values), encoding="utf-8")
    assert call("leaderboard", "--from", str(tmp_path / "old.json"), "--out", str(published))[0] == 0


def test_the_page_is_opened_where_that_is_asked_for(published, call, monkeypatch):
    opened = []
    monkeypatch.setattr("typer.launch", opened.append)
    call("leaderboard", "--open", "--from", str(published / "leaderboard.json"))
    assert opened == [(published / "index.html").resolve().as_uri()]
