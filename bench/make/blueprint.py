"""What decides a checkpoint: its lineage, and the digests of that which identify it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from bench.cards.specs import Base, Candidate, Phase, Recipe, TaskCard
from bench.data.training import Development, TrainingSet
from bench.data.unlabelled import UnlabelledTexts
from bench.digests import digest, folder_digest

LINEAGE_FILE = "kasauti.json"


MAKING_VERSION = 3
"""Raise it by one when the same inputs would give other weights: checkpoints made before are then not used again."""


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
    development: Development = dataclasses.field(default_factory=Development)
    """What the model is scored on while it is trained; it decides no weight, so it is no part of the key."""
    teacher: Blueprint | None = None
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
        common = {"kind": candidate.kind, "prompt": candidate.prompt, "version": MAKING_VERSION}
        if candidate.kind == "lexical":
            return {**common, "ngram": list(candidate.ngram)}
        if candidate.kind == "external":
            return {**common, "weights": self.base_digest}
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
            "base": candidate.base,
            "base_digest": self.base_digest,
            "base_layers": self.total,
            "kept_layers": list(self.kept),
            **({"weights": candidate.start} if candidate.kind in {"scratch", "distilled"} else {}),
            **({"teacher": self.teacher.candidate.name, "teacher_key": self.teacher.key} if self.teacher is not None else {}),
            **({"dimensions": candidate.dimensions} if candidate.kind == "static" or candidate.dimensions else {}),
            **({"trained_dimensions": sorted(set(self.recipe.dimensions))} if candidate.kind == "nested" and self.recipe.dimensions else {}),
            **self._vocabulary_lineage(),
            "pooling": self.recipe.pooling,
            "precision": self.precision,
            "phases": phases,
            "seed": candidate.seed,
            "versions": self.versions,
        }

    def _vocabulary_lineage(self) -> dict[str, Any]:
        """Nothing where the vocabulary is whole, so that keys from before there was trimming stay."""
        if self.vocabulary is None or self.candidate.vocabulary is None:
            return {}
        corpus = {"corpus": list(self.candidate.vocabulary.corpus), "left_out_for_standing_in_a_test": self.vocabulary.leaked}
        return {"vocabulary": {**corpus, "texts": len(self.vocabulary.texts), "texts_digest": self.vocabulary.digest, "size": self.candidate.vocabulary.size}}

    @property
    def key(self) -> str:
        """Digest of the lineage without names. Two candidates with the same key would get the same weights, so they share one checkpoint."""
        return self._key_without("base", "teacher")

    @property
    def training_key(self) -> str:
        """Digest of the training alone.

        Nested candidates that differ only in depth or dimensions are cut from one training, so they have the same. For every other candidate it is `key`.
        """
        return self._key_without("base", "kept_layers", "dimensions", "prompt") if self.candidate.kind == "nested" else self.key

    def _key_without(self, *left_out: str) -> str:
        lineage = {name: value for name, value in self.lineage.items() if name not in left_out}
        for part in [*lineage.get("phases", []), lineage.get("vocabulary", {})]:
            for name in ("data", "corpus", "left_out_for_standing_in_a_test"):
                part.pop(name, None)
        return digest(lineage)


def _settings(phase: Phase) -> dict[str, Any]:
    """A phase's fields with the defaults of its kind filled in; without a loss where the kind leaves no choice, so that keys from before there was one stay."""
    settings = {**dataclasses.asdict(phase), "epochs": phase.effective_epochs, "loss": phase.effective_loss}
    return {name: value for name, value in settings.items() if value is not None}


def content_digest(folder: Path) -> str:
    """Digest of a checkpoint's weights, tokenizer, configuration and modules; pages and the lineage file do not count."""
    return folder_digest(folder, ignore=(LINEAGE_FILE,))
