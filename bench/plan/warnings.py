"""What a plan says beside its cells: tests that training rows could not be compared with, and what is odd about the rows that are scored."""

from __future__ import annotations

from bench.cards.candidate import Candidate, FromBase
from bench.plan.planning import Plan


def warnings(plan: Plan) -> list[str]:
    """A line for everything that a run of the plan should be read with."""
    odd = [f"{name}: {remark}" for name in plan.selection.tasks for remark in plan.tasks[name].remarks]
    return [*unread_tests(plan), *odd]


def unread_tests(plan: Plan) -> list[str]:
    """A line for each test of the suite that cannot be read here, where a chosen candidate is trained or takes its vocabulary from text."""
    if not any(_takes_text(candidate) for candidate in plan.selection.chosen):
        return []
    return [f"the texts of test {name} are not kept out of training, since it cannot be read: {reason}" for name, reason in plan.resolver.unread.items()]


def _takes_text(candidate: Candidate) -> bool:
    """True where texts are trained on, or choose the tokens."""
    vocabulary = candidate.vocabulary
    return (vocabulary is not None and vocabulary.tokens is None) or (isinstance(candidate, FromBase) and candidate.recipe is not None)
