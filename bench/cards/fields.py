"""What the fields of every card are made of: constrained types, and where in a card a field stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, Strict

LONGEST_NAME = 120
"""Characters of a name: names become those of files and folders, with something behind them, which file systems cut at 255 bytes."""
LARGEST = 2**31 - 1
"""The largest number that a field takes: what counts rows, tokens or layers is handed to libraries that have no larger ones."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{3}-[A-Z][a-z]{3}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=LONGEST_NAME)]
LowerName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=LONGEST_NAME)]
SubsetName = Annotated[str, Field(pattern=r"^[\w.()+-][\w .()+-]*$", max_length=LONGEST_NAME)]
Package = Annotated[str, Field(pattern=r"^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9])$")]
Url = Annotated[str, Field(pattern=r"^https?://")]
NonEmpty = Annotated[str, Field(min_length=1)]
Number = Annotated[int, Strict(), Field(ge=-LARGEST, le=LARGEST)]
Count = Annotated[int, Strict(), Field(gt=0, le=LARGEST)]
Natural = Annotated[int, Strict(), Field(ge=0, le=LARGEST)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Strict(), Field(ge=0, lt=1, allow_inf_nan=False)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**32)]
"""As large as NumPy takes one."""
Folder = Annotated[Path, Strict()]
"""Where a card stands: set by the loader; strict, so that no TOML value fits."""

Location = tuple[str | int, ...]
"""The way to a field: names of tables and fields, and 0-based numbers of entries, like `("candidates", 0, "keep")`."""
Flaw = tuple[Location, str]
"""Something wrong in a card: the field, and a message that says what was expected, what was found, and the mend."""
PATTERNS = {
    r"^[0-9a-f]{64}$": "64 lower-case hexadecimal digits, as sha256sum prints them",
    r"^[0-9a-f]{40}$": "a commit: 40 lower-case hexadecimal digits",
    r"^[a-z]{3}-[A-Z][a-z]{3}$": "an ISO 639-3 code and a script, like mar-Deva",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "a name of Latin letters, digits, and . _ - that begins with a letter or a digit",
    r"^[a-z0-9][a-z0-9_-]*$": "a name of lower-case Latin letters, digits, and _ - that begins with a letter or a digit",
    r"^[\w.()+-][\w .()+-]*$": "a name of letters, digits, blanks, and . _ - + ( )",
    r"^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9])$": "the name of a Python package as pip takes it, without a version",
    r"^https?://": "an address that begins with http:// or https://",
}
"""What each pattern of a field asks for, in words."""


class Card:
    """A part of a card. Fields that it does not have are errors."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
