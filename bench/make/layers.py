"""Which layers stay: pure functions from a strategy to the list of kept layers, 0-based.

A strategy is named for what it removes: `top` removes the top layers and keeps the lowest ones, as in arXiv 2004.03844 (Figure 1) and arXiv 2409.14168 (section 3).
`middle` removes the middle block and keeps as many layers at either end, the lower end getting the odd one ("symmetric" in 2004.03844).
Names are only names: the kept list is what is stored, shown and digested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.errors import ModelError
from bench.specs import Candidate, Strategy

STRATEGIES: dict[Strategy, Callable[[int, int], list[int]]] = {
    "top": lambda _total, keep: list(range(keep)),
    "bottom": lambda total, keep: list(range(total - keep, total)),
    "middle": lambda total, keep: [*range((keep + 1) // 2), *range(total - keep // 2, total)],
}


def kept_layers(strategy: Strategy, *, total: int, keep: int) -> list[int]:
    """The layers that stay when a strategy prunes `total` layers to `keep`.

    Raises:
        ModelError: `keep` is not between 1 and `total` - 1.
    """
    if not 0 < keep < total:
        raise ModelError(f"keep must be between 1 and {total - 1} for a base of {total} layers (got {keep})")
    return STRATEGIES[strategy](total, keep)


def resolve_layers(candidate: Candidate, total: int) -> list[int]:
    """The kept layers of any trained candidate of a base with `total` layers.

    Raises:
        ModelError: The candidate keeps layers that the base does not have.
    """
    if candidate.kind == "scratch":
        return list(range(candidate.keep or total))
    if candidate.kind == "full":
        return list(range(total))
    if candidate.layers is not None:
        if candidate.layers[-1] >= total:
            raise ModelError(f"{candidate.name}: layers must be between 0 and {total - 1} for a base of {total} layers (got {candidate.layers[-1]})")
        return list(candidate.layers)
    assert candidate.strategy is not None
    assert candidate.keep is not None
    try:
        return kept_layers(candidate.strategy, total=total, keep=candidate.keep)
    except ModelError as error:
        raise ModelError(f"{candidate.name}: {error}") from None


def describe_kept(kept: Sequence[int]) -> str:
    """A kept list for people: runs are joined, like `0-2,9-11`."""
    runs: list[list[int]] = []
    for layer in kept:
        if runs and runs[-1][-1] == layer - 1:
            runs[-1] = [runs[-1][0], layer]
        else:
            runs.append([layer, layer])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
