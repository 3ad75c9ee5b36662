"""The standings of a part of a suite: what a run was asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from bench.cards.seeds import groups
from bench.plan.records import Record, SuiteRecords
from bench.standings.board import Board
from bench.standings.build import build_board
from bench.standings.compared import compare, detectable, fronts
from bench.standings.ranks import add_ranks


def build_part(suite: SuiteRecords, names: Collection[str], tasks: Collection[str]) -> Board:
    """The board of some candidates and some tasks: means and ranks are over these alone, shares are of parents that need not be among them.

    Training seeds become one row as far as they are asked for. A task with rewritten texts whose clean task is not asked for is scored by itself.

    Args:
        suite: What is stored of the whole suite.
        names: The candidates.
        tasks: The tasks.
    """
    records = {record.candidate.name: record for record in suite.records}
    asked = [record for name, record in records.items() if name in names]
    parents = dict.fromkeys(record.candidate.parent for record in asked)
    beside = [record for name, record in records.items() if name in parents and name not in names and _apart(record, asked)]
    cards = {name: card if card.data in tasks else dataclasses.replace(card, perturbation=None) for name, card in suite.tasks.items() if name in tasks}
    board = build_board(dataclasses.replace(suite, tasks=cards, records=tuple(_of_tasks(record, tasks) for record in (*asked, *beside))))
    unasked = {record.candidate.name for record in beside}
    folded = groups(record.candidate for record in (*asked, *beside))
    rows = tuple(row for row in board.rows if not unasked.intersection(folded[row.name]))
    ranked = [row for row in rows if row.mean is not None]
    add_ranks(ranked)
    compared = compare(ranked, board.rows, board.columns, cards)
    return dataclasses.replace(board, rows=rows, compared=compared, detectable=detectable(ranked, board.columns), fronts=fronts(ranked))


def _apart(parent: Record, asked: Collection[Record]) -> bool:
    """True where a parent does not become one row with a candidate that is asked for."""
    return [parent.candidate.name] in groups([parent.candidate, *(record.candidate for record in asked)]).values()


def _of_tasks(record: Record, tasks: Collection[str]) -> Record:
    return dataclasses.replace(record, scores={name: result for name, result in record.scores.items() if name in tasks})
