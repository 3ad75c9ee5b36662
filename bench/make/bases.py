"""Find a base or an external model: a folder, or a Hub repository at a pinned revision; check that it can be pruned."""

from __future__ import annotations

import json
from pathlib import Path

from bench.errors import ModelError, first_line

SUPPORTED = {"bert": "encoder.layer", "roberta": "encoder.layer", "xlm-roberta": "encoder.layer", "electra": "encoder.layer"}
"""Model types that can be pruned, with the place of their list of layers."""


def locate_model(name: str, *, path: str | None, hub: str | None, revision: str | None, folder: Path, offline: bool) -> Path:
    """The folder that holds a model.

    Raises:
        ModelError: The folder has no `config.json` or `modules.json`, or the Hub cannot be reached.
    """
    if path is not None:
        found = (folder / Path(path).expanduser()).resolve()
        if not (found / "config.json").is_file() and not (found / "modules.json").is_file():
            raise ModelError(f"{name}: {found} is not a model folder: expected config.json or modules.json in it")
        return found
    assert hub is not None
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.safetensors", "*.bin", "*.txt", "*.model", "*/*.json", "*/*.safetensors", "*/*.bin"]
    try:
        return Path(snapshot_download(hub, revision=revision, local_files_only=offline, allow_patterns=patterns))
    except Exception as error:
        hint = "run once without --offline" if offline else "check the network, the id and the revision, or give the base as a folder (path = ...)"
        raise ModelError(f"{name}: hub:{hub}@{revision} cannot be had: {first_line(error)}; {hint}") from error


def transformer_folder(folder: Path) -> Path:
    """Where a model folder keeps its transformer and tokenizer: the first module of a sentence-transformers folder, else the folder itself."""
    modules = folder / "modules.json"
    if not modules.is_file():
        return folder
    try:
        return folder / str(json.loads(modules.read_text(encoding="utf-8"))[0]["path"])
    except (json.JSONDecodeError, LookupError, TypeError):
        raise ModelError(f"{modules}: expected a JSON list of modules with their paths") from None


def read_config(folder: Path) -> dict[str, object]:
    """A model's `config.json`.

    Raises:
        ModelError: It is missing or is no JSON object.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: missing; only a transformer can be pruned or fine-tuned") from None
    except json.JSONDecodeError as error:
        raise ModelError(f"{path}:{error.lineno}: not JSON ({error.msg})") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path}: expected a JSON object")
    return config


def layer_count(folder: Path) -> int:
    """The number of layers of a base that can be pruned.

    Raises:
        ModelError: The architecture is not supported.
    """
    folder = transformer_folder(folder)
    config = read_config(folder)
    kind, layers = config.get("model_type"), config.get("num_hidden_layers")
    if kind not in SUPPORTED or not isinstance(layers, int):
        raise ModelError(f"{folder / 'config.json'}: model_type {kind!r} cannot be pruned; expected one of {', '.join(SUPPORTED)}")
    return layers
