"""What a plan says beside its cells: tests that could not be read, so that training rows were not compared with them."""

from __future__ import annotations

from bench.plan.planner import Planner


def unread_tests(planner: Planner) -> list[str]:
    """A line for each test of the suite that cannot be read here, where a chosen candidate is trained or takes its vocabulary from text."""
    if not any(candidate.recipe or candidate.vocabulary for candidate in planner.chosen):
        return []
    return [f"the texts of test {name} are not kept out of training, since it cannot be read: {reason}" for name, reason in planner.unread.items()]
