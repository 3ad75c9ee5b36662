"""What cards say of candidates and tasks, as plain values for pages: how a model is made, what a task is, and a few of its rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from bench.cards.candidate import Candidate
from bench.cards.recipes import Phase, Recipe
from bench.cards.suites import Suite
from bench.cards.tasks import COLUMNS, TaskCard
from bench.data.rows import Record, load_rows
from bench.errors import BenchError
from bench.statistics.floors import bounds

EXAMPLES = 2
"""Rows of a language that a page shows."""
LONGEST = 200
"""Characters of a text that a page shows."""


def about_candidate(candidate: Candidate, suite: Suite) -> dict[str, Any]:
    """How a candidate is made and run: base, strategy, recipe in words, vocabulary, seed, precision, backend, teacher, licence of its base, if it has them."""
    base = suite.bases.get(getattr(candidate, "base", ""))
    recipe = suite.recipes.get(getattr(candidate, "recipe", None) or "")
    found = {
        "base": getattr(candidate, "base", None),
        "strategy": getattr(candidate, "strategy", None),
        "recipe": getattr(candidate, "recipe", None),
        "training": None if recipe is None else [_phase(phase) for phase in recipe.phases] or ["none: as the base was published"],
        "data": None if recipe is None else list(dict.fromkeys(name for phase in recipe.phases for name in phase.data)),
        "pooling": None if recipe is None else recipe.pooling,
        "dropout": _dropout(recipe),
        "vocabulary": None if candidate.vocabulary is None else candidate.vocabulary.label(several=False).lstrip("-"),
        "dimensions": getattr(candidate, "dimensions", None),
        "precision": candidate.runs_in,
        "backend": None if candidate.backend == "torch" else candidate.backend,
        "seed": candidate.seed,
        "teacher": candidate.taught_by,
        "license": None if base is None else base.license,
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _dropout(recipe: Recipe | None) -> float | None:
    return None if recipe is None else recipe.dropout


def _phase(phase: Phase) -> str:
    """A phase of fine-tuning in a line."""
    loss = f", loss {phase.effective_loss}" if phase.effective_loss else ""
    return (
        f"{phase.kind} on {', '.join(phase.data)}: {phase.effective_epochs:g} epochs, batches of {phase.batch_size}, learning rate {phase.learning_rate:g}, "
        f"at most {phase.max_length} tokens{loss}"
    )


def about_task(card: TaskCard) -> dict[str, Any]:
    """What a task is (`published`: its rows have to be fetched).

    With the number of rows, the score of chance and a few rows where all its rows lie beside its card, so that pages may show them.
    """
    found = {
        "type": card.type,
        "license": card.license,
        "description": card.description,
        "reference": card.reference,
        "citation": card.citation,
        "metric": card.score_name,
        "languages": {name: list(subset.languages) for name, subset in card.subsets.items()},
        "clean": card.data if card.perturbation else None,
        "rule": card.perturbation,
        "published": any(source.repository for subset in card.subsets.values() for source in subset.sources) or None,
    }
    return {name: value for name, value in found.items() if value not in (None, "", {})} | _rows(card)


def may_quote(card: TaskCard) -> bool:
    """Whether a board may quote rows of a task: all of them lie beside its card. What has to be fetched is others' to publish."""
    return bool(card.subsets) and all(source.file for subset in card.subsets.values() for source in subset.sources)


def shortened(text: str) -> str:
    """A text as a page shows it, cut where it is long."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _rows(card: TaskCard) -> dict[str, Any]:
    if not may_quote(card):
        return {}
    try:
        data = load_rows(card, None, splits=[card.evaluate_on])
    except BenchError:
        return {}  # what is wrong with the rows is told where they are scored
    tested = {name: splits[card.evaluate_on] for name, splits in data.splits.items() if splits.get(card.evaluate_on)}
    gold = COLUMNS[card.type][-1]
    floors = {name: bounds(card.type, card.score_name, [_number(row.get(gold)) for row in rows]) for name, rows in tested.items()}
    return {
        "rows": {name: len(rows) for name, rows in tested.items()},
        "bounds": {name: dataclasses.asdict(limits) for name, limits in floors.items() if limits is not None},
        "examples": {name: [_shown(row, card) for row in rows[:EXAMPLES]] for name, rows in tested.items()},
    }


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _shown(row: Record, card: TaskCard) -> dict[str, str]:
    """A row as texts, long ones cut, labels by their names."""
    names: Mapping[Any, str] = {number: label for label, number in card.labels.items()}
    return {name: shortened(str(names.get(value, value) if name == "label" else value)) for name, value in row.items()}
