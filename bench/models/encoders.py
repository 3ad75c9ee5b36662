"""Texts to embeddings, bit for bit the same whatever else is encoded in the same run.

Every forward pass has a fixed shape: texts of one token length, a number of rows that depends on that length alone (short batches are filled up by repeating a
row). So there is no padding, and what a text's embedding is depends on the text and the model only. The place of a text in its batch moved no bit of the bases
of `mini` and of MiniLM; on two threads it did move the last one (by 2e-7) of a random model 32 wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bench.errors import STOPS, BenchError, ModelError, first_line
from bench.faults import lacks_memory
from bench.models.precision import held_in
from bench.models.prompts import default_prompt, named_prompt

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

Progress = Callable[[float], None]
"""Called with the finished fraction."""
ENCODING_VERSION = 3
"""Raise it by one when the same checkpoint would give other embeddings: embeddings and scores made before are then not used again."""
TOKENS_PER_BATCH = {"cpu": 384, "cuda": 32768}
"""By type of device. A batch holds texts of one length and is filled up with copies, so that a text's embedding does not depend on its company: where there are
few texts of a length, the larger batches are, the more is computed for nothing. On a CPU products of 384 rows are as fast as those of 1,024."""
MAX_ROWS = {"cpu": 64, "cuda": 1024}
SPREAD_TEXTS = 1000
"""How many texts `check_spread` looks at."""
ROUNDING = {"fp32": 0.0, "int8": 0.0, "bf16": 2**-7, "fp16": 2**-10}
"""The largest relative difference that rounding makes between embeddings that are the same: half a unit in the last place for the sum over tokens, half for
its division. int8 adds up in fp32."""
SMALLEST_SPREAD = 2**-11.5
"""Two unit vectors nearer than this have a cosine of 1 in fp32: it falls short of 1 by half the square of their distance, and fp32 has no number between 1 -
2^-24 and 1."""
LONGEST_TOLD = 300
"""Characters of a library's words in an error of ours."""
INT8_ROWS = 1
"""Dynamic quantization takes the scale of its activations over the whole batch, so that a text's embedding would depend on its company."""


class Encoder(Protocol):
    """Anything that turns texts into float32 vectors."""

    @property
    def prompt(self) -> str:
        """What is put before every text."""

    @property
    def similarity(self) -> str:
        """How its embeddings are compared: `cosine`, `dot`, `euclidean` or `manhattan`."""

    @property
    def dtype(self) -> str:
        """The name in numpy of the numbers that the model gives, before they are made float32."""

    def precision(self) -> dict[str, float]:
        """Which share of its numbers is held in which precision; empty where it has none."""

    def for_task(self, *names: str) -> Encoder:
        """The same model with the prompt that it has under the first of these names, unless it was given one for everything."""

    def with_prompt(self, prompt: str) -> Encoder:
        """The same model with this prompt."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """float32 array of shape (texts, dimensions)."""

    def save(self, folder: Path) -> None:
        """Write what `load_encoder` reads."""


class SentenceEncoder:
    """A sentence-transformers model with the fixed-shape batch plan.

    Args:
        model: On the device that it is to run on.
        prompt: Put before every text; None for the model's own prompts, "" for none.
        max_rows: Rows of a batch at most; by the device when None.
        progress: Called with the finished fraction.
    """

    def __init__(self, model: SentenceTransformer, *, prompt: str | None = None, max_rows: int | None = None, progress: Progress = lambda _: None) -> None:
        self.model, self.progress, self._given = model, progress, prompt
        self.prompt = default_prompt(model) if prompt is None else prompt
        self.max_rows = max_rows or MAX_ROWS.get(model.device.type, 64)

    @property
    def similarity(self) -> str:
        """How the model says that its embeddings are compared; `cosine` where it says nothing."""
        return str(self.model.similarity_fn_name)

    @property
    def dtype(self) -> str:
        """`float16` for a model that runs in fp16, else `float32` (numpy has no bfloat16, so sentence-transformers gives float32 for it)."""
        return "float16" if str(self.model.dtype) == "torch.float16" else "float32"

    def precision(self) -> dict[str, float]:
        """See `held_in`."""
        return held_in(self.model)

    def for_task(self, *names: str) -> SentenceEncoder:
        """The same model with its own prompt under the first of these names, else its default one.

        With the prompt that this encoder was given, where it was given one.
        """
        prompt = named_prompt(self.model, names) if self._given is None else self._given
        return self.with_prompt(prompt)

    def with_prompt(self, prompt: str) -> SentenceEncoder:
        """The same model with this prompt."""
        return SentenceEncoder(self.model, prompt=prompt, max_rows=self.max_rows, progress=self.progress)

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """float32 array of shape (texts, dimensions), rows in the order of `texts`.

        Raises:
            ModelError: An embedding holds NaN or infinity; names the text. Or the model was loaded and cannot embed a text.
        """
        kind = self.model.device.type
        groups: dict[int, list[int]] = {}
        with _able():
            lengths = self._lengths(texts)
        for index, length in enumerate(lengths):
            groups.setdefault(length, []).append(index)
        out: NDArray[np.float32] | None = None
        done = 0
        for length in sorted(groups):
            indices = groups[length]
            rows = max(1, min(self.max_rows, TOKENS_PER_BATCH.get(kind, 384) // length))
            for start in range(0, len(indices), rows):
                part = indices[start : start + rows]
                with _able():
                    vectors = self._forward([texts[index] for index in part], rows)
                if out is None:
                    out = np.empty((len(texts), vectors.shape[1]), dtype=np.float32)
                out[part] = vectors
                done += len(part)
                self.progress(done / len(texts))
        assert out is not None, "encode needs at least one text"
        check_finite(out, texts)
        return out

    def save(self, folder: Path) -> None:
        """Write the model as a sentence-transformers folder, without a page."""
        self.model.save_pretrained(str(folder), create_model_card=False)

    def _forward(self, texts: Sequence[str], rows: int) -> NDArray[np.float32]:
        filled = [*texts, *[texts[-1]] * (rows - len(texts))]
        vectors: NDArray[np.float32] = self.model.encode(filled, batch_size=rows, prompt=self.prompt, show_progress_bar=False, convert_to_numpy=True)
        return vectors[: len(texts)].astype(np.float32, copy=False)

    def _lengths(self, texts: list[str]) -> list[int]:
        """Tokens of each text after truncation; characters where the model has no transformers tokenizer."""
        tokenizer = self.model.tokenizer
        prompted = [self.prompt + text for text in texts]
        if not hasattr(tokenizer, "model_max_length"):
            return [len(text) for text in prompted]
        encoded = tokenizer(prompted, truncation=True, return_attention_mask=False)  # at the model's longest input, which is kept in the tokenizer
        return [len(ids) for ids in encoded["input_ids"]]


@contextmanager
def _able() -> Iterator[None]:
    """What a library raises in the first text of a model whose settings fit no text (a modality without a method, an epsilon that is a word), as one line.

    Raises:
        ModelError: In place of any error but lack of memory.
    """
    try:
        yield
    except STOPS:
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        if isinstance(error, BenchError) or lacks_memory(error):
            raise
        where = "look at config.json, sentence_bert_config.json, modules.json and tokenizer_config.json in its folder"
        raise ModelError(f"the model was loaded and cannot embed a text: {type(error).__name__}: {first_line(error)[:LONGEST_TOLD]}; {where}") from error


def check_finite(vectors: NDArray[np.float32], texts: list[str]) -> None:
    """Refuse embeddings that a score could silently be computed from.

    Raises:
        ModelError: A row holds NaN or infinity, or is zero throughout.
    """
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        raise ModelError(f"{int(bad.sum())} of {len(texts)} embeddings hold NaN or infinity, the first for {texts[int(bad.argmax())]!r}")
    zero = ~vectors.any(axis=1)
    if zero.any():
        raise ModelError(f"{int(zero.sum())} of {len(texts)} embeddings are zero, the first for {texts[int(zero.argmax())]!r}")


def check_spread(vectors: NDArray[np.float32], what: str, precisions: Iterable[str] = ("fp32",)) -> None:
    """Refuse embeddings that do not tell texts apart, whatever is then computed from them.

    Every embedding is set to length 1. They are taken for one and the same when more than half of the texts lie at one point: the median distance from the
    middle (the median of each dimension) is no larger than what rounding makes, or too small for a cosine in fp32 to differ from 1. Honest models stay far
    above. Those with the narrowest cones (XLM-R as it was pre-trained, cosines around 0.998) have a distance of about 0.04; the limit is 0.0003 in fp32 and
    0.008 in bf16. A few texts that are the same to a tokenizer (letters folded, accents dropped) do not matter.

    Args:
        vectors: Embeddings of distinct texts, shape (texts, dimensions).
        what: Whose embeddings, or of what, for the message.
        precisions: Those that the model's numbers are held in.

    Raises:
        ModelError: They are the same but for rounding.
    """
    if len(vectors) < 2:
        return
    sample = vectors[:: max(1, len(vectors) // SPREAD_TEXTS)].astype(np.float64)
    unit = sample / np.maximum(np.linalg.norm(sample, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    distance = float(np.median(np.linalg.norm(unit - np.median(unit, axis=0), axis=1)))
    if not distance > max([SMALLEST_SPREAD, *(ROUNDING.get(precision, 0.0) for precision in precisions)]):
        raise ModelError(
            f"{what}: the embeddings of most of {len(vectors):,} texts are the same but for rounding, so that no score means anything; "
            "look at the weights (is a norm's weight zero?) and at the tokenizer (does it make unknown tokens of every text?)"
        )
