"""The board as a Markdown page."""

from __future__ import annotations

from collections.abc import Mapping

from tabulate import tabulate

from bench.publish.cells import cells, difference_cell, drop_cells, headers, interval_cell
from bench.standings.board import Board, Row


def render(board: Board) -> str:
    """A page with the table, what its columns mean, and where its numbers come from."""
    titles = headers(board)
    alignment = ["right" if index == 0 or index > 4 else "left" for index in range(len(titles))]
    table = tabulate([cells(board, row) for row in board.rows], headers=titles, tablefmt="pipe", colalign=alignment, disable_numparse=True)
    stripped = [f"- **{row.name}**: {problem}" for row in board.rows for problem in row.tokenizer_problems]
    incomplete = [f"- **{row.name}**: {row.problem}" for row in board.rows if row.problem]
    parts = [
        f"# Leaderboard: {board.suite}",
        board.description,
        table,
        _robustness(board),
        _methods(board),
        _trimmed(board),
        _recovery(board),
        "## Tokenizers that lose Devanagari\n\n" + "\n".join(stripped) if stripped else "",
        "## Incomplete rows\n\n" + "\n".join(incomplete) if incomplete else "",
        "## How to read it\n\n" + "\n".join(_legend(board)),
        "## Where the numbers come from\n\n" + "\n".join(_origin(board)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _robustness(board: Board) -> str:
    """How much each candidate loses on rewritten texts; empty for a suite without such tasks."""
    if not board.robustness:
        return ""
    cleans = {column.clean for column in board.robustness}
    titles = ["candidate", *(f"{column.rule} {column.subset}" if len(cleans) == 1 else column.label for column in board.robustness)]
    rows = [drop_cells(board, row) for row in board.rows if row.drops]
    table = tabulate(rows, headers=titles, tablefmt="pipe", colalign=["left", *["right"] * len(board.robustness)], disable_numparse=True)
    clean = " and ".join(dict.fromkeys(column.clean for column in board.robustness if column.clean))
    return (
        f"## Robustness\n\nPoints lost on the pairs of {clean} when they are written differently (times 100; less is better, negative is a gain). "
        f"Bold: the 95 % interval of the paired difference excludes zero. These columns count for no mean and no rank.\n\n{table}"
    )


def _methods(board: Board) -> str:
    """Methods against their controls; empty where none has seeds enough."""
    if not board.comparisons:
        return ""
    labels = [column.label for column in board.columns]
    rows = [
        [one.method, one.control, " and ".join(map(str, one.seeds)), *(difference_cell(one.differences.get(label)) for label in ("mean", *labels))]
        for one in board.comparisons
    ]
    titles = ["method", "control", "seeds", "mean", *labels]
    table = tabulate(rows, headers=titles, tablefmt="pipe", colalign=["left", "left", "left", *["right"] * (len(titles) - 3)], disable_numparse=True)
    return (
        "## Methods against their controls\n\nMethod minus control, times 100, over at least three training seeds each; `±` is half of the 95 % interval that "
        "covers both the test examples (paired bootstrap) and the seeds (Welch). Bold: the interval excludes zero. `random` draws other layers with each "
        f"seed.\n\n{table}"
    )


def _trimmed(board: Board) -> str:
    """Trimmed vocabularies; empty where there is none."""
    if not board.trimmed:
        return ""
    rows = []
    for one in board.trimmed:
        kept = f"{one.tokens_after:,} of {one.tokens_before:,}"
        rows.append(
            [one.name, kept, f"{one.texts_changed:.2%}", f"{one.tokens_changed:.2%}", one.whole, interval_cell(one.difference, one.difference_interval)]
        )
    titles = ["candidate", "tokens", "texts cut otherwise", "tokens cut otherwise", "whole", "mean, trimmed - whole"]
    table = tabulate(rows, headers=titles, tablefmt="pipe", colalign=["left", "right", "right", "right", "left", "right"], disable_numparse=True)
    return (
        "## Trimmed vocabularies\n\nA text whose tokens are all kept gets the same embedding before fine-tuning; the others are cut into other tokens. Their "
        "shares are of the corpus that chose the tokens. The difference to the model with its whole vocabulary is paired, times 100, with its 95 % interval "
        f"over test examples; bold where that excludes zero. One training seed.\n\n{table}"
    )


def _recovery(board: Board) -> str:
    """Development scores during fine-tuning, a table for each plan of steps; empty where no recipe has a curve."""
    plans: dict[tuple[str, ...], list[Row]] = {}
    for row in board.rows:
        if row.recovery:
            plans.setdefault(tuple(f"{point.phase} {point.step}" for point in row.recovery), []).append(row)
    if not plans:
        return ""
    tables = [
        tabulate(
            [[row.name, *(f"{100 * point.score:.1f}" for point in row.recovery)] for row in rows],
            headers=["candidate", *plan],
            tablefmt="pipe",
            colalign=["left", *["right"] * len(plan)],
            disable_numparse=True,
        )
        for plan, rows in plans.items()
    ]
    explained = (
        "Spearman's correlation (times 100) on development pairs, which are neither trained on nor tested on, after so many steps of each phase; step 0 is "
        "before any. The same column is the same number of steps; a step of a model of half the layers costs about half as much."
    )
    return "\n\n".join([f"## Recovery while fine-tuning\n\n{explained}", *tables])


def _legend(board: Board) -> list[str]:
    metrics = sorted({f"{column.task} {column.metric}" for column in board.columns})
    return [
        "- Ordered by the mean over tasks, a task's score being the mean over its languages. `#` is a tier: 1 + the number of candidates that are better with "
        "95 % confidence.",
        "- `±` is half of the 95 % interval of a paired bootstrap over test examples (1,000 resamples, the same for every candidate). It does not cover the "
        "training seed: a method is better than a method only over several seeds. Where there are several, the row is their mean, and the standard deviation "
        "of their means stands in brackets.",
        f"- Scores are times 100: {', '.join(metrics)}.",
        "- Kept layers are numbers of the base's layers, from 0. A `scratch` model has the base's shape and vocabulary with random weights before fine-tuning; "
        "one that is pre-trained was small from the start, on the same text and token budget as the base.",
        "- `% of parent` compares the mean with that of the full model of the same base, recipe and seed.",
        f"- Costs are measured on {board.device}: one sentence at a time (p50, p90), many at the best of the batch sizes tried (sentences/s), peak memory "
        "while encoding (of the whole process, libraries included), time from opening the folder to the first embedding with the libraries already imported. Size on "
        "disk is that of the checkpoint, which is stored in fp32 whatever the precision it is run with.",
    ]


def _origin(board: Board) -> list[str]:
    machines = [f"- Machine: {_pairs(machine)}" for machine in board.machines]
    versions = [f"- Versions: {_pairs(used)}" for used in board.versions]
    removed = [f"- Training rows of {data} left out because a text of theirs stands in a test of this suite: {count}" for data, count in board.removed.items()]
    return [*machines, *versions, *removed]


def _pairs(named: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items())
