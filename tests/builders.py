"""Small cards, data files and workspaces for the tests, written as real files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from bench.cards.kinds import KINDS
from bench.cards.load import Library, load_library
from bench.cards.tasks import Source, Subset, TaskCard
from bench.cards.workspace import Workspace, find_workspace
from bench.make.blueprint import Blueprint
from bench.plan.options import Options
from bench.plan.planning import Plan, make_plan
from bench.plan.records import read_records
from bench.publish import files
from bench.standings.board import Board
from bench.standings.build import build_board
from bench.store import Result

STS_CARD = """\
name = "TinySTS"
type = "STS"
description = "Pairs of sentences."
license = "cc-by-4.0"

[subsets.mr]
languages = ["mar-Deva"]

[[subsets.mr.sources]]
split = "train"
file = "train.tsv"

[[subsets.mr.sources]]
split = "test"
file = "test.tsv"
"""

SUITE_CARD = """\
[suite]
name = "tiny"
tasks = ["TinySTS"]

[bases.mini]
path = "mini"

[recipes.short]

[[recipes.short.phases]]
kind = "sts"
data = ["TinySTS"]

[[candidates]]
name = "chars"
kind = "lexical"
"""


def write_workspace(root: Path, *, tasks: dict[str, str | bytes] | None = None, suites: dict[str, str | bytes] | None = None) -> Workspace:
    """A workspace with `tasks/<folder>/task.toml` and `models/<file>`; one task and one suite, both right, where none are given."""
    written = {
        **{f"tasks/{folder}/task.toml": text for folder, text in ({"sts": STS_CARD} if tasks is None else tasks).items()},
        **{f"models/{name}": text for name, text in ({"tiny.toml": SUITE_CARD} if suites is None else suites).items()},
    }
    for relative, text in written.items():
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (root / "models").mkdir(exist_ok=True)
    (root / "tasks").mkdir(exist_ok=True)
    return Workspace(root, root)


def make_candidate(kind: str, **fields: object) -> Any:
    """A candidate of a kind, named `m` unless the fields say otherwise; fields left out have their defaults, unchecked."""
    return KINDS[kind](**{"name": "m", **fields})


def make_card(folder: Path, kind: str, splits: dict[str, str | bytes], *, name: str = "Tiny", suffix: str = "tsv", **fields: object) -> TaskCard:
    """A task card with one Marathi subset whose splits are files named `<name>-<split>.<suffix>`, written beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for split, text in splits.items():
        path = folder / f"{name}-{split}.{suffix}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        sources.append(Source(split=split, file=path.name))
    columns = fields.pop("columns", {})
    subsets = {"mr": Subset(languages=("mar-Deva",), sources=tuple(sources), columns=columns)}
    return TaskCard(**{"name": name, "type": kind, "description": "A few rows.", "license": "cc-by-4.0", "subsets": subsets, "folder": folder, **fields})


@dataclasses.dataclass(frozen=True)
class Identified:
    """A task as keys of scores see it."""

    card: TaskCard
    digest: str = "d" * 64


def identified(name: str = "Tiny", kind: str = "STS") -> Identified:
    """A task of this name and type, whatever its rows."""
    return Identified(TaskCard(name=name, type=kind, description="d", license="l"))


def make_library(*cards: TaskCard) -> Library:
    """A library of these cards and no suites."""
    return Library({card.name: card for card in cards}, {}, {})


def table(*rows: tuple[object, ...]) -> str:
    """Rows as the text of a TSV file."""
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def plan_anew(folder: Path, **options: object) -> Plan:
    """A plan that has read nothing yet, as in a new process."""
    load_library.cache_clear()
    return make_plan(find_workspace(folder), Options(**{"probe": "none", **options}))


def blueprint_of(plan: Plan, name: str) -> Blueprint:
    """What decides a candidate's weights."""
    return plan.resolver.blueprint(plan.selection.everyone[name])


def checkpoint_of(plan: Plan, name: str) -> Path:
    """Where a candidate's checkpoint lies."""
    return plan.archive.checkpoint_folder(blueprint_of(plan, name))


def made_of(plan: Plan, name: str) -> Result:
    """The stored result of a candidate's make cell."""
    made = plan.archive.made(blueprint_of(plan, name))
    assert made is not None
    return made


def board_of(plan: Plan) -> Board:
    """The board of what is stored now."""
    return build_board(read_records(plan))


def markdown_of(board: Board) -> str:
    """The Markdown page of a board."""
    return files.to_markdown(files.values(board))


def json_of(board: Board) -> str:
    """The text of its leaderboard.json."""
    return files.to_json(files.values(board))


def csv_of(board: Board) -> str:
    """The text of its leaderboard.csv."""
    return files.to_csv(files.values(board))
