"""Where things are: the folder with `models/`, `tasks/` and `leaderboard/`, and the state beside it in `.bench/`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bench.errors import BenchError

DEFAULT_SUITE = "small"


@dataclasses.dataclass(frozen=True)
class Workspace:
    """`content` holds the cards and may be read-only; `home` takes what a run writes."""

    content: Path
    home: Path

    @property
    def models(self) -> Path:
        """The folder with one card a suite."""
        return self.content / "models"

    @property
    def tasks(self) -> Path:
        """The folder with one folder a task."""
        return self.content / "tasks"

    @property
    def state(self) -> Path:
        """The git-ignored folder of checkpoints, embeddings and results."""
        return self.home / ".bench"

    def leaderboard(self, suite: str) -> Path:
        """Where a suite's board is published: `leaderboard/` for the default suite, a folder in it for every other."""
        folder = self.home / "leaderboard"
        return folder if suite == DEFAULT_SUITE else folder / suite


def builtin_content() -> Path:
    """The cards and data that come with the package: inside it when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "content"
    return installed if installed.is_dir() else package.parent


def find_workspace(given: Path | None = None, *, start: Path | None = None) -> Workspace:
    """The workspace given, or the nearest one from the current folder upwards, or the built-in one with the current folder as its home.

    Raises:
        BenchError: `given` is not a workspace.
    """
    if given is not None:
        if not _is_workspace(given):
            raise BenchError(f"{given}: not a workspace: expected the folders models/ and tasks/ in it")
        return Workspace(given.resolve(), given.resolve())
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if _is_workspace(folder):
            return Workspace(folder, folder)
    return Workspace(builtin_content(), here)


def _is_workspace(folder: Path) -> bool:
    return (folder / "models").is_dir() and (folder / "tasks").is_dir()
