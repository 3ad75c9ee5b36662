"""Bases with a trimmed vocabulary: each is made once in a workspace, and every candidate with that vocabulary starts from it.

So what is large is loaded and cut once, and random weights, pruned layers and token vectors come about as they would from a small base.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.make.blueprint import Blueprint
from bench.make.shared import Made, shared_model

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def trimmed_base(blueprint: Blueprint, bases: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of a candidate's base with the tokens that stay, and the record of its trimming (see `trim_vocabulary`).

    Args:
        blueprint: Of a candidate with a trimmed vocabulary.
        bases: Where trimmed bases are kept.

    Raises:
        ModelError: The base cannot be loaded or trimmed, or the gate failed.
    """
    folder = bases / blueprint.trimmed_base_key[:32]
    return folder, shared_model(folder, lambda: _trimmed(blueprint), what="base with a trimmed vocabulary", again="it is trimmed anew")


def _trimmed(blueprint: Blueprint) -> Made:
    from bench.make.vocabulary.trim import keep_tokens, listed_tokens, required_by_model, trim_vocabulary
    from bench.models.loading import load_sentence_model

    assert blueprint.base is not None
    assert blueprint.vocabulary is not None
    model = load_sentence_model(blueprint.base)
    prompt = prompt_of(blueprint, model)
    texts = [prompt + text for text in blueprint.vocabulary.texts]
    if blueprint.tokens is not None:
        ids = listed_tokens(model.tokenizer, blueprint.tokens, prompt=prompt, required=required_by_model(model[0].auto_model))
        return model, keep_tokens(model, ids, texts)
    size = None if blueprint.candidate.vocabulary is None else blueprint.candidate.vocabulary.size
    assert size is not None, "a vocabulary without a list of tokens has a size"
    return model, trim_vocabulary(model, texts, size)


def prompt_of(blueprint: Blueprint, model: SentenceTransformer) -> str:
    """What stands before every text of a candidate: what its card says, else what its base does by default."""
    from bench.models.prompts import default_prompt

    return default_prompt(model) if blueprint.candidate.prompt is None else blueprint.candidate.prompt
