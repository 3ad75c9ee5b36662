"""The outputs and homes that there are: without UTF-8, closed early, not writable."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import streams
from tests.cli.command import bench, bench_process

ENCODINGS = [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]


@pytest.mark.parametrize(("text", "shown"), [("42.7 ± 1.5 – …", "42.7 +- 1.5 - ..."), ("मी", "\\u092e\\u0940"), ("𑀅", "\\ud804\\udc05")])
def test_what_cannot_be_printed_has_a_plain_form(text, shown):
    assert streams.PLAIN
    assert text.encode("ascii", "bench.plain").decode() == shown


def test_json_keeps_every_character():
    text = {"score": "± – मी 𑀅"}
    assert json.loads(json.dumps(text, ensure_ascii=False).encode("ascii", "bench.json")) == text


@pytest.mark.parametrize("env", ENCODINGS, ids=["ascii", "latin-1", "C locale"])
def test_a_verb_prints_on_any_terminal(workspace_folder, env):
    card = workspace_folder / "tasks" / "pairs" / "task.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('description = "d"', 'description = "जोड्या ± –"'), encoding="utf-8")
    shown = bench_process("list", "models", cwd=workspace_folder, env={**os.environ, **env})
    assert shown.returncode == 0, shown.stderr
    assert "letters" in shown.stdout
    plain = bench_process("list", "tasks", "--json", cwd=workspace_folder, env={**os.environ, **env})
    assert json.loads(plain.stdout) == json.loads(bench("list", "tasks", "--json", cwd=workspace_folder).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("home", ["/dev/null/home", "/proc/home"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_run_needs_neither_utf_8_nor_a_home(workspace_folder, home, encoding):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HF_HOME", "MTEB", "XDG"))}
    env.update(HOME=home, PYTHONIOENCODING=encoding)
    found = bench_process("run", "letters", "--probe", "none", "--device", "cpu", cwd=workspace_folder, env=env, encoding=encoding)
    assert found.returncode == 0, found.stderr
    assert "5 cells computed, 0 reused, 0 failed, 0 could not run" in found.stdout
    assert {"ascii": "+-", "latin-1": "±"}[encoding] in found.stdout


@pytest.mark.parametrize(
    "arguments",
    [["list", "tasks"], ["list", "tasks", "--json"], ["plan", "--all", "--json", "--device", "cpu"], ["plan", "--all", "--device", "cpu"], ["--help"]],
)
def test_output_that_is_closed_early_ends_a_verb_without_a_word(workspace_folder, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    found = subprocess.run(
        [sys.executable, "-m", "bench", *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, cwd=workspace_folder, timeout=300, check=False
    )
    os.close(writing)
    assert (found.returncode, found.stderr) == (141, "")


@pytest.mark.slow
def test_a_run_whose_reader_leaves_ends_without_a_word_and_goes_on_later(workspace_folder):
    command = [sys.executable, "-m", "bench", "run", "letters", "--json", "--probe", "none", "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=workspace_folder)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=300) == 141
    assert process.stderr.read() == ""
    process.stderr.close()
    again = bench_process(*command[3:], cwd=workspace_folder)
    assert json.loads(again.stdout.splitlines()[-1])["problems"] == {}


@pytest.mark.skipif(os.name == "nt", reason="a shell closes the stream")
@pytest.mark.parametrize("arguments", ["plan --all", "run letters --probe none", "run letters --json --probe none", "make letters"])
def test_a_closed_standard_error_is_no_error(workspace_folder, arguments):
    command = f"exec {shlex.quote(sys.executable)} -m bench {arguments} --device cpu 2>&-"
    found = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, text=True, cwd=workspace_folder, timeout=300, check=False)
    assert found.returncode == 0
    assert found.stdout


def test_a_full_output_is_named(workspace_folder):
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            [sys.executable, "-m", "bench", "list", "models"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=workspace_folder, timeout=300, check=False
        )
    assert found.returncode == 2
    assert found.stderr.startswith("bench: no space is left on the disk")
    assert len(found.stderr.splitlines()) == 1
