"""`bench.toml` in a workspace's root: defaults of options, and in its table `[check]` what a gate lets pass.

What stands on the command line, or in an option's environment variable, counts before a default.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.cards.lines import line_of
from bench.cards.rules import Rules, read_rules, rule_flaws
from bench.cards.workspace import Workspace
from bench.errors import CardError, Problem, nearest

FILE = "bench.toml"
RULES = "check"
"""The table of what `bench check` lets pass; all else are defaults of options."""
PROBES = ("quick", "full", "none")


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "expected a text in quotes"


def _probe(value: Any) -> str | None:
    return None if value in PROBES else f"expected one of {', '.join(PROBES)}"


def _jobs(value: Any) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else "expected a whole number, 0 or more"


KEYS: dict[str, Callable[[Any], str | None]] = {"suite": _text, "device": _text, "data-dir": _text, "jobs": _jobs, "probe": _probe}
"""What the file may say, each with what finds fault with a value."""


def read_defaults(place: Workspace) -> dict[str, Any]:
    """What the file says of options, by key; a data folder is taken relative to the file. Nothing where there is no file.

    Raises:
        CardError: Lists everything that is wrong with it.
    """
    found = {key: value for key, value in _read(place).items() if key != RULES}
    if "data-dir" in found:
        found["data-dir"] = str(place.home / Path(found["data-dir"]).expanduser())
    return found


def check_rules(place: Workspace) -> Rules:
    """What `bench check` lets pass; what the file does not say is as usual.

    Raises:
        CardError: Lists everything that is wrong with the file.
    """
    return read_rules(_read(place).get(RULES, {}))


def check_margins(rules: Rules, place: Workspace, tasks: Iterable[str]) -> None:
    """Refuse a margin of a task that there is not: it would change nothing, without a word.

    Args:
        rules: Those of `bench.toml`, which may hold margins for the tasks of several suites.
        place: The workspace.
        tasks: Names of tasks that there are; cards are read only where a margin names none of them.

    Raises:
        CardError: Names the line of each, and the nearest task.
    """
    if not (doubtful := set(rules.margins) - set(tasks)):
        return
    from bench.cards.load import load_library

    known = {*tasks, *load_library(place).tasks}
    path = place.home / FILE
    if wrong := [task for task in rules.margins if task in doubtful - known]:
        where = {task: (RULES, "margins", task) for task in wrong}
        raise CardError([Problem(path, line_of(path, at), ".".join(at), f"no task {task!r}{nearest(task, known)}") for task, at in where.items()])


def _read(place: Workspace) -> dict[str, Any]:
    """The file as it is, when all of it is right."""
    path = place.home / FILE
    if not path.is_file():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise CardError([Problem(path, int(line[1]) if line else 1, "TOML", str(error))]) from None
    except UnicodeDecodeError as error:
        raise CardError([Problem(path, 1, "encoding", f"expected UTF-8, found byte {error.object[error.start]:#04x} at offset {error.start}")]) from None
    if problems := [problem for key, value in found.items() for problem in _problems(path, key, value)]:
        raise CardError(problems)
    return found


def _problems(path: Path, key: str, value: Any) -> list[Problem]:
    if key == RULES:
        return [Problem(path, line_of(path, (key, *at)), ".".join((key, *at)), message) for at, message in rule_flaws(value)]
    if key not in KEYS:
        message = f"no option of this name has a default here{nearest(key, [*KEYS, RULES])}"
    elif (expected := KEYS[key](value)) is not None:
        message = f"{expected}, found {value!r}"
    else:
        return []
    return [Problem(path, line_of(path, (key,)), key, message)]
