"""Rows of a task, ready to use: canonical columns, typed labels and scores, declared rules applied and counted."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.cards.tasks import COLUMNS, NLI_LABELS, Rule, Source, Subset, TaskCard
from bench.data.perturbation import perturb
from bench.data.sources import NoText, RawRow, locate_source, read_rows, source_digest
from bench.digests import digest
from bench.errors import DataError, nearest
from bench.statistics.units import Unit

Value = str | int | float
Record = dict[str, Value]

DATA_VERSION = 1
"""Raise it by one when the same files would give other rows: results made from the old rows are then not used again."""


@dataclasses.dataclass
class TaskData:
    """`splits[subset][split]` are rows with canonical columns; `dropped[subset, split][rule]` counts what the rules removed.

    `units[subset][split]` are the rows' resampling units, in the same order: rows of one unit are not independent, within a task or between tasks.
    """

    splits: dict[str, dict[str, list[Record]]]
    dropped: dict[tuple[str, str], dict[str, int]]
    units: dict[str, dict[str, tuple[Unit, ...]]] = dataclasses.field(default_factory=dict)


class _Raw(NamedTuple):
    """A row as its file has it; `place` is for error messages."""

    place: str
    row: RawRow
    unit: Unit


def load_rows(card: TaskCard, data_dir: Path | None, *, offline: bool = True, splits: Iterable[str] | None = None) -> TaskData:
    """Read, convert and clean a task's rows.

    Args:
        card: A card with `data` resolved (`Library.task`).
        data_dir: Folder of published files, or None.
        offline: Refuse Hub sources.
        splits: Only these splits (and those that rules look into); all when None.

    Raises:
        DataError: A file is missing, changed or malformed, or a label or score is wrong; names file, line and column.
    """
    data = TaskData({}, {})
    wanted = None if splits is None else {*splits, *(rule.seen_in for rule in card.rules if rule.seen_in)}
    if wanted is not None:
        wanted |= {split for rule in card.rules if rule.into in wanted for split in rule.splits}
    raw = {name: _read_subset(subset, card, data_dir, wanted, offline=offline) for name, subset in card.subsets.items()}
    units = _resampling_units(card, raw)
    _split_rows(card.rules, raw, units)
    for name, subset in card.subsets.items():
        data.splits[name], data.units[name] = {}, {}
        for split, rows in raw[name].items():
            kept, dropped = _apply(card, subset, split, rows)
            data.splits[name][split] = [record for _, record in kept]
            data.units[name][split] = tuple(units[name, split][number] for number, _ in kept)
            data.dropped[name, split] = dropped
        for rule in card.rules:
            if rule.rule == "drop-seen":
                _drop_seen(rule, card, data, name)
    if card.rows is not None:
        _limit(data, card.evaluate_on, card.rows)
    for name in card.subsets:
        if card.perturbation is not None and card.evaluate_on in data.splits[name]:
            _perturb(card.perturbation, data.splits[name][card.evaluate_on])
    return data


def task_digest(card: TaskCard, data_dir: Path | None) -> str:
    """Digest of everything that decides a task's rows and scoring: the card and the content of its files.

    Raises:
        DataError: A file is missing or differs from the card's sha256.
    """
    contents = [source_digest(source, card.folder, data_dir) for subset in card.subsets.values() for source in subset.sources]
    described = dataclasses.replace(card, description="", citation="", reference=None, license="x")
    return digest({"card": described, "contents": contents, "version": DATA_VERSION})


def check_data_folder(data_dir: Path | None) -> None:
    """Refuse a folder of published data that is not there.

    Raises:
        DataError: It is not.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise DataError(f"--data-dir: {data_dir} is no folder; give the one that holds <owner>/<repository>/<path>")


def missing_files(card: TaskCard, data_dir: Path | None) -> list[str]:
    """Why the task's data cannot be read here; empty when it can."""
    found = [locate_source(source, card.folder, data_dir).problem for subset in card.subsets.values() for source in subset.sources]
    return [problem for problem in found if problem]


def text_columns(card: TaskCard) -> tuple[str, ...]:
    """The canonical columns that hold text."""
    return tuple(column for column in COLUMNS[card.type] if column not in {"label", "score"})


def normalise(text: str) -> str:
    """A text as leak checks and duplicate checks see it: NFC, lower case, letters, vowel signs and digits of any script only.

    A text of nothing else (an emoji) is left as it is, so that it equals itself only.
    """
    composed = unicodedata.normalize("NFC", text).lower()
    return composed.translate(_LETTERS) or composed


class _Letters(dict[int, int | None]):
    """For `str.translate`: letters, marks and digits stay, everything else goes. Each character is looked up once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else None
        return self[code]


_LETTERS = _Letters()


def _resampling_units(card: TaskCard, raw: Mapping[str, Mapping[str, list[_Raw]]]) -> dict[tuple[str, str], list[Unit]]:
    """The resampling unit of each raw row, by subset and split.

    A row's unit is its place in its file, before any rule drops rows. Where the card says that its languages are parallel, row n of each language is one
    unit, named by the first language's file. Rows of a file that have a text in common, in any language of the card, are one unit, named by the first of them
    (texts are compared as in `normalise`, before any rule or rewriting).

    Raises:
        DataError: Languages that are said to be parallel have different numbers of rows.
    """
    found = {(name, split): [one.unit for one in rows] for name, splits in raw.items() for split, rows in splits.items()}
    if card.parallel:
        for split in dict.fromkeys(split for _, split in found):
            sides = {name: found[name, split] for name in raw if (name, split) in found}
            if len({len(units) for units in sides.values()}) > 1:
                counts = ", ".join(f"{name} has {len(units)}" for name, units in sides.items())
                raise DataError(f"{card.folder / 'task.toml'}: parallel: the subsets have different numbers of rows in split {split!r}: {counts}")
            found.update({(name, split): next(iter(sides.values())) for name in sides})
    first: dict[Unit, Unit] = {}
    holder: dict[tuple[str, str], Unit] = {}
    for (name, split), units in found.items():
        columns = [card.subsets[name].columns.get(column, column) for column in text_columns(card)]
        for unit, one in zip(units, raw[name][split], strict=True):
            for text in {normalise(one.row.get(column, "")) for column in columns} - {""}:
                other = holder.setdefault((unit[0], text), unit)
                low, high = sorted((_first(first, unit), _first(first, other)))
                first[high] = low
    return {place: [_first(first, unit) for unit in units] for place, units in found.items()}


def _first(first: dict[Unit, Unit], unit: Unit) -> Unit:
    """The first row of a row's group."""
    while (above := first.get(unit, unit)) != unit:
        first[unit] = first.get(above, above)
        unit = above
    return unit


def _read_subset(subset: Subset, card: TaskCard, data_dir: Path | None, wanted: set[str] | None, *, offline: bool) -> dict[str, list[_Raw]]:
    """The raw rows of each wanted split."""
    by_split = itertools.groupby(sorted(subset.sources, key=lambda source: source.split), key=lambda source: source.split)
    return {split: _read_split(list(sources), card, data_dir, offline=offline) for split, sources in by_split if wanted is None or split in wanted}


def _read_split(sources: list[Source], card: TaskCard, data_dir: Path | None, *, offline: bool) -> list[_Raw]:
    """Sources of one split: text files with a `column` each stand side by side, everything else is concatenated."""
    parts = []
    for source in sources:
        rows = list(read_rows(source, card.folder, data_dir, offline=offline))
        content = source_digest(source, card.folder, data_dir)
        parts.append([_Raw(place, row, (content, number)) for number, (place, row) in enumerate(rows)])
    if len(parts) == 1 or not all(source.column for source in sources):
        return [row for part in parts for row in part]
    lengths = [len(part) for part in parts]
    if len(set(lengths)) > 1:
        found = ", ".join(f"{source.label} has {length}" for source, length in zip(sources, lengths, strict=True))
        raise DataError(f"{card.folder / 'task.toml'}: the files of split {sources[0].split!r} have different numbers of lines: {found}")
    return [
        _Raw(" and ".join(one.place for one in rows), {key: value for one in rows for key, value in one.row.items()}, rows[0].unit)
        for rows in zip(*parts, strict=True)
    ]


def _split_rows(rules: Iterable[Rule], raw: dict[str, dict[str, list[_Raw]]], units: dict[tuple[str, str], list[Unit]]) -> None:
    """Move rows into the splits that rules make. Rows of one resampling unit stay together, so that no text stands in both."""
    for rule in rules:
        for name, splits in raw.items():
            if rule.into is None or rule.every is None or rule.splits[0] not in splits:
                continue
            source = rule.splits[0]
            goes = [number % rule.every == rule.every - 1 for _, number in units[name, source]]
            stays = [not one for one in goes]
            for split, chosen in ((rule.into, goes), (source, stays)):
                splits[split], units[name, split] = [*itertools.compress(raw[name][source], chosen)], [*itertools.compress(units[name, source], chosen)]


def _limit(data: TaskData, split: str, rows: int) -> None:
    """Keep the first rows of a split; where subsets have rows of the same units, the same ones in all of them."""
    units = {name: splits[split] for name, splits in data.units.items() if split in splits}
    shared = set.intersection(*map(set, units.values())) if units else set()
    left = dict.fromkeys(itertools.islice((unit for unit in next(iter(units.values()), ()) if unit in shared), rows))
    for name, own in units.items():
        stays = [not shared or unit in left for unit in own]
        data.splits[name][split] = list(itertools.compress(data.splits[name][split], stays))[:rows]
        data.units[name][split] = tuple(itertools.compress(own, stays))[:rows]


def _apply(card: TaskCard, subset: Subset, split: str, rows: list[_Raw]) -> tuple[list[tuple[int, Record]], dict[str, int]]:
    """The rows that the rules keep, with their numbers among all; and how many each rule drops."""
    dropped: collections.Counter[str] = collections.Counter()
    rules = [rule for rule in card.rules if not rule.splits or split in rule.splits]
    names = {column: subset.columns.get(column, column) for column in COLUMNS[card.type]}
    kept: list[tuple[int, Record]] = []
    seen: set[tuple[str, ...]] = set()
    for number, (place, row, _) in enumerate(rows):
        for column, name in names.items():
            if name not in row:
                raise DataError(f"{place}: no column {name!r} for {column!r}{nearest(name, row)}")
            if isinstance(row[name], NoText):
                raise DataError(f"{place}: {name} must be a text or a number (got {row[name][:40]})")
        texts = [row[names[column]] for column in text_columns(card)]
        if reason := _dropped_by(rules, texts, row.get(names.get("label", ""), ""), seen):
            dropped[reason] += 1
        else:
            kept.append((number, {column: _value(card, column, row[name], place) for column, name in names.items()}))
    return kept, dict(dropped)


def _dropped_by(rules: list[Rule], texts: list[str], label: str, seen: set[tuple[str, ...]]) -> str | None:
    """The first rule that drops a row; a kept row's texts are added to `seen`."""
    key = tuple(normalise(text) for text in texts) if any(rule.rule == "drop-duplicates" for rule in rules) else ()
    for rule in rules:
        if (
            (rule.rule == "drop-label" and label in rule.values)
            or (rule.rule == "keep-label" and label not in rule.values)
            or (rule.rule == "drop-empty" and not all(text.strip() for text in texts))
            or (rule.rule == "drop-characters" and any(character in text for character in rule.values for text in texts))
            or (rule.rule == "drop-duplicates" and key in seen)
        ):
            return rule.rule
    seen.add(key)
    return None


def _drop_seen(rule: Rule, card: TaskCard, data: TaskData, subset: str) -> None:
    splits = data.splits[subset]
    if rule.seen_in not in splits:
        return
    columns = text_columns(card)

    def key(row: Record) -> tuple[str, ...]:
        return tuple(sorted(normalise(str(row[column])) for column in columns))

    seen = {key(row) for row in splits[rule.seen_in]}
    for split, rows in splits.items():
        if split != rule.seen_in and (not rule.splits or split in rule.splits):
            stays = [key(row) not in seen for row in rows]
            splits[split] = list(itertools.compress(rows, stays))
            data.units[subset][split] = tuple(itertools.compress(data.units[subset][split], stays))
            if removed := len(rows) - len(splits[split]):
                data.dropped[subset, split][f"{rule.rule}:{rule.seen_in}"] = removed


def _perturb(rule: str, rows: list[Record]) -> None:
    for row in rows:
        row["sentence1"], row["sentence2"] = perturb(rule, str(row["sentence1"]), str(row["sentence2"]))


def _value(card: TaskCard, column: str, text: str, place: str) -> Value:
    if column == "score":
        return _score(card, text, place)
    if column == "label":
        return _label(card, text, place)
    if not text.strip():
        raise DataError(f"{place}: {column} is empty; remove the row or fill it in")
    return text.strip()


def _score(card: TaskCard, text: str, place: str) -> float:
    low, high = card.score_range
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not low <= score <= high:
        raise DataError(f"{place}: score must be a number from {low:g} to {high:g}, the score_range of the card (got {text!r})")
    return score


def _label(card: TaskCard, text: str, place: str) -> int | str:
    labels = card.labels or (NLI_LABELS if card.type == "NLI" else {})
    if not labels and text.isdecimal() and all(source.mteb for subset in card.subsets.values() for source in subset.sources):
        return int(text)
    if not labels:
        raise DataError(f"{card.folder / 'task.toml'}: labels: missing; a {card.type} task needs a table of its labels, like labels = {{ {text} = 0 }}")
    if text not in labels:
        raise DataError(f"{place}: unknown label {text!r}{nearest(text, labels)}")
    return labels[text]


def unique_texts(rows: Iterable[Record], columns: Iterable[str]) -> Iterator[str]:
    """Every text of the given columns, in order, repeats left out."""
    columns = tuple(columns)
    yield from dict.fromkeys(str(row[column]) for row in rows for column in columns)
