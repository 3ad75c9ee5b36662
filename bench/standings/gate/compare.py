"""Two snapshots to verdicts."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cards.rules import Rules
from bench.standings.gate.cost import costs
from bench.standings.gate.quality import quality
from bench.standings.gate.snapshot import Entry, Snapshot
from bench.standings.gate.verdicts import Checked, Finding, ordered


def compare(before: Snapshot, now: Snapshot, rules: Rules, baseline: str) -> Checked:
    """Every verdict on the cells of now.

    Args:
        before: The baseline.
        now: The current cells, of the same suite.
        rules: Margins and factors.
        baseline: What to call the baseline.
    """
    names = [*now.candidates, *(name for name in before.candidates if name not in now.candidates)]
    found = [finding for name in names for finding in _candidate(name, before, now, rules)]
    return Checked(now.suite, now.device, baseline, ordered(found))


def would_lose(before: Snapshot, now: Snapshot) -> str | None:
    """Why the current cells should not become the baseline: scores that it has, that the cards still ask for, and that are not stored now."""
    lost = {
        name: [task for task in entry.scores if task in now.tasks and task not in now.candidates[name].scores]
        for name, entry in before.candidates.items()
        if name in now.candidates
    }
    count = sum(map(len, lost.values()))
    names = [name for name, tasks in lost.items() if tasks]
    return f"it has {'1 score that is' if count == 1 else f'{count} scores that are'} not stored now, of {', '.join(names)}" if count else None


def _candidate(name: str, before: Snapshot, now: Snapshot, rules: Rules) -> Iterator[Finding]:
    old, new = before.candidates.get(name, Entry()), now.candidates.get(name, Entry(problem="it is not in the suite any more"))
    yield from _cells(name, old, new, now)
    yield from quality(name, old, new, now.tasks, rules)
    yield from costs(name, old, new, rules)


def _cells(name: str, old: Entry, new: Entry, now: Snapshot) -> Iterator[Finding]:
    """What is in one of the two only."""
    for task in old.scores:
        if task not in new.scores:
            why = "the task is not in the suite any more" if task not in now.tasks else new.problem or "it failed, or was not computed"
            yield Finding(name, task, "K301", n=old.scores[task].examples, reason=why)
    if old.cost is not None and new.cost is None and (new.problem is not None or not new.scores or _here(old, new)):
        yield Finding(name, "costs", "K302", reason=new.problem or "they were not measured here")
    if not old.scores and not new.scores and name in now.candidates:
        yield Finding(name, "scores", "K303", reason=f"and no score of it is stored: {new.problem or 'none was computed'}")
    for task, score in new.scores.items():
        if task not in old.scores:
            yield Finding(name, task, "K303", n=score.examples, reason="" if old.content else "a new candidate")


def _here(old: Entry, new: Entry) -> bool:
    """True where the baseline's costs were measured on the machine that has computed a score now: elsewhere they could not be compared."""
    return old.cost is not None and any(score.where["machine"] == old.cost.machine for score in new.scores.values())
