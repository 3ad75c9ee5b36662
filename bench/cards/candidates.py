"""What a candidate may say: the checks of its fields that no type can make."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cards.specs import Candidate, Suite
from bench.errors import nearest


def candidate_problems(candidate: Candidate, suite: Suite) -> Iterator[tuple[str, str]]:
    """Fields of a candidate that contradict its kind, its suite or each other: (field, what is wrong and the mend)."""
    trained = {"full", "pruned", "scratch", "distilled", "nested", "static"}
    if candidate.kind in trained:
        if candidate.base is None:
            yield "base", f"a {candidate.kind} candidate needs a base"
        elif candidate.base not in suite.bases:
            yield "base", f"no base {candidate.base!r}" + nearest(candidate.base, suite.bases)
        if candidate.recipe is not None and candidate.recipe not in suite.recipes:
            yield "recipe", f"no recipe {candidate.recipe!r}" + nearest(candidate.recipe, suite.recipes)
    elif candidate.recipe is not None:
        yield "recipe", f"a {candidate.kind} candidate is not trained; use kind full, pruned, scratch, distilled, nested or static with a base"
    yield from _threshold_problems(candidate)
    by_strategy = candidate.strategy is not None and (candidate.keep is not None or candidate.threshold is not None)
    if candidate.kind == "pruned" and (by_strategy == (candidate.layers is not None) or (candidate.layers and (candidate.strategy or candidate.keep))):
        yield "strategy", "a pruned candidate needs either strategy and keep (or threshold), or layers (the kept list, 0-based)"
    if candidate.layers is not None and list(candidate.layers) != sorted(set(candidate.layers)):
        yield "layers", f"expected layer numbers in rising order without repeats, found {list(candidate.layers)}"
    if candidate.layers == ():
        yield "layers", "expected at least one layer to keep, found none"
    if candidate.kind not in {"pruned", "scratch", "distilled"} and ((candidate.keep and candidate.kind != "nested") or candidate.layers or candidate.strategy):
        yield "keep", f"keep, layers and strategy mean nothing for kind {candidate.kind!r}"
    if candidate.kind == "nested" and (candidate.keep is None or candidate.recipe is None):
        yield "keep", "a nested candidate needs keep, the depth at which it is cut off, and a recipe to train all depths by"
    if candidate.kind == "static" and candidate.recipe is None:
        yield "recipe", "a static candidate needs a recipe: its training texts say how frequent a token is"
    if candidate.kind not in {"static", "nested"} and candidate.dimensions is not None:
        yield "dimensions", f"dimensions mean nothing for kind {candidate.kind!r}"
    if candidate.kind == "nested" and candidate.dimensions is not None and candidate.recipe in suite.recipes:
        widths = suite.recipes[candidate.recipe].dimensions
        if candidate.dimensions not in widths:
            listed = f"must be one of {list(widths)}, the dimensions of recipe" if widths else "need dimensions = [...] in recipe"
            yield (
                "dimensions",
                f"dimensions {listed} {candidate.recipe!r}, since only what is trained can be cut to (got {candidate.dimensions}); leave it out for the full width",
            )
    if candidate.kind == "lexical" and candidate.precision != "fp32":
        yield "precision", "a lexical candidate has no weights, so no precision"
    if candidate.vocabulary is not None and candidate.kind not in {"full", "pruned", "scratch", "distilled"}:
        yield "vocabulary", f"a vocabulary means nothing for kind {candidate.kind!r}"
    if candidate.ngram[0] > candidate.ngram[1]:
        yield "ngram", f"expected [shortest, longest], found {list(candidate.ngram)}"
    if candidate.kind == "scratch" and (candidate.keep is None) == (candidate.start == "random"):
        yield "keep", 'a scratch candidate needs either keep, its number of layers of random weights, or weights = "pretrained" with a base of its depth'
    if candidate.kind not in {"scratch", "distilled"} and candidate.weights is not None:
        yield "weights", f"weights mean nothing for kind {candidate.kind!r}"
    if candidate.kind == "external" and (candidate.path is None) == (candidate.hub is None):
        yield "path", "an external candidate needs exactly one of path, hub"
    if candidate.kind != "external" and candidate.sha256 is not None:
        yield "sha256", f"sha256 means nothing for kind {candidate.kind!r}; that of a base stands in [bases.NAME]"
    if candidate.hub is not None and candidate.revision is None:
        yield "revision", "a Hub model needs a pinned revision"


def _threshold_problems(candidate: Candidate) -> Iterator[tuple[str, str]]:
    if candidate.threshold is None:
        return
    if candidate.kind != "pruned":
        yield "threshold", f"a threshold means nothing for kind {candidate.kind!r}"
    elif candidate.strategy != "contribution":
        yield "threshold", f"only strategy 'contribution' has a threshold; give keep or layers instead (strategy is {candidate.strategy!r})"
    elif candidate.keep is not None:
        yield "threshold", f"threshold and keep both say how many layers stay; leave one of them out (keep is {candidate.keep})"
