"""What a workspace has stored, looked up by identity: checkpoints, scores, measurements, embeddings."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path

from bench.cards.candidate import Candidate
from bench.cards.kinds import External
from bench.make.blueprint import Blueprint, content_digest
from bench.plan.keys import embeddings_key
from bench.store import RESULTS, Notices, Result, Store


@dataclasses.dataclass(frozen=True)
class Archive:
    """The state folder of a workspace (`.bench/`), as a run on one device sees it. `notices` is told of what is there and is not what was stored."""

    state: Path
    device: str
    notices: Notices = dataclasses.field(default_factory=Notices, compare=False, repr=False)

    @cached_property
    def store(self) -> Store:
        """One JSON a cell."""
        return Store(self.state / RESULTS, self.notices)

    @property
    def locks(self) -> Path:
        """Where the locks of checkpoints in the making lie."""
        return self.state / "locks"

    @property
    def bases(self) -> Path:
        """Where bases with a trimmed vocabulary lie."""
        return self.state / "bases"

    def checkpoint_folder(self, blueprint: Blueprint) -> Path:
        """Where a made checkpoint lies (an external one stays where it is)."""
        if isinstance(blueprint.candidate, External):
            assert blueprint.base is not None
            return blueprint.base
        return self.state / "checkpoints" / blueprint.key[:32]

    def embeddings_folder(self, candidate: Candidate, content: str, prompt: str) -> Path:
        """Where the embeddings of a checkpoint with a prompt lie."""
        return self.state / "embeddings" / embeddings_key(candidate, content, prompt, self.device)[:32]

    def made(self, blueprint: Blueprint) -> Result | None:
        """The stored result of a make cell, when its checkpoint is there with the content that was recorded."""
        return self.told(blueprint) if self.checkpoint_folder(blueprint).is_dir() else None

    def told(self, blueprint: Blueprint) -> Result | None:
        """The stored result of a make cell: enough to show scores, also where the checkpoint stayed on the machine that made it.

        None where a checkpoint is here that is not the recorded one.
        """
        result = self.store.get(blueprint.key)
        if result is None or result.get("status") != "done":
            return None
        folder = self.checkpoint_folder(blueprint)
        if not folder.is_dir():
            return result
        if content_digest(folder) != result["content"]:
            self.notices.say(f"{folder}: this checkpoint is not what was made (its files do not match their digest); it is not used, a run makes it anew")
            return None
        return result
