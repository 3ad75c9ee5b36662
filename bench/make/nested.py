"""One training for every depth: AdaptiveLayerLoss trains all layers' embeddings at once, and each candidate is that model cut off at its depth (Li et al. 2024, "2D Matryoshka")."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Trained = tuple["SentenceTransformer", dict[str, Any]]
RECORD = "phases.json"


def shared_training(folder: Path, train: Callable[[], Trained]) -> Trained:
    """The model in `folder`, trained by the first candidate that needs it; the others only load it.

    Args:
        folder: Where the trained model of all depths is kept.
        train: Gives the model on the CPU, and what is told of its training.
    """
    from filelock import FileLock

    from bench.make.prune import load_sentence_model

    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not folder.is_dir():
            model, told = train()
            for stale in folder.parent.glob(f".{folder.name}.saving-*"):
                shutil.rmtree(stale)
            temporary = folder.with_name(f".{folder.name}.saving-{os.getpid()}")
            model.save_pretrained(str(temporary), create_model_card=False)
            (temporary / RECORD).write_text(json.dumps(told), encoding="utf-8")
            temporary.replace(folder)
    return load_sentence_model(folder), json.loads((folder / RECORD).read_text(encoding="utf-8"))
