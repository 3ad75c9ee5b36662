"""TOML to the dataclasses of a card; what does not fit is told with file, line and field."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import tomllib
import typing
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from bench.cards.fields import PATTERNS, Flaw, Location
from bench.cards.kinds import KINDS, meaningless, takes
from bench.cards.lines import line_of
from bench.errors import Problem, first_line, nearest

T = TypeVar("T")
UNKNOWN = {"unexpected_keyword_argument", "is_instance_of"}
"""How pydantic calls a field that a card does not have; the second is said of `folder`, which only the loader sets."""
LONGEST_SHOWN = 200
JUDGED_BY = {
    **{field: {"candidates", "grids"} for field in ("parent", "teacher")},
    **{field: {"subsets"} for field in ("evaluate_on", "train_on", "parallel", "seen_in")},
}
"""Fields whose value can only be judged beside all entries of some tables."""
NO_SUCH_KIND = {"union_tag_invalid", "union_tag_not_found"}


@dataclasses.dataclass(frozen=True)
class Reading(Generic[T]):
    """What could be read of a card; None where nothing could.

    `wrong` are the parts of it (a candidate, a grid, a subset) in which something is wrong that has been told, `names` what these are called, `absent` those of
    them that are not in `card`.
    """

    card: T | None
    wrong: frozenset[Location] = frozenset()
    names: frozenset[str] = frozenset()
    absent: frozenset[Location] = frozenset()

    @property
    def whole(self) -> bool:
        """True where the card was read as it stands."""
        return self.card is not None and not self.wrong

    def sure(self, flaws: Iterable[Flaw]) -> Iterator[Flaw]:
        """The flaws that do not come from what is wrong with other parts, each at its place in the file."""
        tables = {part[0] for part in self.wrong}
        for location, message in flaws:
            at = self._in_file(location)
            within = any(part[: len(at)] == at[: len(part)] for part in self.wrong)
            if not within and not tables & JUDGED_BY.get(str(at[-1]), set()) and not any(repr(name) in message for name in self.names):
                yield at, message

    def _in_file(self, location: Location) -> Location:
        """A place in `card` as a place in the file, whose lists have entries that are absent in `card`."""
        if len(location) < 2 or not isinstance(location[1], int):
            return location
        there = (number for number in itertools.count() if (location[0], number) not in self.absent)
        return (location[0], next(itertools.islice(there, location[1], None)), *location[2:])


def read_card(path: Path, card: type[T], problems: list[Problem]) -> Reading[T]:
    """What can be read of the card in a file; what is wrong goes to `problems`."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        problems.append(Problem(path, int(found[1]) if found else 1, "TOML", str(error)))
        return Reading(None)
    except UnicodeDecodeError as error:
        problems.append(Problem(path, 1, "encoding", f"expected UTF-8, found byte {error.object[error.start]:#04x} at offset {error.start}"))
        return Reading(None)
    except (RecursionError, ValueError) as error:  # of Python: nested too deeply, a number of thousands of digits
        problems.append(Problem(path, 1, "TOML", f"expected a card, found what cannot be read ({first_line(error)})"))
        return Reading(None)
    except OSError as error:
        problems.append(Problem(path, 1, "file", f"cannot be read ({error.strerror}); mend its permissions or put the file there anew"))
        return Reading(None)
    if nul := next(_with_nul(document), None):
        problems.append(Problem(path, line_of(path, nul), _dotted(nul), "holds the character NUL, which no name, path or text may have; take it out"))
        return Reading(None)
    try:
        read: T = _adapter(cast("Hashable", card)).validate_python(document)
    except ValidationError as error:
        found_at = {item["loc"] for item in error.errors()}
        for item in error.errors():
            follows = item["type"] == "too_short" and any(loc[: len(item["loc"])] == item["loc"] != loc for loc in found_at)
            if not follows:
                problems.append(_translate(path, card, item))
        return _rest(document, card, [_location(item) for item in error.errors()])
    return Reading(read)


def _rest(document: dict[str, Any], card: type[T], wrong: Sequence[Location]) -> Reading[T]:
    """A card without its wrong fields, or, where a part needs those, without these parts; so that what is wrong with the others can be told too."""
    parts = frozenset(place[:2] for place in wrong)
    names = frozenset(name for part in parts if (name := _name_of(document, part)))
    for cut in (frozenset(wrong), parts):
        try:
            return Reading(_adapter(cast("Hashable", card)).validate_python(_without(document, cut)), parts, names, cut & parts)
        except ValidationError:
            continue
    return Reading(None)


def _name_of(document: dict[str, Any], part: Location) -> str | None:
    """What a part of a card is called: the name of its table, or the field `name` of an entry."""
    if len(part) == 2 and isinstance(part[1], str):
        return part[1]
    table: Any = document.get(str(part[0]))
    entry = table[part[1]] if len(part) == 2 else None
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _without(value: Any, cut: frozenset[Location], at: Location = ()) -> Any:
    """A document without what stands at some places."""
    if isinstance(value, dict):
        return {key: _without(item, cut, (*at, key)) for key, item in value.items() if (*at, key) not in cut}
    if isinstance(value, list):
        return [_without(item, cut, (*at, number)) for number, item in enumerate(value) if (*at, number) not in cut]
    return value


def _with_nul(value: Any, at: Location = ()) -> Iterator[Location]:
    """The places of texts and names that hold the character NUL."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from [at] if "\0" in key else _with_nul(item, (*at, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _with_nul(item, (*at, number))
    elif isinstance(value, str) and "\0" in value:
        yield at


@functools.cache
def _adapter(card: Hashable) -> TypeAdapter[Any]:
    """What checks a card; building it takes longer than any card."""
    return TypeAdapter(card)  # type: ignore[arg-type]


def _translate(path: Path, card: type, error: Any) -> Problem:
    """One of pydantic's errors as a problem of ours."""
    location, kind = _location(error), _kind(error)
    message = _message(card, kind, location, error) if kind is None else _message(KINDS[kind], kind, location[2:], error)
    return Problem(path, line_of(path, location), _dotted(location), message)


def _location(error: Any) -> Location:
    """Where in the card an error of pydantic's stands."""
    location: Location = tuple(part for part in error["loc"] if not (isinstance(part, str) and part.endswith("]")))
    if _kind(error) is not None:
        location = (*location[:2], *location[3:])
    return (*location, "kind") if error["type"] in NO_SUCH_KIND else location


def _kind(error: Any) -> str | None:
    """The kind of the candidate that an error is about: the third part of its place, by which pydantic chose the class, and which is not in the card."""
    location = error["loc"]
    return str(location[2]) if location[:1] == ("candidates",) and len(location) > 2 else None


def _dotted(location: Location) -> str:
    return ".".join(map(str, location)) or "card"


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
    if type_of_error == "string_pattern_mismatch":
        return f"expected {PATTERNS[context['pattern']]}; found {given!r}"
    return f"{error['msg']}, found {_shown(given)}"


def _shown(given: Any) -> str:
    """A wrong value as messages show it, cut where it is long."""
    shown = repr(given) if not isinstance(given, int) or abs(given) < 10**30 else "a number of more than 30 digits"
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}... ({len(shown)} characters)"


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
