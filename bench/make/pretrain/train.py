"""Masked language modelling from raw text: how the shipped bases and the pre-trained scratch models come about.

What is done to make a small base worth its compute on a CPU: token embeddings that start from a factorised PPMI matrix
(Levy and Goldberg 2014), depth grown in stages by stacking (Gong et al. 2019), short packed sequences without padding, and logits for masked
positions only.

A run is a pure function of the corpus, the options and the seed: batches and masks are drawn from `(seed, step)`, so a run that is killed and resumed gives the
same weights as one that was not, on the same machine and with the same number of threads.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.data.sources import read_corpus
from bench.digests import digest, file_digest
from bench.errors import DataError
from bench.make.attention import training_attention
from bench.make.pretrain.card import base_card
from bench.make.pretrain.corpus import Corpus, load_corpus, ppmi_embeddings
from bench.make.pretrain.guessing import guesses, guessing_loss
from bench.make.pretrain.state import kept_tokenizer, load_state, save_state
from bench.make.pretrain.tokenizer import SPECIAL_TOKENS, own_mends, train_wordpiece
from bench.make.vocabulary.devanagari import inspect_tokenizer

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from transformers import BertForMaskedLM, PreTrainedTokenizerFast

    IntArray = NDArray[np.int32] | NDArray[np.int64]

PAD, _, CLS, _, MASK = range(len(SPECIAL_TOKENS))
HELD_OUT_STEP = 1_000_000_000
"""Masks of held-out text are drawn for steps from here on, which no training reaches."""


@dataclasses.dataclass(frozen=True)
class PretrainStage:
    """A stretch of training at one depth: `tokens` corpus tokens seen with `layers` layers and sequences of `length` tokens."""

    layers: int
    tokens: int
    length: int


@dataclasses.dataclass(frozen=True)
class PretrainOptions:
    """Everything besides the corpus that decides the weights."""

    stages: tuple[PretrainStage, ...]
    hidden: int = 192
    heads: int = 6
    intermediate: int = 768
    vocab_size: int = 12_000
    max_length: int = 128
    batch_tokens: int = 2048
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    mask_fraction: float = 0.2
    dropout: float = 0.0
    static_init: bool = True
    eval_steps: int = 1000
    seed: int = 0


def default_stages(layers: int, tokens: int, *, length: int = 128) -> tuple[PretrainStage, ...]:
    """A schedule for any depth: most tokens at little depth and short length, the long windows while the learning rate is still high, and once more at the end.

    Models of different depth see the same number of tokens at the same lengths, so that they can be compared at equal budget.
    """
    short = min(32, length)
    plan = ((3, 0.55, short), (6, 0.15, short), (6, 0.05, length), (layers, 0.20, short), (layers, 0.05, length))
    return tuple(PretrainStage(min(depth, layers), round(tokens * share), size) for depth, share, size in plan)


def draw_batch(ids: IntArray, *, step: int, options: PretrainOptions, length: int) -> tuple[IntArray, IntArray, IntArray]:
    """The masked batch of one step, a function of `(seed, step)` alone.

    Returns:
        inputs, int64 (batch, length): windows of the corpus behind `[CLS]`, with masked tokens replaced (80 % `[MASK]`, 10 % random, 10 % kept, as in
        Devlin et al. 2019); positions, int64 (n,): indices into the flattened batch that are predicted; labels, int64 (n,).
    """
    rng = np.random.default_rng((options.seed, step))
    rows = max(1, options.batch_tokens // length)
    starts = rng.integers(0, len(ids) - length, size=rows)
    inputs = np.empty((rows, length), dtype=np.int64)
    inputs[:, 0] = CLS
    inputs[:, 1:] = ids[starts[:, None] + np.arange(length - 1)]
    order = rng.random(inputs.shape)
    order[inputs < len(SPECIAL_TOKENS)] = 2.0
    per_row = max(1, round(options.mask_fraction * (length - 1)))
    columns = np.argpartition(order, per_row, axis=1)[:, :per_row]
    positions = (columns + np.arange(rows)[:, None] * length).ravel()
    positions = positions[order.ravel()[positions] < 2.0]
    flat = inputs.ravel()
    labels = flat[positions].copy()
    kind = rng.random(len(positions))
    flat[positions[kind < 0.8]] = MASK
    randomised = positions[(kind >= 0.8) & (kind < 0.9)]
    flat[randomised] = rng.integers(len(SPECIAL_TOKENS), options.vocab_size, size=len(randomised))
    return inputs, positions, labels


def masked_loss(model: BertForMaskedLM, batch: tuple[IntArray, IntArray, IntArray], *, bf16: bool) -> torch.Tensor:
    """Mean cross-entropy over the masked positions; logits are computed for those positions only."""
    import torch

    device = model.device
    inputs, positions, labels = (torch.from_numpy(part).to(device) for part in batch)
    with training_attention(device.type, bf16=bf16), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        hidden = model.bert(input_ids=inputs).last_hidden_state
        logits = model.cls(hidden.flatten(0, 1)[positions])
    return torch.nn.functional.cross_entropy(logits.float(), labels)


def new_model(options: PretrainOptions, layers: int) -> BertForMaskedLM:
    """A BERT of the given depth with random weights."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(options.seed)
    return BertForMaskedLM(
        BertConfig(
            vocab_size=options.vocab_size,
            hidden_size=options.hidden,
            num_hidden_layers=layers,
            num_attention_heads=options.heads,
            intermediate_size=options.intermediate,
            max_position_embeddings=options.max_length,
            hidden_dropout_prob=options.dropout,
            attention_probs_dropout_prob=options.dropout,
            pad_token_id=PAD,
        )
    )


def grow(model: BertForMaskedLM, options: PretrainOptions, layers: int) -> BertForMaskedLM:
    """A deeper copy whose layer i starts as layer i mod depth of `model` (progressive stacking, Gong et al. 2019)."""
    deeper = new_model(options, layers)
    old = model.bert.encoder.layer
    for index, layer in enumerate(deeper.bert.encoder.layer):
        layer.load_state_dict(old[index % len(old)].state_dict())
    deeper.bert.embeddings.load_state_dict(model.bert.embeddings.state_dict())
    deeper.cls.load_state_dict(model.cls.state_dict())
    return deeper


@dataclasses.dataclass
class StepReport:
    """What a run reports every `log_every` steps."""

    stage: int
    layers: int
    step: int
    total_steps: int
    loss: float
    tokens_per_second: float
    eta_seconds: float


def _steps(stage: PretrainStage, options: PretrainOptions) -> int:
    return max(1, stage.tokens // (max(1, options.batch_tokens // stage.length) * stage.length))


def _optimizer(model: BertForMaskedLM, options: PretrainOptions) -> torch.optim.AdamW:
    import torch

    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": options.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.98), eps=1e-6, fused=True)


def _rate(step: int, stage_start: int, total: int, options: PretrainOptions) -> float:
    """Parabolic decay to zero over the whole run (later, deeper stages still learn), with a fresh warm-up at the start of every stage."""
    warm = min(1.0, (step - stage_start + 1) / max(1, options.warmup_steps))
    return options.learning_rate * warm * (1 - (step / total) ** 2)


class _Training:
    """The loop over stages and steps, with what a resumable save needs."""

    def __init__(
        self, corpus: Corpus, options: PretrainOptions, folder: Path, identity: dict[str, Any], *, device: str, bf16: bool, save_seconds: float, log_every: int
    ) -> None:
        self.corpus, self.options, self.folder, self.identity = corpus, options, folder, identity
        self.device, self.bf16, self.save_seconds, self.log_every = device, bf16, save_seconds, log_every
        self.total = sum(_steps(stage, options) for stage in options.stages)
        self.model: BertForMaskedLM | None = None
        self.curve: list[dict[str, float]] = []
        self.held_out: list[dict[str, float]] = []
        self.seconds = 0.0
        self.step = 0

    def run(self, report: Callable[[StepReport], None]) -> BertForMaskedLM:
        """Every stage, from the start or from the last save."""
        state = load_state(self.folder, self.identity)
        begin = 0
        for number, stage in enumerate(self.options.stages):
            end = begin + _steps(stage, self.options)
            if state is None or number >= state["stage"]:
                optimizer = self._enter(stage, state)
                state = None
                self._train(number, stage, begin, end, optimizer, report)
            begin = end
        assert self.model is not None
        return self.model

    def _enter(self, stage: PretrainStage, state: dict[str, Any] | None) -> torch.optim.AdamW:
        """Put model and optimizer where the stage, or the save in the middle of it, starts."""
        if state is not None:
            self.model = new_model(self.options, stage.layers)
            self.model.load_state_dict(state["model"])
            self.step, self.seconds = state["step"], state["seconds"]
            self.curve, self.held_out = state["curve"], state["held_out"]
        elif self.model is None:
            self.model = self._first_model(stage)
        elif stage.layers != len(self.model.bert.encoder.layer):
            self.model = grow(self.model, self.options, stage.layers)
        self.model.to(self.device).train()
        optimizer = _optimizer(self.model, self.options)
        if state is not None:
            optimizer.load_state_dict(state["optimizer"])
        return optimizer

    def _first_model(self, stage: PretrainStage) -> BertForMaskedLM:
        import torch

        model = new_model(self.options, stage.layers)
        if self.options.static_init:
            vectors = ppmi_embeddings(self.corpus.train, vocab_size=self.options.vocab_size, dim=self.options.hidden, seed=self.options.seed)
            model.bert.embeddings.word_embeddings.weight.data.copy_(torch.from_numpy(vectors))
        return model

    def _train(self, number: int, stage: PretrainStage, begin: int, end: int, optimizer: torch.optim.AdamW, report: Callable[[StepReport], None]) -> None:
        import torch

        assert self.model is not None
        started = saved = time.monotonic()
        first, before = self.step, self.seconds
        losses: list[float] = []
        while self.step < end:
            for group in optimizer.param_groups:
                group["lr"] = _rate(self.step, begin, self.total, self.options)
            torch.manual_seed((self.options.seed << 32) + self.step)  # dropout repeats after a resume
            batch = draw_batch(self.corpus.train, step=self.step, options=self.options, length=stage.length)
            loss = masked_loss(self.model, batch, bf16=self.bf16)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimizer.step()
            self.step += 1
            losses.append(float(loss.detach()))
            now = time.monotonic()
            if self.step % self.log_every == 0 or self.step == end:
                speed = (self.step - first) / (now - started)
                mean = sum(losses) / len(losses)
                losses.clear()
                self.curve.append({"step": self.step, "layers": stage.layers, "loss": round(mean, 4)})
                report(StepReport(number, stage.layers, self.step, self.total, mean, speed * self.options.batch_tokens, (self.total - self.step) / speed))
            if self.step % self.options.eval_steps == 0 or self.step == end:
                self._evaluate(stage)
            if now - saved > self.save_seconds or self.step == end:
                saved = now
                self.seconds = before + now - started
                self._save(number, optimizer)

    def _evaluate(self, stage: PretrainStage) -> None:
        assert self.model is not None
        loss = held_out_loss(self.model, self.corpus.held_out, self.options, length=stage.length, bf16=self.bf16)
        self.model.train()
        self.held_out.append({"step": self.step, "layers": stage.layers, "length": stage.length, "loss": round(loss, 4)})

    def _save(self, number: int, optimizer: torch.optim.AdamW) -> None:
        assert self.model is not None
        state = {"identity": self.identity, "stage": number, "step": self.step, "seconds": self.seconds}
        curves = {"curve": self.curve, "held_out": self.held_out}
        save_state(self.folder, {**state, **curves, "model": self.model.state_dict(), "optimizer": optimizer.state_dict()})


def pretrain(
    files: Sequence[Path],
    out: Path,
    options: PretrainOptions,
    *,
    device: str = "cpu",
    bf16: bool = True,
    save_seconds: float = 300.0,
    log_every: int = 50,
    sources: str = "",
    license: str = "other",  # noqa: A002 (the field's name on model cards)
    languages: Sequence[str] = (),
    report: Callable[[StepReport], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train a tokenizer and a BERT-type base; write them to `out` as a transformers folder with fp16 weights.

    The card beside the weights states `license`, `languages` (ISO 639-1) and the text `sources` (where the corpus comes from, Markdown).

    Unfinished work lies in `out`/.partial and is picked up by the next call with the same corpus and options.

    Returns:
        The training record that is also written to `out`/pretraining.json: options, corpus digest, held-out loss and perplexity, learning curve.

    Raises:
        DataError: The corpus is too small for the options.
    """
    partial = out / ".partial"
    partial.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(files, partial, options)
    gate = own_mends(inspect_tokenizer(tokenizer, {"corpus": list(itertools.islice(read_corpus(files), 2000))}))
    for finding in gate:
        if finding.status != "ok":
            warn(f"tokenizer: {finding}")
    corpus = load_corpus(files, tokenizer)
    longest = max(stage.length for stage in options.stages)
    if min(len(corpus.train), len(corpus.held_out)) <= longest:
        raise DataError(
            f"{', '.join(map(str, files))}: only {len(corpus.train)} tokens to train on and {len(corpus.held_out)} held out; need more than {longest}"
        )
    identity = {"corpus": corpus.digest, "options": json.loads(json.dumps(dataclasses.asdict(options))), "bf16": bf16}
    training = _Training(corpus, options, partial, identity, device=device, bf16=bf16, save_seconds=save_seconds, log_every=log_every)
    model = training.run(report)
    final = _judged(model, corpus, options, bf16=bf16)
    if flaw := guesses(final[-1]["perplexity"], final[-1]["guessing"]):
        warn(flaw)
    record = {
        **identity,
        "files": {path.name: file_digest(path) for path in files},
        "tokenizer": [dataclasses.asdict(finding) for finding in gate],
        "train_tokens": len(corpus.train),
        "held_out_tokens": len(corpus.held_out),
        "seconds": round(training.seconds, 1),
        "final_held_out": final,
        "held_out": training.held_out,
        "curve": training.curve,
    }
    model.bert.pooler = None
    finished = partial / "finished"  # moved when all of it is written, so that no half of a base lies in `out`
    model.bert.half().save_pretrained(finished)
    tokenizer.save_pretrained(finished)
    (finished / "pretraining.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    (finished / "README.md").write_text(base_card(out.name, record, sources=sources, license=license, languages=languages), encoding="utf-8")
    for path in finished.iterdir():
        path.replace(out / path.name)
    shutil.rmtree(partial)
    return record


def held_out_loss(model: BertForMaskedLM, ids: IntArray, options: PretrainOptions, *, length: int, bf16: bool) -> float:
    """Mean masked-token loss (nats) on text that is not trained on, in windows of `length` tokens, over fixed masks. Leaves the model in evaluation mode."""
    import torch

    model.eval()
    with torch.inference_mode():
        losses = [float(masked_loss(model, batch, bf16=bf16)) for batch in _held_out_batches(ids, options, length)]
    return sum(losses) / len(losses)


def _held_out_batches(ids: IntArray, options: PretrainOptions, length: int) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    return (draw_batch(ids, step=HELD_OUT_STEP + i, options=options, length=length) for i in range(20))


def _judged(model: BertForMaskedLM, corpus: Corpus, options: PretrainOptions, *, bf16: bool) -> list[dict[str, float]]:
    """Loss and perplexity on held-out text at every length that was trained on, the perplexity of guessing beside them."""
    judged = []
    for length in sorted({stage.length for stage in options.stages}):
        loss = held_out_loss(model, corpus.held_out, options, length=length, bf16=bf16)
        guess = guessing_loss(corpus.train, [batch[2] for batch in _held_out_batches(corpus.held_out, options, length)], vocab_size=options.vocab_size)
        judged.append({"length": length, "loss": round(loss, 4), "perplexity": round(math.exp(loss), 2), "guessing": round(math.exp(guess), 2)})
    return judged


def _tokenizer(files: Sequence[Path], partial: Path, options: PretrainOptions) -> PreTrainedTokenizerFast:
    def train() -> PreTrainedTokenizerFast:
        tokenizer = train_wordpiece(read_corpus(files), vocab_size=options.vocab_size, max_length=options.max_length)
        if len(tokenizer) < options.vocab_size:
            raise DataError(
                f"{', '.join(map(str, files))}: too little text for {options.vocab_size} tokens (found {len(tokenizer)}); give more text or a smaller "
                "vocabulary"
            )
        return tokenizer

    of = digest({"files": [file_digest(path) for path in files], "vocab_size": options.vocab_size, "max_length": options.max_length})
    return kept_tokenizer(partial / "tokenizer", of, train)
