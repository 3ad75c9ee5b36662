"""Where things are: the folder with `models/`, `tasks/` and `leaderboard/`, and the state beside it in `.bench/`.

What comes with the package can be named from every workspace; see `bench.cards.load`.
"""

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
    def borrowed(self) -> bool:
        """True where the cards are the built-in ones and what a run writes goes into another folder, which is no workspace."""
        return self.content != self.home

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


def is_builtin(card: Path) -> bool:
    """True for the file of a card that comes with the package."""
    content = builtin_content()
    return card.is_relative_to(content / "models") or card.is_relative_to(content / "tasks")


def find_workspace(given: Path | None = None, *, start: Path | None = None) -> Workspace:
    """The workspace given, or the nearest one from the current folder upwards, or the built-in one with the current folder as its home.

    Raises:
        BenchError: `given` is not a workspace.
    """
    if given is not None:
        if not (given / "models").is_dir():
            raise BenchError(f"{given}: not a workspace: expected a folder models/ with a card in it; `bench init {given}` makes one to begin with")
        return Workspace(given.resolve(), given.resolve())
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if _is_workspace(folder):
            return Workspace(folder, folder)
    return Workspace(builtin_content(), here)


def _is_workspace(folder: Path) -> bool:
    """True for a folder with `models/` that is ours: beside `tasks/`, or with a card in it. Many a project has a folder of that name for its weights."""
    models = folder / "models"
    return models.is_dir() and ((folder / "tasks").is_dir() or any(models.glob("*.toml")))
