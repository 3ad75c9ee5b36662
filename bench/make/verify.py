"""The reload gate: a checkpoint counts only when a fresh process gives the same embeddings from it as were computed before it was saved."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

from bench.cards.candidate import AS_IT_IS, Use
from bench.children import in_child
from bench.errors import ModelError
from bench.make.vocabulary.devanagari import check_tokens, inspect_tokenizer
from bench.models.encoders import Encoder, SentenceEncoder, check_spread
from bench.models.loading import load_encoder

TOLERANCE = 1e-5
EMBEDDINGS = ("embedding", ".wte.", ".wpe.", ".shared.", ".embed_tokens.")
"""What parameters of token and position embeddings have in their names: most architectures, GPT-2, T5."""
DEVANAGARI_TEXTS = (
    "आज सकाळपासून पाऊस थांबलेला नाही.",
    "ती रोज संध्याकाळी नदीकाठी फिरायला जाते.",
    "बँकेतून पैसे काढायला ओळखपत्र लागते.",
    "बच्चे मैदान में पतंग उड़ा रहे हैं।",
    "अगली गाड़ी ढाई घंटे की देरी से आएगी।",
    "क़लम मेज़ पर है, किताब १२३ पन्नों की है।",
    "हे एक थोडे मोठे वाक्य आहे, ज्यात अनेक शब्द आहेत, विरामचिन्हे आहेत आणि English शब्दही आहेत, म्हणजे लांबीचा फरकही तपासला जाईल.",
)
TEXTS = (*DEVANAGARI_TEXTS, "OK")


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What a fresh process finds in a checkpoint folder. `tokenizer_problems` is what the Devanagari gate found."""

    vectors: NDArray[np.float32]
    embedding_parameters: int
    body_parameters: int
    layers: int | None
    tokenizer_problems: list[str]

    def record(self) -> dict[str, Any]:
        """The part that a result keeps."""
        return {
            "parameters": {"embeddings": self.embedding_parameters, "body": self.body_parameters},
            "layers": self.layers,
            "tokenizer_problems": self.tokenizer_problems,
            "dimensions": int(self.vectors.shape[1]),
        }


def inspect(folder: Path, use: Use = AS_IT_IS) -> Inspection:
    """Load a checkpoint, embed the gate's sentences, and count parameters.

    Those of modules called embeddings, and all others but the pooler, which no pooling here uses.

    Raises:
        ModelError: The checkpoint cannot be loaded, an embedding is not finite, all embeddings are the same, or the tokenizer tells no text from another.
    """
    encoder = load_encoder(folder, use=use)
    if isinstance(encoder, SentenceEncoder):
        check_tokens(str(folder), encoder.model.tokenizer, DEVANAGARI_TEXTS)
    vectors = _vectors(encoder)
    check_spread(vectors, str(folder))
    if not isinstance(encoder, SentenceEncoder):
        return Inspection(vectors, 0, 0, None, [])
    embeddings = body = 0
    for name, parameter in encoder.model.named_parameters():
        if any(part in name for part in EMBEDDINGS):
            embeddings += parameter.numel()
        elif ".pooler." not in name:
            body += parameter.numel()
    config = getattr(getattr(encoder.model[0], "auto_model", None), "config", None)
    tokenizer = encoder.model.tokenizer
    problems = [str(finding) for finding in inspect_tokenizer(tokenizer, {}) if finding.status != "ok"] if callable(tokenizer) else []
    return Inspection(vectors, embeddings, body, getattr(config, "num_hidden_layers", None), problems)


def _vectors(encoder: Encoder) -> NDArray[np.float32]:
    """The embeddings of the gate's texts, one text at a time: few have the same length, and a batch is filled up with copies."""
    alone = SentenceEncoder(encoder.model, prompt=encoder.prompt, max_rows=1) if isinstance(encoder, SentenceEncoder) else encoder
    return alone.encode(list(TEXTS))


def inspect_in_child(folder: Path, use: Use = AS_IT_IS) -> dict[str, Any]:
    """`inspect` in a fresh process, as a record: the whole gate for a model that was not made here.

    Raises:
        ModelError: See `inspect`.
    """
    return in_child(inspect, folder, use).record()


def reload_gate(folder: Path, before: Encoder) -> dict[str, Any]:
    """Embed again in a fresh process and compare with the encoder that was saved.

    Returns:
        `reload_difference`, the largest absolute difference, and what `inspect` found.

    Raises:
        ModelError: The difference is above 1e-5.
    """
    expected = _vectors(before)
    found = in_child(inspect, folder)
    if found.vectors.shape != expected.shape:
        raise ModelError(f"{folder}: embeddings have shape {found.vectors.shape} after reload, {expected.shape} before saving")
    difference = float(np.abs(found.vectors - expected).max())
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{folder}: embeddings differ by {difference:.3g} after reload (allowed {TOLERANCE:g}); "
            "a weight or setting was not saved (is num_hidden_layers in config.json right?)"
        )
    return {"reload_difference": difference, **found.record()}
