"""The board as a Markdown page."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tabulate import tabulate

from bench.publish.cells import cells, difference_cell, drop_cells, headers, interval_cell, share_cell
from bench.standings.board import Board, Row, Used

UNGUARDED = "These tests could not be read when the candidate was trained. Its training data may hold their texts."


def render(board: Board) -> str:
    """A page with the table, what its columns mean, and where its numbers come from."""
    titles = headers(board)
    alignment = ["right" if index == 0 or index > 4 else "left" for index in range(len(titles))]
    table = tabulate([cells(board, row) for row in board.rows], headers=titles, tablefmt="pipe", colalign=alignment, disable_numparse=True)
    incomplete = [f"- **{row.name}**: {row.problem}" for row in board.rows if row.problem]
    unguarded = [f"- **{row.name}**: {', '.join(row.unguarded)}" for row in board.rows if row.unguarded]
    parts = [
        f"# Leaderboard: {board.suite}",
        board.description,
        table,
        _shares(board),
        _robustness(board),
        _methods(board),
        _trimmed(board),
        _recovery(board),
        _flags(board),
        _remarks(board),
        f"## Trained without a guard\n\n{UNGUARDED}\n\n" + "\n".join(unguarded) if unguarded else "",
        _used(board),
        _tokenizers(board),
        "## Incomplete rows\n\n" + "\n".join(incomplete) if incomplete else "",
        "## How to read it\n\n" + "\n".join(_legend(board)),
        "## Where the numbers come from\n\n" + "\n".join(_origin(board)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _tokenizers(board: Board) -> str:
    """What tokenizers do to Devanagari signs, each finding with all the candidates that it is true of; empty where there is none."""
    problems = list(dict.fromkeys(problem for row in board.rows for problem in row.tokenizer_problems))
    if not problems:
        return ""
    named = {problem: ", ".join(row.name for row in board.rows if problem in row.tokenizer_problems) for problem in problems}
    return "\n\n".join(["## Tokenizers that lose Devanagari signs", "\n".join(f"- {problem}: **{names}**" for problem, names in named.items())])


def _flags(board: Board) -> str:
    """Columns that tell nothing about these candidates; empty where there is none."""
    if not board.flags:
        return ""
    counted = {column.label for column in board.columns}
    lines = [f"- **{flag.column}**: {flag.reason}{', and it counts in the mean' if flag.column in counted else ''}." for flag in board.flags]
    explained = (
        "The 95 % interval of every candidate touches chance or an end of the scale, or lies beyond it: these columns tell no good candidate from a bad one."
    )
    return "\n\n".join(["## Columns that say nothing here", explained, "\n".join(lines)])


def _shares(board: Board) -> str:
    """What each candidate keeps of its parent, score by score; empty where no share is known."""
    rows = [[row.name, row.parent, *(share_cell(row.shares.get(column.label)) for column in board.columns)] for row in board.rows if row.shares and row.parent]
    if not rows:
        return ""
    titles = ["candidate", "parent", *(column.label for column in board.columns)]
    table = tabulate(rows, headers=titles, tablefmt="pipe", colalign=["left", "left", *["right"] * len(board.columns)], disable_numparse=True)
    return (
        "## What is kept of the parent\n\nEach score in percent of the parent's, with half of the 95 % interval of the ratio; test examples, few-shot draws "
        f"and seeds that both share are paired. A dash where the parent's score is not surely above zero.\n\n{table}"
    )


def _remarks(board: Board) -> str:
    """What is odd about the rows of tasks; empty where nothing is."""
    lines = [f"- **{task}**: {remark}." for task, remarks in board.remarks.items() for remark in remarks]
    return "## What is odd about the data\n\n" + "\n".join(lines) if lines else ""


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
        "## Methods against their controls\n\nMethod minus control, times 100, over at least three training seeds each; `±` is half of the 95 % "
        "interval that covers test examples, "
        f"few-shot draws and seeds. Bold: the interval excludes zero. `random` draws other layers with each seed.\n\n{table}"
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
        "shares are of the corpus that chose the tokens, or, where a list does, of training text of KasautiSTS. The difference to the model with its whole "
        "vocabulary is paired, times 100, with its 95 % interval "
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


def _used(board: Board) -> str:
    """Candidates with prompts, another similarity than the cosine, or numbers that are not fp32; empty where there is none."""
    lines = [f"- **{row.name}**: {'; '.join(_used_by(row.used))}" for row in board.rows if row.used is not None and not row.used.plain]
    if not lines:
        return ""
    explained = (
        "As the model's folder says, as mteb would use it, unless its card says otherwise. Every other candidate has no prompt, is compared by "
        "the cosine and computes in fp32."
    )
    return f"## Prompts, similarity and precision\n\n{explained}\n\n" + "\n".join(lines)


def _used_by(used: Used) -> list[str]:
    """What is not plain of one candidate. Prompts are quoted, so that a space at their end is seen."""
    by_prompt: dict[str, list[str]] = {}
    for task, prompt in used.prompts.items():
        by_prompt.setdefault(prompt, []).append(task)
    told = []
    if len(by_prompt) == 1 and any(by_prompt):
        told.append(f"prompt {_quoted(*by_prompt)}")
    elif any(by_prompt):
        told += [f"{f'prompt {_quoted(prompt)}' if prompt else 'no prompt'} for {', '.join(tasks)}" for prompt, tasks in by_prompt.items()]
    if used.similarity != "cosine":
        told.append(f"similarity {used.similarity}")
    if not set(used.precision) <= {"fp32"}:
        shares = (f"{name} for {share:.1%} of its numbers" for name, share in used.precision.items())
        told.append("precision " + (", ".join(shares) if len(used.precision) > 1 else next(iter(used.precision))))
    return told


def _quoted(prompt: str) -> str:
    """A prompt as JSON text in a code span: on one line, whatever it holds."""
    text = json.dumps(prompt, ensure_ascii=False)
    return f"`{text}`" if "`" not in text else f"`` {text} ``"


def _legend(board: Board) -> list[str]:
    metrics = sorted({f"{column.task} {column.metric}" for column in board.columns})
    return [
        "- Ordered by the mean over tasks, a task's score being the mean over its languages. `#` is a tier: 1 + the number of candidates that are "
        "surely better, "
        "where 'surely' is for the whole board: at most 5 of 100 such boards would be wrong about any pair.",
        "- `±` is half of the 95 % interval over test rows (a paired bootstrap of 1,000 resamples, the same for every candidate) and few-shot draws of "
        "classifications. Of one seed it says nothing about other seeds: a method is better than a method only over several. Where there are several, "
        "the row is "
        "their mean, the interval covers them too, and the standard deviation of their means stands in brackets.",
        f"- Scores are times 100, of embeddings computed on {board.device}: {', '.join(metrics)}.",
        "- Kept layers are numbers of the base's layers, from 0. A `scratch` model has the base's shape and vocabulary with random weights before fine-tuning; "
        "one that is pre-trained was small from the start, on the same text and token budget as the base.",
        "- `% of parent` compares the mean with that of the full model of the same base, recipe and seed; a dash where that is not surely above zero.",
        f"- Costs are measured on {board.device}: one sentence at a time (p50, p90), many at the best of the batch sizes tried (sentences/s), peak memory "
        "while encoding (of the whole process, libraries included), time from opening the folder to the first embedding with the libraries already "
        "imported. Size on "
        "disk is that of the checkpoint, which is stored in fp32 whatever the precision it is run with; an external one's as it stands.",
    ]


def _origin(board: Board) -> list[str]:
    machines = [f"- Machine: {_pairs(machine)}" for machine in board.machines]
    versions = [f"- Versions: {_pairs(used)}" for used in board.versions]
    removed = [f"- Training rows of {data} left out because a text of theirs stands in a test of this suite: {count}" for data, count in board.removed.items()]
    return [*machines, *versions, *removed]


def _pairs(named: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items())
