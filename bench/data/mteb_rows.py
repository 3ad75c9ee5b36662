"""The rows of a task of mteb, as mteb's own class loads and changes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.cards.tasks import Source
from bench.errors import DataError, first_line


def mteb_rows(source: Source, *, offline: bool) -> Iterator[tuple[str, dict[str, object]]]:
    """The rows of one split of one subset, each with a place for messages.

    Args:
        source: With the task's name, its subset, and the revision of its data set.
        offline: Never ask the Hub; the data set is there only where an earlier run has put it into the Hub's cache.

    Raises:
        DataError: The data set cannot be had, is of another revision than the card pins, or has no such subset or split.
    """
    subset, split = source.config or "default", source.hub_split or source.split
    where = f"mteb:{source.mteb}[{subset}/{split}]"
    task = _task(source, where)
    try:
        with _kept_off_the_network(offline=offline):
            task.load_data()
    except Exception as error:  # the Hub's client, datasets and the task's own code raise what they like
        why = "its data set is not in the Hub's cache on this machine, and the Hub is not asked (`bench plan`, --offline); `bench run` fetches it"
        raise DataError(f"{where}: cannot be loaded: {first_line(error)}; " + (why if offline else "check the network, or run it where the Hub is")) from error
    try:
        splits = task.dataset.get(subset, task.dataset)
        rows = splits[split]
    except KeyError as error:
        raise DataError(f"{where}: the data set has no {error}") from None
    column, numbers = _numbered(task, splits)
    for number, row in enumerate(_single(rows)):
        if (gold := row.get("gold")) is not None and tuple(gold) != (number, number):  # only a bitext says so, of which sentence is whose translation
            raise DataError(f"{where}#{number}: the translation of this sentence stands in another row ({gold}), which only mteb itself can score")
        yield f"{where}#{number}", {**row, column: numbers[row[column]]} if numbers else row


def _task(source: Source, where: str) -> Any:
    import mteb

    subset = source.config or "default"
    try:
        task = mteb.get_task(source.mteb, **({} if subset == "default" else {"hf_subsets": [subset]}))
    except (KeyError, ValueError) as error:
        raise DataError(f"{where}: mteb {mteb.__version__} has no such task or subset: {first_line(error)}") from None
    if (has := task.metadata.dataset["revision"]) != source.revision:
        raise DataError(f"{where}: the card pins revision {source.revision}, mteb {mteb.__version__} has {has}; put that on the card, or install its version")
    return task


def _numbered(task: Any, splits: Any) -> tuple[str, dict[object, int]]:
    """The column of a classification's labels, and a number for each label that is a word, in their order: a classifier sees no difference."""
    column = str(getattr(task, "label_column_name", ""))
    words = {label for rows in splits.values() for label in rows[column]} if task.metadata.type == "Classification" else set()
    return column, {word: number for number, word in enumerate(sorted(words))} if any(isinstance(word, str) for word in words) else {}


def _single(rows: Any) -> Iterator[dict[str, Any]]:
    """One row after the other; some pair tasks have all of them as lists in a single row, and some bitexts as lists without a row."""
    for row in [dict(rows)] if isinstance(rows, Mapping) else rows:
        lists = {key: value for key, value in row.items() if isinstance(value, list)}
        if not lists:
            yield row
            continue
        yield from (dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True))


@contextmanager
def _kept_off_the_network(*, offline: bool) -> Iterator[None]:
    """Let the Hub's libraries use their caches only. They have read their environment by now."""
    import datasets.config
    import huggingface_hub.constants

    before = datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE
    if offline:
        datasets.config.HF_HUB_OFFLINE = huggingface_hub.constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE = before
