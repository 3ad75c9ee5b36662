"""Which layers stay, told by the base itself: from its weights, or from what its layers do to calibration text.

| strategy | removes | source |
|---|---|---|
| `contribution` | the layers whose output is most like their input | arXiv 2004.03844, contribution-based |
| `weight-aggregate` | the layers with the smallest weights | 2004.03844, journal version |
| `weight-variance` | the layers with the least varied weights | 2004.03844, journal version |
| `angular` | the block of neighbouring layers that turns the representation least | arXiv 2403.17887 |
| `greedy` | again and again the layer whose loss changes the embeddings least | own |

Calibration text is training text of the shipped KasautiSTS, never a test text. Ties remove the upper layer. A ranking is computed once, in a child process, for
all depths together, and kept in the workspace; what identifies a candidate stays the kept list. Importing this module imports nothing heavy.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.cards.candidate import RankedStrategy
from bench.cards.load import shipped_task
from bench.cards.recipes import Pooling
from bench.children import in_child
from bench.data.rows import load_rows, normalise, text_columns, unique_texts
from bench.digests import digest
from bench.errors import LayerError
from bench.models.architectures import architecture, read_config, transformer_folder
from bench.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

CALIBRATION_TASK = "KasautiSTS"
TEXTS_PER_LANGUAGE = 64
RANKING_VERSION = 1
"""Raise it by one when the same base and texts would be ranked in another way: rankings made before are then not used again."""


def calibration_texts(guard: frozenset[str]) -> list[str]:
    """Marathi and Hindi sentences, 64 of each spread over the training split of the shipped KasautiSTS.

    Args:
        guard: Normalised texts that must not be used: those of the suite's tests.

    Raises:
        DataError: The shipped data is missing or changed.
    """
    card = shipped_task(CALIBRATION_TASK)
    chosen: list[str] = []
    for splits in load_rows(card, None, splits=(card.train_on,)).splits.values():
        texts = [text for text in unique_texts(splits[card.train_on], text_columns(card)) if normalise(text) not in guard]
        chosen += texts[:: max(1, len(texts) // TEXTS_PER_LANGUAGE)][:TEXTS_PER_LANGUAGE]
    return chosen


class Rankings:
    """The rankings of a workspace, each computed once.

    Args:
        folder: Where they are kept, one JSON each.
        texts: Gives the calibration texts; called only when a strategy needs them.
        say: Told what is being ranked, which may take minutes.
    """

    def __init__(self, folder: Path, texts: Callable[[], list[str]], say: Callable[[str], None] = lambda _: None) -> None:
        self._store, self.texts, self._say = Store(folder), texts, say

    def kept(self, base: Path, base_digest: str, strategy: RankedStrategy, pooling: Pooling | None) -> list[list[int]]:
        """The kept lists for 1, 2, … layers.

        Args:
            base: Folder of the base.
            base_digest: Of its content.
            strategy: Which ranking.
            pooling: That of the candidate's recipe; only `greedy` looks at embeddings.

        Raises:
            ModelError: The base cannot be loaded, or no layers of it can be kept alone.
        """
        return [list(kept) for kept in self._ranking(base, base_digest, strategy, pooling)["kept"]]

    def over(self, base: Path, base_digest: str, threshold: float) -> list[int]:
        """The layers that stay under a threshold for strategy `contribution`; `over_threshold` says how.

        Raises:
            ModelError: The base cannot be loaded.
            LayerError: The threshold would remove every layer, or none.
        """
        fixed = architecture(read_config(transformer_folder(base)).get("model_type")).fixed
        return over_threshold(self._ranking(base, base_digest, "contribution", None)["scores"], threshold, fixed=fixed)

    def _ranking(self, base: Path, base_digest: str, strategy: RankedStrategy, pooling: Pooling | None) -> dict[str, Any]:
        """What `rank_folder` finds, from the store where it is there."""
        texts = [] if strategy.startswith("weight-") else self.texts()
        used = pooling if strategy == "greedy" else None
        parts = {"base": base_digest, "strategy": strategy, "pooling": used, "calibration": digest(texts), "version": RANKING_VERSION}
        key = digest(parts)
        if not self._store.done(key):
            self._say(f"ranking the layers of {base.name} by {strategy}")
            self._store.put(key, {"status": "done", "strategy": strategy, "key_parts": parts, **in_child(rank_folder, base, strategy, texts, used)})
        found = self._store.get(key)
        assert found is not None
        return found


def rank_folder(base: Path, strategy: RankedStrategy, texts: Sequence[str], pooling: Pooling | None = None) -> dict[str, Any]:
    """Rank the layers of a base.

    Returns:
        `kept`, the kept lists for 1, 2, … layers; and `scores`: a number for each layer (`angular`: lists of the angles of all blocks of 1, 2, … layers by
        their first layer; `greedy`: the mean cosine after each removal).

    Raises:
        ModelError: The base cannot be loaded.
    """
    from bench.models.loading import load_sentence_model

    model = load_sentence_model(base, pooling=pooling)
    model.eval()
    fixed = architecture(model[0].auto_model.config.model_type).fixed
    scores: list[Any]
    if strategy == "angular":
        angles = layer_similarities(model, texts)[1]
        total = len(angles) - 1
        scores = [np.diagonal(angles, offset=length).tolist() for length in range(1, total)]
        return {"scores": scores, "kept": angular_blocks(angles, fixed=fixed)}
    if strategy == "greedy":
        order, scores = greedy_removals(model, texts, fixed=fixed)
    elif strategy == "contribution":
        scores = np.diagonal(layer_similarities(model, texts)[0], offset=1).tolist()
        order = sorted(range(len(scores)), key=lambda layer: (-scores[layer], -layer))
    else:
        scores = weight_scores(model, variance=strategy == "weight-variance")
        order = sorted(range(len(scores)), key=lambda layer: (scores[layer], -layer))
    return {"scores": scores, "kept": kept_after(order, fixed=fixed)}


def over_threshold(similarities: Sequence[float], threshold: float, *, fixed: int = 0) -> list[int]:
    """The layers that a threshold keeps. A layer whose output is too similar to its input does little, so it is removed (arXiv 2004.03844, contribution-based).

    Args:
        similarities: For each layer, the mean cosine between its input and its output.
        threshold: Between 0 and 1. Layers with a similarity above it are removed.
        fixed: How many of the first layers always stay.

    Returns:
        Numbers of the layers that stay, from 0, in rising order.

    Raises:
        LayerError: The threshold would remove every layer, or none (that would be the full model under another name). The message says which thresholds remove
            some.
    """
    kept = [layer for layer, similarity in enumerate(similarities) if similarity <= threshold or layer < fixed]
    if 0 < len(kept) < len(similarities):
        return kept
    lowest, highest = min(similarities), max(similarities[fixed:])
    found = f"the similarities of its layers are {lowest:.4f} to {highest:.4f}; got {threshold:g}"
    if not kept:
        raise LayerError(f"threshold must be at least {math.ceil(lowest * 1e4) / 1e4:.4f}, else every layer goes ({found})")
    raise LayerError(f"threshold must be below {math.floor(highest * 1e4) / 1e4:.4f}, else no layer goes and it is the full model ({found})")


def layer_similarities(model: SentenceTransformer, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much alike a token's representations are before and after any stretch of layers, averaged over all tokens of the texts.

    Position l is the input of layer l, and the last position the output of the last layer (before a final norm, where there is one). Each text is encoded
    alone, so that there is no padding; special tokens count as tokens.

    Args:
        model: On the CPU, in evaluation mode.
        texts: Calibration texts.

    Returns:
        Two arrays of shape (layers + 1, layers + 1): the mean cosine, and the mean angle in half turns, arccos(cosine) / pi (2403.17887, equation 3, which
        looks at the last token of a causal model only; here every token counts).
    """
    depth = len(_layers(model)) + 1
    cosines, angles, tokens = np.zeros((depth, depth)), np.zeros((depth, depth)), 0
    for text in texts:
        with _recorded(model) as states:
            model.encode(text, show_progress_bar=False)
        vectors = np.stack([state.reshape(-1, state.shape[-1]) for state in states])
        vectors /= np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
        found = np.clip(np.einsum("atd,btd->abt", vectors, vectors), -1.0, 1.0)
        cosines += found.sum(axis=-1)
        angles += np.arccos(found).sum(axis=-1) / np.pi
        tokens += vectors.shape[1]
    return cosines / tokens, angles / tokens


def weight_scores(model: SentenceTransformer, *, variance: bool) -> list[float]:
    """Each layer's mean absolute weight, or the variance of its weights, over all its parameters.

    The mean ranks as the sum does, layers being of one size; T5's relative attention bias, which lies in the first block but is that of all, is left out.
    """
    import torch

    scores = []
    for layer in _layers(model):
        weights = torch.cat([value.detach().double().flatten() for name, value in layer.named_parameters() if "relative_attention_bias" not in name])
        scores.append(float(weights.var(correction=0) if variance else weights.abs().mean()))
    return scores


def angular_blocks(angles: NDArray[np.float64], *, fixed: int = 0) -> list[list[int]]:
    """The kept lists for 1, 2, … layers when the block of layers with the smallest angle between its input and its output is removed (2403.17887, section 3.2).

    Args:
        angles: As of `layer_similarities`, shape (layers + 1, layers + 1).
        fixed: How many of the first layers cannot be removed.
    """
    total = len(angles) - 1
    lists = []
    for keep in range(1, total):
        length = total - keep
        starts = range(min(fixed, keep), keep + 1)
        first = min(starts, key=lambda start: (angles[start, start + length], -start))
        lists.append([layer for layer in range(total) if not first <= layer < first + length])
    return lists


def greedy_removals(model: SentenceTransformer, texts: Sequence[str], *, fixed: int = 0) -> tuple[list[int], list[float]]:
    """Remove layer after layer, each time the one without which the pooled embeddings stay most like the full model's.

    For L layers the texts are encoded L (L + 1) / 2 times.

    Args:
        model: On the CPU, in evaluation mode.
        texts: Calibration texts.
        fixed: How many of the first layers cannot be removed before all others.

    Returns:
        All layers in the order in which they go; and after each removal but the last, which leaves nothing, the mean cosine to the full model's embeddings.
    """
    kept = list(range(len(_layers(model))))
    full = _unit_embeddings(model, texts)
    order: list[int] = []
    scores: list[float] = []
    while len(kept) > 1:
        similarity = {}
        for layer in kept[fixed:]:
            with _pruned(model, [other for other in kept if other != layer]):
                similarity[layer] = float((_unit_embeddings(model, texts) * full).sum(axis=1).mean())
        least = max(similarity, key=lambda layer: (similarity[layer], layer))
        kept.remove(least)
        order.append(least)
        scores.append(similarity[least])
    return [*order, *kept], scores


def kept_after(order: Sequence[int], *, fixed: int = 0) -> list[list[int]]:
    """The kept lists for 1, 2, … layers, given all layers in the order in which they go; the first `fixed` layers go last."""
    last_to_go = sorted(order, key=lambda layer: layer < fixed)
    return [sorted(last_to_go[-keep:]) for keep in range(1, len(order))]


def _layers(model: SentenceTransformer) -> Any:
    """The transformer's list of layers."""
    transformer = model[0].auto_model
    return transformer.get_submodule(architecture(transformer.config.model_type).layers)


def _unit_embeddings(model: SentenceTransformer, texts: Sequence[str]) -> NDArray[np.float64]:
    """Pooled embeddings of length one, float64 of shape (texts, dimensions).

    In ordinary batches with padding: the fixed shapes of `SentenceEncoder` are made for many texts, and take five times the CPU time for 128 of them.
    """
    vectors = model.encode(list(texts), batch_size=32, show_progress_bar=False).astype(np.float64)
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@contextmanager
def _recorded(model: SentenceTransformer) -> Iterator[list[NDArray[np.float64]]]:
    """While the body runs, the input of every layer and the output of the last one are put into the list."""
    states: list[NDArray[np.float64]] = []

    def before(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        states.append((args[0] if args else kwargs["hidden_states"]).double().numpy())

    def after(_module: Any, _args: Any, output: Any) -> None:
        states.append((output[0] if isinstance(output, tuple) else output).double().numpy())

    layers = _layers(model)
    hooks = [layer.register_forward_pre_hook(before, with_kwargs=True) for layer in layers]
    hooks.append(layers[-1].register_forward_hook(after))
    try:
        yield states
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _pruned(model: SentenceTransformer, kept: Sequence[int]) -> Iterator[None]:
    """While the body runs, the model has the kept layers only. They are the same weights in memory: only the modules around them are copied."""
    from bench.models.pruning import keep_layers

    whole = model[0].auto_model
    shared = {id(tensor): tensor for tensor in itertools.chain(whole.parameters(), whole.buffers())}
    model[0].model = copy.deepcopy(whole, shared)
    try:
        keep_layers(model[0].auto_model, kept)
        yield
    finally:
        model[0].model = whole
