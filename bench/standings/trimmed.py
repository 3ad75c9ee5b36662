"""What a trimmed vocabulary costs: each trimmed model beside the one that differs from it in nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bench.cards.candidate import Candidate, FromBase
from bench.standings.board import Trimmed

if TYPE_CHECKING:
    from bench.standings.board import Row


def trimmed_models(rows: Sequence[Row], candidates: Iterable[Candidate]) -> tuple[Trimmed, ...]:
    """Every row of one candidate with a trimmed vocabulary whose untrimmed twin has a row too."""
    everyone = [candidate for candidate in candidates if isinstance(candidate, FromBase)]
    whole = {_but_for_vocabulary(candidate): candidate.name for candidate in everyone if candidate.vocabulary is None}
    by_name = {row.name: row for row in rows}
    found = []
    for candidate in everyone:
        row, twin = by_name.get(candidate.name), by_name.get(whole.get(_but_for_vocabulary(candidate), ""))
        if candidate.vocabulary is not None and row is not None and twin is not None and row.trimming is not None:
            found.append(_trimmed(row, twin, row.trimming))
    return tuple(found)


def _but_for_vocabulary(candidate: FromBase) -> FromBase:
    return dataclasses.replace(candidate, name="x", vocabulary=None, parent=None)


def _trimmed(row: Row, twin: Row, trimming: dict[str, Any]) -> Trimmed:
    difference = None if row.estimate is None or twin.estimate is None else row.estimate - twin.estimate
    return Trimmed(
        row.name,
        twin.name,
        trimming["tokens_before"],
        trimming["tokens_after"],
        trimming["texts_changed"],
        trimming["tokens_changed"],
        None if row.mean is None or twin.mean is None else row.mean - twin.mean,
        None if difference is None else difference.interval,
    )
