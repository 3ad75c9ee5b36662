"""Find a base or an external model: a folder, or a Hub repository at a pinned revision; check that it can be pruned."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bench.errors import LayerError, ModelError
from bench.models.soundness import read_json


@dataclasses.dataclass(frozen=True)
class Architecture:
    """How a model type keeps its layers.

    `layers` is the place of their list, `depth` the field of `config.json` that says how many are built on reload, `width` that of the size of what they give,
    `fixed` how many of the first ones cannot go.
    """

    layers: str = "encoder.layer"
    depth: str = "num_hidden_layers"
    width: str = "hidden_size"
    fixed: int = 0


SUPPORTED = {
    "bert": Architecture(),
    "roberta": Architecture(),
    "xlm-roberta": Architecture(),
    "electra": Architecture(),
    "distilbert": Architecture("transformer.layer", "n_layers", "dim"),
    "mpnet": Architecture(),
    "xlnet": Architecture("layer", "n_layer", "d_model"),
    "deberta-v2": Architecture(),
    "modernbert": Architecture("layers", fixed=1),
    "gpt2": Architecture("h", "n_layer", "n_embd"),
    "t5": Architecture("encoder.block", "num_layers", "d_model"),
    "mt5": Architecture("encoder.block", "num_layers", "d_model"),
}
"""Model types that can be pruned. Of T5 it is the encoder, the decoder is not loaded."""

WIDTHS = ("hidden_size", "d_model", "dim", "n_embd")
"""What the width of a transformer is called in `config.json`."""

UNSUPPORTED = {"albert": "all its layers share one set of weights, so that there is none to remove"}
"""Model types that never can be, and why."""


def architecture(model_type: object) -> Architecture:
    """How a model type keeps its layers.

    Raises:
        LayerError: It cannot be pruned.
    """
    found = SUPPORTED.get(str(model_type))
    if found is None:
        reason = UNSUPPORTED.get(str(model_type)) or "expected one of " + ", ".join(SUPPORTED)
        raise LayerError(f"model_type {model_type!r} cannot be pruned: {reason}")
    return found


def check_kept(config: dict[str, object], kept: Sequence[int]) -> None:
    """Refuse a kept list that this architecture would reload as another model.

    Args:
        config: As in `config.json`.
        kept: Kept layers, 0-based.

    Raises:
        LayerError: What a layer computes depends on its place, and the kept list moves it.
    """
    moved = list(kept) != list(range(len(kept)))
    fixed = architecture(config.get("model_type")).fixed
    if list(kept[:fixed]) != list(range(fixed)):
        raise LayerError(f"{config['model_type']} must keep layer 0, the only one built without a norm before its attention (got {list(kept)})")
    if config.get("model_type") == "gpt2" and config.get("scale_attn_by_inverse_layer_idx") and moved:
        raise LayerError(
            f"a GPT-2 with scale_attn_by_inverse_layer_idx can only lose its top layers: attention is scaled by the layer's place (got {list(kept)})"
        )


def transformer_folder(folder: Path) -> Path:
    """Where a model folder keeps its transformer and tokenizer: the first module of a sentence-transformers folder, else the folder itself."""
    modules = folder / "modules.json"
    if not modules.is_file():
        return folder
    try:
        return folder / str(read_json(modules)[0]["path"])
    except (LookupError, TypeError):
        raise ModelError(f"{modules}: expected a JSON list of modules with their paths") from None


def read_config(folder: Path) -> dict[str, object]:
    """A model's `config.json`.

    Raises:
        ModelError: It is missing or is no JSON object.
    """
    path = folder / "config.json"
    if not path.exists():
        raise ModelError(f"{path}: missing; only a transformer can be pruned or fine-tuned")
    config = read_json(path)
    if not isinstance(config, dict):
        raise ModelError(f"{path}: expected a JSON object")
    return config


def embedding_width(folder: Path) -> int | None:
    """The dimensions of a model folder's embeddings as far as its configuration files tell; None where only loading it would."""
    try:
        config = read_config(transformer_folder(folder))
        modules = read_json(folder / "modules.json")[1:] if (folder / "modules.json").is_file() else []
        found = next((config[name] for name in WIDTHS if name in config), None)
        for module in modules:
            kind = str(module["type"]).rpartition(".")[2]
            settings = read_config(folder / str(module["path"])) if kind in {"Dense", "Pooling"} else {}
            if kind == "Dense":
                found = settings.get("out_features")
            elif kind not in {"Pooling", "Normalize"} or _pooling_modes(settings) > 1:
                return None
    except (ModelError, LookupError, TypeError):
        return None
    return found if isinstance(found, int) else None


def _pooling_modes(settings: dict[str, object]) -> int:
    """How many kinds of pooling a sentence model puts side by side, by the configuration of today's releases or of earlier ones."""
    mode = settings.get("pooling_mode", [name for name, on in settings.items() if name.startswith("pooling_mode_") and on is True])
    return len(mode) if isinstance(mode, list) else 1


def layer_count(folder: Path) -> int:
    """The number of layers of a base that can be pruned.

    Raises:
        ModelError: There is no readable configuration, or it does not say how many layers there are.
        LayerError: The architecture is not supported.
    """
    return _size(folder, "depth", "the number of layers")


def check_dimensions(name: str, folder: Path, dimensions: Sequence[int]) -> None:
    """Refuse widths that the base of a candidate does not have.

    Raises:
        ModelError: There is no readable configuration.
        LayerError: One of the dimensions is larger than the base is wide.
    """
    width = _size(folder, "width", "the width")
    if (largest := max(dimensions)) > width:
        raise LayerError(f"{name}: dimensions must be at most {width}, the width of its base (got {largest})")


def _size(folder: Path, what: Literal["depth", "width"], meaning: str) -> int:
    """A number of a base's configuration, under the name that its architecture gives it."""
    folder = transformer_folder(folder)
    config = read_config(folder)
    if not isinstance(config.get("model_type"), str):
        raise ModelError(f"{folder / 'config.json'}: model_type must name an architecture, like bert (got {config.get('model_type')!r}); get the file anew")
    try:
        field: str = getattr(architecture(config.get("model_type")), what)
    except LayerError as error:
        raise LayerError(f"{folder / 'config.json'}: {error}") from None
    size = config.get(field)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ModelError(f"{folder / 'config.json'}: {field} must be {meaning}, a whole number above 0 (got {size!r})")
    return size
