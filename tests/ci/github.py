"""What GitHub does with an action, as far as a machine without it can: expressions filled in, shell steps run in order, outputs passed on."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
"""How GitHub runs `shell: bash`."""


def load(path: Path) -> dict[Any, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def script(path: Path, text: str) -> None:
    """Write a command."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def real_bench(folder: Path) -> None:
    """The command `bench` of this checkout."""
    script(folder / "bench", f'#!/usr/bin/env bash\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m bench "$@"\n')


@dataclasses.dataclass
class Job:
    """A job on a runner: a folder with commands that come first on PATH, the context of expressions, and what became of the steps."""

    folder: Path
    inputs: dict[str, str]
    context: dict[str, str] = dataclasses.field(default_factory=dict)
    ran: dict[str, subprocess.CompletedProcess[str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.commands, self.summary = self.folder / "commands", self.folder / "summary.md"
        self.commands.mkdir(parents=True)
        (self.folder / "temp").mkdir()
        self.action = load(ROOT / "action.yml")
        given = {name: str(one.get("default", "")) for name, one in self.action["inputs"].items()} | self.inputs
        self.context = {f"inputs.{name}": value for name, value in given.items()} | self.context

    def value(self, text: str) -> str:
        """A text with its expressions filled in; what nothing has set is empty."""
        return re.sub(r"\$\{\{\s*([\w.-]+)(?:\s*\|\|\s*'(\w*)')?\s*\}\}", lambda found: self.context.get(found[1]) or found[2] or "", text)

    def chosen(self, step: dict[str, Any]) -> bool:
        """Whether a step's condition holds."""
        parts = [part.strip() for part in str(step.get("if", "always()")).split("&&")]
        return all(self._holds(part) for part in parts if part != "always()")

    def _holds(self, condition: str) -> bool:
        left, sign, right = re.fullmatch(r"([\w.-]+) (==|!=) '(\w*)'", condition).groups()
        return (self.context.get(left, "") == right) == (sign == "==")

    def run(self, **environment: str) -> int:
        """Run the shell steps as GitHub does: after one that fails, only those that are always run. Returns the exit code of the first that failed."""
        code = 0
        for step in self.action["runs"]["steps"]:
            if "run" not in step or not self.chosen(step) or (code and "always()" not in str(step.get("if", ""))):
                continue
            code = self.step(step, **environment) or code
        return code

    def step(self, step: dict[str, Any], **environment: str) -> int:
        """Run one step and take its outputs."""
        outputs = self.folder / "outputs"
        outputs.write_text("", encoding="utf-8")
        own = {name: self.value(value) for name, value in step.get("env", {}).items()}
        around = {
            "PATH": f"{self.commands}:{os.environ['PATH']}",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_WORKSPACE": str(self.folder),
            "GITHUB_REPOSITORY": "someone/models",
            "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(self.folder / "temp"),
        }
        found = subprocess.run(
            [*SHELL, step["run"]], cwd=self.folder, env={**os.environ, **around, **own, **environment}, capture_output=True, text=True, timeout=300, check=False
        )
        self.ran[step["name"]] = found
        for line in outputs.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            self.context[f"steps.{step.get('id', '')}.outputs.{name}"] = value
        return found.returncode

    def output(self, name: str) -> str:
        """An output of the action."""
        return self.value(self.action["outputs"][name]["value"])
