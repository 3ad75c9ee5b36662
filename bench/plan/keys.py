"""What identifies a score, a measurement and a set of embeddings: digests of everything that decides them. A checkpoint's key is `Blueprint.key`."""

from __future__ import annotations

from typing import Any

from bench.cards.candidate import Candidate
from bench.digests import digest
from bench.models.encoders import ENCODING_VERSION
from bench.probe.machine import arithmetic, versions

SCORING_VERSION = 4
"""Raise it by one when the same embeddings would give other scores: scores made before are then not used again."""


def evaluate_key(candidate: Candidate, content: str, task_digest: str, device: str) -> str:
    """Identity of a score: the digest of `evaluate_parts`."""
    return digest(evaluate_parts(candidate, content, task_digest, device))


def evaluate_parts(candidate: Candidate, content: str, task_digest: str, device: str) -> dict[str, Any]:
    """What a score is decided by.

    Checkpoint (with what it says of prompts and similarity), what the card says of them, arithmetic, backend, task and data, scoring rule.

    Args:
        candidate: Its card may say how the checkpoint is used. What it leaves out is decided by the checkpoint.
        content: Digest of the checkpoint.
        task_digest: Digest of the task's card and data.
        device: Device that encodes.
    """
    how: dict[str, Any] = {"prompt": candidate.prompt, "similarity": candidate.similarity}
    how |= {"prompts": candidate.prompts} if candidate.prompts else {}
    return {**_embedding_parts(candidate, content, device), **how, "backend": "torch", "task": task_digest, "scoring": SCORING_VERSION}


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
        **candidate.use.parts,
    }
