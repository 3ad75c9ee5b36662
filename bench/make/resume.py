"""What an interrupted fine-tuning left behind, so that the next one goes on from there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from bench.store import Notices, Unsound, read_sealed, read_sealed_folder, seal, seal_folder, write_atomic

RECORDS = "phases.json"


class SavedTraining:
    """The folder of one training: the records of finished phases, and of each phase the trainer's last saved state.

    Raises nothing for what it cannot use: a torn state is as good as none, and so is, with a word, one that is not what was saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def phase(self, number: int) -> Path:
        """Where the trainer saves the states of a phase."""
        return self.folder / f"phase-{number}"

    def state(self, number: int) -> Path | None:
        """The last saved state of a phase that can be gone on from; others are removed."""
        usable = []
        for path in self.phase(number).glob("checkpoint-*"):
            if self._is_sound(path):
                usable.append(path)
            else:
                shutil.rmtree(path)
        return max(usable, key=lambda path: int(re.sub(r"\D", "", path.name)), default=None)

    def keep(self, state: Path) -> None:
        """Seal a state that the trainer has just saved, and whose files are all there; those before it go, now that it is safe."""
        seal_folder(state, self._name(state))
        for older in state.parent.glob("checkpoint-*"):
            if older != state:
                shutil.rmtree(older)

    def finished(self) -> list[dict[str, Any]]:
        """Records of the phases before the last one that has a saved state: what need not be done again."""
        records = self._records()
        begun = [number for number in range(len(records) + 1) if self.state(number) is not None]
        return records[: max(begun, default=0)]

    def record(self, records: list[dict[str, Any]]) -> None:
        """Keep the records of the phases finished so far."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.folder / RECORDS, seal({"of": self.folder.name, "records": records}))

    def tidy(self) -> None:
        """After a fault: keep what can be gone on from, and nothing else."""
        if self.folder.is_dir() and not any(self.state(int(re.sub(r"\D", "", path.name))) for path in self.folder.glob("phase-*")):
            self.remove()

    def remove(self) -> None:
        """Forget the training."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _records(self) -> list[dict[str, Any]]:
        path = self.folder / RECORDS
        try:
            told = read_sealed(path, self.folder.name)
        except Unsound as problem:
            Notices().say(f"{path}: {problem}; this training begins again")
            return []
        records: list[dict[str, Any]] = [] if told is None else told["records"]
        return records

    def _is_sound(self, state: Path) -> bool:
        try:
            return read_sealed_folder(state, self._name(state)) is not None  # without a seal, the save did not come to its end
        except Unsound as problem:
            Notices().say(f"{state}: this saved state of a training is not used: {problem}; what came after the one before it is trained anew")
            return False

    def _name(self, state: Path) -> str:
        """Whose state it is: training, phase, step."""
        return f"{self.folder.name}/{state.parent.name}/{state.name}"
