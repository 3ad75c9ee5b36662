"""What computed a board, so that it can be computed again; and what the cards of a workspace know that an earlier file lacks."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bench
from bench.cards.load import Library
from bench.cards.seeds import groups
from bench.publish.document import FORMAT
from bench.standings.about import about_candidate, about_task


def origin(suite: str, device: str, tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Version, commit of the source (where it runs from a checkout), and the command that computes the whole board."""
    found = {"version": bench.__version__, "commit": _commit(), "command": _command(suite, device, tasks)}
    return {name: value for name, value in found.items() if value}


def _command(suite: str, device: str, tasks: Mapping[str, Mapping[str, Any]]) -> str:
    data = " --data-dir DIR" if any(task.get("published") for task in tasks.values()) else ""
    return f"bench run --all --suite {suite} --device {device}{data}"


@functools.cache
def _commit() -> str:
    """The commit that is checked out; empty where the package is not in a checkout of its own."""
    folder = Path(bench.__file__).parents[1]
    if not (folder / ".git").exists():
        return ""
    try:
        found = subprocess.run(["git", "-C", str(folder), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def described(values: Mapping[str, Any], library: Library) -> dict[str, Any]:
    """The values of a board with what cards say and the file does not: descriptions of tasks, and how candidates are made.

    Only what the file lacks is added, and only from a suite of this name, for candidates of the same name, kind and parent. No number is.
    """
    suite = library.suites.get(values["suite"])
    if suite is None:
        return dict(values)
    cards = {candidate.name: candidate for candidate in library.candidates[suite.name]}
    cards = {row: cards[names[0]] for row, names in groups(cards.values()).items()}
    rows = []
    for row in values["rows"]:
        card = cards.get(row["candidate"])
        same = card is not None and row["kind"] in (card.title, card.kind) and row.get("parent") in (card.parent, None)
        rows.append({**row, "about": about_candidate(card, suite)} if card is not None and same and not row.get("about") else row)
    named = dict.fromkeys(column["task"] for column in (*values["columns"], *values.get("robustness_columns", ())))
    known = values.get("tasks", {})
    tasks = {name: known.get(name) or about_task(library.task(name)) for name in named if name in known or name in library.tasks}
    told = values.get("origin") or {"command": _command(values["suite"], values["device"], tasks)}
    return {**values, "format": FORMAT, "description": values.get("description") or suite.suite.description, "rows": rows, "tasks": tasks, "origin": told}
