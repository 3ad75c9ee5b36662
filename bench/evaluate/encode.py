"""The texts of several tasks to embeddings, each task's with the prompt that the model has for it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import mteb

from bench.cards.candidate import Similarity
from bench.cards.tasks import TaskCard
from bench.models.embeddings import EmbeddingStore

if TYPE_CHECKING:
    from bench.models.encoders import Encoder


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Where a task's embeddings are, and what a result tells of them.

    `used` is what they were made with: `prompt`, `similarity`, and `precision` as shares of the model's numbers. `dtype` is the type of the numbers that the
    model gives. `cost` are the texts that share the prompt, how many of them were encoded now, the seconds that took, and the hardware that encoded them.
    """

    store: EmbeddingStore
    used: dict[str, Any]
    dtype: str
    cost: dict[str, Any]


def encode_tasks(
    encoder: Encoder,
    tasks: Mapping[str, tuple[TaskCard, Iterable[str]]],
    stored: Callable[[str], EmbeddingStore],
    *,
    similarity: Similarity | None = None,
    prompts: Mapping[str, str] | None = None,
) -> dict[str, Encoded]:
    """Encode every text of the tasks once for each prompt that it is needed with.

    Args:
        encoder: With a prompt of its own for everything, or with the model's prompts.
        tasks: By name, the card and every text that scoring it needs.
        stored: The store of the embeddings with a prompt.
        similarity: In place of what the model says.
        prompts: By the name of a task or of a type of tasks; before what the encoder has.

    Returns:
        One entry a task.

    Raises:
        ModelError: An embedding is not finite.
    """
    prompted = {}
    for name, (card, _) in tasks.items():
        given = next((prompts[key] for key in (card.name, card.type) if prompts and key in prompts), None)
        prompted[name] = encoder.for_task(*prompt_names(card)) if given is None else encoder.with_prompt(given)
    encoded: dict[str, Encoded] = {}
    for prompt, own in {one.prompt: one for one in prompted.values()}.items():
        group = [name for name, one in prompted.items() if one.prompt == prompt]
        start = time.perf_counter()
        store = stored(prompt)
        texts = dict.fromkeys(text for name in group for text in tasks[name][1])
        now = store.add(texts, own)
        cost = {"texts": len(texts), "encoded_now": now, "seconds": round(time.perf_counter() - start, 3), "encoded_on": store.encoded_on}
        used = {"prompt": prompt, "similarity": similarity or own.similarity, "precision": own.precision()}
        encoded.update({name: Encoded(store, used, own.dtype, cost) for name in group})
    return encoded


def prompt_names(card: TaskCard) -> tuple[str, ...]:
    """The names under which mteb looks for a task's prompt, in order: its own, its type.

    It ignores the prompts of tasks that it does not have, so one named like a task of yours is not used.
    """
    try:
        mteb.get_task(card.name)
    except KeyError:
        return (card.type,)
    return (card.name, card.type)
