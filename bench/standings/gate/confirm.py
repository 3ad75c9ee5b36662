"""Claims that a cost became worse: each stands only where a second measurement says the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from bench.standings.gate.verdicts import Checked, Finding, ordered

UNCONFIRMED = {"K401": "K402", "K501": "K502"}
"""Codes of claims, and what they become where nothing confirms them."""
NOT_ASKED = "it was not measured a second time"


def claims(checked: Checked) -> list[Finding]:
    """The verdicts that a second measurement has to confirm."""
    return [finding for finding in checked.findings if finding.code in UNCONFIRMED]


def settled(checked: Checked, again: Iterable[Finding] = (), why_not: Mapping[str, str] | None = None) -> Checked:
    """The verdicts after a second measurement.

    Args:
        checked: What the first measurements say.
        again: What the second measurements say of the same candidates.
        why_not: Candidates that were not measured a second time, and why.
    """
    again = list(again)
    second = {(one.candidate, one.what, one.target): one for one in again}
    no_use = {(one.candidate, one.what): one for one in again if one.verdict == "NOT-COMPARABLE"}  # it tells of no single target
    found = []
    for finding in checked.findings:
        if finding.code in UNCONFIRMED:
            other = second.get((finding.candidate, finding.what, finding.target)) or no_use.get((finding.candidate, finding.what))
            found.append(_settled(finding, other, (why_not or {}).get(finding.candidate, NOT_ASKED)))
        else:
            found.append(finding)
    return dataclasses.replace(checked, findings=ordered(found))


def _settled(first: Finding, second: Finding | None, why_not: str) -> Finding:
    if second is not None and second.code == first.code:
        return dataclasses.replace(second, reason="; ".join(text for text in (second.reason, "measured twice") if text))
    if second is not None:
        told = second.reason if second.difference is None else f"{100 * second.difference:+.1f} %"
        why_not = f"a second measurement does not say so ({', '.join(text for text in (second.verdict, told) if text)})"
    return dataclasses.replace(first, code=UNCONFIRMED[first.code], reason="; ".join(text for text in (first.reason, why_not) if text))
