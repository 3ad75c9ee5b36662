"""What a newcomer follows: every block of the pages' first steps, in order, in a real shell, in an empty folder and without a network."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"(?P<before>[^\n]*)\n+```(?P<kind>\w*)\n(?P<text>.*?)```\n", flags=re.DOTALL)


def walk(section: str, folder: Path) -> str:
    """Do what a section says: write its files, named at the end of the line before, and give its commands to a shell.

    Returns what the commands printed. A command that fails fails the walk.
    """
    programs = folder / "programs"
    programs.mkdir()
    (programs / "bench").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m bench "$@"\n', encoding="utf-8")
    (programs / "bench").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(DOCS.parent),
        "HF_HOME": str(folder / "hub"),
        "https_proxy": "http://127.0.0.1:9",  # nobody listens there: whatever wants the network fails
        "http_proxy": "http://127.0.0.1:9",
    }
    home = folder / "home"
    home.mkdir()
    here, printed = home, []
    for block in BLOCK.finditer(section):
        if block["kind"]:
            (name,) = re.findall(r"`([\w./-]+)`:$", block["before"])
            assert (home / name).parent.is_dir(), f"{name}: nothing has made its folder"
            (home / name).write_text(block["text"], encoding="utf-8")
            continue
        script = f"set -e\n{block['text']}\npwd > {shlex.quote(str(folder / 'here'))}\n"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, cwd=here, env=environment, timeout=500, check=False)
        assert done.returncode == 0, f"{block['text']}\n{done.stdout}\n{done.stderr}"
        here = Path((folder / "here").read_text(encoding="utf-8").strip())
        printed.append(done.stdout)
    return "\n".join(printed)


def section_of(page: str, title: str) -> str:
    """What stands under a title of the second level, down to the next one."""
    return (DOCS / page).read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.slow
def test_the_first_hour_ends_at_an_own_board_with_a_built_in_and_an_own_task(tmp_path):
    section = section_of("workspace.md", "The first hour") + section_of("cards.md", "Your first suite in five minutes")
    assert [block["kind"] for block in BLOCK.finditer(section)] == ["", "", "tsv", "toml", "toml", ""]
    printed = walk(section, tmp_path)
    boards = tmp_path / "home" / "mine" / "leaderboard"
    for suite, tasks in (("mine", {"KasautiSTS mr", "KasautiSTS hi", "MyPairs"}), ("weather", {"KasautiSTS mr", "KasautiSTS hi", "Weather"})):
        board = json.loads((boards / suite / "leaderboard.json").read_text(encoding="utf-8"))
        assert {row["candidate"]: (row["problem"], set(row["scores"])) for row in board["rows"]} == dict.fromkeys(
            ("char-3gram", "mini", "mini-top6" if suite == "mine" else "mini-top9"), (None, tasks)
        )
        assert (boards / suite / "LEADERBOARD.md").is_file()
    assert "Weather" in printed
