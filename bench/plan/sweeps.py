"""What stored sweeps say of the bases of a suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

Similarity = list[list[float]]
DIGITS = 4


def layer_similarity(state: Path, contents: Mapping[str, str]) -> dict[str, Similarity]:
    """How alike the layers of bases are, for those of which a sweep is stored: linear CKA of the sentence embeddings after each two layers.

    Args:
        state: The workspace's folder for what a run writes.
        contents: The digest of each base's content, by its name. A sweep of other content, whatever its name, says nothing of it.
    """
    stored: dict[str, Similarity] = {}
    for path in sorted((state / "sweeps").glob("*/sweep.json")):
        try:
            told = json.loads(path.read_bytes())
            stored[told["content"]] = [[round(value, DIGITS) for value in row] for row in told["layer_similarity"]]
        except (OSError, ValueError, TypeError, KeyError):
            continue  # no sweep that can be read: the page has no picture of it, and says what makes one
    return {name: stored[content] for name, content in contents.items() if content in stored}
