"""Embeddings of many pruned forms of one model in one pass.

The kept-layer lists of pruned models form a trie: two models that keep the same first layers compute the same hidden states up to where their lists part. Every
node of the trie is computed once a batch; twelve depths of a base of twelve layers cost 12 layer passes instead of 1 + 2 + ... + 12 = 78.

Nothing of an architecture is known here. Each pruned model is `keep_layers` of a copy that shares its weights with the model, and runs its own forward pass;
only its embeddings and layers look first whether what they would compute is there already. Batches are those of `SentenceEncoder`. So the embeddings are those
of the pruned model alone, bit for bit.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.models.architectures import architecture
from bench.models.encoders import Progress, SentenceEncoder, check_finite, check_spread
from bench.models.pruning import keep_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

Kept = tuple[int, ...]


class SharedPrefixEncoder:
    """The pruned forms of one sentence model, encoded together.

    Args:
        model: A sentence model whose transformer can be pruned; its layers stay as they are.
        kept: Lists of kept layers, 0-based and rising; repeats count once.
        prompt: Put before every text; None for the default one that the model itself has.
        progress: Called with the finished fraction.

    Raises:
        ModelError: The architecture is not supported, or a layer number is out of range.
    """

    def __init__(self, model: SentenceTransformer, kept: Iterable[Sequence[int]], *, prompt: str | None = None, progress: Progress = lambda _: None) -> None:
        self._path, self._batches = _Path(), 0
        # In lexicographic order the lists are visited depth first, so that hidden states of one path are held and no more.
        self.forms = {one: _pruned(model, one, self._path) for one in sorted({tuple(one) for one in kept})}
        together = copy.copy(model)
        together.forward = self._forward
        together.truncate_dim = None  # of each form's embedding, not of all of them side by side
        self._encoder = SentenceEncoder(together, prompt=prompt, progress=progress)

    @property
    def layer_passes(self) -> float:
        """Layers computed per batch so far: the number of nodes of the trie."""
        return self._path.layers_computed / max(1, self._batches)

    def encode(self, texts: list[str]) -> dict[Kept, NDArray[np.float32]]:
        """One float32 array of shape (texts, dimensions) a kept list, rows in the order of `texts`.

        Raises:
            ModelError: An embedding holds NaN or infinity, or is zero throughout (names the text), or all are the same.
        """
        side_by_side = self._encoder.encode(texts)
        found = dict(zip(self.forms, np.split(side_by_side, len(self.forms), axis=1), strict=True))
        for kept, vectors in found.items():
            check_finite(vectors, texts)
            check_spread(vectors, f"with layers {list(kept)}")
        return found

    def _forward(self, features: dict[str, Any], **named: Any) -> dict[str, Any]:
        """Every form's embeddings of one batch, side by side."""
        import torch

        self._batches += 1
        vectors = []
        for kept, form in self.forms.items():
            self._path.enter(kept)
            vectors.append(form({**features}, **named)["sentence_embedding"][..., : form.truncate_dim])
        self._path.clear()
        return {"sentence_embedding": torch.cat(vectors, dim=-1)}


class _Path:
    """What has been computed for the batch in work along the path from the root of the trie to the list in work."""

    def __init__(self) -> None:
        self.layers_computed = 0
        self._outputs: dict[tuple[str, Kept], Any] = {}

    def clear(self) -> None:
        """Forget everything: another batch begins."""
        self._outputs.clear()

    def enter(self, kept: Kept) -> None:
        """Forget what does not lie on the way to `kept`."""
        self._outputs = {key: output for key, output in self._outputs.items() if kept[: len(key[1])] == key[1]}

    def shared(self, what: str, prefix: Kept, compute: Callable[..., Any]) -> Callable[..., Any]:
        """`compute`, which runs only where no form with the same prefix has run it for this batch."""

        def once(*arguments: Any, **named: Any) -> Any:
            key = (what, prefix)
            if key not in self._outputs:
                self._outputs[key] = compute(*arguments, **named)
                self.layers_computed += what == "layer"
            return self._outputs[key]

        return once


def _pruned(model: SentenceTransformer, kept: Kept, path: _Path) -> SentenceTransformer:
    """A copy that shares weights and tokenizer with the model and keeps the given layers; first hidden states and layers are computed once along `path`."""
    form = copy.deepcopy(model, {id(one): one for one in (*model.parameters(), *model.buffers(), model.tokenizer, model[0].processor)}).eval()
    transformer = form[0].auto_model
    keep_layers(transformer, kept)
    if (embeddings := getattr(transformer, "embeddings", None)) is not None:
        embeddings.forward = path.shared("embeddings", (), embeddings.forward)
    for depth, layer in enumerate(transformer.get_submodule(architecture(transformer.config.model_type).layers), start=1):
        layer.forward = path.shared("layer", kept[:depth], layer.forward)
    return form
