"""How much of a model's quality each depth keeps, and the fewest layers that keep enough of it. numpy only."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.statistics.bootstrap import interval, resample, spearman

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Quality:
    """A score and what it is in each resample (resamples,)."""

    score: float
    replicates: Floats

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the score."""
        return interval(self.replicates)


@dataclasses.dataclass(frozen=True)
class Form:
    """One pruned form of a model. `retained` is its score divided by the full model's, None where that is undefined; `similarity` the mean cosine of its embeddings with the full model's."""

    strategy: str
    kept: tuple[int, ...]
    score: float
    interval: tuple[float, float]
    retained: float | None
    retained_interval: tuple[float, float] | None
    similarity: float

    @property
    def depth(self) -> int:
        """Number of kept layers."""
        return len(self.kept)

    def keeps(self, retain: float) -> bool:
        """True where the lower end of the 95 % interval of what is retained is at least `retain`."""
        return self.retained_interval is not None and self.retained_interval[0] >= retain


def quality(gold: Mapping[str, ArrayLike], cosines: Mapping[str, ArrayLike], *, seed: int) -> Quality:
    """Spearman's correlation of cosine and gold score, mean over languages, with its paired bootstrap over pairs.

    Languages of the same number of pairs are resampled alike: where they are translations of each other, as in KasautiSTS, a pair is drawn or left out in both.

    Args:
        gold: Gold scores by language.
        cosines: Cosines by language, in the same order.
        seed: From the name of the rows; the same seed makes two qualities comparable resample by resample.
    """
    scores, replicates = [], []
    for language, values in gold.items():
        pair = np.asarray(values, dtype=np.float64), np.asarray(cosines[language], dtype=np.float64)
        scores.append(spearman(*pair, np.ones((1, len(pair[0]))))[0])
        replicates.append(spearman(*pair, resample(len(pair[0]), seed=seed)))
    return Quality(float(np.mean(scores)), np.mean(replicates, axis=0))


def retained(form: Quality, full: Quality) -> tuple[float, tuple[float, float]] | None:
    """The share of the full model's score that a form keeps, with the 95 % interval of the paired bootstrap: in each resample, the form's score divided by the full model's.

    None where the full model's score is not above zero in every resample, or a resample has no score: a share of nothing says nothing.
    """
    if not (full.score > 0 and (full.replicates > 0).all() and np.isfinite(form.replicates).all()):
        return None
    return form.score / full.score, interval(form.replicates / full.replicates)


def eligible(forms: Sequence[Form]) -> tuple[Form, ...]:
    """The forms that may be recommended: a random pick is the control and no proposal, unless nothing else was swept."""
    return tuple(form for form in forms if form.strategy != "random") or tuple(forms)


def recommend(forms: Iterable[Form], *, retain: float) -> Form | None:
    """The form of the fewest layers whose retained share is at least `retain` with its whole 95 % interval; of several with as few layers the one of the highest score.

    None where no form keeps so much. The forms are compared one by one with the full model, and the best of many is taken: with many strategies the bound is too friendly by a little, and a
    second set of pairs should confirm it.
    """
    enough = [form for form in forms if form.keeps(retain)]
    return min(enough, key=lambda form: (form.depth, -form.score), default=None)


def linear_cka(first: ArrayLike, second: ArrayLike) -> float:
    """Linear centred kernel alignment of two representations of the same texts (n, a) and (n, b): 1 where one is a rotation and scaling of the other, 0 where they share nothing.

    Kornblith, Norouzi, Lee and Hinton 2019 (arXiv 1905.00414), section 3: |Y'X|^2 / (|X'X| |Y'Y|) in Frobenius norms, columns centred.
    """
    x, y = (one - one.mean(axis=0) for one in (np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)))
    return float(np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))
