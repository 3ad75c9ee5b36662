"""Where each candidate lost most against its parent: a few rows for its page."""

from __future__ import annotations

import dataclasses
import itertools

from bench.errors import BenchError
from bench.plan.records import Record, SuiteRecords
from bench.standings.about import may_quote, shortened
from bench.standings.diff import beside, quoted_rows
from bench.standings.losses import Example, worst_rows

MOST = 4
"""Rows of a candidate: a taste. `bench diff` shows all."""


def worst_losses(suite: SuiteRecords) -> dict[str, tuple[tuple[str, Example], ...]]:
    """By candidate, the rows at which it lost most against its parent, each with its task: the worst one of every task, then every second one, up to `MOST`.

    Of tasks whose rows a board may quote (`bench.standings.about.may_quote`) and which are not rewritten. A candidate without losses, or without scores beside
    those of its parent, is left out.
    """
    records = {record.candidate.name: record for record in suite.records}
    pairs = [(records[parent], record) for record in suite.records if (parent := record.candidate.parent) in records]
    found: dict[str, list[tuple[str, tuple[Example, ...]]]] = {}
    for name, card in suite.tasks.items():
        both = [pair for pair in pairs if all(_scored(record, name) for record in pair)]
        if card.perturbation is not None or not may_quote(card) or not both:
            continue
        try:
            rows = quoted_rows(card, None)
            for pair in both:
                found.setdefault(pair[1].candidate.name, []).append((name, worst_rows(card.type, beside(card, rows, pair), MOST)))
        except BenchError:
            continue  # what is wrong with the rows is told where they are scored
    picked = {name: _picked(tasks) for name, tasks in found.items()}
    return {name: losses for name, losses in picked.items() if losses}


def _scored(record: Record, task: str) -> bool:
    """True where what it did with each row is stored."""
    result = record.scores.get(task)
    return result is not None and result["status"] == "done" and bool(result.get("examples"))


def _picked(tasks: list[tuple[str, tuple[Example, ...]]]) -> tuple[tuple[str, Example], ...]:
    """Some of each task, in the order of the tasks."""
    turns = itertools.zip_longest(*([(place, name, example) for example in examples] for place, (name, examples) in enumerate(tasks)))
    in_turn = [one for turn in turns for one in turn if one is not None][:MOST]
    return tuple((name, _short(example)) for _, name, example in sorted(in_turn, key=lambda one: one[0]))


def _short(example: Example) -> Example:
    return dataclasses.replace(example, texts=tuple(map(shortened, example.texts)))
