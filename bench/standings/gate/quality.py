"""Scores against those of the baseline: the same tests, the same resamples, so that differences are paired.

A changed candidate is judged by non-inferiority with a declared margin: it passes where the lower end of the 95 % interval of its difference is above -margin;
it is a regression where the upper end is below zero and the difference itself at or below -margin; otherwise nothing can be said. An interval of 95 % on two
sides is a test at 2.5 % on one, as guidelines on non-inferiority ask for (EMA 2005, "Guideline on the choice of the non-inferiority margin"; CONSORT: Piaggio
and others 2012). Both ends are taken a little further out than they are shown (`RESERVE`).

An unchanged candidate has to have its score again, up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from bench.cards.rules import Rules
from bench.plan.current import TaskInfo
from bench.standings.gate.snapshot import Entry, Score
from bench.standings.gate.verdicts import Finding
from bench.statistics.estimate import LEAST_VARIANCE, Estimate, mean
from bench.statistics.power import drop_probability, holm, smallest_detectable

SAME_MACHINE, ELSEWHERE = 1e-6, 1e-3
"""How far the score of an unchanged candidate may be off. Elsewhere the last bits of embeddings differ, which may turn one answer of a test: where the score
counts answers (`COUNTED`), one of them is let pass too."""
COUNTED = frozenset({"accuracy", "f1", "f1_weighted", "max_f1", "max_accuracy"})
ERROR = 0.025
"""Of the diagnosis of a candidate's tasks, all together."""
RESERVE = 1.107
"""How many times as long the arms of the interval are for a verdict: z(0.985) / z(0.975).

Intervals of 1,000 resamples are slightly short, so that without a reserve more than 2.5 of 100 models that are as good as before would be called a regression
(docs/statistics.md, "The gate")."""
MEAN = "mean"
LAST_BITS = ("encoding", "engine", "arithmetic", "task", "scoring")
"""Parts of a score's identity that are compared apart, or that change an embedding in its last bits only."""


def quality(name: str, before: Entry, now: Entry, tasks: Mapping[str, TaskInfo], rules: Rules) -> Iterator[Finding]:
    """What became of a candidate's scores.

    Args:
        name: The candidate's.
        before: As the baseline has it.
        now: As it is.
        tasks: Of the suite, as they are now.
        rules: The margins.
    """
    shared = [task for task in before.scores if task in now.scores]
    comparable = []
    for task in shared:
        problem = _incomparable(before.scores[task], now.scores[task])
        if problem is None:
            comparable.append(task)
        else:
            yield Finding(name, task, "K103", n=now.scores[task].examples, reason=problem)
    same = [task for task in comparable if unchanged(before.scores[task], now.scores[task])]
    for task in same:
        yield _reproduction(name, task, before.scores[task], now.scores[task], counts_answers=tasks[task].metric in COUNTED)
    if len(same) < len(comparable):
        yield from _changed(name, comparable, before, now, tasks, rules)


def unchanged(before: Score, now: Score) -> bool:
    """True where checkpoint, prompts, similarity, precision and use are the same: libraries, machine and device type may differ."""
    own, others = ({part: value for part, value in score.parts.items() if part not in LAST_BITS} for score in (before, now))
    precision = [score.parts.get("arithmetic", {}).get("precision") for score in (before, now)]
    return own == others and precision[0] == precision[1]


def judged(difference: Estimate, margin: float) -> str:
    """PASS, REGRESSION or INCONCLUSIVE, as the module says."""
    low, high = (difference.value + RESERVE * (end - difference.value) for end in difference.interval)
    if low > -margin:
        return "PASS"
    return "REGRESSION" if high < 0 and difference.value <= -margin else "INCONCLUSIVE"


def _incomparable(before: Score, now: Score) -> str | None:
    """Why two scores are not of one test; None where they are."""
    if before.parts.get("task") != now.parts.get("task"):
        return "the card or the data of this task changed; where that was meant, bless anew with --update"
    if before.parts.get("scoring") != now.parts.get("scoring"):
        return "this version scores by other rules; bless anew with --update"
    if before.main.keys() != now.main.keys():
        return "it has other subsets"
    return None


def _reproduction(name: str, task: str, before: Score, now: Score, *, counts_answers: bool) -> Finding:
    """An unchanged candidate's score: the largest difference over subsets, as a multiple of what is let pass there."""
    here = before.where == now.where
    limits = {subset: SAME_MACHINE if here else max(ELSEWHERE, (1 + SAME_MACHINE) / now.n[subset] if counts_answers else 0.0) for subset in before.main}
    differences = {subset: now.main[subset] - value for subset, value in before.main.items()}
    worst = max(differences, key=lambda subset: abs(differences[subset]) / limits[subset])
    difference, limit = differences[worst], limits[worst]
    reason = "" if here else "on another machine, or with other threads"
    if abs(difference) > limit:
        reason = _what_differs(before, now, here=here)
    return Finding(name, task, "K200" if abs(difference) <= limit else "K201", difference, n=now.examples, limit=limit, reason=reason)


def _what_differs(before: Score, now: Score, *, here: bool) -> str:
    """What may have changed the score of an unchanged model."""
    libraries = [
        f"{library} {before.versions.get(library)} -> {version}" for library, version in now.versions.items() if before.versions.get(library) != version
    ]
    found = [*libraries, *(["the version of the encoding"] if before.parts.get("encoding") != now.parts.get("encoding") else [])]
    found += [] if here else ["the machine, or its threads"]
    return f"what changed: {', '.join(found)}" if found else "nothing that is recorded changed"


def _changed(name: str, comparable: Sequence[str], before: Entry, now: Entry, tasks: Mapping[str, TaskInfo], rules: Rules) -> Iterator[Finding]:
    """A changed candidate: the mean, which decides, and each task, which tells where the difference comes from."""
    pairs = {task: (before.scores[task].estimate(), now.scores[task].estimate()) for task in comparable}
    known = {task: (old, new) for task, (old, new) in pairs.items() if old is not None and new is not None and len(old.items) == len(new.items)}
    counted = [task for task in comparable if tasks[task].counts]
    if counted:
        yield _mean(name, counted, known, before, now, tasks, rules.margin)
    yield from _diagnosis(name, {task: new - old for task, (old, new) in known.items()}, now, rules)


def _mean(
    name: str,
    counted: Sequence[str],
    known: Mapping[str, tuple[Estimate, Estimate]],
    before: Entry,
    now: Entry,
    tasks: Mapping[str, TaskInfo],
    margin: float,
) -> Finding:
    examples = sum(now.scores[task].examples for task in counted)
    if unknown := [task for task in counted if task not in known]:
        return Finding(name, MEAN, "K104", n=examples, reason=f"no interval is known of {', '.join(unknown)}")
    difference = mean([known[task][1] for task in counted]) - mean([known[task][0] for task in counted])
    every = [task for task, info in tasks.items() if info.counts and (task in before.scores or task in now.scores)]
    reason = "" if len(counted) == len(every) else f"over {len(counted)} of {len(every)} tasks"
    code = {"PASS": "K100", "REGRESSION": "K101", "INCONCLUSIVE": "K102"}[judged(difference, margin)]
    return Finding(name, MEAN, code, difference.value, difference.interval, smallest_detectable(difference), examples, margin, reason)


def _diagnosis(name: str, differences: Mapping[str, Estimate], now: Entry, rules: Rules) -> Iterator[Finding]:
    """Each task by itself. That it fell is said only where that is sure among all tasks of the candidate (Holm 1979)."""
    chances = holm([drop_probability(difference) for difference in differences.values()])
    for (task, difference), chance in zip(differences.items(), chances, strict=True):
        margin = rules.of_task(task)
        verdict = judged(difference, margin)
        if verdict == "REGRESSION" and chance > ERROR:
            verdict = "INCONCLUSIVE"
        code = {"PASS": "K110", "REGRESSION": "K111", "INCONCLUSIVE": "K112"}[verdict]
        steady = difference.variance <= LEAST_VARIANCE and math.isclose(difference.value, 0.0, abs_tol=SAME_MACHINE)
        smallest = 0.0 if steady else smallest_detectable(difference)
        yield Finding(name, task, code, difference.value, difference.interval, smallest, now.scores[task].examples, margin)
