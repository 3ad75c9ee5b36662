"""TOML to the dataclasses of a card; what does not fit is told with file, line and field."""

from __future__ import annotations

import dataclasses
import functools
import re
import tomllib
import typing
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from bench.cards.fields import Location
from bench.cards.kinds import KINDS, meaningless, takes
from bench.cards.lines import line_of
from bench.errors import Problem, nearest

T = TypeVar("T")
UNKNOWN = {"unexpected_keyword_argument", "is_instance_of"}
"""How pydantic calls a field that a card does not have; the second is said of `folder`, which only the loader sets."""
NO_SUCH_KIND = {"union_tag_invalid", "union_tag_not_found"}


def read_card(path: Path, card: type[T], problems: list[Problem]) -> T | None:
    """The card in a file; None, and what is wrong in `problems`, where it cannot be read."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        problems.append(Problem(path, int(found[1]) if found else 1, "TOML", str(error)))
        return None
    except UnicodeDecodeError as error:
        problems.append(Problem(path, 1, "encoding", f"expected UTF-8, found byte {error.object[error.start]:#04x} at offset {error.start}"))
        return None
    try:
        read: T = _adapter(cast("Hashable", card)).validate_python(document)
    except ValidationError as error:
        found_at = {item["loc"] for item in error.errors()}
        for item in error.errors():
            follows = item["type"] == "too_short" and any(loc[: len(item["loc"])] == item["loc"] != loc for loc in found_at)
            if not follows:
                problems.append(_translate(path, card, item))
        return None
    return read


@functools.cache
def _adapter(card: Hashable) -> TypeAdapter[Any]:
    """What checks a card; building it takes longer than any card."""
    return TypeAdapter(card)  # type: ignore[arg-type]


def _translate(path: Path, card: type, error: Any) -> Problem:
    """One of pydantic's errors as a problem of ours."""
    location: Location = tuple(part for part in error["loc"] if not (isinstance(part, str) and part.endswith("]")))
    known, kind = card, None
    if location[:1] == ("candidates",) and len(location) > 2:  # the third part is not in the card: it is the kind, by which pydantic chose the class
        kind = str(location[2])
        location = (*location[:2], *location[3:])
        known = KINDS[kind]
    if error["type"] in NO_SUCH_KIND:
        location = (*location, "kind")
    message = _message(known, kind, location if kind is None else location[2:], error)
    return Problem(path, line_of(path, location), ".".join(str(part) for part in location) or "card", message)


def _message(known: Any, kind: str | None, location: Location, error: Any) -> str:
    """What was expected and found at a location inside `known`, which is a candidate's class where there is a `kind`."""
    type_of_error, given, context = error["type"], error["input"], error.get("ctx", {})
    if type_of_error in UNKNOWN:
        field = str(location[-1])
        if kind is not None and len(location) == 1 and any(takes(other, field) for other in KINDS):
            return meaningless(field, kind)
        return "unknown field" + nearest(field, _fields_at(known, location[:-1]))
    if type_of_error in {"missing", "union_tag_not_found"}:
        return "missing; every card needs it"
    if type_of_error in {"literal_error", "union_tag_invalid"}:
        expected = context.get("expected") or context["expected_tags"]
        found = context.get("tag", given)
        return f"expected {expected}, found {found!r}" + nearest(str(found), re.findall(r"'([^']*)'", expected)).split("; valid")[0]
    return f"{error['msg']}, found {given!r}"


def _fields_at(card: Any, location: Location) -> list[str]:
    """Field names of the dataclass that stands at a location inside a card: the types are followed down, indices and table names skipped."""
    for part in location:
        if isinstance(part, str) and dataclasses.is_dataclass(card):
            card = next(iter(_dataclasses_in(typing.get_type_hints(card).get(part))), card)
    return [field.name for field in dataclasses.fields(card) if field.type != "Folder"]


def _dataclasses_in(hint: Any) -> Iterator[Any]:
    """Every dataclass inside a type hint, like Source in `tuple[Source, ...]`."""
    if dataclasses.is_dataclass(hint):
        yield hint
    for argument in typing.get_args(hint):
        yield from _dataclasses_in(argument)
