"""Which layers stay: pure functions from a strategy to the list of kept layers, 0-based.

A strategy is named for what it removes: `top` removes the top layers and keeps the lowest ones, as in arXiv 2004.03844 (Figure 1) and arXiv 2409.14168 (section
3). Names are only names: the kept list is what is stored, shown and digested.

`middle` (2409.14168, 2501.00733) removes one block from the middle; `symmetric` (2004.03844) keeps X layers at either end. For an even number to keep they are
the same. An odd number is in neither paper: here `middle` keeps the odd layer at the lower end and `symmetric` at the upper one, so that the two tell which end
needs it more.

`even-alternate` and `odd-alternate` remove every other layer from the top down, beginning with the topmost one of even or odd number as the paper counts, from
1. It stops at half of the layers; to remove more, the other half follows, again from the top down.

Strategies that look at the base's weights or at text (`RANKED`) are in `bench.make.strategies.ranked`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import get_args

from bench.cards.candidate import FromBase, RankedStrategy, Strategy
from bench.cards.kinds import Distilled, Pruned
from bench.errors import LayerError, nearest

Rank = Callable[[RankedStrategy], Sequence[Sequence[int]]]
"""The kept lists of a ranked strategy for 1, 2, … layers."""
Over = Callable[[float], Sequence[int]]
"""The layers that are not above a threshold of contribution."""


def _alternate(total: int, keep: int, *, odd: bool) -> list[int]:
    """Remove layers whose 1-based number is odd (or even), from the top down, then the others."""
    from_the_top = range(total, 0, -1)
    order = [number for number in from_the_top if number % 2 == odd] + [number for number in from_the_top if number % 2 != odd]
    return sorted(number - 1 for number in order[total - keep :])


def _random(total: int, keep: int, seed: int) -> list[int]:
    """A random choice, the control: no strategy is good that is no better.

    The same in every version of Python, which promises `random()` and not `sample()`.
    """
    generator = random.Random(f"{seed}/{total}/{keep}")
    order = sorted(range(total), key=lambda _: generator.random())
    return sorted(order[:keep])


STRATEGIES: dict[Strategy, Callable[[int, int, int], list[int]]] = {
    "top": lambda _total, keep, _seed: list(range(keep)),
    "bottom": lambda total, keep, _seed: list(range(total - keep, total)),
    "middle": lambda total, keep, _seed: [*range((keep + 1) // 2), *range(total - keep // 2, total)],
    "symmetric": lambda total, keep, _seed: [*range(keep // 2), *range(total - (keep + 1) // 2, total)],
    "even-alternate": lambda total, keep, _seed: _alternate(total, keep, odd=False),
    "odd-alternate": lambda total, keep, _seed: _alternate(total, keep, odd=True),
    "random": _random,
}
"""(layers, layers to keep, seed) -> kept list. Only `random` looks at the seed."""

RANKED: frozenset[RankedStrategy] = frozenset(get_args(RankedStrategy))
"""Strategies that need the base's weights, and most of them text."""


def check_depth(*, total: int, keep: int) -> None:
    """Refuse a depth that prunes nothing or everything.

    Raises:
        LayerError: `keep` is not between 1 and `total` - 1.
    """
    if not 0 < keep < total:
        raise LayerError(f"keep must be between 1 and {total - 1} for a base of {total} layers (got {keep})")


def kept_layers(strategy: Strategy, *, total: int, keep: int, seed: int = 0) -> list[int]:
    """The layers that stay when a strategy prunes `total` layers to `keep`.

    Raises:
        LayerError: `keep` is not between 1 and `total` - 1, or the strategy is not one of `STRATEGIES`.
    """
    check_depth(total=total, keep=keep)
    if strategy not in STRATEGIES:
        raise LayerError(f"no strategy {strategy!r}" + nearest(strategy, STRATEGIES))
    return STRATEGIES[strategy](total, keep, seed)


def resolve_layers(candidate: FromBase, total: int, *, rank: Rank | None = None, over: Over | None = None) -> list[int]:
    """The kept layers of any trained candidate of a base with `total` layers.

    Args:
        candidate: Of any kind that is made from a base.
        total: Layers of its base.
        rank: Called, and needed, only where the candidate has a ranked strategy.
        over: Called, and needed, only where the candidate has a threshold.

    Raises:
        LayerError: The candidate keeps layers that the base does not have.
    """
    layers = candidate.layers_of(total)
    if layers is not None:
        return list(layers)
    assert isinstance(candidate, Pruned | Distilled), "other kinds have no strategy"
    assert candidate.strategy is not None
    try:
        if isinstance(candidate, Pruned) and candidate.threshold is not None:
            assert over is not None, "a threshold needs the base"
            return list(over(candidate.threshold))
        assert candidate.keep is not None
        check_depth(total=total, keep=candidate.keep)
        if candidate.strategy in RANKED:
            assert rank is not None, "a ranked strategy needs the base"
            return list(rank(candidate.strategy)[candidate.keep - 1])
        return kept_layers(candidate.strategy, total=total, keep=candidate.keep, seed=candidate.seed)
    except LayerError as error:
        raise LayerError(f"{candidate.name}: {error}") from None


def describe_kept(kept: Sequence[int]) -> str:
    """A kept list for people: runs are joined, like `0-2,9-11`."""
    runs: list[list[int]] = []
    for layer in kept:
        if runs and runs[-1][-1] == layer - 1:
            runs[-1] = [runs[-1][0], layer]
        else:
            runs.append([layer, layer])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
