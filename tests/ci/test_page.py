"""docs/ci.md, from its first block to its last: cards, commands and workflows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.ci.github import ROOT, SHELL, load, real_bench

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_page_has_cards_commands_and_workflows_and_nothing_else():
    assert {language for language, _ in BLOCKS} == {"toml", "bash", "yaml"}


@pytest.mark.parametrize("text", [text for language, text in BLOCKS if language == "yaml"], ids=lambda text: text.splitlines()[0])
def test_every_workflow_fits_the_published_schema_and_gives_the_action_what_it_takes(text):
    import importlib.resources

    import jsonschema

    schema = json.loads(importlib.resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/github-workflows.json").read_text(encoding="utf-8"))
    document = {"on" if key is True else key: value for key, value in yaml.safe_load(text).items()}
    jsonschema.Draft7Validator(schema).validate(document)
    ours = [step["with"] for job in document["jobs"].values() for step in job["steps"] if step.get("uses", "").startswith("OWNER/kasauti")]
    assert [name for given in ours for name in given if name not in load(ROOT / "action.yml")["inputs"]] == []


def test_every_input_and_output_of_the_action_stands_on_the_page():
    action = load(ROOT / "action.yml")
    rows = set(re.findall(r"`([\w-]+)`", "\n".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))))
    assert rows == set(action["inputs"])
    outputs = PAGE.partition("Outputs:")[2].splitlines()[0]
    assert set(action["outputs"]) <= set(re.findall(r"`(\w+)`", outputs))


@pytest.mark.slow
def test_from_an_empty_repository_to_a_gate_and_shards_every_block_runs(tmp_path, tiny_base):
    folder, commands = tmp_path / "repository", tmp_path / "commands"
    real_bench(commands)
    folder.mkdir()
    for name in ("big", "small"):
        shutil.copytree(tiny_base, folder / name)
    run("git init -q && git config user.name t && git config user.email t@t", folder, commands)
    said = ""
    for language, text in BLOCKS:
        if language == "bash":
            said += run(text, folder, commands)
        else:
            path = folder / text.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    assert "small against big: gate on cpu" in said
    assert "leaderboard/gate/baseline.json" in run("git ls-files", folder, commands)
    plain, merged = (json.loads((folder / part / "leaderboard" / "gate" / "leaderboard.json").read_text(encoding="utf-8")) for part in ("", "together"))
    assert len(merged["rows"]) == 3
    assert [(row["candidate"], row["scores"], row["mean_low"]) for row in merged["rows"]] == [
        (row["candidate"], row["scores"], row["mean_low"]) for row in plain["rows"]
    ]


def run(text: str, folder: Path, commands: Path) -> str:
    """Run a block as a shell does that stops at the first error."""
    environment = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}
    found = subprocess.run([*SHELL, text], cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert found.returncode == 0, f"{text}\n{found.stdout}\n{found.stderr}"
    return found.stdout
