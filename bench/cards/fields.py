"""What the fields of every card are made of: constrained types, and where in a card a field stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, Strict

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{3}-[A-Z][a-z]{3}$", description="an ISO 639-3 code and a script, like mar-Deva")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
NonEmpty = Annotated[str, Field(min_length=1)]
Number = Annotated[int, Strict()]
Count = Annotated[int, Strict(), Field(gt=0)]
Natural = Annotated[int, Strict(), Field(ge=0)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**32)]
"""As large as NumPy takes one."""
Folder = Annotated[Path, Strict()]
"""Where a card stands: set by the loader; strict, so that no TOML value fits."""

Location = tuple[str | int, ...]
"""The way to a field: names of tables and fields, and 0-based numbers of entries, like `("candidates", 0, "keep")`."""
Flaw = tuple[Location, str]
"""Something wrong in a card: the field, and a message that says what was expected, what was found, and the mend."""


class Card:
    """A part of a card. Fields that it does not have are errors."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
