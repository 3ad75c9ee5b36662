"""What a leaderboard.json has to be like for pages to be made of it: the types of its members, which pydantic checks. Other members may be anything."""

from __future__ import annotations

import functools
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Required

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from bench.errors import BenchError
from bench.standings.board import Column, Comparison, Flag, RecoveryPoint, Trimmed, Used

MOST_LAYERS = 10_000
"""A page draws a box for each layer."""
LARGEST = 2**63 - 1
LONGEST_SHOWN = 80

Ends = tuple[float | None, float | None] | None
Layers = Annotated[int, Field(ge=0, le=MOST_LAYERS)]
Kept = Annotated[str, Field(max_length=1000, pattern=r"^[, /]*([0-9]{1,4}(-[0-9]{1,4})?([, /]+|$))*$")]
"""Numbers and ranges, as `describe_kept` writes them; of several seeds with a slash between."""


class About(TypedDict, total=False):
    """How a candidate is made."""

    base_layers: Layers | None


class Verdict(TypedDict, total=False):
    """Whether a measurement counts."""

    verdict: str | None
    reasons: list[str] | None


class Loss(TypedDict, total=False):
    """A row of a task at which a candidate lost against its parent."""

    task: Required[str]
    subset: Required[str]
    row: Required[Annotated[int, Field(ge=0, le=LARGEST)]]
    texts: Required[list[str]]
    gold: Required[str]
    lost: Required[float]
    quality: Required[tuple[float, float]]
    similarity: tuple[float, float]
    ranks: tuple[float, float, float]


class Row(TypedDict, total=False):
    """A candidate."""

    candidate: Required[str]
    kind: Required[str]
    rank: Required[int | None]
    scores: Required[dict[str, float | None]]
    mean: Required[float | None]
    seeds: int
    parent: str | None
    kept_layers: Kept | None
    parameters_embeddings: int | None
    parameters_body: int | None
    score_intervals: dict[str, Ends]
    drops: dict[str, float | None]
    drop_intervals: dict[str, Ends]
    mean_low: float | None
    mean_high: float | None
    mean_seed_spread: float | None
    of_parent: float | None
    of_parent_low: float | None
    of_parent_high: float | None
    shares: dict[str, tuple[float, float, float]]
    sentences_per_second: float | None
    batch_size: int | None
    latency_p50_seconds: float | None
    latency_p90_seconds: float | None
    peak_bytes: int | None
    cuda_peak_bytes: int | None
    load_seconds: float | None
    bytes_on_disk: int | None
    validity: Verdict | str | None
    cost_validity: str | None
    tokenizer_problems: str | None
    unguarded_tests: str | None
    problem: str | None
    used: Used | None
    recovery: list[RecoveryPoint]
    about: About
    losses: list[Loss]


class Limits(TypedDict, total=False):
    """The scores of chance and of the ends of a scale."""

    chance: Required[float]


class Task(TypedDict, total=False):
    """What a task's card says."""

    type: str
    license: str
    description: str
    languages: dict[str, list[str]]
    rows: dict[str, int]
    bounds: dict[str, Limits]
    examples: dict[str, list[dict[str, Any]]]


class Values(TypedDict, total=False):
    """The whole file."""

    format: Annotated[int, Field(ge=1)]
    suite: Required[str]
    device: Required[str]
    columns: Required[list[Column]]
    rows: Required[list[Row]]
    description: str
    robustness_columns: list[Column]
    flags: list[Flag]
    remarks: dict[str, list[str]]
    comparisons: list[Comparison]
    trimmed: list[Trimmed]
    machines: list[dict[str, Any]]
    versions: list[dict[str, Any]]
    training_rows_left_out: dict[str, int]
    tasks: dict[str, Task]
    origin: dict[str, Any]
    detectable: dict[str, float | None]
    layer_similarity: dict[str, list[list[float]]]


def parse(data: bytes) -> dict[str, Any]:
    """The JSON object of a file.

    Raises:
        BenchError: It is none, or holds numbers that JSON does not have or that nothing can be counted in.
    """
    try:
        values = json.loads(data, parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise BenchError(f"it is no JSON ({error})") from None
    if not isinstance(values, dict):
        raise BenchError(f"expected an object, found {_shown(values)}")
    return values


def check(values: Mapping[str, Any]) -> None:
    """Make sure that the members of a board are what pages need.

    Raises:
        BenchError: Names the first that is not, with what was expected and found.
    """
    try:
        _adapter().validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        problems = error.errors()
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise BenchError(f"{_told(problems[0])}{more}") from None
    for base, rows in values.get("layer_similarity", {}).items():
        if {len(row) for row in rows} - {len(rows)}:
            raise BenchError(f"layer_similarity.{_shown(base)}: expected as many numbers in each row as there are rows, {len(rows)}")
    for what, names in _named(values):
        for name, count in Counter(names).items():
            if count > 1:
                raise BenchError(f"{what}: expected names that differ, found {_shown(name)} {count} times")


def _named(values: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    """Names that pages tell things apart by."""
    yield "rows", [row["candidate"] for row in values["rows"]]
    yield "columns", [column["label"] for column in (*values["columns"], *values.get("robustness_columns", ()))]


@functools.cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Values)


def _told(problem: Any) -> str:
    place = ".".join(map(str, problem["loc"])) or "the file"
    if problem["type"] == "missing":
        return f"{place} is missing, which every leaderboard.json has"
    return f"{place}: {problem['msg']}, found {_shown(problem['input'])}"


def _shown(value: object) -> str:
    """A value as messages show it, cut where it is long."""
    shown = json.dumps(value, ensure_ascii=True)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}..."


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number in JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:LONGEST_SHOWN]} is too large")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if abs(value) > LARGEST:
        raise ValueError(f"the number {text[:LONGEST_SHOWN]} is too large")
    return value
