"""What a plan says beside its cells: an empty part, tests that training rows could not be compared with, what is odd about the rows that are scored."""

from __future__ import annotations

from bench.cards.candidate import Candidate, FromBase
from bench.plan.overview import split_reason
from bench.plan.planning import Plan


def warnings(plan: Plan) -> list[str]:
    """A line for everything that a run of the plan should be read with."""
    odd = [f"{name}: {remark}" for name in plan.selection.tasks for remark in plan.tasks[name].remarks]
    index, count = plan.options.shard
    empty = [] if plan.selection.chosen else [f"part {index} of {count} has no candidate of suite {plan.selection.suite.name}; there is nothing to do"]
    return [*empty, *unread_tests(plan), *odd]


def unread_tests(plan: Plan) -> list[str]:
    """What to say of the tests of the suite that cannot be read here, where a chosen candidate is trained or takes its vocabulary from text.

    A line for each test; one for all that cannot be read for the same reason.
    """
    if not any(_takes_text(plan, candidate) for candidate in plan.selection.chosen):
        return []
    by_cause: dict[str, list[tuple[str, str]]] = {}
    for name, reason in plan.resolver.unread.items():
        by_cause.setdefault(split_reason(reason)[1], []).append((name, reason))
    return [_warning([name for name, _ in tests], what if len(tests) > 1 else tests[0][1]) for what, tests in by_cause.items()]


def _warning(tests: list[str], reason: str) -> str:
    if len(tests) == 1:
        return f"the texts of test {tests[0]} are not kept out of training, since it cannot be read: {reason}"
    return f"the texts of tests {', '.join(tests)} are not kept out of training, since they cannot be read: {reason}"


def _takes_text(plan: Plan, candidate: Candidate) -> bool:
    """True where texts are trained on, or choose the tokens."""
    vocabulary = candidate.vocabulary
    trained = isinstance(candidate, FromBase) and candidate.recipe is not None and plan.selection.suite.recipes[candidate.recipe].phases
    return bool(trained) or (vocabulary is not None and vocabulary.tokens is None)
