"""How much of a model's quality each depth keeps, and the fewest layers that keep enough of it. numpy only."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.statistics.bootstrap import spearman
from bench.statistics.estimate import Estimate, mean, ratio
from bench.statistics.units import Unit, effective_number, weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Form:
    """One pruned form of a model.

    `retained` is its score divided by the full model's, None where that is undefined; `similarity` the mean cosine of its embeddings with the full model's.
    """

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


def quality(gold: Mapping[str, ArrayLike], cosines: Mapping[str, ArrayLike], units: Mapping[str, Sequence[Unit]]) -> Estimate:
    """Spearman's correlation of cosine and gold score, mean over languages, with its paired bootstrap over pairs.

    Args:
        gold: Gold scores by language.
        cosines: Cosines by language, in the same order.
        units: The pairs' resampling units by language; what languages share, as where they are translations of each other, is resampled together.
    """
    found = []
    for language, values in gold.items():
        pair = np.asarray(values, dtype=np.float64), np.asarray(cosines[language], dtype=np.float64)
        score = spearman(*pair, np.ones((1, len(pair[0]))))[0]
        found.append(Estimate(float(score), spearman(*pair, weights(tuple(units[language]))), item_freedom=effective_number(units[language]) - 1))
    return mean(found)


def retained(form: Estimate, full: Estimate) -> tuple[float, tuple[float, float]] | None:
    """The share of the full model's score that a form keeps, with the 95 % interval of the paired bootstrap.

    In each resample, the form's score divided by the full model's.

    None where the full model's score is not above zero in every resample, or a resample has no score: a share of nothing says nothing.
    """
    return ratio(form, full) if np.isfinite(form.items).all() else None


def eligible(forms: Sequence[Form]) -> tuple[Form, ...]:
    """The forms that may be recommended: a random pick is the control and no proposal, unless nothing else was swept."""
    return tuple(form for form in forms if form.strategy != "random") or tuple(forms)


def recommend(forms: Iterable[Form], *, retain: float) -> Form | None:
    """The form of the fewest layers whose retained share is at least `retain` with its whole 95 % interval.

    Of several with as few layers the one of the highest score.

    None where no form keeps so much. The forms are compared one by one with the full model, and the best of many is taken: with many strategies the bound is
    too friendly by a little, and a second set of pairs should confirm it.
    """
    enough = [form for form in forms if form.keeps(retain)]
    return min(enough, key=lambda form: (form.depth, -form.score), default=None)


def surest(forms: Sequence[Form]) -> tuple[float, Form] | None:
    """The highest `retain`, to three decimals, for which a form can be recommended, and that form; None where no form is sure to keep anything."""
    bounds = [form.retained_interval[0] for form in forms if form.retained_interval is not None]
    retain = math.floor(max(bounds, default=0.0) * 1000) / 1000
    form = recommend(forms, retain=retain) if retain > 0 else None
    return None if form is None else (min(retain, 1.0), form)


def linear_cka(first: ArrayLike, second: ArrayLike) -> float:
    """Linear centred kernel alignment of two representations of the same texts (n, a) and (n, b).

    1 where one is a rotation and scaling of the other, 0 where they share nothing.

    Kornblith, Norouzi, Lee and Hinton 2019 (arXiv 1905.00414), section 3: |Y'X|^2 / (|X'X| |Y'Y|) in Frobenius norms, columns centred.
    """
    x, y = (one - one.mean(axis=0) for one in (np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)))
    return float(np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))
