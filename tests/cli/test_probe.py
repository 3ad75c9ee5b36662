"""`bench probe`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench.publish.benchmark import benchmark_document
from tests.cli.command import bench

RESULT = {
    "offline": {"rounds": [0.5, 0.6, 0.4, 0.5, 0.5, 0.7]},
    "single": {"rounds": [0.01, 0.02, 0.01, 0.01, 0.01, 0.01]},
    "relative": None,
    "reference": None,
    "validity": {"verdict": "VALID", "reasons": []},
    "sentences": 24,
    "machine": {"cpu": "a processor"},
    "finished": "2026-11-27T06:00:00Z",
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["probe"], "give candidate NAMEs or --all"),
        (["probe", "letters", "--profile", "fast"], "--profile must be one of quick, full (got 'fast')"),
        (["probe", "letters", "--benchmark-json", "models"], "models: a folder lies where a file is needed; name a file in it"),
        (["probe", "letters", "--threads", "10000"], "--threads must be at most"),
        (["probe", "letters", "--device", "tpu"], "--device must be auto, cpu, cuda or cuda:i (got 'tpu')"),
    ],
)
def test_bad_input_is_one_line(workspace_folder, arguments, message):
    found = bench(*arguments, cwd=workspace_folder)
    assert found.returncode == 2
    assert message in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("brief_probes")
def test_it_makes_and_measures_and_measures_anew_the_next_time(workspace_folder):
    shown = bench("probe", "letters", "--device", "cpu", "--quiet", cwd=workspace_folder)
    assert shown.returncode == 0, shown.stderr
    assert "letters" in shown.stdout
    assert "letters: no ratio: the reference tiny is not made; `bench make tiny` makes it" in shown.stdout
    assert "energy not measured" in shown.stdout or "J" in shown.stdout
    out = workspace_folder / "costs.json"
    again = bench("probe", "letters", "--device", "cpu", "--json", "--benchmark-json", str(out), cwd=workspace_folder)
    end = json.loads(again.stdout.strip().splitlines()[-1])
    assert end["measured"]["letters"]["offline"]["sentences_per_second"] > 0
    written = json.loads(out.read_text(encoding="utf-8"))
    assert [one["name"] for one in written["benchmarks"]] == ["offline[letters]", "single[letters]"]
    assert written["benchmarks"][0]["stats"]["data"] == end["measured"]["letters"]["offline"]["rounds"]


@pytest.mark.usefixtures("brief_probes")
def test_what_was_measured_is_shown_and_logged_also_where_the_benchmark_file_cannot_be_written(workspace_folder):
    log = workspace_folder / "log"
    found = bench("probe", "letters", "--device", "cpu", "--quiet", "--log", str(log), "--benchmark-json", "/dev/full", cwd=workspace_folder)
    assert found.returncode == 2
    assert "/dev/full: no space is left" in found.stderr
    assert "Traceback" not in found.stderr
    for told in (found.stdout, log.read_text(encoding="utf-8")):
        assert "letters: no ratio: the reference tiny is not made" in told


def test_pytest_benchmark_compares_two_of_its_files(tmp_path):
    for name, factor in (("before", 1.0), ("after", 2.0)):
        document = benchmark_document({"letters": {**RESULT, "offline": {"rounds": [factor * one for one in RESULT["offline"]["rounds"]]}}})
        (tmp_path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(tmp_path / "before.json"), str(tmp_path / "after.json")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("offline[letters]") == 2


def test_the_format_has_what_github_action_benchmark_reads():
    """Its extractor for pytest takes `fullname`, and of `stats` ops, mean, stddev and rounds."""
    for one in benchmark_document({"letters": RESULT})["benchmarks"]:
        assert one["fullname"].startswith("probe/")
        assert one["stats"]["ops"] == pytest.approx(1 / one["stats"]["mean"])
        assert one["stats"].keys() >= {"stddev", "rounds", "median", "iqr", "outliers", "iterations", "total"}
