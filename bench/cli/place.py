"""Where a verb writes, and a word before it does so in a folder that is no workspace."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.cards.workspace import Workspace, find_workspace


def writing_in(given: Path | None) -> Workspace:
    """The workspace that a verb will write in; where the current folder is none, a line on standard error says so first.

    Raises:
        BenchError: `given` is not a workspace.
    """
    place = find_workspace(given)
    if place.borrowed:
        what = "no workspace here or above, so the built-in cards are used"
        print(f"bench: {what}; results go to .bench/ and leaderboard/ in {place.home} (`bench init DIR` makes a workspace)", file=sys.stderr, flush=True)
    return place
