"""What identifies a score, a measurement and a set of embeddings: digests of everything that decides them. A checkpoint's key is `Blueprint.key`."""

from __future__ import annotations

from bench.cards.candidate import Candidate
from bench.digests import digest
from bench.models.encoders import ENCODING_VERSION
from bench.probe.machine import versions

SCORING_VERSION = 3
"""Raised when the same embeddings would give other scores, so that results of the old rule are not reused."""


def evaluate_key(candidate: Candidate, content: str, task_digest: str) -> str:
    """Identity of a score: checkpoint (with what it says of prompts, similarity and precision), what the card says of them, backend, task and data, scoring rule.

    Args:
        candidate: Its card may say how the checkpoint is used. What it leaves out is decided by the checkpoint.
        content: Digest of the checkpoint.
        task_digest: Digest of the task's card and data.
    """
    scoring = {"scoring": SCORING_VERSION, "encoding": ENCODING_VERSION, "versions": versions()}
    how = {"prompt": candidate.prompt, "similarity": candidate.similarity, "precision": candidate.runs_in}
    return digest({"content": content, "backend": "torch", "task": task_digest, **how, **scoring})


def embeddings_key(candidate: Candidate, content: str, prompt: str, device: str) -> str:
    """Identity of a checkpoint's embeddings: apart for every prompt (the one that is used, which a folder may have by task), precision, device, and version of what computes them."""
    how = {"prompt": prompt, "precision": candidate.runs_in, "device": device}
    return digest({"content": content, **how, "encoding": ENCODING_VERSION, "versions": versions()})
