"""Whether a loaded model has the weights of its folder: each of its tensors was read from a file, and each tensor in its files was used.

The libraries load what fits, give the rest random values, and only log it. So a wrong number of layers in `config.json`, or a file with a layer missing, would
give a model that is partly noise, or not the one that its name says.

Transformers are watched while they are loaded: `from_pretrained` tells what did not fit. Other modules are compared with their files. A part that was neither
watched nor compared is an error.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import ModelError
from bench.models.pruning import drop_pooler

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch.nn import Module

MAY_BE_MISSING = {
    r"pooler\.": "BERT's pooler: no pooling here uses it, and most folders do not have it. It is removed from the model, so that no random weights stay.",
}
"""Tensors that a folder need not have, as regular expressions from the start of the name, and why."""

MAY_BE_UNUSED = {
    r"(\w+\.)?pooler\.": "a pooler, where the model is built without one",
    r"(cls|lm_head|predictions|mask_predictions|lm_predictions|mlm_head)\.": "heads of language models: BERT, RoBERTa, ALBERT, DeBERTa, GPT-2, T5",
    r"(vocab_transform|vocab_layer_norm|vocab_projector|lm_loss|generator_predictions|generator_lm_head)\.": "language models: DistilBERT, XLNet, ELECTRA",
    r"head\.(dense|norm)\.|decoder\.(weight|bias)$": "the head of ModernBERT's language model",
    r"(discriminator_predictions|sop_classifier)\.": "other heads of pre-training: ELECTRA, ALBERT",
    r"(pre_classifier|classifier|score|qa_outputs|multiple_choice_head|sequence_summary|logits_proj|start_logits|end_logits|answer_class)\.": "heads of tasks",
    r"(\w+\.)?embeddings_project\.": "ELECTRA's published base and large have it although their embeddings are as wide as the model",
    r"(\w+\.)?embeddings\.word_embeddings\._weight$": "a copy of the word embeddings in published folders of DeBERTa-v3",
    r"(.+\.)?(position_ids|token_type_ids|inv_freq|attn\.bias|attn\.masked_bias)$": "constants that older releases saved and newer ones compute",
}
"""Tensors that a folder may have and the model not use, as regular expressions from the start of the name, and why."""

DECODER = r"decoder\."
"""Unused where the class is an encoder alone, as that of T5."""

BUILT_FROM_SETTINGS = {"WordWeights"}
"""Modules that save no tensors: they are made of their config.json."""

MODEL2VEC = {"embeddings", "mapping", "weights"}
"""What a static model of model2vec calls its tensors."""

SHOWN = 3
"""Names in a message."""

MEND = "make config.json say what the weights are (num_hidden_layers, sizes, vocabulary), or get the folder anew"


@dataclasses.dataclass
class Misfits:
    """What does not fit between a model and its files; `misshapen` by name: the shape in the file, the one in the model."""

    missing: list[str] = dataclasses.field(default_factory=list)
    unused: list[str] = dataclasses.field(default_factory=list)
    misshapen: dict[str, tuple[Any, Any]] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        parts = []
        if self.missing:
            parts.append(f"{_some(self.missing)} missing in the weights")
        if self.unused:
            parts.append(f"{_some(self.unused)} in the weights but not in the model")
        if self.misshapen:
            name, (stored, built) = next(iter(sorted(self.misshapen.items())))
            parts.append(f"{_some(list(self.misshapen))} of another shape ({name} is {list(stored)} in the weights, {list(built)} in the model)")
        return ", ".join(parts)


def _some(names: list[str]) -> str:
    listed = ", ".join(sorted(names)[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''} ({listed})"


@contextmanager
def strict_loading() -> Iterator[list[Any]]:
    """Within the block, every `from_pretrained` of a model checks its weights, whoever calls it; a pooler that the folder does not have is removed.

    Yields:
        The transformers that were loaded so far.

    Raises:
        ModelError: A tensor is missing, unused or of another shape, and not one of those that may be.
    """
    from transformers import PreTrainedModel

    own = PreTrainedModel.__dict__["from_pretrained"]
    loaded: list[Any] = []

    def from_pretrained(cls: type, /, *args: Any, output_loading_info: bool = False, **named: Any) -> Any:
        # Misshapen tensors are let through by the library, so that they can be named here.
        model, told = own.__func__(cls, *args, **{**named, "output_loading_info": True, "ignore_mismatched_sizes": True})
        if misfits := str(_transformer_misfits(model, told)):
            place = args[0] if args else named.get("pretrained_model_name_or_path")
            raise ModelError(f"{place}: {misfits}; {MEND}")
        loaded.append(model)
        return (model, told) if output_loading_info else model

    PreTrainedModel.from_pretrained = classmethod(from_pretrained)
    try:
        yield loaded
    finally:
        PreTrainedModel.from_pretrained = own


def check_modules(folder: Path, model: SentenceTransformer, loaded: list[Any]) -> None:
    """Refuse a model with a module that does not have the weights of its folder.

    Args:
        folder: What it was loaded from.
        model: As it came from loading, with all its modules.
        loaded: The transformers that were checked while they were loaded.

    Raises:
        ModelError: A tensor of another module is missing, unused or of another shape; or a transformer was loaded in a way by which it was not checked.
    """
    from transformers import PreTrainedModel

    checked = {id(part) for transformer in loaded for part in transformer.modules()}
    unseen = [type(part).__name__ for part in model.modules() if isinstance(part, PreTrainedModel) and id(part) not in checked]
    if unseen:
        raise ModelError(f"{folder}: {unseen[0]} was loaded in a way by which its weights cannot be checked; save it as a plain sentence-transformers folder")
    if (folder / "modules.json").is_file():
        entries = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        for entry, module in zip(entries, model.children(), strict=True):
            _check_module(folder / entry["path"], module)


def _transformer_misfits(transformer: Any, told: Mapping[str, Any]) -> Misfits:
    """What does not fit by what `from_pretrained` tells, without what may be missing or unused."""
    if any(_matches(MAY_BE_MISSING, name) for name in told["missing_keys"]):
        drop_pooler(transformer)
    held = transformer.state_dict()
    encoder_alone = type(transformer).__name__.endswith("EncoderModel")
    allowed = {**MAY_BE_UNUSED, **({DECODER: ""} if encoder_alone else {})}
    return Misfits(
        missing=[name for name in told["missing_keys"] if not _matches(MAY_BE_MISSING, name) or name in held],
        unused=[name for name in told["unexpected_keys"] if not _matches(allowed, name)],
        misshapen={name: (stored, built) for name, stored, built in told["mismatched_keys"]},
    )


def _matches(patterns: Mapping[str, str], name: str) -> bool:
    return any(re.match(pattern, name) for pattern in patterns)


def _check_module(folder: Path, module: Module) -> None:
    """Compare a module that is no transformer with the files in its folder; of a router, each of its modules."""
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from transformers import PreTrainedModel

    if isinstance(module, Router):
        settings = next(path for name in ("router_config.json", "config.json") if (path := folder / name).is_file())
        for route, names in json.loads(settings.read_text(encoding="utf-8"))["structure"].items():
            for name, inner in zip(names, module.sub_modules[route].children(), strict=True):
                _check_module(folder / name, inner)
        return
    watched = {id(tensor) for part in module.modules() if isinstance(part, PreTrainedModel) for tensor in part.state_dict(keep_vars=True).values()}
    held = {name: tuple(tensor.shape) for name, tensor in module.state_dict(keep_vars=True).items() if id(tensor) not in watched}
    stored = stored_shapes(folder) if held or not watched else {}
    if type(module).__name__ in BUILT_FROM_SETTINGS and not stored:
        return
    if isinstance(module, StaticEmbedding) and "embeddings" in stored:
        misfits = Misfits(unused=[name for name in stored if name not in MODEL2VEC])
    else:
        misfits = Misfits(
            missing=[name for name in held if name not in stored],
            unused=[name for name in stored if name not in held and not watched],
            misshapen={name: (stored[name], shape) for name, shape in held.items() if stored.get(name, shape) != shape},
        )
    if str(misfits):
        raise ModelError(f"{folder}: {misfits}; {MEND}")
    if isinstance(module, StaticEmbedding) and (rows := held["embedding.weight"][0]) < (tokens := module.tokenizer.get_vocab_size()):
        raise ModelError(
            f"{folder}: the weights have vectors for {rows:,} tokens, the tokenizer has {tokens:,}; they do not belong together, get the folder anew"
        )


def stored_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in `model.safetensors`, or else in `pytorch_model.bin`, by name; nothing where there is neither."""
    import torch
    from safetensors import safe_open

    if (path := folder / "model.safetensors").is_file():
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)
    if (path := folder / "pytorch_model.bin").is_file():
        return {name: tuple(tensor.shape) for name, tensor in torch.load(path, map_location="meta", weights_only=True).items()}
    return {}
