"""How a checkpoint is probed: which sentences, which process, and what the result says."""

from __future__ import annotations

import csv
import functools
import os
from pathlib import Path
from typing import Any

from bench.cards.candidate import AS_IT_IS, Precision, Use
from bench.cards.workspace import builtin_content
from bench.digests import digest
from bench.probe.machine import arithmetic, fingerprint, usable_cores, versions
from bench.probe.worker import PROFILES

PROTOCOL_VERSION = 3
"""Raise it by one when the same checkpoint would be measured in another way: measurements made before are then not used again."""
SENTENCES_FILE = Path("tasks/kasauti-sts/test.tsv")


@functools.cache
def probe_sentences() -> tuple[str, ...]:
    """Real Marathi and Hindi sentences of 4 to 25 words, the two languages taking turns: the built-in STS test, wherever the workspace is."""
    with (builtin_content() / SENTENCES_FILE).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    return tuple(row[column] for row in rows[::4] for column in ("mr1", "hi1", "mr2", "hi2"))


def probe_key(content: str, prompt: str | None, precision: Precision | None, device: str, profile: str, use: Use = AS_IT_IS) -> str:
    """Identity of a measurement: the digest of `probe_parts`."""
    return digest(probe_parts(content, prompt, precision, device, profile, use))


def probe_parts(content: str, prompt: str | None, precision: Precision | None, device: str, profile: str, use: Use = AS_IT_IS) -> dict[str, Any]:
    """What a measurement is decided by: checkpoint, prompt, arithmetic, profile, protocol, sentences and machine."""
    parts = {"content": content, "prompt": prompt, "arithmetic": arithmetic(device, precision), "profile": profile, **use.parts}
    return {**parts, "protocol": PROTOCOL_VERSION, "versions": versions(), "machine": fingerprint(device), "sentences": digest(probe_sentences())}


def probe(folder: Path, *, prompt: str | None, precision: Precision | None, device: str, profile: str, use: Use = AS_IT_IS) -> dict[str, Any]:
    """Measure a checkpoint in a process of its own.

    Raises:
        ModelError: The process died, or the checkpoint cannot be loaded.
    """
    from bench.children import in_child
    from bench.probe.worker import measure

    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    measured = in_child(measure, folder, prompt, precision, device, probe_sentences(), PROFILES[profile], usable_cores(), use)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix not in {".md"} and path.name != "kasauti.json")
    return {**measured, "bytes_on_disk": size, "load_average_before": busy}
