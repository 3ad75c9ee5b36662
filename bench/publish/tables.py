"""The tables of a board: one model that Markdown, terminal and page lay out, so that they cannot disagree."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.publish import texts
from bench.publish.document import Document, Entry
from bench.publish.texts import MISSING
from bench.standings.board import Column as Score

PARAMETERS = "parameters, M (embeddings + body)"
TYPE_NAMES = {
    "STS": "similarity",
    "Classification": "classification",
    "PairClassification": "paraphrase",
    "BitextMining": "translation",
    "Triplets": "triplets",
}
"""What a column calls a type of task."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """What is shown, and what it is sorted by (None goes last). `strong` is set in bold. `note` is a word on a cell that needs one."""

    text: str
    value: float | str | None = None
    strong: bool = False
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Column:
    """A title, and how its cells stand. `hint` says in a line what it holds. `group` is `main`, `more`, or the language that a score is of."""

    title: str
    numeric: bool = True
    hint: str = ""
    group: str = "main"


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells in rows under columns, with a title and what there is to know before reading them. `bands` are the rows before which a new tier begins."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    explained: str = ""
    bands: frozenset[int] = frozenset()


def full(document: Document) -> Table:
    """Every column of the board, as a wide terminal shows it."""
    left = {"candidate", "kind", "kept layers", PARAMETERS}
    titles = ["#", "candidate", "kind", "kept layers", PARAMETERS, *(column.label for column in document.columns), "mean", "% of parent", *COST_TITLES]
    rows = [
        (
            _rank(row),
            Cell(row.name, row.name),
            Cell(row.kind, row.kind),
            _layers(row),
            Cell(texts.split_parameters(row.parameters), row.size),
            *(_score(row, column) for column in document.columns),
            _mean(row),
            _share(row),
            *costs(row),
        )
        for row in document.rows
    ]
    return Table("", tuple(Column(title, title not in left) for title in titles), tuple(rows))


SUMMARY = (
    Column("#", hint="Tier: 1 + the number of candidates that are surely better."),
    Column("candidate", numeric=False),
    Column("kind", numeric=False),
    Column("kept layers", numeric=False, hint="Numbers of the base's layers, from 0."),
    Column("parameters, M", hint="Millions of numbers in embeddings and body."),
    Column("mean", hint="Over tasks, times 100, ± half of the 95 % interval."),
    Column("% of parent", hint="The mean as a share of the full model's, ± half of the 95 % interval."),
    Column(
        "sentences/s", hint="Many sentences, at the best batch size tried. Compare speeds by × reference, among the folded columns and under What they cost."
    ),
    Column("p50 ms", hint="Median time for one sentence."),
    Column("MiB on disk", hint="Size of the checkpoint."),
)


def summary(document: Document) -> Table:
    """At most ten columns: what most readers want to know."""
    return Table("", SUMMARY, tuple(_summary(row) for row in document.rows), bands=bands(document))


def _summary(row: Entry) -> tuple[Cell, ...]:
    costed = dict(zip(COST_TITLES, costs(row), strict=True))
    cost = (costed[title] for title in ("sentences/s", "p50 ms", "MiB on disk"))
    size = Cell(texts.millions(row.size), row.size)
    return (_rank(row), Cell(row.name, row.name), Cell(row.kind, row.kind), _layers(row), size, _mean(row), _share(row), *cost)


def bands(document: Document) -> frozenset[int]:
    """The rows before which a line stands: the first of each tier that is behind all tiers above it."""
    found, behind = set(), 0
    for number, row in enumerate(document.rows):
        tier = float("inf") if row.rank is None else row.rank
        if tier > behind:
            behind = tier  # type: ignore[assignment]
            if number:
                found.add(number)
    return frozenset(found)


def kinds_of_task(document: Document) -> dict[str, tuple[Score, ...]]:
    """The score columns by type of task, in the order of the board; without types in the document, by task."""
    found: dict[str, list[Score]] = {}
    for column in document.columns:
        kind = document.tasks.get(column.task, {}).get("type")
        found.setdefault(TYPE_NAMES.get(kind, kind) if kind else column.task, []).append(column)
    return {kind: tuple(columns) for kind, columns in found.items()}


def mean_over(row: Entry, columns: Sequence[Score]) -> float | None:
    """The mean over the tasks of some columns, a task's score being the mean over its languages; None where a score is missing."""
    tasks: dict[str, list[float | None]] = {}
    for column in columns:
        tasks.setdefault(column.task, []).append(row.scores.get(column.label))
    scores = [[score for score in task if score is not None] for task in tasks.values()]
    if any(len(kept) < len(task) for kept, task in zip(scores, tasks.values(), strict=True)):
        return None
    return statistics.fmean(statistics.fmean(task) for task in scores) if scores else None


def by_type(document: Document) -> Table:
    """One column a type of task."""
    kinds = kinds_of_task(document)
    rows = [(Cell(row.name, row.name), *(_value(mean_over(row, columns)) for columns in kinds.values())) for row in document.rows if row.scores]
    return Table("By type of task", (_candidate(), *(Column(kind) for kind in kinds)), tuple(rows), "Means over the tasks of a type, times 100.")


def scores(document: Document) -> list[Table]:
    """Every score with half of its 95 % interval: a table for each type of task."""
    return [
        Table(
            f"Scores: {kind}",
            (_candidate(), *(Column(column.label) for column in columns)),
            tuple((Cell(row.name, row.name), *(_score(row, column, interval=True) for column in columns)) for row in document.rows if row.scores),
        )
        for kind, columns in kinds_of_task(document).items()
    ]


COSTS_EXPLAINED = (
    "Measured on {device}. `× reference` says how many times as fast as the suite's reference a model encodes, measured in turns with it. Machines change "
    "their pace from minute to minute: sentences/s and latencies are given at the usual pace, which the reference tells."
)


def costs_table(document: Document) -> Table:
    """All that was measured."""
    titles = (PARAMETERS, "sentences/s", "× reference", "batch", "p50 ms", "p90 ms", "peak MiB", "load s", "MiB on disk")
    rows = []
    for row in document.rows:
        if row.costs.get("sentences_per_second") is None and row.parameters is None:
            continue
        costed = dict(zip(COST_TITLES, costs(row), strict=True))
        costed[PARAMETERS] = Cell(texts.split_parameters(row.parameters), row.size)
        costed["batch"] = _number(row.costs.get("batch_size"))
        rows.append((Cell(row.name, row.name), *(costed[title] for title in titles)))
    return Table("What they cost", (_candidate(), *(Column(title) for title in titles)), tuple(rows), COSTS_EXPLAINED.format(device=document.device))


def shares(document: Document) -> Table:
    """What each candidate keeps of its parent, score by score."""
    rows = [
        (
            Cell(row.name, row.name),
            Cell(row.parent or MISSING),
            *(Cell(texts.with_interval(*row.shares.get(column.label, (None, None))), row.shares.get(column.label, (None,))[0]) for column in document.columns),
        )
        for row in document.rows
        if row.shares and row.parent
    ]
    explained = (
        "Each score in percent of the parent's, with half of the 95 % interval of the ratio; test examples, few-shot draws and seeds that both share are "
        "paired. A dash where the parent's score is not surely above zero."
    )
    columns = (_candidate(), Column("parent", numeric=False), *(Column(column.label) for column in document.columns))
    return Table("What is kept of the parent", columns, tuple(rows), explained)


def share_of(document: Document, row: Entry, label: str) -> float | None:
    """What a row keeps of a score of its parent; of files that do not say so, the ratio where the parent's interval lies above zero."""
    if label in row.shares:
        return row.shares[label][0]
    parent = document.by_name.get(row.parent or "")
    if row.shares or parent is None or parent.spans.get(label, (0.0,))[0] <= 0 or label not in row.scores or not parent.scores.get(label):
        return None
    return row.scores[label] / parent.scores[label]


def robustness(document: Document) -> Table:
    """How much each candidate loses on rewritten texts."""
    cleans = tuple(dict.fromkeys(column.clean for column in document.robustness if column.clean))
    titles = [f"{column.rule} {column.subset}" if len(cleans) == 1 else column.label for column in document.robustness]
    rows = [(Cell(row.name, row.name), *(_drop(row, column) for column in document.robustness)) for row in document.rows if row.drops]
    explained = (
        f"Points lost on the pairs of {' and '.join(cleans)} when they are written differently (times 100; less is better, negative is a gain). "
        "Bold: the 95 % interval of the paired difference excludes zero. These columns count for no mean and no rank."
    )
    return Table("Robustness", (_candidate(), *(Column(title) for title in titles)), tuple(rows), explained)


def methods(document: Document) -> Table:
    """Methods against their controls."""
    labels = ["mean", *(column.label for column in document.columns)]
    rows = []
    for one in document.comparisons:
        found = [one.differences.get(label) for label in labels]
        told = [Cell(*_told(texts.difference(difference), None if difference is None else difference.value)) for difference in found]
        rows.append((Cell(one.method, one.method), Cell(one.control), Cell(" and ".join(map(str, one.seeds))), *told))
    explained = (
        "Method minus control, times 100, over at least three training seeds each; `±` is half of the 95 % interval that covers test examples, "
        "few-shot draws and seeds. Bold: the interval excludes zero. `random` draws other layers with each seed."
    )
    columns = (*(Column(title, numeric=False) for title in ("method", "control", "seeds")), *(Column(label) for label in labels))
    return Table("Methods against their controls", columns, tuple(rows), explained)


def trimmed(document: Document) -> Table:
    """Trimmed vocabularies."""
    rows = [
        (
            Cell(one.name, one.name),
            Cell(f"{one.tokens_after:,} of {one.tokens_before:,}", one.tokens_after),
            Cell(f"{one.texts_changed:.2%}", one.texts_changed),
            Cell(f"{one.tokens_changed:.2%}", one.tokens_changed),
            Cell(one.whole, one.whole),
            Cell(*_told(texts.ends(one.difference, one.difference_interval), one.difference)),
        )
        for one in document.trimmed
    ]
    explained = (
        "A text whose tokens are all kept gets the same embedding before fine-tuning; the others are cut into other tokens. Their shares are of the corpus "
        "that chose the tokens, or, where a list does, of training text of KasautiSTS. The difference to the model with its whole vocabulary is paired, "
        "times 100, with its 95 % interval over test examples; bold where that excludes zero. One training seed."
    )
    titles = ("tokens", "texts cut otherwise", "tokens cut otherwise", "whole", "mean, trimmed - whole")
    return Table("Trimmed vocabularies", (_candidate(), *(Column(title, title != "whole") for title in titles)), tuple(rows), explained)


def recovery(document: Document) -> list[Table]:
    """Development scores during fine-tuning: a table for each plan of steps."""
    explained = (
        "Spearman's correlation (times 100) on development pairs, which are neither trained on nor tested on, after so many steps of each phase; step 0 is "
        "before any. The same column is the same number of steps; a step of a model of half the layers costs about half as much."
    )
    return [
        Table(
            "Recovery while fine-tuning",
            (_candidate(), *(Column(step) for step in plan)),
            tuple((Cell(row.name, row.name), *(_value(point.score) for point in row.recovery)) for row in rows),
            explained,
        )
        for plan, rows in recovery_plans(document).items()
    ]


def recovery_plans(document: Document) -> dict[tuple[str, ...], list[Entry]]:
    """The rows with a curve, by the steps after which they were scored."""
    plans: dict[tuple[str, ...], list[Entry]] = {}
    for row in document.rows:
        if row.recovery:
            plans.setdefault(tuple(f"{point.phase} {point.step}" for point in row.recovery), []).append(row)
    return plans


def themes(document: Document) -> list[Table]:
    """All tables but the summary, without those that would be empty."""
    known = all(document.tasks.get(column.task, {}).get("type") for column in document.columns)
    types = [by_type(document)] if known and len(kinds_of_task(document)) > 1 else []
    found = [*types, *scores(document), costs_table(document), shares(document), robustness(document), methods(document), trimmed(document)]
    return [table for table in (*found, *recovery(document)) if table.rows]


COST_HINTS = {
    "× reference": "How many times as fast as the suite's reference, measured in turns with it, ± half of the 95 % interval. Compare speeds by this.",
    "p90 ms": "Nine of ten single sentences take at most this long.",
    "peak MiB": "Peak memory while encoding.",
    "load s": "From opening the folder to the first embedding.",
}
COST_TITLES = ("sentences/s", "× reference", "p50 ms", "p90 ms", "peak MiB", "load s", "MiB on disk")


def costs(row: Entry) -> tuple[Cell, ...]:
    """What was measured, under `COST_TITLES`. Times and memory of an invalid measurement say so; the size of the files is what it is."""
    cost, peak = row.costs, row.peak
    measured = (
        _number(cost.get("sentences_per_second")),
        _relative(cost),
        _number(cost.get("latency_p50_seconds"), 2, factor=1000),
        _number(cost.get("latency_p90_seconds"), 2, factor=1000),
        _number(None if peak is None else peak / 2**20),
        _number(cost.get("load_seconds"), 2),
    )
    size = _number(cost.get("bytes_on_disk"), 1, factor=2**-20)
    return (*(_marked(cell, row) for cell in measured), size)


def _relative(cost: Mapping[str, Any]) -> Cell:
    """How many times as fast as the reference, and half the width of the 95 % interval."""
    value, low, high = (cost.get(f"relative_speed{end}") for end in ("", "_low", "_high"))
    if value is None or low is None or high is None:
        return Cell(MISSING)
    return Cell(f"{value:,.2f} ± {(high - low) / 2:,.2f}", value)


def _marked(cell: Cell, row: Entry) -> Cell:
    if row.invalid is None or cell.value is None:
        return cell
    return dataclasses.replace(cell, text=f"{cell.text} ({texts.INVALID})", note=row.invalid)


def _told(told: tuple[str, bool], value: float | None) -> tuple[str, float | None, bool]:
    text, sure = told
    return text, value, sure


def _candidate() -> Column:
    return Column("candidate", numeric=False)


def _rank(row: Entry) -> Cell:
    return Cell(MISSING if row.rank is None else str(row.rank), row.rank)


def _layers(row: Entry) -> Cell:
    return Cell(row.kept or MISSING, depth(row))


def _mean(row: Entry) -> Cell:
    return Cell(texts.mean(row), row.mean)


def _share(row: Entry) -> Cell:
    return Cell(texts.with_interval(row.of_parent, row.of_parent_interval), row.of_parent)


def _value(score: float | None) -> Cell:
    return Cell(texts.percent(score), score)


def _score(row: Entry, column: Score, *, interval: bool = False) -> Cell:
    score = row.scores.get(column.label)
    return Cell(texts.with_interval(score, row.spans.get(column.label)) if interval else texts.percent(score), score)


def _drop(row: Entry, column: Score) -> Cell:
    value = row.drops.get(column.label)
    return Cell(*_told(texts.drop(value, row.drop_spans.get(column.label)), value))


def _number(value: float | None, digits: int = 0, *, factor: float = 1) -> Cell:
    return Cell(texts.number(value, digits, factor=factor), value)


def layers(row: Entry) -> tuple[int, ...]:
    """The kept layers as numbers; of several seeds with their own layers, those of the first; empty for a model without layers."""
    found: list[int] = []
    for part in row.kept.split(" / ")[0].split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and (not last or last.isdecimal()):
            found.extend(range(int(first), int(last or first) + 1))
    return tuple(found)


def depth(row: Entry) -> int | None:
    """How many layers a row keeps; None for a model without layers."""
    return len(layers(row)) or None


def plain(cells: Iterable[Cell]) -> list[str]:
    """The texts of cells."""
    return [cell.text for cell in cells]
