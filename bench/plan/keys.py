"""What identifies a score and a set of embeddings: digests of everything that decides them. A checkpoint's key is `Blueprint.key`, a measurement's is `bench.probe.protocol.probe_key`.

The parts of a key are stored with what it identifies, so that it can be checked and read.
"""

from __future__ import annotations

from typing import Any

from bench.cards.specs import Candidate
from bench.digests import digest
from bench.models.encoders import ENCODING_VERSION
from bench.probe.machine import arithmetic, versions

SCORING_VERSION = 2
"""Raised when the same embeddings would give other scores, so that results of the old rule are not reused."""


def evaluate_key(candidate: Candidate, content: str, task_digest: str, device: str) -> str:
    """Identity of a score: the digest of `evaluate_parts`."""
    return digest(evaluate_parts(candidate, content, task_digest, device))


def evaluate_parts(candidate: Candidate, content: str, task_digest: str, device: str) -> dict[str, Any]:
    """What a score is decided by: checkpoint, prompt, arithmetic, backend, task and data, scoring rule.

    Args:
        candidate: Its prompt and precision decide how its checkpoint is used.
        content: Digest of the checkpoint.
        task_digest: Digest of the task's card and data.
        device: Device that encodes; its type counts.
    """
    return {**_embedding_parts(candidate, content, device), "backend": "torch", "task": task_digest, "scoring": SCORING_VERSION}


def embeddings_key(candidate: Candidate, content: str, device: str) -> str:
    """Identity of a checkpoint's embeddings: apart for every prompt, precision, type of device, and version of what computes them."""
    return digest(_embedding_parts(candidate, content, device))


def _embedding_parts(candidate: Candidate, content: str, device: str) -> dict[str, Any]:
    how = {"prompt": candidate.prompt, "arithmetic": arithmetic(device, candidate.precision)}
    return {"content": content, **how, "encoding": ENCODING_VERSION, "versions": versions()}
