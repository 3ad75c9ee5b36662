"""Simulations of intervals, tiers and verdicts of the gate where the truth is known.

`python -m tests.statistics.simulations` prints the table of docs/statistics.md; the slow tests assert what it shows, on fewer rounds.

Everything goes through the code that a run and a board use. What is invented are the examples: latent abilities of candidates, difficulties of rows, luck of
few-shot draws and of training seeds.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy.stats import norm, spearmanr
from sklearn.metrics import average_precision_score

from bench.standings.gate.quality import judged
from bench.statistics.bootstrap import score_estimate
from bench.statistics.estimate import Estimate, averaged, mean
from bench.statistics.power import smallest_detectable
from bench.statistics.tiers import surely_above, tiers
from bench.statistics.units import numbered, weights

NOISE = 0.3


@dataclasses.dataclass(frozen=True)
class Share:
    """How often something happened, in how many rounds."""

    hits: int
    rounds: int

    @property
    def value(self) -> float:
        return self.hits / self.rounds

    @property
    def error(self) -> float:
        """Standard error of the share, at least that of a share of one in twenty."""
        return (max(self.value * (1 - self.value), 0.05 * 0.95) / self.rounds) ** 0.5

    def __str__(self) -> str:
        return f"{self.value:.1%} ± {self.error:.1%}"


def covered(estimates: Iterable[Estimate], truth: float) -> Share:
    """How often the 95 % interval holds the truth."""
    held = [low <= truth <= high for low, high in (estimate.interval for estimate in estimates)]
    return Share(sum(held), len(held))


def pairs(rng: np.random.Generator, n: int, languages: int = 1, candidates: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Gold scores of n pairs in halves (n,), and cosines (candidates, languages, n).

    Half of the variance of a pair's noise is the same in all languages and for all candidates, a quarter for all candidates of a language.
    """
    gold = np.round(2 * np.clip(rng.normal(2.5, 1.4, n), 0, 5)) / 2
    noise = NOISE * (0.7 * rng.normal(size=n) + 0.5 * rng.normal(size=(languages, n)) + 0.51 * rng.normal(size=(candidates, languages, n)))
    return gold, gold / 5 + noise


@functools.cache
def true_scores() -> tuple[float, float]:
    """Spearman's correlation, and the average precision of scores above 3, of very many pairs."""
    gold, cosine = pairs(np.random.default_rng(0), 1_000_000)
    return float(spearmanr(gold, cosine[0, 0])[0]), float(average_precision_score(gold > 3, cosine[0, 0]))


def correlation(gold: np.ndarray, cosine: np.ndarray, name: str = "pairs") -> Estimate:
    found = score_estimate("cosine_spearman", float(spearmanr(gold, cosine)[0]), {"gold": gold, "cosine": cosine}, numbered(name, len(gold)))
    assert found is not None
    return found


def spearman_coverage(rounds: int, n: int) -> Share:
    rng = np.random.default_rng(n)
    return covered((correlation(gold, cosine[0, 0]) for gold, cosine in (pairs(rng, n) for _ in range(rounds))), true_scores()[0])


def language_mean(gold: np.ndarray, cosines: np.ndarray) -> Estimate:
    """The mean of Spearman's correlation over languages whose rows are parallel."""
    return mean([correlation(gold, cosine) for cosine in cosines])


def parallel_languages_coverage(rounds: int, n: int) -> Share:
    rng = np.random.default_rng(n + 1)
    return covered((language_mean(gold, cosine[0]) for gold, cosine in (pairs(rng, n, 2) for _ in range(rounds))), true_scores()[0])


def average_precision_coverage(rounds: int, n: int) -> Share:
    rng = np.random.default_rng(n + 2)

    def one() -> Estimate:
        gold, cosine = pairs(rng, n)
        labels = (gold > 3).astype(float)
        value = float(average_precision_score(labels, cosine[0, 0]))
        found = score_estimate("cosine_ap", value, {"gold": labels, "cosine": cosine[0, 0]}, numbered("pairs", n))
        assert found is not None
        return found

    return covered((one() for _ in range(rounds)), true_scores()[1])


ITEM, DRAW, OTHER = 1.0, 0.12, 0.8
"""Standard deviations of a row's difficulty, of a draw's luck, and of what only their meeting decides, where a sum above zero is a right answer.

An accuracy of .7 then varies by 3.5 points from draw to draw. An interval without the draws would cover about 91 % (300 rows) and 80 % (1,400 rows)."""
ABILITY = 0.7
_DIGITS = bytes.maketrans(b"\x00\x01", b"01")


def true_accuracy(ability: float) -> float:
    return float(norm.cdf(ability / (ITEM**2 + DRAW**2 + OTHER**2) ** 0.5))


def classifications(rng: np.random.Generator, n: int, abilities: Sequence[float] = (ABILITY,), *, languages: int = 1, file: str = "rows") -> list[Estimate]:
    """The accuracy of candidates of these abilities over ten few-shot draws, each a mean over parallel languages.

    Candidates and languages share test rows and draws, and 70 % of the variance of difficulty and luck.
    """
    ability = np.array(abilities)

    def shared(scale: float, *shape: int) -> np.ndarray:
        return scale * (0.7**0.5 * rng.normal(size=shape) + 0.3**0.5 * rng.normal(size=(len(ability), languages, *shape)))

    right = ability[:, None, None, None] + shared(ITEM, 1, n) + shared(DRAW, 10, 1) + OTHER * rng.normal(size=(len(ability), languages, 10, n)) > 0
    return [mean([accuracy(language, file) for language in candidate]) for candidate in right]


def accuracy(right: np.ndarray, file: str) -> Estimate:
    """The accuracy of right answers (draws, n)."""
    correct = [row.tobytes().translate(_DIGITS).decode() for row in right]
    found = score_estimate("accuracy", float(right.mean()), {"correct": correct}, numbered(file, right.shape[1]), draws=file)
    assert found is not None
    return found


def classification_coverage(rounds: int, n: int, languages: int = 1) -> Share:
    rng = np.random.default_rng(n + 3)
    return covered((classifications(rng, n, languages=languages)[0] for _ in range(rounds)), true_accuracy(ABILITY))


def task_mean(rng: np.random.Generator) -> Estimate:
    """A mean over three tasks of different files: an STS and a classification in two parallel languages each, and a classification in one."""
    gold, cosine = pairs(rng, 300, 2)
    topic, sentiment = classifications(rng, 216, languages=2, file="topic"), classifications(rng, 144, [0.3], file="sentiment")
    return mean([language_mean(gold, cosine[0]), *topic, *sentiment])


def task_mean_coverage(rounds: int) -> Share:
    rng = np.random.default_rng(4)
    truth = (true_scores()[0] + true_accuracy(ABILITY) + true_accuracy(0.3)) / 3
    return covered((task_mean(rng) for _ in range(rounds)), truth)


def folded(rng: np.random.Generator, levels: Sequence[float], *, n: int = 300, seeds: int = 3, spread: float = 1.0, common: float = 0.5) -> list[Estimate]:
    """Rows over training seeds, whose score is a mean over n test rows of variance 1: the error of the test sample is 1 / root n.

    Args:
        rng: Where chance comes from.
        levels: True value of each row, which is trained with seeds of its own.
        n: Test rows.
        seeds: Seeds of each row.
        spread: Standard deviation of seeds, in errors of the test sample.
        common: Share of a test row's variance that is the same for all seeds and rows.
    """
    shape = (len(levels), seeds)
    luck = spread / n**0.5 * rng.normal(size=(*shape, 1))
    values = np.reshape(levels, (-1, 1, 1)) + luck + common**0.5 * rng.normal(size=n) + (1 - common) ** 0.5 * rng.normal(size=(*shape, n))
    weight = weights(numbered("rows", n))
    drawn = values @ weight.T / weight.sum(axis=1)
    found = []
    for name, (own, items) in enumerate(zip(values.mean(axis=2), drawn, strict=True)):
        each = [Estimate(float(value), replicates, item_freedom=n - 1) for value, replicates in zip(own, items, strict=True)]
        found.append(averaged(each, over=f"seeds {name}"))
    return found


def seeds_coverage(rounds: int, spread: float, seeds: int = 3) -> Share:
    rng = np.random.default_rng(round(10 * spread) + seeds)
    return covered((folded(rng, [0], seeds=seeds, spread=spread)[0] for _ in range(rounds)), 0.0)


def called_different(rounds: int, make: Callable[[], list[Estimate]]) -> Share:
    """How often the interval of the difference of two equal candidates does not hold zero."""
    return Share(sum((first - second).sure for first, second in (make() for _ in range(rounds))), rounds)


def equal_correlations(rounds: int) -> Share:
    rng = np.random.default_rng(5)

    def two() -> list[Estimate]:
        gold, cosine = pairs(rng, 300, 2, 2)
        return [language_mean(gold, one) for one in cosine]

    return called_different(rounds, two)


def equal_classifications(rounds: int, n: int) -> Share:
    rng = np.random.default_rng(n + 6)
    return called_different(rounds, lambda: classifications(rng, n, [ABILITY] * 2, languages=2))


def equal_rows_of_seeds(rounds: int, spread: float) -> Share:
    rng = np.random.default_rng(round(10 * spread) + 7)
    return called_different(rounds, lambda: folded(rng, [0, 0], spread=spread))


def several_tiers(rounds: int, make: Callable[[], list[Estimate]]) -> Share:
    """How often a board of equal candidates shows more than one tier."""
    return Share(sum(max(tiers(make())) > 1 for _ in range(rounds)), rounds)


def equal_boards(rounds: int) -> Share:
    """Ten equal candidates on a classification in two languages."""
    rng = np.random.default_rng(8)
    return several_tiers(rounds, lambda: classifications(rng, 216, [ABILITY] * 10, languages=2))


def equal_boards_of_seeds(rounds: int) -> Share:
    """Ten equal rows, five of them over three seeds that vary as much as the test sample."""
    rng = np.random.default_rng(9)

    def board() -> list[Estimate]:
        n, common = 200, rng.normal(size=200)
        own = common + rng.normal(size=(5, n))
        weight = weights(numbered("rows", n))
        single = [Estimate(float(one.mean()), items, item_freedom=n - 1) for one, items in zip(own, own @ weight.T / weight.sum(axis=1), strict=True)]
        return [*single, *(one + Estimate(float(common.mean()), weight @ common / weight.sum(axis=1)) for one in folded(rng, [0] * 5, n=n, common=0))]

    return several_tiers(rounds, board)


def found_better(rounds: int) -> Share:
    """How often the one better candidate of ten is surely above all nine others. Its lead is about six standard errors of a difference."""
    rng = np.random.default_rng(10)
    boards = (classifications(rng, 216, [ABILITY + 0.35, *[ABILITY] * 9], languages=2) for _ in range(rounds))
    return Share(sum(bool(surely_above(board)[0, 1:].all()) for board in boards), rounds)


MARGIN = 0.01


def judged_as(rounds: int, verdict: str, make: Callable[[], Estimate]) -> Share:
    """How often the gate says this of the difference of two models."""
    return Share(sum(judged(make(), MARGIN) == verdict for _ in range(rounds)), rounds)


def another_model(rng: np.random.Generator, loss: float = 0.0) -> Estimate:
    """A changed model minus the one before: the mean of a classification of 216 rows in two languages and of 300 pairs in two languages.

    The truth is that `loss` of the classification's accuracy was lost, and nothing of the pairs.
    """
    scale = (ITEM**2 + DRAW**2 + OTHER**2) ** 0.5
    before, after = classifications(rng, 216, [ABILITY, scale * float(norm.ppf(true_accuracy(ABILITY) - loss))], languages=2)
    gold, cosine = pairs(rng, 300, 2, 2)
    old, new = (language_mean(gold, one) for one in cosine)
    return mean([after, new]) - mean([before, old])


def false_regressions(rounds: int) -> Share:
    """How often a model that lost nothing is called a regression. The standard error is larger than the margin here: with a larger test it is less often."""
    rng = np.random.default_rng(20)
    return judged_as(rounds, "REGRESSION", lambda: another_model(rng))


def false_passes(rounds: int) -> Share:
    """How often a model that lost exactly the margin passes, where half of the tasks' mean is known to lose twice that."""
    rng = np.random.default_rng(21)
    return judged_as(rounds, "PASS", lambda: another_model(rng, 2 * MARGIN))


def found_losses(rounds: int) -> Share:
    """How often a loss of the smallest detectable size of such a comparison is seen: its upper end lies below zero."""
    rng = np.random.default_rng(22)
    smallest = float(np.mean([smallest_detectable(another_model(rng)) for _ in range(20)]))
    return Share(sum(another_model(rng, 2 * smallest).interval[1] < 0 for _ in range(rounds)), rounds)


@dataclasses.dataclass(frozen=True)
class Simulation:
    """What is simulated; `least` and `most` are what the share should be, apart from the error of the simulation. A quick test takes `rounds`."""

    what: str
    run: Callable[[int], Share]
    rounds: int
    least: float
    most: float


INTERVALS = tuple(
    Simulation(what, run, rounds, 0.93, 0.97)
    for what, run, rounds in (
        ("Spearman, 300 pairs", lambda rounds: spearman_coverage(rounds, 300), 600),
        ("Spearman, 600 pairs", lambda rounds: spearman_coverage(rounds, 600), 300),
        ("average precision, 300 pairs, a third of them positive", lambda rounds: average_precision_coverage(rounds, 300), 400),
        ("average precision, 1,000 pairs", lambda rounds: average_precision_coverage(rounds, 1000), 150),
        ("classification, 10 draws, 300 rows", lambda rounds: classification_coverage(rounds, 300), 600),
        ("classification, 10 draws, 1,400 rows", lambda rounds: classification_coverage(rounds, 1400), 200),
        ("classification, 10 draws, 300 rows in two parallel languages", lambda rounds: classification_coverage(rounds, 300, 2), 500),
        ("Spearman, 300 pairs in two parallel languages", lambda rounds: parallel_languages_coverage(rounds, 300), 400),
        ("mean over three tasks", task_mean_coverage, 200),
        ("three seeds that vary as much as the test sample", lambda rounds: seeds_coverage(rounds, 1.0), 2000),
        ("three seeds that vary twice as much", lambda rounds: seeds_coverage(rounds, 2.0), 2000),
        ("five seeds that vary twice as much", lambda rounds: seeds_coverage(rounds, 2.0, 5), 1500),
    )
)
DIFFERENCES = tuple(
    Simulation(what, run, rounds, 0.0, 0.065)
    for what, run, rounds in (
        ("Spearman, 300 pairs in two parallel languages", equal_correlations, 200),
        ("classification, 300 rows in two parallel languages", lambda rounds: equal_classifications(rounds, 300), 400),
        ("classification, 1,400 rows in two parallel languages", lambda rounds: equal_classifications(rounds, 1400), 100),
        ("three seeds each, that vary as much as the test sample", lambda rounds: equal_rows_of_seeds(rounds, 1.0), 2000),
        ("three seeds each, that vary twice as much", lambda rounds: equal_rows_of_seeds(rounds, 2.0), 2000),
    )
)
BOARDS = (
    Simulation("ten equal candidates, a classification in two languages: more than one tier", equal_boards, 250, 0.0, 0.05),
    Simulation("ten equal rows, five of them over three seeds: more than one tier", equal_boards_of_seeds, 500, 0.0, 0.05),
    Simulation("one of ten better by six standard errors: surely above all others", found_better, 60, 0.9, 1.0),
)
GATES = (
    Simulation("another model that is as good: REGRESSION", false_regressions, 1000, 0.0, 0.025),
    Simulation("another model that lost exactly the margin: PASS", false_passes, 1000, 0.0, 0.025),
    Simulation("another model that lost the smallest detectable difference: the interval is below zero", found_losses, 400, 0.75, 0.88),
)


def main() -> None:
    """Print the table; the argument says how many times as many rounds as the tests take."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for title, simulations in (
        ("coverage of the 95 % interval", INTERVALS),
        ("equal candidates called different", DIFFERENCES),
        ("boards", BOARDS),
        ("gate", GATES),
    ):
        print(f"\n| {title} | share | rounds |\n|---|---:|---:|")
        for one in simulations:
            share = one.run(times * one.rounds)
            print(f"| {one.what} | {share} | {share.rounds:,} |", flush=True)


if __name__ == "__main__":
    main()
