"""The precision that a model computes in: set while it is loaded, and looked at afterwards, so that a label never says what did not happen."""

from __future__ import annotations

import collections
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cards.candidate import Precision
from bench.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DTYPES = {"fp32": "float32", "int8": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""What weights are loaded as; `int8` is quantized from fp32."""
NAMES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}


def loading_arguments(precision: Precision | None) -> dict[str, Any]:
    """What the transformer is loaded with.

    Loading casts it, and not a later `.to`, since transformers knows what must stay in fp32: buffers of rotary embeddings, some layers of T5.

    Args:
        precision: None for that in which the weights are stored.
    """
    import torch

    return {} if precision is None else {"dtype": getattr(torch, DTYPES[precision])}


def treat(model: SentenceTransformer, precision: Precision | None, folder: Path) -> SentenceTransformer:
    """Do what is left to do after loading, and verify that the model now has the precision.

    `loading_arguments` reach transformers only; here follow the modules that hold none, and quantization.

    Args:
        model: Loaded with `loading_arguments`.
        precision: None leaves the model as it was stored.
        folder: For messages.

    Raises:
        ModelError: The model has nothing that the precision changes.
    """
    if precision is None:
        return model
    import torch
    from sentence_transformers.sentence_transformer.modules import Transformer

    dtype = getattr(torch, DTYPES[precision])
    for module in model:
        if isinstance(module, Transformer):
            _cast_parameters(module.auto_model, dtype)
        else:
            module.to(dtype)
    if precision == "int8":
        model = _quantized(model, folder)
    if precision not in held_in(model):
        raise ModelError(f"{folder}: precision {precision} changed nothing of {_described(model)}; it can be had in {', '.join(held_in(model))}")
    return model


def held_in(model: SentenceTransformer) -> dict[str, float]:
    """Which share of a model's numbers is held in which precision, the largest first: {"int8": 0.8, "fp32": 0.2}."""
    from torch.ao.nn.quantized.dynamic import Linear

    counts: collections.Counter[str] = collections.Counter()
    for parameter in model.parameters():
        dtype = str(parameter.dtype).removeprefix("torch.")
        counts[NAMES.get(dtype, dtype)] += parameter.numel()
    for module in model.modules():
        counts["fp32"] += getattr(module, "numbers", 0)  # of a transformer that another engine holds
        if isinstance(module, Linear):  # keeps its weights packed, so that they are no parameters
            counts["int8"] += module.weight().numel()
            counts["fp32"] += 0 if module.bias() is None else module.bias().numel()
    return {name: round(count / counts.total(), 4) for name, count in counts.most_common() if count}


def _cast_parameters(transformer: Any, dtype: Any) -> None:
    """Cast what loading has left: parameters that a layer holds itself and not in a Linear, like all of XLNet's attention.

    What the architecture lists as staying in fp32 stays, and so do buffers.
    """
    stays = {*(transformer._keep_in_fp32_modules or ()), *(transformer._keep_in_fp32_modules_strict or ())}
    for name, parameter in transformer.named_parameters():
        if parameter.is_floating_point() and not stays & set(name.split(".")):
            parameter.data = parameter.data.to(dtype)


def _quantized(model: SentenceTransformer, folder: Path) -> SentenceTransformer:
    """A copy whose linear layers hold 8-bit weights; activations are quantized batch by batch.

    Left alone are embeddings, norms, and linear layers that only pick numbers (rows of the identity, as `truncate` adds them): there 8 bits would round
    embeddings and save nothing.
    """
    import torch
    from torch.ao.quantization import default_dynamic_qconfig, quantize_dynamic

    _linear_for_conv1d(model)
    chosen = {name: default_dynamic_qconfig for name, module in model.named_modules() if type(module) is torch.nn.Linear and not _picks(module)}
    if not chosen:
        raise ModelError(f"{folder}: precision int8 quantizes linear layers, and {_described(model)} has none; choose fp32, bf16 or fp16")
    with warnings.catch_warnings():  # its successor is another package
        warnings.filterwarnings("ignore", message=r"torch\.(ao\.quantization is|quantize_per_tensor, .* are) deprecated")
        return quantize_dynamic(model, chosen, dtype=torch.qint8)


def _linear_for_conv1d(model: SentenceTransformer) -> None:
    """GPT-2 keeps its linear layers as `Conv1D`, a Linear with the weight transposed, which PyTorch does not quantize.

    Put a Linear of the same weights in place of each.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    for parent in list(model.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, Conv1D):
                inputs, outputs = module.weight.shape
                linear = torch.nn.Linear(inputs, outputs, device=module.weight.device)
                linear.weight = torch.nn.Parameter(module.weight.detach().T.contiguous())
                linear.bias = module.bias
                setattr(parent, name, linear)


def _picks(linear: Any) -> bool:
    """True for a linear layer that gives the first of its inputs as they are."""
    import torch

    return linear.bias is None and torch.equal(linear.weight, torch.eye(*linear.weight.shape).to(linear.weight))


def _described(model: SentenceTransformer) -> str:
    """How messages call a model: its model type, or the classes of its modules."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    return f"model_type {config.model_type!r}" if config is not None else "a model of " + ", ".join(type(module).__name__ for module in model)
