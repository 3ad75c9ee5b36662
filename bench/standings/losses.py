"""Row by row: where one model is worse than another. Pure: outputs as results store them, and the texts, to plain values.

Every row has a quality of each model, from 0 to 1, and `lost` is the first model's less the second's:

| type of task | quality of a row |
|---|---|
| `STS` | 1 - the distance of the row's rank from its gold rank |
| `PairClassification` | the row's rank where the label is 1, 1 - that where it is 0 |
| `Classification` | the share of the few-shot experiments that are right |
| `BitextMining` | the sentence's share of mteb's F1: 2 / (1 + how many sentences got that translation) where it is right |
| `Triplets` | 1 or 0 |

Ranks are those of similarities (and of gold scores) within a subset, scaled to lie between 0 and 1, ties averaged: what Spearman's correlation looks at, and
the same for models whose similarities lie in different ranges.
"""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.statistics.estimate import Estimate, mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST = 1e-9
"""A difference of quality below it is a rounding error."""
FLIPS = {
    "STS": "its rank is further from, or nearer to, the gold rank",
    "PairClassification": "it is among as many highest as there are pairs of label 1, for one model only",
    "Classification": "more than half of the experiments are right, for one model only",
    "BitextMining": "the right translation is found, by one model only",
    "Triplets": "the right sentence is nearer, for one model only",
}
"""When a row counts as flipped."""
COMPARED = {"STS": (0, 1), "PairClassification": (0, 1), "BitextMining": (0, 1), "Triplets": (0, 2)}
"""Which texts of a row `overlap` compares: of a triplet the anchor and the sentence of the opposite meaning."""


@dataclasses.dataclass(frozen=True)
class Side:
    """What a result stores of one subset: outputs per row, the score, and how it varies where that is known."""

    examples: Mapping[str, Any]
    score: float
    estimate: Estimate | None = None


@dataclasses.dataclass(frozen=True)
class SubsetRows:
    """The rows of one subset and what two models did with them. `gold` is shown with a row: a score, or the name of a label; empty where a row has none."""

    name: str
    language: str
    texts: Sequence[tuple[str, ...]]
    gold: Sequence[str]
    first: Side
    second: Side


@dataclasses.dataclass(frozen=True)
class Example:
    """A row at which the second model lost.

    `row` is its number in the subset, from 0. `quality` is each model's, first and second. `similarity` is each one's, and `ranks` are the gold rank and each
    one's, where the task compares pairs.
    """

    subset: str
    row: int
    texts: tuple[str, ...]
    gold: str
    lost: float
    quality: tuple[float, float]
    similarity: tuple[float, float] | None = None
    ranks: tuple[float, float, float] | None = None


@dataclasses.dataclass(frozen=True)
class Group:
    """Rows of one language, of like length (in words), or with a like share of common letter triples: flips for the worse and the better, and mean loss."""

    by: str
    name: str
    rows: int
    worse: int
    better: int
    lost: float


@dataclasses.dataclass(frozen=True)
class TaskLosses:
    """Two models on one task.

    `scores` are their main scores, means over subsets; `interval` is the 95 % interval of the second less the first. `worse` and `better` count the rows that
    flipped (`flip` says what that is), and `p` is the two-sided exact sign test of the two counts: McNemar's test where a row is right or wrong.
    """

    task: str
    type: str
    metric: str
    flip: str
    rows: int
    scores: tuple[float, float]
    interval: tuple[float, float] | None
    worse: int
    better: int
    p: float | None
    lost: float
    groups: tuple[Group, ...]
    examples: tuple[Example, ...]

    @property
    def difference(self) -> float:
        """The second score less the first."""
        return self.scores[1] - self.scores[0]


@dataclasses.dataclass(frozen=True)
class Rewritten:
    """What rewritten texts of one column cost each of two candidates: clean score less rewritten one.

    `interval` is the 95 % interval of `difference`, the second drop less the first, where it is known.
    """

    label: str
    rule: str
    drops: tuple[float, float]
    interval: tuple[float, float] | None

    @property
    def difference(self) -> float:
        """The second candidate's drop less the first one's."""
        return self.drops[1] - self.drops[0]


@dataclasses.dataclass(frozen=True)
class Diff:
    """Where candidate `second` lost against `first`, task by task, in the order of the suite.

    `left_out` are the tasks that could not be compared, and why.
    """

    suite: str
    device: str
    first: str
    second: str
    tasks: tuple[TaskLosses, ...]
    rewritten: tuple[Rewritten, ...]
    left_out: dict[str, str]


@dataclasses.dataclass(frozen=True)
class _Judged:
    """Every row of a subset. `flip` is 1 where it flipped for the worse, -1 for the better, 0 elsewhere; `ranks` are gold, first, second."""

    quality: tuple[Floats, Floats]
    flip: NDArray[np.int64]
    similarity: tuple[Floats, Floats] | None = None
    ranks: tuple[Floats, Floats, Floats] | None = None

    @property
    def lost(self) -> Floats:
        return self.quality[0] - self.quality[1]


def task_losses(task: str, kind: str, metric: str, subsets: Sequence[SubsetRows], limit: int) -> TaskLosses:
    """Where the second model lost against the first on a task.

    Args:
        task: Its name.
        kind: Its type.
        metric: Its main score.
        subsets: Rows and outputs, one entry a subset.
        limit: How many examples to keep, the worst ones first.
    """
    judged = [_judge(kind, subset) for subset in subsets]
    lost, flips = (np.concatenate([getattr(one, name) for one in judged]) for name in ("lost", "flip"))
    worse, better = int((flips > 0).sum()), int((flips < 0).sum())
    estimates = [None if None in (one.first.estimate, one.second.estimate) else one.second.estimate - one.first.estimate for one in subsets]  # type: ignore[operator]
    known = [estimate for estimate in estimates if estimate is not None]
    return TaskLosses(
        task=task,
        type=kind,
        metric=metric,
        flip=FLIPS[kind],
        rows=len(lost),
        scores=(_mean([one.first.score for one in subsets]), _mean([one.second.score for one in subsets])),
        interval=mean(known).interval if len(known) == len(estimates) else None,
        worse=worse,
        better=better,
        p=sign_test(worse, better),
        lost=float(lost.mean()),
        groups=_groups(kind, subsets, lost, flips),
        examples=_examples(subsets, judged, limit),
    )


def worst_rows(kind: str, subsets: Sequence[SubsetRows], limit: int) -> tuple[Example, ...]:
    """The examples of `task_losses` alone."""
    return _examples(subsets, [_judge(kind, subset) for subset in subsets], limit)


def sign_test(worse: int, better: int) -> float | None:
    """The probability of counts at least as uneven where both are equally likely, two-sided and exact; None where nothing flipped."""
    from scipy.stats import binomtest

    return float(binomtest(worse, worse + better).pvalue) if worse + better else None


def overlap(first: str, second: str) -> float:
    """Jaccard's coefficient of two texts' letter triples, from 0 to 1: shared ones by all. Spaces count, also before and after; case does not."""
    one, other = _triples(first), _triples(second)
    return len(one & other) / len(one | other)


def _triples(text: str) -> set[str]:
    prepared = f" {' '.join(unicodedata.normalize('NFC', text).lower().split())} ".ljust(3)
    return {prepared[start : start + 3] for start in range(len(prepared) - 2)}


def _judge(kind: str, subset: SubsetRows) -> _Judged:
    sides = (subset.first.examples, subset.second.examples)
    if kind in {"STS", "PairClassification"}:
        return _judge_pairs(kind, *sides)
    correct = [np.array([[sign == "1" for sign in one] for one in side["correct"]], dtype=np.float64).mean(axis=0) for side in sides]
    right = [one > 0.5 for one in correct]
    quality = [np.asarray(side["f1"], dtype=np.float64) for side in sides] if all("f1" in side for side in sides) else correct
    return _Judged((quality[0], quality[1]), right[0].astype(np.int64) - right[1].astype(np.int64))


def _judge_pairs(kind: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> _Judged:
    similar = [np.asarray(side["cosine"], dtype=np.float64) for side in (first, second)]
    ranks = [_ranks(values) for values in similar]
    gold = np.asarray(first["gold"], dtype=np.float64)
    aim = _ranks(gold) if kind == "STS" else gold
    quality = [1 - np.abs(one - aim) for one in ranks]
    if kind == "STS":
        lost = quality[0] - quality[1]
        flip = np.where(np.abs(lost) > LEAST, np.sign(lost), 0).astype(np.int64)
    else:
        right = [_called(values, int(gold.sum())) == gold for values in similar]
        flip = right[0].astype(np.int64) - right[1].astype(np.int64)
    return _Judged((quality[0], quality[1]), flip, (similar[0], similar[1]), (aim, ranks[0], ranks[1]))


def _ranks(values: Floats) -> Floats:
    """Ranks scaled to lie between 0 and 1, ties averaged: (n,)."""
    from scipy.stats import rankdata

    ranks: Floats = (rankdata(values) - 0.5) / len(values)
    return ranks


def _called(similar: Floats, positive: int) -> Floats:
    """1 for the pairs that are at least as similar as the one that is `positive`-th from above."""
    if not positive:
        return np.zeros(len(similar))
    called: Floats = (similar >= np.sort(similar)[-positive]).astype(np.float64)
    return called


def _examples(subsets: Sequence[SubsetRows], judged: Sequence[_Judged], limit: int) -> tuple[Example, ...]:
    """The rows at which the second model lost most; of equal losses the one that stands first."""
    places = [(-float(lost), number, row) for number, one in enumerate(judged) for row, lost in enumerate(one.lost) if lost > LEAST]
    return tuple(_example(subsets[number], judged[number], row) for _, number, row in sorted(places)[:limit])


def _example(subset: SubsetRows, one: _Judged, row: int) -> Example:
    first, second = (float(quality[row]) for quality in one.quality)
    return Example(
        subset=subset.name,
        row=row,
        texts=tuple(subset.texts[row]),
        gold=subset.gold[row],
        lost=float(one.lost[row]),
        quality=(first, second),
        similarity=None if one.similarity is None else (float(one.similarity[0][row]), float(one.similarity[1][row])),
        ranks=None if one.ranks is None else (float(one.ranks[0][row]), float(one.ranks[1][row]), float(one.ranks[2][row])),
    )


def _groups(kind: str, subsets: Sequence[SubsetRows], lost: Floats, flips: NDArray[np.int64]) -> tuple[Group, ...]:
    """By language, by length, and by overlap of letters where rows have two texts to compare."""
    rows = [texts for subset in subsets for texts in subset.texts]
    languages = np.array([subset.language for subset in subsets for _ in subset.texts])
    parts: list[tuple[str, str, NDArray[np.bool_]]] = [("language", name, languages == name) for name in dict.fromkeys(languages.tolist())]
    words = np.array([sum(len(text.split()) for text in texts) for texts in rows], dtype=np.float64)
    parts += [("words", name, inside) for name, inside in _thirds(words, lambda value: f"{value:.0f}")]
    if kind in COMPARED:
        one, other = COMPARED[kind]
        shared = np.array([overlap(texts[one], texts[other]) for texts in rows])
        parts += [("letters in common", name, inside) for name, inside in _thirds(shared, lambda value: f"{100 * value:.0f} %")]
    return tuple(
        Group(by, name, int(inside.sum()), int((flips[inside] > 0).sum()), int((flips[inside] < 0).sum()), float(lost[inside].mean()))
        for by, name, inside in parts
        if inside.any()
    )


def _thirds(values: Floats, shown: Callable[[float], str]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Rows in three parts of about equal size, by value; fewer where many values are equal."""
    lower, upper = np.quantile(values, [1 / 3, 2 / 3], method="inverted_cdf")
    parts = [values <= lower, (values > lower) & (values <= upper), values > upper]
    return [(_span(values[inside], shown), inside) for inside in parts if inside.any()]


def _span(values: Floats, shown: Callable[[float], str]) -> str:
    low, high = shown(float(values.min())), shown(float(values.max()))
    return low if low == high else f"{low} to {high}"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
