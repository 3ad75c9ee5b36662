"""What an interrupted fine-tuning left behind, so that the next one goes on from there."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

RECORDS = "phases.json"
STATE = "trainer_state.json"
"""The file that the trainer writes last: a saved state without it is torn."""


class SavedTraining:
    """The folder of one training: the records of finished phases, and of each phase the trainer's last saved state.

    Raises nothing for what it cannot read: a torn state is as good as none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def phase(self, number: int) -> Path:
        """Where the trainer saves the states of a phase."""
        return self.folder / f"phase-{number}"

    def state(self, number: int) -> Path | None:
        """The last complete saved state of a phase; torn ones are removed."""
        complete = []
        for path in self.phase(number).glob("checkpoint-*"):
            if _read(path / STATE) is None:
                shutil.rmtree(path)
            else:
                complete.append(path)
        return max(complete, key=lambda path: int(re.sub(r"\D", "", path.name)), default=None)

    def finished(self) -> list[dict[str, Any]]:
        """Records of the phases before the last one that has a saved state: what need not be done again."""
        records = _read(self.folder / RECORDS) or []
        begun = [number for number in range(len(records) + 1) if self.state(number) is not None]
        return records[: max(begun, default=0)]

    def record(self, records: list[dict[str, Any]]) -> None:
        """Keep the records of the phases finished so far."""
        from bench.store import write_atomic

        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.folder / RECORDS, json.dumps(records))

    def tidy(self) -> None:
        """After a fault: keep what can be gone on from, and nothing else."""
        if self.folder.is_dir() and not any(self.state(int(re.sub(r"\D", "", path.name))) for path in self.folder.glob("phase-*")):
            self.remove()

    def remove(self) -> None:
        """Forget the training."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
