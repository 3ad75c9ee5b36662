"""The page of a code: what was found, why it matters and what to do."""

from __future__ import annotations

from bench.cards.workspace import builtin_content
from bench.errors import SelectionError, nearest
from bench.standings.gate.verdicts import CODES

PAGES = "docs/checks"


def explained(code: str) -> str:
    """The text of a code's page, in Markdown.

    Raises:
        SelectionError: There is no such code.
    """
    if code.upper() not in CODES:
        raise SelectionError(f"--explain: no code {code!r}{nearest(code.upper(), CODES)}")
    return (builtin_content() / PAGES / f"{code.upper()}.md").read_text(encoding="utf-8")
