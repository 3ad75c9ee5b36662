"""mteb's own tasks by name: what mteb says of a task, as a card. mteb is imported only when a suite names a task that no card has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.cards.tasks import MAIN_SCORES, Source, Subset, TaskCard, task_flaws

LANGUAGES = frozenset({"mar-Deva", "hin-Deva"})
TYPES = ("STS", "Classification", "PairClassification", "BitextMining")
OWN = frozenset(
    {
        *("metadata", "load_data", "dataset_transform", "min_score", "max_score", "column_names", "fast_loading", "superseded_by"),
        *("samples_per_label", "n_experiments", "train_split", "input_column_name", "label_column_name"),
        *("input1_column_name", "input2_column_name", "abstask_prompt"),
    }
)
"""What a task's class may say of its own for a card to say the same: its rows, and the numbers that cards have. Anything else is another way to score."""
ADAPTED = "cannot be taken from mteb by its name"


def mteb_card(name: str) -> TaskCard | str | None:
    """The card of a task of mteb, with its Marathi and Hindi subsets; a sentence where it cannot be had as a card; None where mteb has no task of the name.

    The name has to be exact. The rows are those of mteb's class, with whatever that does to them; they are scored as those of every other card.
    """
    import mteb

    try:
        task = mteb.get_task(name)
    except (KeyError, ValueError):
        return None
    if task.metadata.name != name:
        return None
    if problem := _problem(task):
        return problem
    card = _card(task)
    flaw = next((message for _, message in task_flaws(card)), None)
    return card if flaw is None else f"is a task of mteb, and {ADAPTED}: {flaw}"


def _subsets(task: Any) -> dict[str, tuple[str, ...]]:
    """The subsets all of whose languages are ours."""
    told = task.metadata.eval_langs
    every = told if isinstance(told, dict) else {"default": told}
    return {subset: tuple(languages) for subset, languages in every.items() if set(languages) <= LANGUAGES}


def _problem(task: Any) -> str:
    """Why there is no card for a task; empty where there is one."""
    kind = task.metadata.type
    if kind not in TYPES:
        return f"is a task of mteb of type {kind}, and {ADAPTED}; only {', '.join(TYPES)} can"
    if not _subsets(task):
        return "is a task of mteb without a subset in Marathi or Hindi alone"
    if task.metadata.main_score not in MAIN_SCORES[kind]:
        return f"is a task of mteb whose main score is {task.metadata.main_score}; only {', '.join(MAIN_SCORES[kind])} can stand on a board"
    if getattr(task, "parallel_subsets", False) or getattr(task, "is_cross_validation", False):
        return f"is a task of mteb with {'parallel subsets' if kind == 'BitextMining' else 'cross-validation'}, and {ADAPTED}"
    own = {field for part in _own_classes(task) for field in vars(part) if not field.startswith("__")}
    if other := sorted(field for field in own - OWN if not field.startswith("_abc")):
        return f"is a task of mteb that scores in a way of its own ({', '.join(other)}), and {ADAPTED}"
    return ""


def _own_classes(task: Any) -> list[type]:
    """The classes of a task below those that all tasks share."""
    return [part for part in type(task).__mro__ if not part.__module__.startswith("mteb.abstasks") and part.__module__.startswith("mteb.")]


def _card(task: Any) -> TaskCard:
    about = task.metadata
    kind = about.type
    test = "test" if "test" in about.eval_splits else about.eval_splits[0]
    splits = [test, *([task.train_split] if kind == "Classification" else [])]
    fields: dict[str, Any] = {}
    columns: dict[str, str] = {}
    if kind == "STS":
        fields["score_range"] = (float(task.min_score), float(task.max_score))
        columns = dict(zip(("sentence1", "sentence2"), task.column_names, strict=True))
    elif kind == "Classification":
        fields |= {"samples_per_label": task.samples_per_label, "experiments": task.n_experiments, "train_on": task.train_split}
        columns = {"text": task.input_column_name, "label": task.label_column_name}
    elif kind == "PairClassification":
        columns = {"sentence1": task.input1_column_name, "sentence2": task.input2_column_name, "label": task.label_column_name}
    return TaskCard(
        name=about.name,
        type=kind,
        description=about.description,
        license=str(about.license or "not specified"),
        citation=about.bibtex_citation or "",
        reference=None if about.reference is None else str(about.reference),
        main_score=about.main_score,
        evaluate_on=test,
        subsets={
            subset: Subset(
                languages=tuple(dict.fromkeys(languages)),
                sources=tuple(Source(split=split, mteb=about.name, revision=about.dataset["revision"], config=subset) for split in splits),
                columns={column: called for column, called in columns.items() if called != column},
            )
            for subset, languages in _subsets(task).items()
        },
        folder=Path("mteb", about.name),
        **fields,
    )
