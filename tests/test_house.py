"""The house: imports go one way, from the ground floor up, and never in a circle."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bench"
FLOORS = (
    ("errors", "digests", "faults", "store", "statistics", "children", "orphans", "preload", "signals"),
    ("cards", "data"),
    ("models",),
    ("make", "evaluate", "probe"),
    ("plan",),
    ("run",),
    ("standings",),
    ("publish", "sweep"),
    ("cli", "api", "__init__", "__main__"),
)
"""Ground floor first. A module may import from its own floor and from lower ones."""
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: set[str]) -> Iterator[str]:
    """The modules of the package that a file imports anywhere: at its top, in a function, or for type checking only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in inside if name in known)
            if any(name not in known for name in inside):
                yield str(node.module)


def room(module: str) -> str:
    """The part of the package that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


MODULES = modules()
IMPORTS = {name: sorted(set(imported(path, set(MODULES))) - {name}) for name, path in MODULES.items()}


def test_every_module_has_a_room_on_a_floor():
    assert {room(name) for name in MODULES} == set(FLOOR)


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_no_import_climbs(module):
    climbing = [other for other in IMPORTS[module] if FLOOR[room(other)] > FLOOR[room(module)] and other != "bench"]
    assert climbing == [], f"{module} is on floor {FLOOR[room(module)]} and imports from above"


def test_no_modules_import_each_other_in_a_circle():
    graphlib.TopologicalSorter(IMPORTS).prepare()


def test_no_rooms_import_each_other_in_a_circle():
    rooms: dict[str, set[str]] = {}
    for module, others in IMPORTS.items():
        rooms.setdefault(room(module), set()).update(room(other) for other in others if room(other) not in {room(module), "__init__"})
    graphlib.TopologicalSorter(rooms).prepare()


def test_the_walk_sees_an_import_inside_a_function_and_one_for_types_only():
    assert "bench.make.checkpoint" in IMPORTS["bench.run.runner"]
    assert "bench.data.unlabelled" in IMPORTS["bench.make.blueprint"]


DOCUMENTS = (*sorted((PACKAGE.parent / "docs").glob("*.md")), *(PACKAGE.parent / name for name in ("README.md", "CONTRIBUTING.md", "tasks/DATA.md")))


def is_there(name: str) -> bool:
    """True for a module, and for what a module defines."""
    module, _, inside = name.rpartition(".")
    return name in MODULES or (
        module in MODULES and re.search(rf"^(?:def |class )?{inside}\b", MODULES[module].read_text(encoding="utf-8"), flags=re.MULTILINE) is not None
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_module_that_a_document_names_is_there(document):
    text = document.read_text(encoding="utf-8")
    files = {path for path in re.findall(r"\b(?:bench|tests)/[\w/]+\.py\b", text) if not (PACKAGE.parent / path).is_file()}
    named = {name for name in re.findall(r"`(?!bench\.toml`)(bench(?:\.[a-z_0-9]+)+)`", text) if not is_there(name)}
    assert not files | named
