"""A verdict as text cells, and as plain values."""

from __future__ import annotations

from typing import Any

from bench.publish.texts import MISSING
from bench.standings.gate.verdicts import VERDICTS, Checked, Finding

HEADERS = ("candidate", "what", "verdict", "difference", "95 % interval", "smallest detectable", "n", "code")
"""Differences of scores are in points of 100, those of costs in percent."""
SCORES = ("quality", "task", "reproduction")


def cells(finding: Finding) -> list[str]:
    """One verdict under `HEADERS`."""
    interval = MISSING if finding.interval is None else f"[{_number(finding, finding.interval[0])}, {_number(finding, finding.interval[1])}]"
    return [
        finding.candidate,
        what(finding),
        finding.verdict,
        MISSING if finding.difference is None else _number(finding, finding.difference),
        interval,
        MISSING if finding.smallest is None else _number(finding, finding.smallest).lstrip("+"),
        MISSING if finding.n is None else f"{finding.n:,}",
        finding.code,
    ]


def what(finding: Finding) -> str:
    """What was checked, and of what: `quality mean`, `speed offline`."""
    return f"{finding.what} {finding.target}" if finding.target != finding.what else finding.target


def sentence(finding: Finding) -> str:
    """One verdict as a line of text, without the candidate."""
    parts = [finding.title]
    if finding.difference is not None:
        parts.append(f"{_number(finding, finding.difference)}{'' if finding.what in SCORES else ' %'}")
    if finding.interval is not None:
        parts.append(f"95 % interval {cells(finding)[4]}")
    if finding.limit is not None and finding.difference is not None:
        parts.append(_limit(finding))
    return ", ".join(parts) + (f"; {finding.reason}" if finding.reason else "")


def _limit(finding: Finding) -> str:
    assert finding.limit is not None
    if finding.what in SCORES:
        return f"{'tolerance' if finding.what == 'reproduction' else 'margin'} {100 * finding.limit:g}"
    return f"let pass {100 * finding.limit:+.3g} %"


def summary(checked: Checked) -> str:
    """One line: how many verdicts of each kind."""
    counts = ", ".join(f"{checked.counts[verdict]} {verdict}" for verdict in VERDICTS if checked.counts[verdict])
    found = f"of {sum(checked.counts.values())} checks {counts}" if counts else "nothing to compare"
    unsure = sum(not finding.gates and finding.verdict != "PASS" for finding in checked.findings)
    told = f" ({unsure} {'task' if unsure == 1 else 'tasks'} in the diagnosis did not pass)" if unsure else ""
    return f"suite {checked.suite} on {checked.device} against {checked.baseline}: {found}{told}"


def document(checked: Checked, *, strict: bool) -> dict[str, Any]:
    """Everything as plain JSON types. Differences are of scores between 0 and 1, or shares of what a cost was."""
    return {
        "suite": checked.suite,
        "device": checked.device,
        "baseline": checked.baseline,
        "exit_code": checked.exit_code(strict=strict),
        "counts": checked.counts,
        "findings": [
            {
                "candidate": finding.candidate,
                "what": finding.what,
                "target": finding.target,
                "verdict": finding.verdict,
                "gates": finding.gates,
                "code": finding.code,
                "difference": finding.difference,
                "low": finding.interval and finding.interval[0],
                "high": finding.interval and finding.interval[1],
                "smallest_detectable": finding.smallest,
                "n": finding.n,
                "limit": finding.limit,
                "title": finding.title,
                "reason": finding.reason or None,
            }
            for finding in checked.findings
        ],
    }


def _number(finding: Finding, value: float) -> str:
    """Times 100; of an unchanged model with the digits that its tolerance asks for."""
    return f"{100 * value:+.5f}" if finding.what == "reproduction" else f"{100 * value:+.2f}"
