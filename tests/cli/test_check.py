"""`bench check` from cells to exit code, on a tiny workspace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import bench
from bench.cards.load import load_library
from bench.cli import app
from bench.errors import BenchError, CardError
from bench.store import Store, seal
from tests.conftest import SUITE, build_workspace
from tests.standings.gate.cells import cost

Call = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def evaluated(tiny_base, tmp_path_factory) -> Path:
    """A workspace with the scores of `letters`, the only candidate."""
    folder = build_workspace(tmp_path_factory.mktemp("check") / "workspace", tiny_base)
    card = folder / "models" / "mini.toml"
    card.write_text(SUITE.partition('[[candidates]]\nname = "tiny"')[0], encoding="utf-8")
    plan = bench.make_plan("letters", suite="small", tasks=["Pairs", "Topics"], workspace=folder, device="cpu", probe="none")
    assert bench.execute(plan).complete
    return folder


@pytest.fixture
def place(evaluated, tmp_path, monkeypatch) -> Path:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "KASAUTI_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return Path(shutil.copytree(evaluated, tmp_path / "workspace", symlinks=True))


@pytest.fixture
def call(place, capsys) -> Call:
    """Calls `bench check`; gives the exit code and what was printed, or the error's."""

    def called(*arguments: str) -> tuple[int, str]:
        load_library.cache_clear()
        capsys.readouterr()
        try:
            code = app(["check", *arguments, "--workspace", str(place), "--device", "cpu"], standalone_mode=False)
        except BenchError as error:
            return error.exit_code, str(error)
        return code or 0, capsys.readouterr().out

    return called


@pytest.fixture
def blessed(place, call) -> Path:
    """The baseline of what is stored."""
    assert call("--update")[0] == 0
    return place / "leaderboard" / "baseline.json"


def results(place: Path, stage: str) -> dict[str, Path]:
    """The files of the results of a stage, by target."""
    found = {}
    for path in (place / ".bench" / "results").rglob("*.json"):
        cell = json.loads(path.read_text(encoding="utf-8"))["cell"]
        if cell["stage"] == stage:
            found[cell["target"]] = path
    return found


def test_blessing_writes_what_is_stored_and_an_identical_rerun_passes(blessed, call):
    assert blessed.is_file()
    code, out = call()
    assert code == 0
    assert out.splitlines()[-1] == f"suite small on cpu against {blessed}: of 3 checks 3 PASS"  # two tasks, and the parameters
    assert call("--strict")[0] == 0


def test_a_cell_that_was_deleted_is_missing_and_ends_with_3(blessed, place, call):
    results(place, "evaluate")["Pairs"].unlink()
    code, out = call()
    assert code == 3
    assert "K301 cell Pairs, letters: a score is not there any more; it failed, or was not computed" in out


def test_a_check_needs_no_checkpoint_and_one_that_is_not_what_was_made_makes_its_cells_missing(blessed, place, call):
    folder = next((place / ".bench" / "checkpoints").iterdir())
    kept = folder.rename(place / "kept")
    assert call("--strict")[0] == 0  # as where results were merged
    shutil.copytree(kept, folder)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    assert call()[0] == 3


def test_without_a_cell_there_is_nothing_to_bless_or_to_compare(place, call):
    shutil.rmtree(place / ".bench")
    for arguments in ((), ("--update",)):
        assert call(*arguments) == (
            3,
            "no scores of suite 'small' are stored for cpu, so nothing was compared (letters: not made yet); `bench run --all` computes them",
        )


def test_a_score_that_is_not_reproduced_is_a_regression_in_every_form(blessed, place, call, tmp_path, monkeypatch):
    altered(place, "Pairs", 1e-3)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    code, out = call("--junit-xml", str(tmp_path / "x.xml"), "--json", str(tmp_path / "x.json"), "--markdown", str(tmp_path / "x.md"))
    assert code == 1
    assert "::error title=K201 letters%2C reproduction Pairs::REGRESSION: an unchanged model has another score, +0.10000, tolerance 0.0001" in out
    assert ElementTree.parse(tmp_path / "x.xml").getroot().get("failures") == "1"
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["exit_code"] == 1
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == (tmp_path / "x.md").read_text(encoding="utf-8")


def altered(place: Path, task: str, difference: float) -> None:
    """Let a stored score be off, as if other libraries had computed it."""
    path = results(place, "evaluate")[task]
    content = json.loads(path.read_text(encoding="utf-8"))
    content["main"] = {subset: value + difference for subset, value in content["main"].items()}
    Store(place / ".bench" / "results").put(content.pop("key"), {name: value for name, value in content.items() if name != "digest"})


def test_json_on_standard_output_is_one_document_and_nothing_else(blessed, call, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert json.loads(call("--json", "-")[1])["counts"]["PASS"] == 3


def test_two_forms_cannot_share_standard_output(blessed, call):
    assert call("--json", "-", "--markdown", "-") == (2, "only one of --json, --markdown can have standard output")


def test_blessing_again_shows_what_changes(blessed, place, call):
    altered(place, "Pairs", 1e-3)
    code, out = call("--update")
    assert code == 0
    assert "K201" in out
    assert call()[0] == 0


def test_blessing_never_drops_scores_that_the_cards_still_ask_for(blessed, place, call):
    before = blessed.read_bytes()
    results(place, "evaluate")["Pairs"].unlink()
    code, message = call("--update")
    assert code == 3
    assert message == (
        f"{blessed} is left as it was: it has 1 score that is not stored now, of letters; "
        "`bench run --all` computes them, or remove the file to bless what there is"
    )
    assert blessed.read_bytes() == before


def test_blessing_refuses_what_it_would_not_heed(blessed, call):
    assert call("--update", "--json", "x.json", "--strict") == (
        2,
        "--update writes a baseline and gives no verdict, so --json, --strict would say nothing; call `bench check` once without it",
    )


@pytest.mark.parametrize("text", ["# Read me\n", '{"rows": []}', seal({"kind": "score"}), seal({"kind": "kasauti baseline", "format": 1, "suite": "other"})])
def test_blessing_never_replaces_a_named_file_that_is_something_else(place, call, tmp_path, text):
    other = tmp_path / "other"
    other.write_text(text, encoding="utf-8")
    code, message = call("--update", "--baseline", str(other))
    assert code == 2
    assert message.endswith("; --update does not replace it")
    assert other.read_text(encoding="utf-8") == text


def test_a_summary_that_cannot_be_written_hides_no_verdict(blessed, place, call, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "gone" / "summary.md"))
    assert call()[0] == 0
    altered(place, "Pairs", 1e-3)
    assert call()[0] == 1


@pytest.mark.parametrize("file", ["", "/", ".", "tasks", "x" * 300])
def test_a_form_that_cannot_be_written_is_an_error_that_names_the_file(blessed, place, call, monkeypatch, file):
    monkeypatch.chdir(place)
    code, message = call("--junit-xml", file)
    assert code == 2
    assert message.startswith(f"{Path(file)}: ")


def test_a_form_goes_into_a_pipe_and_does_not_replace_it(blessed, call, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert call("--json", str(tmp_path / "pipe"))[0] == 0
        assert json.loads(os.read(reader, 1 << 16))["exit_code"] == 0
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_blessing_replaces_a_baseline_that_is_torn(blessed, call):
    blessed.write_bytes(blessed.read_bytes()[:-50])
    assert call()[0] == 2
    assert call("--update")[0] == 0
    assert call()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "baseline.json: there is no baseline; `bench check --update` writes one from what is stored"),
        (("--baseline", "no-such-thing"), 2, "--baseline no-such-thing: no such file"),
        (("--suite", "smal"), 2, "did you mean 'small'?"),
    ],
)
def test_what_cannot_be_compared_with_is_an_error_that_names_it(place, call, arguments, code, message, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(place.parent))
    found = call(*arguments)
    assert found[0] == code
    assert message in found[1]


def test_a_margin_of_zero_is_refused_with_file_line_and_reason(blessed, place, call):
    (place / "bench.toml").write_text("[check]\nmargin = 0\n", encoding="utf-8")
    code, message = call()
    assert code == 2
    assert message.startswith(f"{place / 'bench.toml'}:2: check.margin: expected a margin above 0, found 0")


def test_a_margin_of_a_task_that_there_is_not_is_refused_with_the_nearest_and_one_of_another_suite_is_not(blessed, place, call):
    (place / "bench.toml").write_text("[check.margins]\nTranslations = 0.02\nPair = 0.02\n", encoding="utf-8")
    code, message = call()
    assert code == 2
    assert message.startswith(f"{place / 'bench.toml'}:3: check.margins.Pair: no task 'Pair'; did you mean")
    assert "'Pairs'" in message
    with pytest.raises(CardError, match="no task 'Pair'"):
        bench.check(workspace=place, device="cpu")


def test_a_claim_about_cost_is_confirmed_by_the_verb_only_where_that_is_asked_for(blessed, place, call, monkeypatch):
    """Costs are put into the baseline and beside the current cells; the second measurement is that of a model that is not there."""
    content = json.loads(blessed.read_bytes())
    del content["digest"]
    one = cost()
    content["candidates"]["letters"]["cost"] = {
        "how": {"profile": "quick", "protocol": 4},
        "machine": one.machine,
        "versions": one.versions,
        "measured": one.measured,
    }
    blessed.write_text(seal(content), encoding="utf-8")
    from bench.standings.gate import load

    real = load.current
    slow = cost(1.0)

    def with_cost(*arguments):
        found, folder = real(*arguments)
        entry = found.candidates["letters"]
        return type(found)(found.suite, found.device, found.tasks, {"letters": type(entry)(entry.content, entry.parameters, entry.scores, slow)}), folder

    asked = []
    monkeypatch.setattr(load, "current", with_cost)

    def measured(names, *_):
        asked.append(tuple(names))
        return {}

    monkeypatch.setattr("bench.cli.confirm._measured", measured)
    assert call("--no-confirm")[0] == 0
    assert asked == []
    assert call("--no-confirm", "--strict")[0] == 4
    assert call()[0] == 1
    assert asked == [("letters",)]
    monkeypatch.setattr("bench.cli.confirm._measured", lambda names, *_: dict.fromkeys(names, "there is no checkpoint"))
    code, out = call()
    assert code == 0
    assert "there is no checkpoint" in out


@pytest.mark.slow
def test_a_claim_about_speed_is_measured_a_second_time_before_it_is_a_regression(tiny_base, tmp_path, monkeypatch, capsys):
    """Nothing stands in for the measurement; only the noise of this machine is not looked at."""
    monkeypatch.setattr("bench.probe.noise.reasons", lambda *_: [])
    folder = build_workspace(tmp_path / "workspace", tiny_base)
    asked = {"suite": "small", "tasks": ["Pairs"], "workspace": folder, "device": "cpu", "probe": "quick"}
    assert bench.execute(bench.make_plan("letters", "tiny", **asked)).complete
    arguments = ["check", "--workspace", str(folder), "--device", "cpu"]
    assert app([*arguments, "--update"], standalone_mode=False) in {None, 0}
    baseline = folder / "leaderboard" / "baseline.json"
    content = json.loads(baseline.read_bytes())
    del content["digest"]
    for scenario in content["candidates"]["letters"]["cost"]["measured"]["relative"].values():
        scenario.update({end: 4 * scenario[end] for end in ("ratio", "low", "high")})
    baseline.write_text(seal(content), encoding="utf-8")
    before = {path: path.read_bytes() for path in (folder / ".bench" / "results").rglob("*.json")}
    capsys.readouterr()
    assert app(arguments, standalone_mode=False) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "K401" in out
    assert "measured twice" in out
    changed = [json.loads(path.read_bytes())["cell"] for path, text in before.items() if path.read_bytes() != text]
    assert changed == [{"candidate": "letters", "stage": "probe", "target": "cpu"}]


def test_from_python_the_verdicts_are_those_of_the_verb(blessed, place):
    checked = bench.check(workspace=place, device="cpu")
    assert (checked.counts["PASS"], checked.exit_code(strict=True)) == (3, 0)
    results(place, "evaluate")["Pairs"].unlink()
    assert [one.code for one in bench.check(workspace=place, device="cpu", baseline=blessed).findings if one.verdict == "MISSING"] == ["K301"]


def test_a_check_reads_results_only_and_imports_nothing_that_reads_cards_or_models(blessed, place):
    heavy = ("torch", "mteb", "pandas", "transformers", "sklearn", "datasets", "sentence_transformers", "tokenizers", "bench.cards.load", "bench.plan.planning")
    code = (
        "import sys\nfrom bench.cli import app\n"
        f"app(['check', '--device', 'cpu', '--workspace', {str(place)!r}], standalone_mode=False)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "80"}) for _ in "12"
    )
    assert second.stdout.splitlines()[-1] == "[]"
    assert second.stdout.splitlines()[:-1] == first.stdout.splitlines()[:-1]
