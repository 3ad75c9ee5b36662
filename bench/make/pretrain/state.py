"""What an interrupted pre-training left behind: the tokenizer, and the last state of the model. What is not what was saved is not gone on from."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.digests import file_digest
from bench.faults import storage
from bench.store import Notices, Unsealed, Unsound, read_sealed_folder, seal_folder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write a state into a file whose name is its digest, then remove the one before it."""
    import torch

    temporary = folder / "state.tmp"
    with storage(temporary), temporary.open("w+b") as handle:
        torch.save(state, handle)
        handle.flush()
        os.fsync(handle.fileno())
        handle.seek(0)
        written = hashlib.file_digest(handle, "sha256").hexdigest()
    saved = temporary.replace(folder / f"state-{written}.pt")
    for older in folder.glob("state-*.pt"):
        if older != saved:
            older.unlink()


def load_state(folder: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The last state of this very training; None where there is none. A file that is not what was saved is told of in one line."""
    import torch

    found: list[dict[str, Any]] = []
    for path in folder.glob("state*.pt"):
        if path.stem != f"state-{file_digest(path)}":
            Notices().say(f"{path}: its content does not match the digest in its name; this state is not used, what it held is trained anew")
            continue
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["identity"] == identity:
            found.append(state)
    return max(found, key=lambda state: int(state["step"]), default=None)


def kept_tokenizer(folder: Path, of: str, train: Callable[[], PreTrainedTokenizerFast]) -> PreTrainedTokenizerFast:
    """The tokenizer in a folder; trained, and put there, where there is none that is what was saved for this training.

    Args:
        folder: Where it is kept.
        of: Digest of what it is trained from.
        train: Trains it.
    """
    from transformers import PreTrainedTokenizerFast

    if folder.is_dir():
        try:
            if read_sealed_folder(folder, of) is None:
                raise Unsealed("it has no digest")
            return PreTrainedTokenizerFast.from_pretrained(folder)
        except Unsound as problem:
            Notices().say(f"{folder}: this tokenizer is not used ({problem}); it is trained anew")
            shutil.rmtree(folder)
    tokenizer = train()
    temporary = folder.with_name(f"{folder.name}.tmp")
    tokenizer.save_pretrained(temporary)
    seal_folder(temporary, of)
    temporary.replace(folder)
    return tokenizer
