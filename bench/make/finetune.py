"""Two-phase fine-tuning with sentence-transformers: NLI triplets (MultipleNegativesRankingLoss), then scored pairs (CosineSimilarityLoss)."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from bench.data.training import TrainingSet
from bench.errors import ModelError
from bench.make.attention import training_attention
from bench.specs import Phase

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Progress = Callable[[float], None]


def finetune(
    model: SentenceTransformer, phase: Phase, data: TrainingSet, *, seed: int, bf16: bool, every_depth: bool = False, progress: Progress
) -> dict[str, Any]:
    """Train a sentence model in place.

    Args:
        model: On the device that it is to be trained on.
        phase: Kind and hyper-parameters.
        data: Rows of the phase.
        seed: Of batch order and dropout.
        bf16: Use bfloat16 autocast; weights and optimizer stay fp32.
        every_depth: Train the embeddings after every layer, not only after the last.
        progress: Called with the finished fraction of the phase.

    Returns:
        Steps, and the training loss averaged over the whole phase.

    Raises:
        ModelError: The loss is not a number.
    """
    from sentence_transformers import SentenceTransformerTrainer
    from sentence_transformers.sentence_transformer.losses import AdaptiveLayerLoss, CosineSimilarityLoss, MultipleNegativesRankingLoss
    from transformers.trainer_callback import PrinterCallback, ProgressCallback, TrainerCallback

    class Report(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002  # the trainer passes them by position
            progress(state.global_step / max(1, state.max_steps))

    if model.max_seq_length is None or math.isfinite(model.max_seq_length):  # a static model reads texts of any length
        model.max_seq_length = min(phase.max_length, model.max_seq_length or phase.max_length)
    loss = MultipleNegativesRankingLoss(model, scale=phase.scale) if phase.kind == "nli" else CosineSimilarityLoss(model)
    if every_depth:
        loss = AdaptiveLayerLoss(model, loss)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SentenceTransformerTrainer(
            model=model,
            loss=loss,
            train_dataset=_datasets(data),
            args=_arguments(model, phase, data, scratch, seed=seed, bf16=bf16),
            callbacks=[Report()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.remove_callback(ProgressCallback)
        with training_attention(model.device.type, bf16=bf16):
            outcome = trainer.train()
        trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # else every later forward pass stays in bf16 autocast
    if not math.isfinite(outcome.training_loss):
        raise ModelError(f"phase {phase.kind!r}: the training loss is {outcome.training_loss}; lower learning_rate (now {phase.learning_rate:g})")
    return {"steps": outcome.global_step, "mean_loss": round(outcome.training_loss, 6)}


def _arguments(model: SentenceTransformer, phase: Phase, data: TrainingSet, folder: str, *, seed: int, bf16: bool) -> Any:
    """The trainer's arguments: nothing is saved, logged or shown by it."""
    from sentence_transformers import SentenceTransformerTrainingArguments
    from sentence_transformers.base.training_args import BatchSamplers

    return SentenceTransformerTrainingArguments(
        output_dir=folder,
        num_train_epochs=phase.effective_epochs,
        per_device_train_batch_size=phase.batch_size,
        learning_rate=phase.learning_rate,
        warmup_steps=phase.warmup_ratio,
        weight_decay=phase.weight_decay,
        batch_sampler=BatchSamplers.NO_DUPLICATES if phase.kind == "nli" else _length_grouped(data),
        seed=seed,
        data_seed=seed,
        bf16=bf16,
        use_cpu=model.device.type == "cpu",
        disable_tqdm=True,
        save_strategy="no",
        report_to="none",
        logging_strategy="no",
        dataloader_pin_memory=False,
    )


def _length_grouped(data: TrainingSet) -> Callable[..., Any]:
    """A batch sampler whose batches hold pairs of similar length, in random order, since much of a mixed batch of short sentences is padding.

    For a loss that looks at one pair at a time only, so never for in-batch negatives.
    """
    import torch
    from sentence_transformers import DefaultBatchSampler

    lengths = torch.tensor([max(len(first), len(second)) for first, second, _ in data.scored])

    class LengthGroupedSampler(DefaultBatchSampler):
        def __iter__(self) -> Iterator[list[int]]:
            self.generator.manual_seed(self.seed + self.epoch)
            noise = 1 + 0.1 * torch.rand(len(lengths), generator=self.generator)
            batches = torch.split(torch.argsort(lengths * noise), self.batch_size)
            for index in torch.randperm(len(batches), generator=self.generator).tolist():
                yield batches[index].tolist()

        def __len__(self) -> int:
            return math.ceil(len(lengths) / int(self.batch_size))

    return LengthGroupedSampler


def _datasets(data: TrainingSet) -> Any:
    """A datasets.Dataset, or a dict of them where triplets and plain pairs are trained on together."""
    from datasets import Dataset

    made = {}
    if data.triplets:
        anchors, positives, negatives = zip(*data.triplets, strict=True)
        made["triplets"] = Dataset.from_dict({"anchor": anchors, "positive": positives, "negative": negatives})
    if data.pairs:
        anchors, positives = zip(*data.pairs, strict=True)
        made["pairs"] = Dataset.from_dict({"anchor": anchors, "positive": positives})
    if data.scored:
        first, second, scores = zip(*data.scored, strict=True)
        made["scored"] = Dataset.from_dict({"sentence1": first, "sentence2": second, "score": scores})
    return made if len(made) > 1 else next(iter(made.values()))
