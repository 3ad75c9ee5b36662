"""What identifies a score, a measurement and a set of embeddings: digests of everything that decides them. A checkpoint's key is `Blueprint.key`."""

from __future__ import annotations

from bench.cards.specs import Candidate
from bench.digests import digest
from bench.models.encoders import ENCODING_VERSION
from bench.probe.machine import versions

SCORING_VERSION = 2
"""Raise it by one when the same embeddings would give other scores: scores made before are then not used again."""


def evaluate_key(candidate: Candidate, content: str, task_digest: str) -> str:
    """Identity of a score: checkpoint, prompt, precision, backend, task and data, scoring rule.

    Args:
        candidate: Its prompt and precision decide how its checkpoint is used.
        content: Digest of the checkpoint.
        task_digest: Digest of the task's card and data.
    """
    scoring = {"scoring": SCORING_VERSION, "encoding": ENCODING_VERSION, "versions": versions()}
    parts = {"content": content, "prompt": candidate.prompt, "precision": candidate.precision, "backend": "torch", "task": task_digest}
    return digest({**parts, **scoring})


def embeddings_key(candidate: Candidate, content: str, device: str) -> str:
    """Identity of a checkpoint's embeddings: apart for every prompt, precision, device, and version of what computes them."""
    how = {"prompt": candidate.prompt, "precision": candidate.precision, "device": device}
    return digest({"content": content, **how, "encoding": ENCODING_VERSION, "versions": versions()})
