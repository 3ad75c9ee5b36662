"""What identifies a measurement, and what is measured of a checkpoint. How: docs/probes.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.cards.candidate import AS_IT_IS, Precision, Use
from bench.digests import counts, digest, folder_files
from bench.models.engines import use_parts
from bench.probe.machine import arithmetic, fingerprint, usable_cores, versions
from bench.probe.texts import SHA256

PROTOCOL_VERSIONS = {"quick": 5, "full": 7}
"""By profile. Raise one when the same checkpoint would be measured in another way: measurements made before are then not used again."""


def probe_key(content: str, prompt: str | None, precision: Precision | None, device: str, profile: str, use: Use = AS_IT_IS, **more: Any) -> str:
    """Identity of a measurement: the digest of `probe_parts`."""
    return digest(probe_parts(content, prompt, precision, device, profile, use, **more))


def probe_parts(
    content: str,
    prompt: str | None,
    precision: Precision | None,
    device: str,
    profile: str,
    use: Use = AS_IT_IS,
    *,
    reference: str | None = None,
    threads: int = 0,
) -> dict[str, Any]:
    """What a measurement is decided by: checkpoint, prompt, arithmetic, profile, protocol, texts, machine, and the reference that was measured beside it.

    Args:
        content: Digest of the checkpoint.
        prompt: Put before every text; None for the checkpoint's own.
        precision: None for that in which the checkpoint is stored.
        device: Device that encodes.
        profile: `quick` or `full`.
        use: Tokens of a text at most, and whether code in the folder may run.
        reference: Digest of the reference's checkpoint; None where there was none.
        threads: 0 for as many as there are cores.
    """
    parts = {"content": content, "prompt": prompt, "arithmetic": arithmetic(device, precision), "profile": profile, "reference": reference, **use_parts(use)}
    parts |= {"threads": threads} if threads not in {0, usable_cores()} else {}
    return {**parts, "protocol": PROTOCOL_VERSIONS[profile], "versions": versions(), "machine": fingerprint(device), "texts": SHA256}


def bytes_on_disk(folder: Path) -> int:
    """What the files of a checkpoint take that a loader could read."""
    return sum(path.stat().st_size for path in folder_files(folder) if counts(path.relative_to(folder)))
