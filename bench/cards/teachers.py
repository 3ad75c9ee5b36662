"""Who teaches a distilled candidate, and what can be wrong with that on a card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from bench.cards.specs import Candidate, Kind, Suite
from bench.errors import nearest

TEACHERS = tuple(kind for kind in get_args(Kind) if kind not in {"distilled", "static", "lexical"})
"""Kinds that have a transformer; a distilled one is left out, so that no chain of teachers can bite its tail."""


def default_parent(candidate: Candidate, everyone: Sequence[Candidate]) -> str | None:
    """What a distilled candidate is compared with, and taught by unless its card says otherwise: the one full candidate of its base and seed; where there is none or a choice, its teacher.

    Recipes are not compared, as they are for other kinds: that of a full model cannot have the phase that its student needs.
    """
    found = [
        other.name
        for other in everyone
        if other.kind == "full" and (other.base, other.seed) == (candidate.base, candidate.seed) and other.vocabulary is None and other.runs_in == "fp32"
    ]
    return found[0] if len(found) == 1 else candidate.teacher


def distillation_problems(candidate: Candidate, suite: Suite, everyone: Sequence[Candidate]) -> Iterator[tuple[str, str]]:
    """Field and message of everything that is wrong with a candidate's teacher, student or `distill` phases.

    Args:
        candidate: Of any kind.
        suite: Has the recipes.
        everyone: All candidates of the suite.
    """
    recipe = suite.recipes.get(candidate.recipe or "")
    if candidate.kind != "distilled":
        if candidate.teacher is not None:
            yield "teacher", f"a teacher means nothing for kind {candidate.kind!r}; only a distilled candidate has one"
        if recipe is not None and recipe.distils:
            yield (
                "recipe",
                f"{candidate.name!r} is {candidate.kind}, so it has no teacher for phase 'distill' of recipe {candidate.recipe!r}; use kind distilled",
            )
        return
    if candidate.recipe is None or (recipe is not None and not recipe.distils):
        yield "recipe", f"a distilled candidate needs a recipe with a phase of kind 'distill', found {candidate.recipe!r}"
    yield from _student_problems(candidate)
    yield from _teacher_problems(candidate, {other.name: other for other in everyone})


def _student_problems(candidate: Candidate) -> Iterator[tuple[str, str]]:
    by_strategy = candidate.strategy is not None and candidate.keep is not None
    if candidate.start == "pruned" and (by_strategy == (candidate.layers is not None) or (candidate.layers and (candidate.strategy or candidate.keep))):
        yield "strategy", "a distilled candidate needs strategy and keep, or layers (the kept list, 0-based), or weights"
    if candidate.start == "random" and (candidate.keep is None or candidate.strategy or candidate.layers):
        yield "keep", 'weights = "random" needs keep, the number of layers, and neither strategy nor layers'
    if candidate.start == "pretrained" and (candidate.keep or candidate.strategy or candidate.layers):
        yield "keep", 'weights = "pretrained" is a base of its depth, whole; keep, strategy and layers mean nothing for it'


def _teacher_problems(candidate: Candidate, everyone: dict[str, Candidate]) -> Iterator[tuple[str, str]]:
    usable = [name for name, other in everyone.items() if other.kind in TEACHERS]
    name = candidate.teacher or candidate.parent or default_parent(candidate, list(everyone.values()))
    if name is None:
        yield "teacher", f"expected one full candidate of base {candidate.base!r} and seed {candidate.seed} to teach it; name a teacher" + nearest("", usable)
    elif name not in everyone:
        if candidate.teacher is not None:  # a parent that is not there is reported as such
            yield "teacher", f"no candidate {name!r}" + nearest(name, usable)
    elif name not in usable:
        yield "teacher", f"{name!r} is {everyone[name].kind}; a teacher must be {', '.join(TEACHERS[:-1])} or {TEACHERS[-1]}"
