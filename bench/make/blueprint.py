"""What decides a checkpoint: its lineage, and the digests of that which identify it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from bench.cards.candidate import Candidate, FromBase
from bench.cards.recipes import Base, Phase, Recipe
from bench.cards.tasks import TaskCard
from bench.cards.tokens import TokenList
from bench.data.training import Development, GuardingTests, TrainingSet
from bench.data.unlabelled import UnlabelledTexts
from bench.digests import digest, model_digest

LINEAGE_FILE = "kasauti.json"


MAKING_VERSION = 5
"""Raise it by one when the same inputs would give other weights: checkpoints made before are then not used again."""
TRIMMING_VERSION = 2
"""As `MAKING_VERSION`, for what has a trimmed vocabulary. At 2, random weights are drawn for the tokens that stay; before, they were drawn for all."""


@dataclasses.dataclass(frozen=True)
class Blueprint:
    """Everything that decides a checkpoint's weights. `key` identifies it; `base` is where the base lies on this machine."""

    candidate: Candidate
    base: Path | None
    base_digest: str
    total: int
    kept: tuple[int, ...]
    recipe: Recipe
    precision: str
    training: tuple[TrainingSet, ...]
    versions: dict[str, str]
    vocabulary: UnlabelledTexts | None = None
    """Of a trimmed vocabulary the texts on which it is compared with the whole one; without a list of tokens, they are what chooses them."""
    tokens: TokenList | None = None
    """The tokens that stay, where a list says so."""
    development: Development = dataclasses.field(default_factory=Development)
    """What the model is scored on while it is trained; it decides no weight, so it is no part of the key."""
    teacher: Blueprint | None = None
    tests: GuardingTests = dataclasses.field(default_factory=GuardingTests)
    """Which tests the training rows were compared with. What it decides are the rows, so it is no part of the key."""
    arithmetic: dict[str, str | None] = dataclasses.field(default_factory=dict)
    """What it is trained with, beyond the last bits: see `bench.probe.machine.arithmetic`. It is no part of what is made without training."""
    base_spec: Base | None = None
    """What the suite's card says of the base. Like the next two, it is for the checkpoint's page: it decides no weight and is no part of the key."""
    data: tuple[TaskCard, ...] = ()
    """The data sets that it, or its teacher, is trained on."""
    text_files: tuple[str, ...] = ()
    """The text files that it, or its teacher, is trained on."""

    @property
    def lineage(self) -> dict[str, Any]:
        """What is stored with the checkpoint, shown on its card and digested into its key."""
        candidate = self.candidate
        common = {"kind": candidate.kind, "version": MAKING_VERSION}
        if not isinstance(candidate, FromBase):
            return {**common, **candidate.lineage, **({} if self.base is None else {"weights": self.base_digest})}
        widths = candidate.trained_widths(self.recipe)
        phases = [
            {
                **_settings(phase),
                "rows": len(rows),
                "rows_digest": rows.digest,
                "left_out_for_standing_in_a_test": rows.leaked,
            }
            for phase, rows in zip(self.recipe.phases, self.training, strict=True)
        ]
        return {
            **common,
            "prompt": candidate.prompt,
            "base": candidate.base,
            "base_digest": self.base_digest,
            "base_layers": self.total,
            "kept_layers": list(self.kept),
            **candidate.lineage,
            **self._teacher_lineage(),
            **({"trained_dimensions": sorted(set(widths))} if widths else {}),
            **self._vocabulary_lineage(),
            "pooling": self.recipe.pooling,
            **({} if self.dropout is None else {"dropout": self.dropout}),
            "precision": self.precision,
            **({"arithmetic": self.arithmetic} if phases else {}),
            "phases": phases,
            **(
                {"guard": {"tests_read": list(self.tests.read), "tests_not_read": list(self.tests.not_read)}}
                if phases or (self.vocabulary and not self.tokens)
                else {}
            ),
            "seed": candidate.seed,
            "versions": self.versions,
        }

    def _teacher_lineage(self) -> dict[str, Any]:
        """The teacher and the prompt that it is given, which for an external one is no part of its own key."""
        if self.teacher is None:
            return {}
        return {"teacher": self.teacher.candidate.name, "teacher_key": self.teacher.key, "teacher_prompt": self.teacher.candidate.prompt, **self._teacher_use}

    @property
    def _teacher_use(self) -> dict[str, Any]:
        """How the teacher is used where its card says so: like its prompt, no part of its own key."""
        parts = {} if self.teacher is None else self.teacher.candidate.use.parts
        return {"teacher_use": parts} if parts else {}

    def _vocabulary_lineage(self) -> dict[str, Any]:
        """Nothing where the vocabulary is whole, so that keys from before there was trimming stay."""
        if self.vocabulary is None or self.candidate.vocabulary is None:
            return {}
        if self.tokens is not None:
            named = {"tokens": self.candidate.vocabulary.tokens, "remarks": list(self.tokens.remarks)}
            return {"vocabulary": {"version": TRIMMING_VERSION, **named, "listed": len(self.tokens.tokens), "tokens_digest": self.tokens.digest}}
        corpus = {"corpus": list(self.candidate.vocabulary.corpus), "left_out_for_standing_in_a_test": self.vocabulary.leaked}
        texts = {"texts": len(self.vocabulary.texts), "texts_digest": self.vocabulary.digest}
        return {"vocabulary": {"version": TRIMMING_VERSION, **corpus, **texts, "size": self.candidate.vocabulary.size}}

    @property
    def dropout(self) -> float | None:
        """What is dropped in training in place of what the base says; None for that, and where nothing is trained or there is no transformer."""
        said = self.recipe.dropout
        trained = bool(self.recipe.phases) and isinstance(self.candidate, FromBase) and self.candidate.has_transformer
        return abs(said) if said is not None and trained else None  # abs: -0.0 is no other number than 0.0

    @property
    def trimmed_base_key(self) -> str:
        """Digest of what decides the trimmed base that it starts from, and what is told of its trimming; all its candidates share that one."""
        lineage = self._lineage_without()
        compared = None if self.vocabulary is None else self.vocabulary.digest
        return digest({**{name: lineage[name] for name in ("base_digest", "prompt", "vocabulary", "versions")}, "compared": compared})

    @property
    def key(self) -> str:
        """Digest of `key_parts`: two candidates that are made alike share a checkpoint."""
        return digest(self.key_parts)

    @property
    def key_parts(self) -> dict[str, Any]:
        """The lineage without names."""
        return self._lineage_without("base", "teacher")

    @property
    def every_depth(self) -> bool:
        """True where its training is that of all depths and dimensions of its base."""
        return isinstance(self.candidate, FromBase) and self.candidate.every_depth

    @property
    def training_key(self) -> str:
        """Digest of the training alone.

        Nested candidates that differ only in depth or dimensions are cut from one training, so they have the same. For every other candidate it is `key`.
        """
        return digest(self._lineage_without("base", "kept_layers", "dimensions")) if self.every_depth else self.key

    def _lineage_without(self, *left_out: str) -> dict[str, Any]:
        lineage = {name: value for name, value in self.lineage.items() if name not in (*left_out, "guard")}
        for part in [*lineage.get("phases", []), lineage.get("vocabulary", {})]:
            for name in ("data", "corpus", "left_out_for_standing_in_a_test", "tokens", "remarks"):
                part.pop(name, None)
        return lineage


def _settings(phase: Phase) -> dict[str, Any]:
    """A phase's fields with the defaults of its kind filled in; without a loss where the kind leaves no choice, so that keys from before there was one stay."""
    settings = {**dataclasses.asdict(phase), "epochs": phase.effective_epochs, "loss": phase.effective_loss}
    return {name: value for name, value in settings.items() if value is not None}


def content_digest(folder: Path) -> str:
    """Digest of a model's weights, tokenizer, configuration and modules, links followed; pages and what is noted of its making do not count."""
    return model_digest(folder)
