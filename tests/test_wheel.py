"""The wheel carries models and tasks, and works from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(ROOT)], check=True)
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_holds_cards_data_and_base_inside_the_package(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "bench/content/models/mini.toml",
        "bench/content/models/small/marathi-hindi.txt",
        "bench/content/models/mini/base-12/model.safetensors",
        "bench/content/tasks/kasauti-sts/test.tsv",
        "bench/content/docs/checks/K301.md",
        "bench/template/tasks/my-pairs/task.toml",
        "bench/py.typed",
    } <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"bench"}


def test_an_installed_wheel_runs_from_an_empty_folder(wheel, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import bench; assert bench.__file__.startswith({str(site)!r}); sys.argv = ['bench', "
        f"*{['run', 'char-3gram', '--publish', '--device', 'cpu', '--json']!r}]\nif __name__ == '__main__':\n    from bench.cli import main; main()"
    )
    script = tmp_path / "start.py"
    script.write_text(code, encoding="utf-8")
    found = subprocess.run([sys.executable, str(script)], cwd=empty, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1])["problems"] == {}
    assert (empty / "leaderboard" / "LEADERBOARD.md").is_file()
    assert not (site / "bench" / "content" / ".bench").exists()
