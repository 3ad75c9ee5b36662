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
    from bench.standings.gate.verdicts import Checked, Finding

NOT_ASKED = "no second measurement was made (--no-confirm)"


def confirm_costs(checked: Checked, before: Snapshot, place: Workspace, chosen: Options, rules: Rules, *, measure: bool) -> Checked:
    """The verdicts, those on speed and memory that are regressions after a second measurement of their candidates.

    Without one, such a verdict is inconclusive. Only here a model is loaded, in a process of its own.

    Args:
        checked: What the first measurements say.
        before: The baseline.
        place: The workspace.
        chosen: Suite, device and data folder.
        rules: Margins and factors.
        measure: Whether to measure again.
    """
    from bench.standings.gate.cost import confirmed, costs
    from bench.standings.gate.load import current
    from bench.standings.gate.verdicts import ordered

    claims = [finding for finding in checked.findings if finding.code in {"K401", "K501"}]
    if not claims:
        return checked
    names = list(dict.fromkeys(finding.candidate for finding in claims))
    why_not = _measure_again(names, before, place, chosen) if measure else dict.fromkeys(names, NOT_ASKED)
    now, _ = current(place, chosen)
    again: dict[tuple[str, str, str], Finding] = {}
    for name in names:
        if name not in why_not:
            again |= {(name, one.what, one.target): one for one in costs(name, before.candidates[name], now.candidates[name], rules)}
    found = [
        confirmed(one, again.get((one.candidate, one.what, one.target)), why_not.get(one.candidate, "it could not be compared")) if one in claims else one
        for one in checked.findings
    ]
    return dataclasses.replace(checked, findings=ordered(found))


def _measure_again(names: Sequence[str], before: Snapshot, place: Workspace, chosen: Options) -> dict[str, str]:
    """Measure candidates anew, in the profile of the baseline; what was stored of their costs is replaced. Returns those that could not be, and why."""
    from bench.plan.planning import make_plan
    from bench.run.execute import execute
    from bench.run.report import Silent

    failed: dict[str, str] = {}
    for profile in ("quick", "full"):
        some = [name for name in names if (cost := before.candidates[name].cost) is not None and cost.how["profile"] == profile]
        if not some:
            continue
        options = dataclasses.replace(chosen, names=tuple(some), stages=("probe",), probe=profile, reprobe=True, jobs=1)
        try:
            plan = make_plan(place, options)
            if missing := [name for name in some if plan.candidates[name].cells[0].to_run]:
                failed |= dict.fromkeys(missing, "its checkpoint is not here, so that it could not be measured a second time")
                continue
            outcome = execute(plan, Silent())
        except BenchError as error:
            failed |= dict.fromkeys(some, f"the second measurement failed: {first_line(error)}")
            continue
        failed |= {cell.candidate: f"the second measurement failed: {error}" for cell, error in {**outcome.failed, **outcome.blocked}.items()}
    return failed
