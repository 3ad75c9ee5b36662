"""Every depth and every strategy of one base before any fine-tuning: how good, how like the full model, and which depth to keep."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from bench.cards.candidate import RankedStrategy, Strategy
from bench.digests import model_digest
from bench.errors import LayerError, ModelError
from bench.make.strategies.pure import RANKED, STRATEGIES, Rank, describe_kept, kept_layers
from bench.models.encoders import Progress
from bench.statistics.estimate import Estimate
from bench.sweep.depths import Form, eligible, linear_cka, quality, recommend, retained, surest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.cards.workspace import Workspace
    from bench.data.rows import Record
    from bench.models.shared_prefix import Kept
    from bench.statistics.units import Unit

    Rows = dict[str, list[Record]]
    Units = dict[str, tuple[Unit, ...]]

TASK, SPLIT = "KasautiSTS", "dev"
"""The pairs that depths are judged on: never a test text, since a depth is chosen by them."""
EVERY: tuple[Strategy, ...] = get_args(Strategy)
"""All strategies: those that need the number of layers only, then the ranked ones."""
DEFAULT: tuple[Strategy, ...] = tuple(strategy for strategy in EVERY if strategy != "greedy")
"""What is swept unless the user chooses: all but the one whose ranking takes about as long as all the others' embeddings."""
SIDE_BY_SIDE = 7
"""As many strategies can be told apart in one picture, and fit into a table of 140 characters."""


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What a sweep found. `layer_similarity[i][j]` is the linear CKA of the sentence embeddings taken after layers i and j of the full model."""

    name: str
    content: str
    layers: int
    retain: float
    pairs: dict[str, int]
    full: Estimate
    forms: tuple[Form, ...]
    recommended: Form | None
    layer_similarity: list[list[float]]
    layer_passes: int
    layer_passes_apart: int
    device: str

    @property
    def strategies(self) -> tuple[str, ...]:
        """The strategies, in the order in which they were asked for."""
        return tuple(dict.fromkeys(form.strategy for form in self.forms))

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The strategies as they are shown: all side by side where these are few.

        Else the ranked ones apart, beside the random choice that they have to beat.
        """
        if len(self.strategies) <= SIDE_BY_SIDE:
            return (self.strategies,)
        pure = tuple(strategy for strategy in self.strategies if strategy in STRATEGIES)
        ranked = tuple(strategy for strategy in self.strategies if strategy in RANKED)
        return pure, (*ranked, *(strategy for strategy in pure if strategy == "random"))

    @property
    def verdict(self) -> str:
        """The recommendation, or why there is none, in a sentence."""
        wanted = f"{self.retain:.0%} of the full model's score"
        if self.recommended is not None:
            return f"Recommended: {self.recommended.depth} of {self.layers} layers: {_describe(self.recommended)}."
        if all(form.retained_interval is None for form in eligible(self.forms)):
            return "No depth can be recommended: the full model's own score is not above zero in every resample, and a share of it says nothing."
        if self.surest is None:
            return f"No depth is sure to keep {wanted}, nor any share of it that is above zero."
        retain, form = self.surest
        return f"No depth is sure to keep {wanted}. Most is kept by {form.depth} of {self.layers} layers: {_describe(form)}. It passes --retain {retain:g}."

    @property
    def surest(self) -> tuple[float, Form] | None:
        """What comes closest where nothing is recommended: the highest `--retain` that would recommend a form, and the form."""
        return surest(eligible(self.forms))

    def record(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        from bench.probe.machine import fingerprint, versions

        return {
            "base": self.name,
            "content": self.content,
            "layers": self.layers,
            "data": {"task": TASK, "split": SPLIT, "pairs": self.pairs},
            "retain": self.retain,
            "full": {"score": self.full.value, "interval": self.full.interval},
            "forms": [{"depth": form.depth, **dataclasses.asdict(form), "keeps": form.keeps(self.retain)} for form in self.forms],
            "recommended": None if self.recommended is None else {"strategy": self.recommended.strategy, "kept": self.recommended.kept},
            "surest": None if self.surest is None else {"retain": self.surest[0], "strategy": self.surest[1].strategy, "kept": self.surest[1].kept},
            "verdict": self.verdict,
            "layer_similarity": self.layer_similarity,
            "layer_passes": {"together": self.layer_passes, "apart": self.layer_passes_apart},
            "machine": fingerprint(self.device),
            "versions": versions(),
        }


def sweep(
    folder: Path,
    *,
    name: str,
    strategies: Sequence[Strategy],
    rank: Rank | None = None,
    retain: float = 0.98,
    device: str = "cpu",
    progress: Progress = lambda _: None,
) -> Sweep:
    """Judge every depth of a base by every strategy, in one shared pass over the development pairs.

    Args:
        folder: A transformers or sentence-transformers folder. A plain one is pooled by the mean; a sentence-transformers one as it says itself.
        name: What to call the base.
        strategies: Some of `EVERY`.
        rank: Gives the kept lists of a ranked strategy; see `ranker`. Needed only where `strategies` has one.
        retain: The share of the full model's score that a recommended depth keeps.
        device: Device to encode on.
        progress: Called with the finished fraction of encoding.

    Raises:
        ModelError: The base cannot be loaded or pruned, has one layer only, or gives embeddings that cannot be used.
    """
    from bench.models.architectures import layer_count
    from bench.models.loading import load_sentence_model
    from bench.models.shared_prefix import SharedPrefixEncoder

    total = layer_count(folder)
    if total < 2:
        raise ModelError(f"{name}: has {total} layer; there is no depth to choose")
    planned = _planned(folder, strategies, total, rank)
    prefixes = [tuple(range(depth)) for depth in range(1, total + 1)]  # nodes on the way to the full model: its hidden states cost nothing more
    rows, units = _pairs()
    texts = list(dict.fromkeys(str(row[side]) for group in rows.values() for row in group for side in ("sentence1", "sentence2")))
    encoder = SharedPrefixEncoder(load_sentence_model(folder).to(device), [*planned.values(), *prefixes], progress=progress)
    vectors = encoder.encode(texts)
    judged = _judged(name, rows, units, texts, vectors)
    full = prefixes[-1]
    forms = tuple(_form(strategy, kept, judged[kept], judged[full], _similarity(vectors[kept], vectors[full])) for (strategy, _), kept in planned.items())
    return Sweep(
        name=name,
        content=model_digest(folder),
        layers=total,
        retain=retain,
        pairs={language: len(group) for language, group in rows.items()},
        full=judged[full],
        forms=forms,
        recommended=recommend(eligible(forms), retain=retain),
        layer_similarity=[[linear_cka(vectors[one], vectors[other]) for other in prefixes] for one in prefixes],
        layer_passes=round(encoder.layer_passes),
        layer_passes_apart=sum(len(kept) for kept in vectors),
        device=device,
    )


def ranker(folder: Path, place: Workspace, suite: str | None, *, say: Callable[[str], None] = lambda _: None) -> Rank:
    """Gives the kept lists of a base by a ranked strategy, from the workspace's rankings.

    Args:
        folder: The base.
        place: The workspace. What its suites are tested on calibrates nothing, nor do the pairs that a sweep is judged on.
        suite: Only this suite's tests; all suites' when None.
        say: Called with each strategy before it is looked up or computed.
    """
    from bench.cards.load import load_library
    from bench.data.rows import normalise
    from bench.data.training import DataCache
    from bench.make.strategies.ranked import Rankings, calibration_texts

    @functools.cache
    def texts() -> list[str]:
        library = load_library(place)
        tested = {task for one in library.chosen_suites(suite).values() for task in one.suite.tasks}
        judged = {normalise(str(row[side])) for group in _pairs()[0].values() for row in group for side in ("sentence1", "sentence2")}
        return calibration_texts(DataCache(library, None, offline=True).guard(sorted(tested)) | judged)

    rankings = Rankings(place.state / "rankings", texts)
    content = model_digest(folder)  # as in a plan, so that the two share their rankings

    def rank(strategy: RankedStrategy) -> list[list[int]]:
        say(strategy)
        return rankings.kept(folder, content, strategy, None)

    return rank


def _planned(folder: Path, strategies: Sequence[Strategy], total: int, rank: Rank | None) -> dict[tuple[str, int], tuple[int, ...]]:
    """The kept list of each strategy and depth that the base's architecture can have."""
    from bench.models.architectures import read_config, transformer_folder

    config = read_config(transformer_folder(folder))
    planned: dict[tuple[str, int], tuple[int, ...]] = {}
    for strategy in strategies:
        if strategy in RANKED:
            assert rank is not None, "a ranked strategy needs the base"
            lists = rank(strategy)
        else:
            lists = [kept_layers(strategy, total=total, keep=keep) for keep in range(1, total)]
        planned.update({(strategy, keep): tuple(kept) for keep, kept in enumerate(lists, start=1) if _possible(config, tuple(kept))})
    return planned


def _possible(config: dict[str, object], kept: tuple[int, ...]) -> bool:
    """False where the architecture cannot keep just these layers; the table then has a dash."""
    from bench.models.architectures import check_kept

    try:
        check_kept(config, kept)
    except LayerError:
        return False
    return True


def _judged(name: str, rows: Rows, units: Units, texts: list[str], vectors: dict[Kept, NDArray[np.float32]]) -> dict[Kept, Estimate]:
    """The quality of each kept list's embeddings of the texts."""
    gold = {language: [float(row["score"]) for row in group] for language, group in rows.items()}
    judged = {kept: quality(gold, _cosines(rows, texts, found), units) for kept, found in vectors.items()}
    if flat := next((kept for kept, one in judged.items() if not np.isfinite(one.value)), None):
        raise ModelError(f"{name}: with layers {describe_kept(flat)} every pair has the same cosine; are all embeddings the same?")
    return judged


def _describe(form: Form) -> str:
    assert form.retained is not None
    assert form.retained_interval is not None
    low, high = form.retained_interval
    return f"{form.strategy} ({describe_kept(form.kept)}) keeps {form.retained:.1%} of the full model's score, 95 % interval {low:.1%} to {high:.1%}"


def _pairs() -> tuple[Rows, Units]:
    """The development pairs by language, and their resampling units."""
    from bench.cards.load import shipped_task
    from bench.data.rows import load_rows

    data = load_rows(shipped_task(TASK), None, splits=(SPLIT,))
    return {language: splits[SPLIT] for language, splits in data.splits.items()}, {language: splits[SPLIT] for language, splits in data.units.items()}


def _cosines(rows: Rows, texts: list[str], vectors: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """Cosine of each pair, by language."""
    place = {text: index for index, text in enumerate(texts)}
    unit = _unit(vectors)
    sides = {language: [[place[str(row[side])] for row in group] for side in ("sentence1", "sentence2")] for language, group in rows.items()}
    return {language: (unit[first] * unit[second]).sum(axis=1) for language, (first, second) in sides.items()}


def _similarity(vectors: NDArray[np.float32], full: NDArray[np.float32]) -> float:
    """Mean cosine of the same texts in two models."""
    return float((_unit(vectors) * _unit(full)).sum(axis=1).mean())


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    scaled: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return scaled


def _form(strategy: str, kept: tuple[int, ...], own: Estimate, full: Estimate, similarity: float) -> Form:
    share, bounds = retained(own, full) or (None, None)
    return Form(strategy, kept, own.value, own.interval, share, bounds, similarity)
