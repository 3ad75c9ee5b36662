"""A second measurement of what seems to have become slower or larger in memory, before that is called a regression."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from bench.errors import BenchError, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.cards.rules import Rules
    from bench.cards.workspace import Workspace
    from bench.plan.options import Options
    from bench.standings.gate.snapshot import Snapshot
    from bench.standings.gate.verdicts import Checked


def confirm_costs(checked: Checked, before: Snapshot, place: Workspace, chosen: Options, rules: Rules) -> Checked:
    """The verdicts, those on speed and memory that are regressions after a second measurement of their candidates.

    Only here a model is loaded, in a process of its own. What was stored of the candidates' costs is replaced by the second measurement.

    Args:
        checked: What the first measurements say.
        before: The baseline.
        place: The workspace.
        chosen: Suite, device and data folder.
        rules: Margins and factors.
    """
    from bench.standings.gate.confirm import claims, settled
    from bench.standings.gate.cost import costs
    from bench.standings.gate.load import current

    names = list(dict.fromkeys(finding.candidate for finding in claims(checked)))
    if not names:
        return checked
    why_not = _measure_again(names, before, place, chosen)
    now, _ = current(place, chosen)
    again = [one for name in names if name not in why_not for one in costs(name, before.candidates[name], now.candidates[name], rules)]
    return settled(checked, again, why_not)


def _measure_again(names: Sequence[str], before: Snapshot, place: Workspace, chosen: Options) -> dict[str, str]:
    """Measure candidates anew, in the profile of the baseline. Returns those that could not be measured, and why."""
    failed: dict[str, str] = {}
    for profile in ("quick", "full"):
        some = [name for name in names if (cost := before.candidates[name].cost) is not None and cost.how["profile"] == profile]
        try:
            options = dataclasses.replace(chosen, names=tuple(some), stages=("probe",), probe=profile, reprobe=True, jobs=1)
            failed |= _measured(some, place, options) if some else {}
        except BenchError as error:
            failed |= dict.fromkeys(some, f"the second measurement failed: {first_line(error)}")
    return failed


def _measured(names: Sequence[str], place: Workspace, options: Options) -> dict[str, str]:
    """Run the probes; those that failed, and why."""
    from bench.plan.planning import make_plan
    from bench.run.execute import execute
    from bench.run.report import Silent

    plan = make_plan(place, options)
    if missing := [name for name in names if plan.candidates[name].cells[0].status != "done"]:
        return dict.fromkeys(names, f"there is no checkpoint of {', '.join(missing)} here to measure a second time")
    outcome = execute(plan, Silent())
    return {cell.candidate: f"the second measurement failed: {error}" for cell, error in {**outcome.failed, **outcome.blocked}.items()}
