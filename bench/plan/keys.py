"""What identifies a score, a measurement and a set of embeddings: digests of everything that decides them. A checkpoint's key is `Blueprint.key`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bench.cards.candidate import Candidate
from bench.cards.tasks import TaskCard
from bench.digests import digest
from bench.models.encoders import ENCODING_VERSION
from bench.models.engines import use_parts
from bench.probe.machine import arithmetic, versions
from bench.probe.protocol import probe_parts

SCORES_OWN = frozenset({"prompt", "prompts", "similarity", "backend", "task", "scoring"})
"""What decides a score beside its embeddings. Results of earlier versions have `prompts`, all that the card said."""
SCORING_VERSION = 4
"""Raise it by one when the same embeddings would give other scores: scores made before are then not used again."""


class Identified(Protocol):
    """A task with the digest of its card and data."""

    @property
    def card(self) -> TaskCard:
        """What the task's card says."""

    @property
    def digest(self) -> str:
        """Digest of the card and the data."""


def evaluate_key(candidate: Candidate, content: str, task: Identified, device: str) -> str:
    """Identity of a score: the digest of `evaluate_parts`."""
    return digest(evaluate_parts(candidate, content, task, device))


def evaluate_parts(candidate: Candidate, content: str, task: Identified, device: str) -> dict[str, Any]:
    """What a score is decided by.

    Checkpoint (with what it says of prompts and similarity), what the card says of them, arithmetic, backend, task and data, scoring rule.

    Args:
        candidate: Its card may say how the checkpoint is used. What it leaves out is decided by the checkpoint.
        content: Digest of the checkpoint.
        task: The task; of the prompts that the candidate's card has for single tasks only the one that is used for it counts.
        device: Device that encodes.
    """
    prompt = candidate.prompt_for(task.card.name, task.card.type)
    own: dict[str, Any] = {"prompt": prompt, "similarity": candidate.similarity, "backend": candidate.backend, "task": task.digest, "scoring": SCORING_VERSION}
    assert own.keys() <= SCORES_OWN
    return {**_embedding_parts(candidate, content, device), **own}


def embeddings_behind(parts: Mapping[str, Any], prompt: str) -> str:
    """Identity of the embeddings that a score was computed from, by what it was decided by (`evaluate_parts`) and the prompt that was used."""
    return digest({**{name: value for name, value in parts.items() if name not in SCORES_OWN}, "prompt": prompt})


def measurement_key(candidate: Candidate, content: str, device: str, profile: str, *, reference: str | None = None, threads: int = 0) -> str:
    """Identity of a measurement: the digest of `measurement_parts`."""
    return digest(measurement_parts(candidate, content, device, profile, reference=reference, threads=threads))


def measurement_keys(candidate: Candidate, content: str, device: str, reference: str | None) -> list[str]:
    """Under which keys the costs of a checkpoint may be stored, the one to take first: beside the reference before alone, profile `full` before `quick`."""
    places = [(beside, profile) for beside in dict.fromkeys((reference, None)) for profile in ("full", "quick")]
    return [measurement_key(candidate, content, device, profile, reference=beside) for beside, profile in places]


def measurement_parts(candidate: Candidate, content: str, device: str, profile: str, *, reference: str | None = None, threads: int = 0) -> dict[str, Any]:
    """What a measurement of a candidate's checkpoint, whose digest is `content`, is decided by; see `probe_parts`."""
    how = candidate.probe_prompt, candidate.runs_in, device, profile, candidate.use
    return probe_parts(content, *how, reference=reference, threads=threads)


def embeddings_key(candidate: Candidate, content: str, prompt: str, device: str) -> str:
    """Identity of a checkpoint's embeddings.

    Apart for every prompt (the one that is used, which a folder may have by task), precision, type of device, and version of what computes them.
    """
    return digest({**_embedding_parts(candidate, content, device), "prompt": prompt})


def _embedding_parts(candidate: Candidate, content: str, device: str) -> dict[str, Any]:
    return {
        "content": content,
        "arithmetic": arithmetic(device, candidate.runs_in),
        "encoding": ENCODING_VERSION,
        "versions": versions(),
        **use_parts(candidate.use),
    }
