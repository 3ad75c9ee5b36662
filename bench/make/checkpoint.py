"""Make one candidate's checkpoint: a plain sentence-transformers folder that tells where it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cards.candidate import FromBase
from bench.cards.kinds import External, Lexical, Static
from bench.errors import ModelError
from bench.faults import storage
from bench.make.blueprint import LINEAGE_FILE, Blueprint, content_digest
from bench.make.card import model_card
from bench.make.resume import SavedTraining
from bench.make.shared import Made
from bench.models.encoders import Encoder, SentenceEncoder
from bench.models.hardware import hardware
from bench.models.lexical import LexicalEncoder
from bench.store import replacing_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

    from bench.make.distill import Teacher

Progress = Callable[[str, float], None]


def make_checkpoint(blueprint: Blueprint, folder: Path, *, bases: Path, teacher: Teacher | None = None, device: str, progress: Progress) -> dict[str, Any]:
    """Make, save and verify a checkpoint.

    The folder appears under its name only when it is complete and has passed the reload gate. What was being saved is removed when anything goes wrong; a run
    that is killed leaves it hidden, for the next run to remove. A training whose state was saved is taken up again.

    Args:
        blueprint: What to make.
        folder: Where to put it; external candidates stay where they are and are only verified.
        bases: Where bases with a trimmed vocabulary are kept, for all candidates that start from them.
        teacher: That of a distilled candidate.
        device: Device to train on.
        progress: Called with a phase's name and its finished fraction.

    Returns:
        `content`: digest of the checkpoint; `parameters`: embeddings and body; `reload_difference`; `phases`: steps and losses; `trimming` of the vocabulary,
        if any.

    Raises:
        ModelError: The base cannot be used, training diverged, or the reload gate failed.
        StorageError: The checkpoint cannot be written.
    """
    from bench.make.verify import inspect_in_child, reload_gate

    candidate = blueprint.candidate
    if isinstance(candidate, External):
        assert blueprint.base is not None
        return {"content": blueprint.base_digest, "folder": str(blueprint.base), **inspect_in_child(blueprint.base, blueprint.candidate.use)}
    training = SavedTraining(folder.with_name(f".training-{blueprint.training_key[:32]}"))

    def train() -> Made:
        model, made = _train(blueprint, training.folder, bases, teacher, device=device, progress=progress)
        return model.to("cpu").eval(), made

    try:
        with storage(folder), replacing_folder(folder) as temporary:
            before, made = _build(blueprint, folder.parent, train)
            progress("save", 0.0)
            before.save(temporary)
            progress("verify", 0.0)
            details = {"content": content_digest(temporary), **made, **reload_gate(temporary, before)}
            (temporary / LINEAGE_FILE).write_text(json.dumps({**blueprint.lineage, **details}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            (temporary / "README.md").write_text(model_card(blueprint, details), encoding="utf-8")
    except ModelError:
        training.remove()
        raise
    except BaseException:
        training.tidy()
        raise
    training.remove()
    return {**details, "folder": str(folder)}


def _build(blueprint: Blueprint, checkpoints: Path, train: Callable[[], Made]) -> tuple[Encoder, dict[str, Any]]:
    """The encoder on the CPU, ready to be saved, and what is told of its making."""
    from bench.make.nested import shared_training, truncate
    from bench.models.pruning import keep_layers

    candidate = blueprint.candidate
    if isinstance(candidate, Lexical):
        return LexicalEncoder(candidate.ngram), {"phases": []}
    assert isinstance(candidate, FromBase)
    if not candidate.every_depth:
        model, made = train()
    else:
        model, made = shared_training(checkpoints / f"nested-{blueprint.training_key[:32]}", train)
        keep_layers(model[0].auto_model, blueprint.kept)
        if candidate.dimensions is not None:
            truncate(model, candidate.dimensions)
        model.eval()
    return SentenceEncoder(model), made


def _train(blueprint: Blueprint, folder: Path, bases: Path, teacher: Teacher | None, *, device: str, progress: Progress) -> Made:
    """The trained model, and what is told of its making: `phases`, and `trimming` where the vocabulary was trimmed."""
    import torch

    from bench.make.finetune import finetune
    from bench.make.static import static_model
    from bench.make.vocabulary.bases import prompt_of
    from bench.models.dropout import set_dropout
    from bench.models.pooling import check_may_lose_layers
    from bench.models.prompts import set_prompt
    from bench.models.pruning import keep_layers, randomise

    candidate, recipe = blueprint.candidate, blueprint.recipe
    assert isinstance(candidate, FromBase)
    assert blueprint.base is not None
    torch.manual_seed(candidate.seed)
    model, told = _starting_point(blueprint, bases, progress)
    prompt = prompt_of(blueprint, model)
    if candidate.every_depth or candidate.start in {"random", "pruned"}:
        check_may_lose_layers(model, blueprint.base)
    if candidate.start == "random":
        randomise(model, layers=len(blueprint.kept), seed=candidate.seed)
    elif candidate.start == "pruned":
        keep_layers(model[0].auto_model, blueprint.kept)
    elif isinstance(candidate, Static):
        progress("static", 0.0)
        texts = [prompt + text for rows in blueprint.training for text in rows.texts()]
        model = static_model(model, texts, dimensions=candidate.dimensions, seed=candidate.seed)
    if candidate.prompt is not None or recipe.phases:
        set_prompt(model, prompt)
    if recipe.phases:
        model.similarity_fn_name = "cosine"  # what every loss here compares by
    if blueprint.dropout is not None:
        set_dropout(model, blueprint.dropout)
    phases = finetune(
        model.to(device),
        list(zip(recipe.phases, blueprint.training, strict=True)),
        seed=candidate.seed,
        bf16=blueprint.precision == "bf16",
        every_depth=candidate.every_depth,
        dimensions=candidate.trained_widths(recipe),
        folder=folder,
        development=blueprint.development,
        targets=_targets(blueprint, model, teacher, progress),
        progress=progress,
    )
    return model, {**told, "phases": phases, **({"trained_on": hardware(device)} if phases else {})}


def _starting_point(blueprint: Blueprint, bases: Path, progress: Progress) -> Made:
    """The base, whole or with the tokens that stay, with the pooling of the recipe; and the record of its `trimming`, if any."""
    from bench.make.vocabulary.bases import trimmed_base
    from bench.models.loading import load_sentence_model
    from bench.models.pooling import replace_pooling

    base, pooling = blueprint.base, blueprint.recipe.pooling
    assert base is not None
    if blueprint.vocabulary is None:
        return load_sentence_model(base, pooling=pooling), {}
    progress("vocabulary", 0.0)
    folder, record = trimmed_base(blueprint, bases)
    model = load_sentence_model(folder)
    if pooling is not None:
        replace_pooling(model, pooling, base)
    return model, {"trimming": record}


def _targets(blueprint: Blueprint, student: SentenceTransformer, teacher: Teacher | None, progress: Progress) -> Sequence[NDArray[np.float32] | None]:
    """What each phase takes from the teacher; empty where there is none."""
    from bench.make.distill import teacher_targets

    if teacher is None:
        return ()
    return teacher_targets(
        blueprint.candidate.name,
        blueprint.training,
        teacher,
        width=student.get_embedding_dimension(),
        seed=blueprint.candidate.seed,
        device=student.device.type,
        progress=lambda fraction: progress("teacher", fraction),
    )
