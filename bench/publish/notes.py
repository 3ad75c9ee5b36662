"""What is said of a board in words, beside its tables: sections of lines that Markdown and page both show."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping

from bench.publish.document import Document
from bench.standings.board import Used


@dataclasses.dataclass(frozen=True)
class Note:
    """A section: what there is to know before its lines, and lines of a subject (empty for none) and what is said of it."""

    title: str
    lines: tuple[tuple[str, str], ...]
    explained: str = ""


def notes(document: Document) -> list[Note]:
    """The sections of a board, without those that would be empty."""
    found = [
        _flags(document),
        _remarks(document),
        _unguarded(document),
        _used(document),
        _tokenizers(document),
        _invalid(document),
        _incomplete(document),
        _unswept(document),
    ]
    return [*(note for note in found if note.lines), legend(document), origin(document)]


def _flags(document: Document) -> Note:
    """Columns that tell nothing about these candidates."""
    counted = {column.label for column in document.columns}
    lines = [(flag.column, f"{flag.reason}{', and it counts in the mean' if flag.column in counted else ''}.") for flag in document.flags]
    explained = (
        "The 95 % interval of every candidate touches chance or an end of the scale, or lies beyond it: these columns tell no good candidate from a bad one."
    )
    return Note("Columns that say nothing here", tuple(lines), explained)


def _remarks(document: Document) -> Note:
    lines = [(task, f"{remark}.") for task, remarks in document.remarks.items() for remark in remarks]
    return Note("What is odd about the data", tuple(lines))


def _unguarded(document: Document) -> Note:
    explained = "These tests could not be read when the candidate was trained. Its training data may hold their texts."
    return Note("Trained without a guard", tuple((row.name, ", ".join(row.unguarded)) for row in document.rows if row.unguarded), explained)


def _used(document: Document) -> Note:
    """Candidates with prompts, another similarity than the cosine, or numbers that are not fp32."""
    alike: dict[str, list[str]] = {}
    for row in document.rows:
        if row.used is not None and not row.used.plain:
            alike.setdefault("; ".join(used_by(row.used)), []).append(row.name)
    lines = [(", ".join(names), told) for told, names in alike.items()]
    explained = (
        "As the model's folder says, as mteb would use it, unless its card says otherwise. Every other candidate has no prompt, is compared by "
        "the cosine and computes in fp32."
    )
    return Note("Prompts, similarity and precision", tuple(lines), explained)


def used_by(used: Used) -> list[str]:
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


def _tokenizers(document: Document) -> Note:
    """What tokenizers do to Devanagari signs, each finding with all the candidates that it is true of."""
    problems = dict.fromkeys(problem for row in document.rows for problem in row.tokenizer_problems)
    lines = [(", ".join(row.name for row in document.rows if problem in row.tokenizer_problems), f"{problem}.") for problem in problems]
    return Note("Tokenizers that lose Devanagari signs", tuple(lines))


def _invalid(document: Document) -> Note:
    explained = "The machine was too noisy, or something else was wrong while these were measured. Their times and memory are marked and count for no choice."
    return Note("Measurements that do not count", tuple((row.name, f"{row.invalid}.") for row in document.rows if row.invalid), explained)


def _incomplete(document: Document) -> Note:
    return Note("Incomplete rows", tuple((row.name, row.problem) for row in document.rows if row.problem))


def _unswept(document: Document) -> Note:
    """Bases of several layers of which no sweep is stored."""
    bases = dict.fromkeys(str(row.about["base"]) for row in document.rows if row.about.get("base") and (row.about.get("base_layers") or 0) > 2)
    lines = [
        (
            base,
            f"`{shlex.join(['bench', 'sweep', base, '--suite', document.suite])}` compares its layers; the next board shows how alike they are.",
        )
        for base in bases
        if base not in document.layer_similarity
    ]
    return Note("Layers that were not compared", tuple(lines))


def legend(document: Document) -> Note:
    """How the tables are read."""
    metrics = sorted({f"{column.task} {column.metric}" for column in document.columns})
    lines = (
        "Ordered by the mean over tasks, a task's score being the mean over its languages. `#` is a tier: 1 + the number of candidates that are surely better, "
        "where 'surely' is for the whole board: at most 5 of 100 such boards would be wrong about any pair. A row over few seeds has a wide interval, so its "
        "tier may be better than that of a row above it.",
        "`±` is half of the 95 % interval over test rows (a paired bootstrap of 1,000 resamples, the same for every candidate) and few-shot draws of "
        "classifications. Of one seed it says nothing about other seeds: a method is better than a method only over several. Where there are several, the row "
        "is their mean, the interval covers them too, and the standard deviation of their means stands in brackets.",
        f"Scores are times 100, of embeddings computed on {document.device}: {', '.join(metrics)}.",
        "Kept layers are numbers of the base's layers, from 0. A `scratch` model has the base's shape and vocabulary with random weights before fine-tuning; "
        "one that is pre-trained was small from the start, on the same text and token budget as the base.",
        "`% of parent` compares the mean with that of the full model of the same base, recipe and seed, or of the one that a card names; a dash where that is "
        "not surely above zero.",
        f"Costs are measured on {document.device}: one sentence at a time (p50, p90), many at the best of the batch sizes tried (sentences/s), peak memory "
        "while encoding (of the whole process, libraries included), time from opening the folder to the first embedding with the libraries already imported. "
        "Size on disk is that of the checkpoint, which is stored in fp32 whatever the precision it is run with; an external one's as it stands.",
    )
    return Note("How to read it", tuple(("", line) for line in lines))


def origin(document: Document) -> Note:
    """Where the numbers come from, and how to get them again."""
    told = document.origin
    lines = [("", f"Machine: {_pairs(machine)}") for machine in document.machines]
    lines += [("", f"Versions: {_pairs(used)}") for used in document.versions]
    made = [f"kasauti {told['version']}" if told.get("version") else "", f"commit {told['commit']}" if told.get("commit") else ""]
    if any(made):
        lines.append(("", f"Computed by: {', '.join(part for part in made if part)}"))
    if told.get("command"):
        lines.append(("", f"Command: `{told['command']}`"))
    lines += [
        ("", f"Training rows of {data} left out because a text of theirs stands in a test of this suite: {count}") for data, count in document.removed.items()
    ]
    return Note("Where the numbers come from", tuple(lines))


def _pairs(named: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items())
