"""kill -9 in the middle of making, of evaluating, of writing: the next run finishes and nothing that was finished is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def start(folder: Path, *, stop_in: str = "", call: int = 1) -> subprocess.Popen[str]:
    """`bench run --all --json` in a process group of its own; the n-th call of the function `stop_in` writes a mark and hangs."""
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
    code = f"if __name__ == '__main__':\n    {hang.strip().replace(chr(10), chr(10) + '    ')}\n    import sys\n    sys.argv = ['bench', 'run', '--all', '--json', '--device', 'cpu', '--workspace', {str(folder)!r}]\n    from bench.cli import main\n    main()\n"
    script = folder / "start.py"
    script.write_text(code, encoding="utf-8")
    return subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


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
    process = start(folder)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


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
