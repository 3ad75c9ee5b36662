"""A `Diff` as Markdown, as JSON, and on a terminal."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from bench.publish.terminal import verbatim
from bench.publish.texts import MISSING
from bench.standings.losses import Diff, Example, TaskLosses

if TYPE_CHECKING:
    from rich.console import Console

SMALLEST_P = 0.001
"""Below it, only that is told of a probability."""


def to_json(diff: Diff) -> str:
    """Everything, as JSON text."""
    document = dataclasses.asdict(diff)
    differences = [one.difference for one in diff.tasks] + [one.difference for one in diff.rewritten]
    for told, difference in zip((*document["tasks"], *document["rewritten"]), differences, strict=True):
        told["difference"] = difference
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_markdown(diff: Diff) -> str:
    """A page: scores and flips by task, what rewritten texts cost, then groups and examples task by task."""
    parts = [f"# Where {diff.second} lost against {diff.first}", f"Suite {diff.suite} on {diff.device}.", _pipe(*_tasks(diff))]
    if diff.rewritten:
        parts += ["## Rewritten texts", _pipe(*_rewritten(diff))]
    for task in diff.tasks:
        parts += [f"## {task.task}", f"{_counted(task, diff)}", _pipe(*_groups(task))]
        parts += [_quoted(number, example, diff) for number, example in enumerate(task.examples, 1)]
    parts += ["## Not compared\n\n" + "\n".join(f"- {name}: {why}" for name, why in diff.left_out.items())] if diff.left_out else []
    return "\n\n".join(parts) + "\n"


def show(diff: Diff, console: Console) -> None:
    """Print the same, in the width of the terminal."""

    def say(text: str = "") -> None:
        console.print(verbatim(text), highlight=False)

    _print(f"{diff.second} against {diff.first}: {diff.suite} on {diff.device}", *_tasks(diff), console)
    if diff.rewritten:
        _print("What rewritten texts cost", *_rewritten(diff), console)
    for task in diff.tasks:
        say(f"\n{task.task}: {_counted(task, diff)}")
        _print(None, *_groups(task), console)
        for number, example in enumerate(task.examples, 1):
            say(f"{number}. {head(example, (diff.first, diff.second))}")
            for text in example.texts:
                say(f"   {text}")
    for name, why in diff.left_out.items():
        say(f"not compared: {name}: {why}")


def _tasks(diff: Diff) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of the table of tasks; scores times 100."""
    titles = ["task", diff.first, diff.second, "difference", "worse", "better", "p"]
    rows = [
        [
            task.task,
            *(f"{100 * score:.1f}" for score in task.scores),
            _difference(task.difference, task.interval),
            str(task.worse),
            str(task.better),
            MISSING if task.p is None else f"< {SMALLEST_P}" if task.p < SMALLEST_P else f"{task.p:.3f}",
        ]
        for task in diff.tasks
    ]
    return titles, rows


def _rewritten(diff: Diff) -> tuple[list[str], list[list[str]]]:
    titles = ["texts", "rule", f"drop of {diff.first}", f"drop of {diff.second}", "difference"]
    return titles, [[one.label, one.rule, *(f"{100 * drop:.1f}" for drop in one.drops), _difference(one.difference, one.interval)] for one in diff.rewritten]


def _groups(task: TaskLosses) -> tuple[list[str], list[list[str]]]:
    titles = ["rows by", "", "rows", "worse", "better", "mean loss"]
    return titles, [[one.by, one.name, str(one.rows), str(one.worse), str(one.better), f"{100 * one.lost:+.1f}"] for one in task.groups]


def _difference(value: float, interval: tuple[float, float] | None) -> str:
    return f"{100 * value:+.1f}" + ("" if interval is None else f" [{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]")


def _counted(task: TaskLosses, diff: Diff) -> str:
    return (
        f"of {task.rows} rows {task.worse} flipped for the worse with {diff.second}, {task.better} for the better. "
        f"A row flips where {task.flip}. Examples are the rows that lost most."
    )


def head(example: Example, names: tuple[str, str]) -> str:
    """What is told of an example before its texts; `names` are those of the first and the second model."""
    gold = f", gold {example.gold}" if example.gold else ""
    told = f"{example.subset}, row {example.row + 1}{gold}: lost {100 * example.lost:.0f} of 100"
    if example.similarity is None or example.ranks is None:
        return f"{told}; {names[0]} {100 * example.quality[0]:.0f}, {names[1]} {100 * example.quality[1]:.0f}"
    both = zip(names, example.similarity, example.ranks[1:], strict=True)
    ranked = ", ".join(f"{name} {similarity:.2f} (rank {100 * rank:.0f})" for name, similarity, rank in both)
    return f"{told}; gold rank {100 * example.ranks[0]:.0f}, {ranked}"


def _quoted(number: int, example: Example, diff: Diff) -> str:
    """An example on a page; its texts are shown as they are, whatever signs they hold."""
    lines = [f"{number}. {head(example, (diff.first, diff.second))}", ""]
    lines += [f"       {' '.join(text.split())}" for text in example.texts]
    return "\n".join(lines)


def _pipe(titles: list[str], rows: list[list[str]]) -> str:
    table: str = tabulate(rows, headers=titles, tablefmt="pipe", disable_numparse=True, colalign=list(_alignment(titles)))
    return table


def _alignment(titles: Sequence[str]) -> Iterator[str]:
    yield from ("left" if title in {"task", "texts", "rule", "rows by", ""} else "right" for title in titles)


def _print(title: str | None, titles: list[str], rows: list[list[str]], console: Console) -> None:
    from rich import box
    from rich.table import Table

    table: Any = Table(title=None if title is None else verbatim(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name, side in zip(titles, _alignment(titles), strict=True):
        table.add_column(verbatim(name), justify=side, overflow="fold")
    for cells in rows:
        table.add_row(*map(verbatim, cells))
    console.print(table)
