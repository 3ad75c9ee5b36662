"""kill -9, SIGTERM and Ctrl-C in the middle of planning, making, evaluating, probing, writing.

No process is left, nothing that was finished is lost, and the next run finishes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from tests.cli.command import bench
from tests.conftest import SUITE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("brief_probes")]

BRIEF = (
    "import dataclasses\n"
    "from bench.probe import noise, profiles\n"
    "profiles.PROFILES['quick'] = dataclasses.replace(profiles.PROFILES['quick'], rounds=6, most_rounds=0)\n"
    "noise.reasons = lambda *_: []\n"
)
"""Few rounds of a measurement, which is taken once, however busy the machine is."""


def start(folder: Path, *, stop_in: str = "", call: int = 1, arguments: tuple[str, ...] = ("--all",)) -> subprocess.Popen[str]:
    """`bench run --json` in a session of its own.

    In this process and in each of its children, the n-th call of the function `stop_in` writes a mark and hangs.
    """
    hang = (
        "import importlib, pathlib, time\n"
        f"module, _, name = {stop_in!r}.rpartition('.')\n"
        "real = getattr(importlib.import_module(module), name)\n"
        "calls = []\n"
        "def wait(*a, **k):\n"
        "    calls.append(1)\n"
        f"    if len(calls) == {call}:\n"
        f"        pathlib.Path({str(folder / 'hanging')!r}).touch()\n"
        "        time.sleep(600)\n"
        "    return real(*a, **k)\n"
        "setattr(importlib.import_module(module), name, wait)\n"
        if stop_in
        else ""
    )
    command = ["bench", "run", *arguments, "--json", "--device", "cpu", "--workspace", str(folder)]
    code = f"{BRIEF}{hang}\nif __name__ == '__main__':\n    import sys\n    sys.argv = {command!r}\n    from bench.cli import main\n    main()\n"
    script = folder / "start.py"
    script.write_text(code, encoding="utf-8")
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, str(script)], stdout=pipe, stderr=pipe, text=True, start_new_session=True, preexec_fn=_as_on_a_terminal)


def _as_on_a_terminal() -> None:
    """Hear of Ctrl-C and of the terminal's end, also where the tests themselves are a shell's background job or run under nohup, which ignore them."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def session(leader: int) -> list[str]:
    """The processes of a session that have not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, ProcessLookupError):
            continue
    return found


def assert_nobody_is_left(leader: int, seconds: float = 20) -> None:
    """A fork server that is importing ends when it has done so, which takes seconds on a busy machine."""
    deadline = time.monotonic() + seconds
    while left := session(leader):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def wait_for(process: subprocess.Popen[str], condition, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run did not get there"
        time.sleep(0.02)


def done(folder: Path) -> dict[str, str]:
    """Finished cells: file name to time of writing."""
    found = {}
    for path in (folder / ".bench" / "results").rglob("*.json"):
        if not path.name.startswith("."):
            assert json.loads(path.read_text(encoding="utf-8"))["status"] == "done"
            found[path.name] = str(path.stat().st_mtime_ns)
    return found


def stored(folder: Path) -> int:
    """How many results lie in the store now."""
    return len(list((folder / ".bench" / "results").rglob("[!.]*.json")))


def finish(folder: Path) -> dict[str, object]:
    """What the next run says at its end. What it finds is what counts, so it need not be a process of its own."""
    found = bench("run", "--all", "--json", "--device", "cpu", "--workspace", str(folder))
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("where", "call", "least_done"),
    [
        ("bench.make.finetune.finetune", 1, 5),
        ("bench.make.verify.reload_gate", 2, 5),
        ("bench.evaluate.score.score_task", 6, 7),
        ("os.fsync", 9, 4),
    ],
    ids=["while making", "before the reload gate", "while evaluating", "while writing a result"],
)
def test_a_killed_run_is_finished_by_the_next_one_and_keeps_what_was_done(workspace_folder, where, call, least_done):
    process = start(workspace_folder, stop_in=where, call=call)
    wait_for(process, (workspace_folder / "hanging").exists)
    kill(process)
    before = done(workspace_folder)
    assert len(before) >= least_done
    end = finish(workspace_folder)
    after = done(workspace_folder)
    assert end["problems"] == {}
    assert end["reused"] == len(before)
    assert end["computed"] == 18 - len(before)
    assert {name: after[name] for name in before} == before
    assert not list((workspace_folder / ".bench" / "checkpoints").glob(".*"))


def test_a_run_killed_at_any_moment_is_finished_by_the_next_one(workspace_folder):
    """No hook: kill after each newly stored result, until a run gets through by itself."""
    for wanted in (1, 6, 9, 14):
        process = start(workspace_folder)
        wait_for(process, lambda least=wanted: stored(workspace_folder) >= least)
        kill(process)
    before = done(workspace_folder)
    end = finish(workspace_folder)
    assert end["problems"] == {}
    assert end["reused"] == len(before) >= 14
    assert (workspace_folder / "leaderboard" / "LEADERBOARD.md").is_file()


STAGES = {
    "planning": ("bench.models.loading.load_sentence_model", ("--all",)),
    "make": ("bench.make.finetune.finetune", ("tiny", "letters")),
    "reload gate": ("bench.make.verify.load_encoder", ("letters", "tiny")),
    "evaluate": ("bench.evaluate.score.score_task", ("letters", "tiny")),
    "probe": ("bench.probe.worker.load_to_run", ("letters",)),
}


def started(folder: Path, stage: str, jobs: int) -> subprocess.Popen[str]:
    """A run that hangs in a stage: in this process, in a worker, or in a child of either."""
    where, names = STAGES[stage]
    if stage == "planning":
        (folder / "models" / "mini.toml").write_text(SUITE.replace('["top"]', '["contribution"]'), encoding="utf-8")
    process = start(folder, stop_in=where, arguments=(*names, "--jobs", str(jobs)))
    wait_for(process, (folder / "hanging").exists)
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize(("stage", "jobs"), [("planning", 1), ("make", 1), ("make", 2), ("reload gate", 1), ("reload gate", 2), ("evaluate", 2), ("probe", 1)])
def test_no_process_outlives_the_main_one_and_sigterm_says_how_to_go_on(workspace_folder, stage, jobs, number):
    process = started(workspace_folder, stage, jobs)
    assert len(session(process.pid)) > 1
    process.send_signal(number)
    process.wait(timeout=30)
    assert_nobody_is_left(process.pid)
    _, err = process.communicate(timeout=10)
    assert "Traceback" not in err
    if number == signal.SIGTERM:
        assert process.returncode == 143
        assert err.splitlines()[-1] == "bench: ended by SIGTERM; finished cells are kept, the same command goes on from here"


@pytest.mark.parametrize(("stage", "jobs"), [("planning", 1), ("reload gate", 1), ("reload gate", 2), ("probe", 1)])
def test_ctrl_c_ends_every_process_with_one_line_and_no_traceback_of_a_child(workspace_folder, stage, jobs):
    process = started(workspace_folder, stage, jobs)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "bench: interrupted; finished cells are kept, the same command goes on from here"
    assert "Traceback" not in err
    assert_nobody_is_left(process.pid)


@pytest.mark.parametrize(("stage", "jobs"), [("make", 2), ("probe", 1)])
def test_a_run_whose_terminal_is_closed_ends_with_every_process_and_leaves_nothing(workspace_folder, stage, jobs, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="hup") as temporary:  # a short path, for its sockets
        monkeypatch.setenv("TMPDIR", temporary)
        process = started(workspace_folder, stage, jobs)
        os.killpg(process.pid, signal.SIGHUP)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 129
        assert err.splitlines()[-1] == "bench: ended by SIGHUP; finished cells are kept, the same command goes on from here"
        assert_nobody_is_left(process.pid)
        assert not list(Path(temporary).glob("pymp-*"))


def test_who_stops_a_run_that_begins_anew_is_told_so(workspace_folder):
    process = start(workspace_folder, stop_in="bench.evaluate.score.score_task", arguments=("letters", "--force"))
    wait_for(process, (workspace_folder / "hanging").exists)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.splitlines()[-1]) == (130, "bench: interrupted; finished cells are kept, the same command computes all of them anew")


def test_two_runs_at_once_compute_every_cell_once(workspace_folder):
    runs = [start(workspace_folder), start(workspace_folder)]
    ends = []
    for process in runs:
        out, err = process.communicate(timeout=500)
        assert process.returncode == 0, err
        ends.append(json.loads(out.splitlines()[-1]))
    assert [end["problems"] for end in ends] == [{}, {}]
    assert sum(end["computed"] for end in ends) == 18
    assert sum(end["reused"] for end in ends) == 18
    assert not list((workspace_folder / ".bench").rglob(".*.tmp"))
