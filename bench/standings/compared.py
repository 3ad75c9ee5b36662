"""What complete rows are beside each other, beyond their tiers.

Differences to the parent and to the row above, Borda points, means by language, what each task can tell, and which rows nothing on the same machine beats.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from bench.cards.tasks import TaskCard
from bench.standings.board import Column, Compared, Front, Paired, Row, Spanned
from bench.statistics.estimate import Estimate, mean
from bench.statistics.power import smallest_detectable


def compare(ranked: Sequence[Row], everyone: Sequence[Row], columns: Sequence[Column], cards: Mapping[str, TaskCard]) -> dict[str, Compared]:
    """Every complete row beside the others, by name.

    Args:
        ranked: The complete rows, in the order of the board.
        everyone: The rows among which parents are looked for.
        columns: The columns that count.
        cards: The cards of their tasks, by name.
    """
    by_name = {row.name: row for row in everyone}
    points = _borda(ranked)
    labels = _labels_by_language(columns, cards)
    found = {}
    for place, row in enumerate(ranked):
        above = ranked[place - 1] if place else None
        found[row.name] = Compared(points[row.name], _paired(row, by_name.get(row.parent or "")), _paired(row, above), _language_means(row, labels))
    return found


def detectable(ranked: Sequence[Row], columns: Sequence[Column]) -> dict[str, float]:
    """The smallest difference that each task can show between two rows of the board, in score.

    It is the median over neighbouring rows (`bench.statistics.power`); a task whose variation is not known has none.
    """
    labels: dict[str, list[str]] = {}
    for column in columns:
        labels.setdefault(column.task, []).append(column.label)
    found = {}
    for task, own in labels.items():
        estimates = [mean([row.estimates[label] for label in own]) for row in ranked if all(label in row.estimates for label in own)]
        if len(estimates) > 1:
            found[task] = statistics.median(smallest_detectable(one - other) for one, other in itertools.pairwise(estimates))
    return found


def fronts(ranked: Sequence[Row]) -> tuple[Front, ...]:
    """For each machine the complete rows that no other row measured on it beats: none is as good, as fast and as small, and better in one of these.

    Quality is the mean, speed is sentences a second, size is the peak of memory while encoding (that of CUDA's allocator where there is one).
    """
    machines: dict[str, list[tuple[Row, tuple[float, float, float]]]] = {}
    for row in ranked:
        values = _merits(row)
        if values is not None and row.probe is not None:
            machines.setdefault(json.dumps(row.probe.get("machine", {}), sort_keys=True), []).append((row, values))
    return tuple(Front(json.loads(machine), _unbeaten(measured)) for machine, measured in machines.items())


def _unbeaten(measured: Sequence[tuple[Row, tuple[float, float, float]]]) -> tuple[str, ...]:
    merits = np.array([values for _, values in measured])
    beaten = [bool(((merits >= own).all(axis=1) & (merits > own).any(axis=1)).any()) for own in merits]
    return tuple(row.name for (row, _), lost in zip(measured, beaten, strict=True) if not lost)


def _merits(row: Row) -> tuple[float, float, float] | None:
    """Mean, speed and memory, each such that more is better; None where one is not known, or where the measurement does not count."""
    costs = row.costs
    if costs["cost_validity"] == "INVALID":
        return None
    speed, peak = costs["sentences_per_second"], costs["cuda_peak_bytes"] or costs["peak_bytes"]
    return None if row.mean is None or speed is None or peak is None else (row.mean, float(speed), -float(peak))


def _borda(ranked: Sequence[Row]) -> dict[str, float]:
    """For each row, how many complete rows it beats, summed over tasks; a tie counts half."""
    points = dict.fromkeys((row.name for row in ranked), 0.0)
    for task in ranked[0].task_means if ranked else ():
        scores = np.array([row.task_means[task] for row in ranked])
        for row, score in zip(ranked, scores, strict=True):
            points[row.name] += float((scores < score).sum() + ((scores == score).sum() - 1) / 2)
    return points


def _paired(row: Row, other: Row | None) -> Paired | None:
    """The row's mean less another's; None where one is not known."""
    if other is None or row.mean is None or other.mean is None:
        return None
    interval = None if row.estimate is None or other.estimate is None else (row.estimate - other.estimate).interval
    return Paired(other.name, row.mean - other.mean, interval)


def _labels_by_language(columns: Sequence[Column], cards: Mapping[str, TaskCard]) -> dict[str, dict[str, list[str]]]:
    """By language and task, the labels of the columns whose texts are all in that language. A pair of languages belongs to neither."""
    found: dict[str, dict[str, list[str]]] = {}
    for column in columns:
        languages = set(cards[column.task].subsets[column.subset].languages)
        if len(languages) == 1:
            found.setdefault(languages.pop(), {}).setdefault(column.task, []).append(column.label)
    return found


def _language_means(row: Row, labels: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, Spanned]:
    """The mean over the tasks that are in a language."""
    found = {}
    for language, tasks in labels.items():
        value = statistics.fmean(statistics.fmean(row.scores[label] for label in own) for own in tasks.values())
        estimates = [_mean_of([row.estimates.get(label) for label in own]) for own in tasks.values()]
        whole = _mean_of(estimates)
        found[language] = Spanned(value, None if whole is None else whole.interval)
    return found


def _mean_of(estimates: Sequence[Estimate | None]) -> Estimate | None:
    known = [one for one in estimates if one is not None]
    return mean(known) if len(known) == len(estimates) else None
