"""Fine-tuning with sentence-transformers.

NLI triplets (MultipleNegativesRankingLoss), scored pairs (CosineSimilarityLoss), a teacher's embeddings (EmbedDistillLoss).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cards.recipes import Phase
from bench.data.training import Development, TrainingSet
from bench.errors import ModelError
from bench.make.attention import training_attention
from bench.make.nested import nested_loss
from bench.make.recovery import curve_steps, development_score
from bench.make.resume import SavedTraining
from bench.models.prompts import default_prompt
from bench.models.weights import strict_loading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

Progress = Callable[[str, float], None]
SAVE_SECONDS = 60.0
"""How much training an interruption may cost: the trainer's state is saved when the last save is longer ago than this."""


def finetune(
    model: SentenceTransformer,
    phases: Sequence[tuple[Phase, TrainingSet]],
    *,
    seed: int,
    bf16: bool,
    every_depth: bool = False,
    dimensions: Sequence[int] = (),
    folder: Path,
    development: Development,
    targets: Sequence[NDArray[np.float32] | None] = (),
    progress: Progress,
) -> list[dict[str, Any]]:
    """Train a sentence model in place, phase after phase, going on from where an interrupted training of the same folder was last saved.

    Args:
        model: On the device that it is to be trained on; trained, and scored meanwhile, with its default prompt.
        phases: Kind, hyper-parameters and rows of each phase.
        seed: Of batch order and dropout.
        bf16: Use bfloat16 autocast; weights and optimizer stay fp32.
        every_depth: Train the embeddings after every layer, not only after the last.
        dimensions: With `every_depth`, also the first so many numbers of each embedding; all numbers are trained in any case.
        folder: Where the training's state is kept. The caller removes it when the model is safe.
        development: What the model is scored on meanwhile.
        targets: For each phase what its unlabelled texts are to be embedded as, of shape (texts, dimensions), or None; empty where no phase distils.
        progress: Called with the kind of the phase and its finished fraction.

    Returns:
        For each phase its kind and rows, the steps, the training loss averaged over all of them, and the `curve`: the development score after some of the steps
        (of the first phase, before the first one too).

    Raises:
        ModelError: The loss is not a number.
    """
    saved = SavedTraining(folder)
    records = saved.finished()
    for number, (phase, rows) in enumerate(phases):
        if number < len(records):
            continue
        watch = _watcher(phase, model, development, before=number == 0, progress=progress, keep=saved.keep)
        outcome = _train(
            model,
            phase,
            _datasets(rows, targets[number] if targets else None),
            seed=seed,
            bf16=bf16,
            every_depth=every_depth,
            dimensions=dimensions,
            folder=saved.phase(number),
            state=saved.state(number),
            watch=watch,
        )
        records.append({"kind": phase.kind, "rows": len(rows), **outcome})
        saved.record(records)
    return records


def _train(
    model: SentenceTransformer,
    phase: Phase,
    data: Any,
    *,
    seed: int,
    bf16: bool,
    every_depth: bool,
    dimensions: Sequence[int],
    folder: Path,
    state: Path | None,
    watch: Any,
) -> dict[str, Any]:
    """One phase on a data set, or a dict of them; from `state`, a folder that the trainer saved, where there is one."""
    from sentence_transformers import SentenceTransformerTrainer
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    if model.max_seq_length is None or math.isfinite(model.max_seq_length):  # a static model reads texts of any length
        model.max_seq_length = min(phase.max_length, model.max_seq_length or phase.max_length)
    loss = _loss(model, phase)
    if every_depth:
        loss = nested_loss(model, loss, dimensions)
    trainer = SentenceTransformerTrainer(
        model=model,
        loss=loss,
        train_dataset=data,
        args=_arguments(model, phase, folder, seed=seed, bf16=bf16),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    with training_attention(model.device.type, bf16=bf16), strict_loading():
        trainer.train(resume_from_checkpoint=str(state) if state else None)
    _release(trainer, model)
    history = trainer.state.log_history
    mean_loss = _mean_loss(history)
    if not math.isfinite(mean_loss):
        raise ModelError(f"phase {phase.kind!r}: the training loss is {mean_loss}; lower learning_rate (now {phase.learning_rate:g})")
    curve = [{"step": entry["step"], "score": entry["development"]} for entry in history if "development" in entry]
    return {"steps": trainer.state.global_step, "mean_loss": round(mean_loss, 6), **({"curve": curve} if curve else {})}


def _release(trainer: Any, model: SentenceTransformer) -> None:
    """Take away what accelerate has put around the model, and that it has.

    Else later forward passes would stay in bf16 autocast, and the next phase's trainer would put nothing around it.
    """
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    vars(model).pop("_is_accelerate_prepared", None)


def _mean_loss(history: Sequence[dict[str, float]]) -> float:
    """The loss averaged over all steps: each entry holds the mean since the one before. The trainer's own figure forgets what was before a resume."""
    total, done = 0.0, 0
    for entry in history:
        if "loss" in entry:
            total += entry["loss"] * (entry["step"] - done)
            done = int(entry["step"])
    return total / max(1, done)


def _watcher(phase: Phase, model: SentenceTransformer, development: Development, *, before: bool, progress: Progress, keep: Callable[[Path], None]) -> Any:
    """The trainer's callback that reports progress, scores the model on the development pairs, asks for saves and hands each saved state to `keep`."""
    from transformers.trainer_callback import TrainerCallback
    from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

    class Watcher(TrainerCallback):
        saved = time.monotonic()

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002  # the trainer passes them by position
            if before and development.pairs and state.global_step == 0:
                self._score(state)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            progress(phase.kind, state.global_step / max(1, state.max_steps))
            if state.global_step in curve_steps(development, state.max_steps):
                self._score(state)
            control.should_save = time.monotonic() - self.saved > SAVE_SECONDS
            if control.should_save:
                self.saved = time.monotonic()
            control.should_log = control.should_save or state.global_step == state.max_steps

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            keep(Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")

        def _score(self, state: Any) -> None:
            state.log_history.append({"step": state.global_step, "development": round(development_score(model, development), 6)})
            model.train()

    return Watcher()


def _loss(model: SentenceTransformer, phase: Phase) -> Any:
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss, EmbedDistillLoss, MultipleNegativesRankingLoss

    if phase.kind == "nli":
        return MultipleNegativesRankingLoss(model, scale=phase.scale)
    return CosineSimilarityLoss(model) if phase.kind == "sts" else EmbedDistillLoss(model, distance_metric=phase.effective_loss)


def _arguments(model: SentenceTransformer, phase: Phase, folder: Path, *, seed: int, bf16: bool) -> Any:
    """The trainer's arguments: it puts the model's default prompt before every text, shows nothing, and saves and logs what the watcher asks for."""
    from sentence_transformers import SentenceTransformerTrainingArguments
    from sentence_transformers.base.training_args import BatchSamplers

    from bench.make.batches import LengthGroupedSampler

    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=phase.effective_epochs,
        per_device_train_batch_size=phase.batch_size,
        learning_rate=phase.learning_rate,
        warmup_steps=phase.warmup_ratio,
        weight_decay=phase.weight_decay,
        batch_sampler=BatchSamplers.NO_DUPLICATES if phase.kind == "nli" else LengthGroupedSampler,
        seed=seed,
        data_seed=seed,
        bf16=bf16,
        use_cpu=model.device.type == "cpu",
        disable_tqdm=True,
        save_strategy="no",
        report_to="none",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        dataloader_pin_memory=False,
    )
    arguments.prompts = default_prompt(model)  # not given above, where one like "1" would be read as JSON
    return arguments


def _datasets(data: TrainingSet, targets: NDArray[np.float32] | None) -> Any:
    """A datasets.Dataset, or a dict of them where triplets and plain pairs are trained on together."""
    from datasets import Dataset

    made = {}
    if targets is not None:
        made["unlabelled"] = Dataset.from_dict({"text": data.unlabelled, "label": targets})
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
