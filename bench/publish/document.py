"""A board as it is published: what leaderboard.json holds, typed. Markdown, terminal, page and pictures are made from this and from nothing else.

A board that was just computed becomes the same structure by way of its JSON, so what a page shows can always be made again from the file beside it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError, StorageError
from bench.faults import storage
from bench.standings.board import Column, Comparison, Difference, Flag, RecoveryPoint, Trimmed, Used
from bench.standings.losses import Example

FORMAT = 2
"""Version of the JSON. Files without a version are of the first; what they lack is left out of pages."""
Span = tuple[float, float]
COSTS = (
    "sentences_per_second",
    "batch_size",
    "latency_p50_seconds",
    "latency_p90_seconds",
    "peak_bytes",
    "cuda_peak_bytes",
    "load_seconds",
    "bytes_on_disk",
    "relative_speed",
    "relative_speed_low",
    "relative_speed_high",
)
"""What was measured, under names that hold the unit; `relative_speed` is a multiple of the reference's, with the ends of its 95 % interval."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A candidate's row. Scores lie between 0 and 1 (correlations between -1 and 1); what is not there was not computed. `spans` are 95 % intervals.

    `shares` are scores divided by the parent's. `costs` has a value or None for each of `COSTS`. `about` says what the candidate's card says of how it is made.
    `losses` are rows at which it lost most against its parent, each with its task.
    `invalid` says why its costs do not count, where they do not.
    """

    name: str
    kind: str
    rank: int | None = None
    seeds: int = 1
    parent: str | None = None
    kept: str = ""
    parameters: dict[str, int] | None = None
    scores: dict[str, float] = dataclasses.field(default_factory=dict)
    spans: dict[str, Span] = dataclasses.field(default_factory=dict)
    drops: dict[str, float] = dataclasses.field(default_factory=dict)
    drop_spans: dict[str, Span] = dataclasses.field(default_factory=dict)
    mean: float | None = None
    interval: Span | None = None
    spread: float | None = None
    of_parent: float | None = None
    of_parent_interval: Span | None = None
    shares: dict[str, tuple[float, Span]] = dataclasses.field(default_factory=dict)
    costs: dict[str, Any] = dataclasses.field(default_factory=dict)
    invalid: str | None = None
    tokenizer_problems: tuple[str, ...] = ()
    unguarded: tuple[str, ...] = ()
    problem: str | None = None
    used: Used | None = None
    recovery: tuple[RecoveryPoint, ...] = ()
    about: dict[str, Any] = dataclasses.field(default_factory=dict)
    losses: tuple[tuple[str, Example], ...] = ()

    @property
    def size(self) -> int | None:
        """How many numbers the model holds."""
        return None if self.parameters is None else sum(self.parameters.values())

    @property
    def peak(self) -> int | None:
        """Peak of the memory that the device has, in bytes: CUDA's allocator where it is one, else resident memory."""
        return self.costs.get("cuda_peak_bytes") or self.costs.get("peak_bytes")


@dataclasses.dataclass(frozen=True)
class Document:
    """A suite's published standings; see `bench.standings.board.Board` for what its parts mean.

    `tasks` is what the cards say of tasks, by name: `type`, `license`, `description`, `examples` and others. `origin` says what computed the board: `version`,
    `commit`, `command`. `detectable` is the smallest difference that a task can show. `layer_similarity` has, by base, how alike its
    layers are, from 0 to 1. `shares` and others may be missing from files of earlier versions.
    """

    suite: str
    device: str
    columns: tuple[Column, ...]
    rows: tuple[Entry, ...]
    description: str = ""
    robustness: tuple[Column, ...] = ()
    flags: tuple[Flag, ...] = ()
    remarks: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    trimmed: tuple[Trimmed, ...] = ()
    machines: tuple[dict[str, Any], ...] = ()
    versions: tuple[dict[str, Any], ...] = ()
    removed: dict[str, int] = dataclasses.field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    origin: dict[str, Any] = dataclasses.field(default_factory=dict)
    detectable: dict[str, float] = dataclasses.field(default_factory=dict)
    layer_similarity: dict[str, list[list[float]]] = dataclasses.field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """True when every row has every score."""
        return all(row.problem is None for row in self.rows)

    @functools.cached_property
    def by_name(self) -> dict[str, Entry]:
        """The rows by candidate."""
        return {row.name: row for row in self.rows}


def load(path: Path) -> dict[str, Any]:
    """The JSON of a published board, whatever its version.

    Raises:
        StorageError: The file cannot be read.
        BenchError: It is no board, or one of a later version.
    """
    from bench.publish.shape import check, parse

    try:
        with storage(path):
            data = path.read_bytes()
    except FileNotFoundError:
        raise StorageError(f"{path}: no such file; expected a leaderboard.json that bench wrote") from None
    try:
        values = parse(data)
        version = values.get("format", 1)
        if isinstance(version, int) and version > FORMAT:
            raise BenchError(f"format: expected a number up to {FORMAT}, found {version}; a newer kasauti wrote this file, install that one")
        check(values)
    except BenchError as error:
        raise BenchError(f"{path} is no board that can be read: {error}") from None
    return values


def read(values: Mapping[str, Any]) -> Document:
    """The values of a leaderboard.json as a document.

    Those of a file have to be checked before: see `load`.
    """
    return Document(
        suite=values["suite"],
        device=values["device"],
        columns=tuple(Column(**column) for column in values["columns"]),
        rows=tuple(_entry(row) for row in values["rows"]),
        description=values.get("description", ""),
        robustness=tuple(Column(**column) for column in values.get("robustness_columns", ())),
        flags=tuple(Flag(**flag) for flag in values.get("flags", ())),
        remarks={task: tuple(remarks) for task, remarks in values.get("remarks", {}).items()},
        comparisons=tuple(_comparison(one) for one in values.get("comparisons", ())),
        trimmed=tuple(Trimmed(**{**one, "difference_interval": _span(one["difference_interval"])}) for one in values.get("trimmed", ())),
        machines=tuple(values.get("machines", ())),
        versions=tuple(values.get("versions", ())),
        removed=dict(values.get("training_rows_left_out", {})),
        tasks=dict(values.get("tasks", {})),
        origin=dict(values.get("origin", {})),
        layer_similarity=dict(values.get("layer_similarity", {})),
        detectable=_there(values.get("detectable", {})),
    )


def _entry(row: Mapping[str, Any]) -> Entry:
    embeddings, body = row.get("parameters_embeddings"), row.get("parameters_body")
    return Entry(
        name=row["candidate"],
        kind=row["kind"],
        rank=row["rank"],
        seeds=row.get("seeds", 1),
        parent=row.get("parent"),
        kept=row.get("kept_layers") or "",
        parameters=None if embeddings is None or body is None else {"embeddings": embeddings, "body": body},
        scores=_there(row["scores"]),
        spans=_spans(row.get("score_intervals", {})),
        drops=_there(row.get("drops", {})),
        drop_spans=_spans(row.get("drop_intervals", {})),
        mean=row["mean"],
        interval=_span((row.get("mean_low"), row.get("mean_high"))),
        spread=row.get("mean_seed_spread"),
        of_parent=row.get("of_parent"),
        of_parent_interval=_span((row.get("of_parent_low"), row.get("of_parent_high"))),
        shares={label: (value, (low, high)) for label, (value, low, high) in row.get("shares", {}).items()},
        costs={name: row.get(name) for name in COSTS},
        invalid=_invalid(row.get("validity") or row.get("cost_validity")),
        tokenizer_problems=_parts(row.get("tokenizer_problems")),
        unguarded=_parts(row.get("unguarded_tests")),
        problem=row.get("problem"),
        used=None if row.get("used") is None else Used(**row["used"]),
        recovery=tuple(RecoveryPoint(**point) for point in row.get("recovery", ())),
        about=dict(row.get("about", {})),
        losses=tuple(_loss(**loss) for loss in row.get("losses", ())),
    )


def _loss(task: str, texts: Sequence[str], **told: Any) -> tuple[str, Example]:
    known = {field.name: told[field.name] for field in dataclasses.fields(Example) if field.name in told}
    return task, Example(texts=tuple(texts), **known)


def _invalid(validity: Any) -> str | None:
    """Why measurements do not count: a verdict other than VALID, with its reasons, where there are some."""
    if not validity:
        return None
    verdict, reasons = (validity, ()) if isinstance(validity, str) else (validity.get("verdict"), validity.get("reasons") or ())
    if verdict is None or str(verdict).upper() == "VALID":
        return None
    return f"{verdict}{': ' if reasons else ''}{'; '.join(map(str, reasons))}"


def _comparison(one: Mapping[str, Any]) -> Comparison:
    differences = {label: Difference(**difference) for label, difference in one["differences"].items()}
    return Comparison(one["method"], one["control"], tuple(one["seeds"]), differences)


def _there(values: Mapping[str, float | None]) -> dict[str, float]:
    return {label: value for label, value in values.items() if value is not None}


def _spans(values: Mapping[str, Any]) -> dict[str, Span]:
    return {label: span for label, ends in values.items() if (span := _span(ends)) is not None}


def _span(ends: Any) -> Span | None:
    if ends is None or ends[0] is None or ends[1] is None:
        return None
    return ends[0], ends[1]


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(text.split("; ")) if text else ()
