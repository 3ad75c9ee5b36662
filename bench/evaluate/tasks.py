"""Task cards to mteb tasks: mteb's own classes do the scoring, on rows that we have read and cleaned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, get_args

import mteb
import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTask, AbsTaskBitextMining, AbsTaskClassification, AbsTaskPairClassification, AbsTaskSTS
from mteb.types import Licenses
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from bench.cards.tasks import TaskCard
from bench.data.rows import Record, TaskData, text_columns, unique_texts
from bench.digests import digest
from bench.evaluate.triplets import AbsTaskTriplets
from bench.statistics.units import Unit


class _Rows:
    """Mixin that gives an mteb task the rows it was built with; mteb calls `load_data` with keywords of its own."""

    rows: ClassVar[dict[str, dict[str, list[Record]]]]
    units: ClassVar[dict[str, dict[str, tuple[Unit, ...]]]]
    columns: ClassVar[dict[str, str]]

    def load_data(self, **_: Any) -> None:
        if getattr(self, "data_loaded", False):
            return
        self.dataset = {subset: DatasetDict({split: self._dataset(rows) for split, rows in splits.items() if rows}) for subset, splits in self.rows.items()}
        self.data_loaded = True

    def _dataset(self, rows: list[Record]) -> Dataset:
        return Dataset.from_dict({self.columns.get(column, column): [row[column] for row in rows] for column in rows[0]})


class _STS(_Rows, AbsTaskSTS):
    columns: ClassVar[dict[str, str]] = {}


class _PairClassification(_Rows, AbsTaskPairClassification):
    columns: ClassVar[dict[str, str]] = {"label": "labels"}


class _BitextMining(_Rows, AbsTaskBitextMining):
    columns: ClassVar[dict[str, str]] = {}


class _Triplets(_Rows, AbsTaskTriplets):
    columns: ClassVar[dict[str, str]] = {}


class _Classification(_Rows, AbsTaskClassification):
    """mteb's classification with the labels read once; scores do not change.

    mteb hands the lazy label column of `datasets` to every metric, which then reads it row by row, ten times over. The two methods are private to mteb.
    `tests/evaluate/test_mteb_contract.py` holds what we rely on, and pyproject.toml allows only the minor version of mteb that it was tested with.
    """

    columns: ClassVar[dict[str, str]] = {}

    def _calculate_scores(self, y_test: Any, y_pred: Any) -> Any:
        return super()._calculate_scores(np.asarray(y_test[:]), y_pred)

    def _undersample_data(self, dataset: Any, experiment_num: int, idxs: list[int] | None = None) -> Any:
        return super()._undersample_data(_ReadOnce(dataset), experiment_num, idxs)

    def few_shot_draws(self, rows: list[Record]) -> list[list[int]]:
        """The numbers of the training rows that each experiment draws."""
        train = self._dataset(rows)
        draws: list[list[int]] = []
        order = None
        for experiment in range(self.n_experiments):
            _, order, selected = self._undersample_data(train, experiment, order)
            draws.append(list(selected))
        return draws

    def sampled_rows(self, rows: list[Record]) -> list[Record]:
        """The training rows that at least one experiment draws: the only ones that need an embedding."""
        drawn = {index for draw in self.few_shot_draws(rows) for index in draw}
        return [rows[index] for index in sorted(drawn)]


class _ReadOnce:
    """A data set whose columns come as lists."""

    def __init__(self, dataset: Any) -> None:
        self.select = dataset.select
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, column: str) -> list[Any]:
        return list(self._dataset[column])


_CLASSES: dict[str, type[AbsTask]] = {
    "STS": _STS,
    "Classification": _Classification,
    "PairClassification": _PairClassification,
    "BitextMining": _BitextMining,
    "Triplets": _Triplets,
}
MTEB_TYPES = {"Triplets": "PairClassification"}
"""What mteb calls a task type that it has no name for. Like the pairs of `PairClassification`, a triplet has no query and no document, so a model's prompts
for those are not used."""


def build_task(card: TaskCard, data: TaskData, revision: str) -> AbsTask:
    """An mteb task over the rows of a card.

    Args:
        card: With `data` resolved.
        data: Rows, as `load_rows` gives them.
        revision: The task's digest, which mteb stores as the data set's revision.
    """
    metadata = mteb.TaskMetadata(
        name=card.name,
        description=card.description,
        type=MTEB_TYPES.get(card.type, card.type),
        category="t2t" if card.type != "Classification" else "t2c",
        eval_splits=[card.evaluate_on],
        eval_langs={name: list(subset.languages) for name, subset in card.subsets.items()},
        main_score=card.score_name,
        reference=card.reference,
        license=card.license if card.license in get_args(Licenses) else None,
        bibtex_citation=card.citation.strip() or None,
        dataset={"path": f"kasauti/{card.name}", "revision": revision},
        modalities=["text"],
    )
    members: dict[str, Any] = {"metadata": metadata, "rows": data.splits, "units": data.units, "abstask_prompt": None}
    if card.type == "STS":
        members.update(min_score=card.score_range[0], max_score=card.score_range[1])
    if card.type == "Classification":
        members.update(
            train_split=card.train_on,
            samples_per_label=card.samples_per_label,
            n_experiments=card.experiments,
            evaluator_model=KNeighborsClassifier(card.neighbours) if card.classifier == "knn" else LogisticRegression(max_iter=100),
        )
    task: AbsTask = type(card.name, (_CLASSES[card.type],), members)()
    return task


def task_texts(card: TaskCard, task: AbsTask) -> Iterator[str]:
    """Every text that scoring the task will ask an embedding for."""
    columns = text_columns(card)
    for splits in task.rows.values():
        yield from unique_texts(splits[card.evaluate_on], columns)
        if isinstance(task, _Classification):
            yield from unique_texts(task.sampled_rows(splits[card.train_on]), columns)


def draws_name(card: TaskCard, task: AbsTask, subset: str) -> str:
    """A name for the few-shot draws of a classification, empty for other tasks.

    It is the same wherever the same rows of the same files are drawn, as in parallel languages.
    """
    if not isinstance(task, _Classification):
        return ""
    units = task.units[subset][card.train_on]
    return digest([[units[index] for index in draw] for draw in task.few_shot_draws(task.rows[subset][card.train_on])])[:32]


def predictions_file(folder: Path, task: AbsTask) -> Path:
    """Where mteb writes the per-example outputs of a task."""
    return folder / str(task.prediction_file_name)
