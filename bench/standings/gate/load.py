"""The current cells of a suite, as a gate needs them: read from what is stored, nothing computed."""

from __future__ import annotations

from pathlib import Path

from bench.cards.workspace import Workspace
from bench.errors import Incomplete
from bench.plan.current import CurrentKeys
from bench.plan.options import Options
from bench.plan.remembered import recall, remember
from bench.standings.gate.snapshot import Snapshot, read_cells
from bench.store import RESULTS, Store


def current(workspace: Workspace, options: Options) -> tuple[Snapshot, Path]:
    """The stored cells of a suite, and the folder where its board is published.

    Raises:
        CardError: A card is wrong.
        SelectionError: There is no such suite.
        Incomplete: No score is stored.
    """
    keys = recall(workspace, options) or _looked_up(workspace, options)
    found = read_cells(keys, Store(workspace.state / RESULTS))
    if found.empty:
        first, entry = next(iter(found.candidates.items()))
        why = f"{first}: {entry.problem or 'it has no score'}"
        raise Incomplete(f"no scores of suite {found.suite!r} are stored for {found.device}, so nothing was compared ({why}); `bench run --all` computes them")
    return found, workspace.leaderboard(found.suite)


def _looked_up(workspace: Workspace, options: Options) -> CurrentKeys:
    """The keys by way of cards and data, whose reading is imported only where they have to be read."""
    from bench.plan.planning import make_plan

    return remember(make_plan(workspace, options))
