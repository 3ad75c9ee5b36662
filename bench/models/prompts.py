"""Prompts: which text stands before every text that a model embeds.

A sentence-transformers folder may say so itself (`config_sentence_transformers.json`): `prompts` by name, and `default_prompt_name` for the one that `encode`
takes when it is given none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def default_prompt(model: SentenceTransformer) -> str:
    """What `model.encode` puts before a text when it is given no prompt; empty for nothing."""
    return model.prompts.get(model.default_prompt_name or "") or ""


def named_prompt(model: SentenceTransformer, names: Iterable[str]) -> str:
    """The prompt under the first of the names that the model has one for, else its default one. A prompt that is there and empty means none."""
    return next((model.prompts[name] or "" for name in names if name in model.prompts), default_prompt(model))


def set_prompt(model: SentenceTransformer, prompt: str) -> None:
    """Give a model one prompt for everything, in place and in what it saves: for `encode`, `encode_query` and `encode_document`.

    Prompts for single tasks go.
    """
    model.prompts = {"query": prompt, "document": prompt}
    model.default_prompt_name = "query" if prompt else None
