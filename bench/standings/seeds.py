"""Training seeds: candidates that differ in nothing else become one row, with the spread over seeds.

The interval of a folded row holds all that varies: test examples, few-shot draws and seeds. The spread is the sample standard deviation of the seeds' means,
so that one sees how much of the interval is theirs.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.cards.candidate import Candidate
from bench.cards.seeds import groups
from bench.statistics.estimate import Estimate, averaged

if TYPE_CHECKING:
    from bench.standings.board import Drop, RecoveryPoint, Row


def fold(rows: Mapping[str, Row], candidates: Iterable[Candidate]) -> list[Row]:
    """One row for each group of seeds; rows of single candidates as they are, but with the folded name of their parent."""
    grouped = groups(candidates)
    folded_name = {name: folded for folded, names in grouped.items() for name in names}
    out = []
    for folded, names in grouped.items():
        row = rows[names[0]] if len(names) == 1 else _folded(folded, [rows[name] for name in names])
        out.append(dataclasses.replace(row, parent=folded_name.get(row.parent or "", row.parent)))
    return out


def _folded(name: str, rows: list[Row]) -> Row:
    """Means over seeds; what one seed has not, the row has not. Costs are those of the first seed, since they do not depend on it."""
    problems = [f"{row.name}: {row.problem}" for row in rows if row.problem]
    means = [row.mean for row in rows if row.mean is not None]
    complete = len(means) == len(rows)
    factor = f"seeds {name}"
    return dataclasses.replace(
        rows[0],
        name=name,
        seeds=len(rows),
        kept=" / ".join(dict.fromkeys(row.kept for row in rows)),
        problem="; ".join(problems) or None,
        scores={label: statistics.fmean(row.scores[label] for row in rows) for label in _shared([row.scores for row in rows])},
        estimates={label: averaged([row.estimates[label] for row in rows], over=factor) for label in _shared([row.estimates for row in rows])},
        task_means={task: statistics.fmean(row.task_means[task] for row in rows) for task in _shared([row.task_means for row in rows])},
        drops={label: _mean_drop([row.drops[label] for row in rows], factor) for label in _shared([row.drops for row in rows])},
        mean=statistics.fmean(means) if complete else None,
        spread=statistics.stdev(means) if complete else None,
        seed_scores={
            **{label: tuple(row.scores[label] for row in rows) for label in _shared([row.scores for row in rows])},
            **({"mean": tuple(means)} if complete else {}),
        },
        recovery=_mean_recovery([row.recovery for row in rows]),
        unguarded=tuple(dict.fromkeys(test for row in rows for test in row.unguarded)),
        estimate=_averaged([row.estimate for row in rows], factor),
    )


def _mean_recovery(curves: list[tuple[RecoveryPoint, ...]]) -> tuple[RecoveryPoint, ...]:
    """The mean at each point; empty where the seeds were not scored after the same steps."""
    if len({tuple((point.phase, point.step) for point in curve) for curve in curves}) > 1:
        return ()
    return tuple(dataclasses.replace(points[0], score=statistics.fmean(point.score for point in points)) for points in zip(*curves, strict=True))


def _mean_drop(drops: list[Drop], factor: str) -> Drop:
    return dataclasses.replace(drops[0], value=statistics.fmean(drop.value for drop in drops), estimate=_averaged([drop.estimate for drop in drops], factor))


def _averaged(estimates: Sequence[Estimate | None], factor: str) -> Estimate | None:
    """The mean over seeds; None where one is missing."""
    there = [estimate for estimate in estimates if estimate is not None]
    return averaged(there, over=factor) if len(there) == len(estimates) else None


def _shared(tables: Sequence[Mapping[str, object]]) -> list[str]:
    """The keys that every table has, in the order of the first."""
    return [key for key in tables[0] if all(key in table for table in tables)]
