"""A checkpoint exported for ONNX Runtime or OpenVINO: once a workspace, and checked against PyTorch.

sentence-transformers does this through optimum, whose releases ask for an older transformers. So the transformer is written by PyTorch's own exporter, as one
ONNX file that both engines read; tokenizer, prompts, pooling and what comes after stay those of sentence-transformers.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers.sentence_transformer.modules import Transformer

from bench.cards.candidate import Backend, Use
from bench.children import in_child
from bench.errors import ModelError, first_line
from bench.faults import storage
from bench.models.converted import is_sound
from bench.models.encoders import SentenceEncoder
from bench.models.engines import SETTINGS, export_name
from bench.models.exported import FILE, ExportedTransformer
from bench.models.loading import load_encoder, load_exported
from bench.store import Notices, replacing_folder, seal_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TOLERANCE = 1e-4
"""How far an exported model's embeddings may be from PyTorch's, as a share of their length: engines add in another order."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
CHECKED = ("एक", "बच्चे मैदान में पतंग उड़ा रहे हैं।", "हे एक थोडे मोठे वाक्य आहे, ज्यात अनेक शब्द आहेत, विरामचिन्हे आहेत आणि English शब्दही आहेत. " * 3)
"""Texts of three lengths, alone and in one padded batch: what was fixed in the export by accident shows."""


def exported(folder: Path, content: str, use: Use, state: Path, say: Callable[[], None] = lambda: None) -> Path:
    """The folder of a checkpoint's exported model; exported, in a process of its own, where it is not there or not what was written.

    Args:
        folder: The checkpoint.
        content: Its digest.
        use: How it is run; `use.backend` is not `torch`.
        state: The workspace's folder for what a run writes.
        say: Called before it is exported, which takes from seconds to a minute.

    Raises:
        ModelError: The checkpoint cannot be loaded or exported, or the exported model gives other embeddings.
        StorageError: The folder cannot be written.
    """
    from filelock import FileLock

    key = export_name(content, use)
    place, locks, notices = state / "exported" / key, state / "locks", Notices()
    with storage(locks):
        locks.mkdir(parents=True, exist_ok=True)
    with storage(place), FileLock(locks / f"export-{key}"):
        if not is_sound(place, key, notices, "exported"):
            say()
            with replacing_folder(place) as temporary:
                in_child(_export, folder, use, temporary)
                seal_folder(temporary, key)
    return place


def _export(folder: Path, use: Use, place: Path) -> None:
    """Write the folder, load it again, and compare its embeddings with PyTorch's."""
    encoder = load_encoder(folder, prompt="", use=Use(use.max_length))
    if not isinstance(encoder, SentenceEncoder) or not _is_plain(encoder.model):
        raise ModelError(f"{folder}: backend {use.backend} runs a model whose first part is a transformer that gives token embeddings, and this one is not")
    model = encoder.model.eval()
    expected = _embeddings(model)
    model.save_pretrained(str(place), create_model_card=False)
    modules = place / "modules.json"
    told = json.loads(modules.read_text(encoding="utf-8"))
    inside = place / told[0]["path"]
    for weights in (*inside.glob("*.safetensors"), *inside.glob("*.safetensors.index.json")):
        weights.unlink()
    _name_no_code(place)
    inputs = _write(folder, model[0], inside / FILE)
    told[0]["type"] = f"{ExportedTransformer.__module__}.{ExportedTransformer.__name__}"
    modules.write_text(json.dumps(told, indent=2), encoding="utf-8")
    numbers = sum(parameter.numel() for parameter in model[0].parameters())
    (place / SETTINGS).write_text(json.dumps({"backend": use.backend, "inputs": inputs, "numbers": numbers}), encoding="utf-8")
    _compare(folder, use.backend, expected, _embeddings(load_exported(place, prompt="").model))


def _name_no_code(place: Path) -> None:
    """Take out of configuration files what would make a loader run code: the checkpoint was loaded without it, and the exported one is loaded as trusted."""
    for file in place.rglob("*.json"):
        told = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(told, dict) and told.pop("auto_map", None) is not None:
            file.write_text(json.dumps(told, indent=2, ensure_ascii=False), encoding="utf-8")


def _is_plain(model: SentenceTransformer) -> bool:
    """True where the first module calls a transformer's `forward` and takes its last hidden state."""
    text = getattr(model[0], "modality_config", {}).get("text") if isinstance(model[0], Transformer) else None
    return text is not None and (text["method"], text["method_output_name"]) == ("forward", "last_hidden_state")


def _write(folder: Path, module: Any, file: Path) -> list[str]:
    """Export the transformer of a module; the names of its inputs."""
    features = module.preprocess(list(CHECKED))
    names = [name for name in INPUTS if name in features]
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of packages for pictures that are not installed
    try:
        with warnings.catch_warnings():  # of names of axes, and of its own use of Python
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _TokenEmbeddings(module.auto_model).eval(),
                tuple(features[name] for name in names),
                str(file),
                input_names=names,
                output_names=["last_hidden_state"],
                dynamic_shapes=tuple({0: batch, 1: length} for _ in names),
                dynamo=True,
                external_data=True,
                verbose=False,
            )
    except Exception as error:  # what the exporter raises for a model that it cannot follow is of many classes
        raise ModelError(f"{folder}: PyTorch cannot export it: {first_line(error)}; use backend 'torch'") from error
    return names


class _TokenEmbeddings(torch.nn.Module):
    """A transformer with positional inputs and one output."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> torch.Tensor:
        more = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **more).last_hidden_state  # type: ignore[no-any-return]


def _embeddings(model: SentenceTransformer) -> list[Any]:
    """Each text by itself, and all of them as one padded batch."""
    batches: Sequence[Sequence[str]] = [*([text] for text in CHECKED), CHECKED]
    return [model.encode(list(texts), batch_size=len(texts), show_progress_bar=False) for texts in batches]


def _compare(folder: Path, backend: Backend, expected: Sequence[Any], found: Sequence[Any]) -> None:
    """Raise unless every embedding is that of PyTorch."""
    worst = max(float((np.linalg.norm(a - b, axis=1) / np.linalg.norm(a, axis=1)).max()) for a, b in zip(expected, found, strict=True))
    if not worst <= TOLERANCE:
        raise ModelError(f"{folder}: run by backend {backend} its embeddings differ from PyTorch's by {worst:.2g} of their length (at most {TOLERANCE:g})")
