"""A transformer that ONNX Runtime or OpenVINO runs, inside a model of sentence-transformers. `bench.models.exporting` writes what it is loaded from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.sentence_transformer.modules import Transformer
from typing_extensions import override

from bench.cards.candidate import Backend
from bench.models.engines import SETTINGS

FILE = "transformer.onnx"


class ExportedTransformer(Transformer):
    """sentence-transformers' module with an engine in place of its model."""

    @override
    def _load_model(self, model_name_or_path: str, transformer_task: Any, config: Any, backend: str, is_peft_model: bool, **model_kwargs: Any) -> Any:
        """A hook of sentence-transformers, in which its own backends are loaded too."""
        folder = Path(model_name_or_path, model_kwargs.get("subfolder", ""))
        settings = json.loads((Path(model_name_or_path) / SETTINGS).read_text(encoding="utf-8"))
        return _Engine(folder / FILE, config, settings)


class _Engine(torch.nn.Module):
    """What sentence-transformers calls a model: token ids in, token embeddings out."""

    def __init__(self, file: Path, config: Any, settings: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.numbers, self.backend = config, int(settings["numbers"]), settings["backend"]
        self._inputs: list[str] = settings["inputs"]
        self._run, self.threads = START[self.backend](file, torch.get_num_threads())

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        return_dict: bool = True,  # noqa: ARG002 (sentence-transformers gives it)
    ) -> dict[str, torch.Tensor]:
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        fed: dict[str, Any] = {name: given[name] for name in self._inputs}
        return {"last_hidden_state": torch.from_numpy(self._run({name: ids.numpy() for name, ids in fed.items()}))}


Run = Callable[[dict[str, Any]], Any]


def _start_onnx(file: Path, threads: int) -> tuple[Run, int]:
    """A session of ONNX Runtime, and the threads that it says it has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda fed: session.run(None, fed)[0], int(session.get_session_options().intra_op_num_threads)


def _start_openvino(file: Path, threads: int) -> tuple[Run, int]:
    """A model compiled by OpenVINO, and the threads that it says it has. By itself it computes in bf16 where the hardware does."""
    import openvino

    asked = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    compiled = openvino.Core().compile_model(str(file), "CPU", asked)
    return lambda fed: compiled(fed)[0], int(compiled.get_property("INFERENCE_NUM_THREADS"))


START: dict[Backend, Callable[[Path, int], tuple[Run, int]]] = {"onnx": _start_onnx, "openvino": _start_openvino}
