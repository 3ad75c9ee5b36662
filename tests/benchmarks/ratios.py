"""What a benchmark claims: a ratio of two ways to do the same thing, measured in one run, and the least that it has to be.

Seconds say more about the machine than about the code, so none are compared. `python -m tests.benchmarks.ratios FILE` reads what pytest-benchmark stored with
`--benchmark-json FILE`, shows each ratio beside its bound, and exits with 1 where one is missing or too low.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@dataclasses.dataclass(frozen=True)
class Bound:
    """The least that a ratio has to be. `everywhere` is False where some machines cannot run the benchmark and skip it."""

    at_least: float
    everywhere: bool = True


BOUNDS = {
    "sweep": Bound(5.0),
    "scoring": Bound(2.0),
    "fitting": Bound(2.0, everywhere=False),
    "training": Bound(1.15, everywhere=False),
    "parallel": Bound(1.0, everywhere=False),
}
"""By the name under which a benchmark calls `compare`; docs/speed.md says what each is."""


def compare(
    benchmark: BenchmarkFixture,
    name: str,
    *,
    theirs: Callable[[], object],
    ours: Callable[[], object],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
) -> None:
    """Measure how many times faster `ours` is than `theirs`, store it with its bound, and fail where it is too low.

    The two take turns, so that a busy machine slows both, and the quickest round of each counts: whatever else runs can only add time to a round.
    pytest-benchmark runs the rounds; where it is disabled, as in the plain test suite, they run all the same.
    """
    taken: dict[str, list[float]] = {"theirs": [], "ours": []}

    def timed(which: str, function: Callable[[], object]) -> None:
        start = clock()
        function()
        taken[which].append(clock() - start)

    def ours_timed() -> None:
        timed("ours", ours)

    def theirs_timed() -> None:
        timed("theirs", theirs)

    for _ in range(rounds - 1 if benchmark.disabled else 0):
        theirs_timed()
        ours_timed()
    benchmark.pedantic(ours_timed, setup=theirs_timed, rounds=rounds)
    ratio, bound = min(taken["theirs"]) / min(taken["ours"]), BOUNDS[name].at_least
    benchmark.extra_info.update(name=name, ratio=round(ratio, 3), at_least=bound)
    assert ratio >= bound, f"{name}: {ratio:.2f} times, expected at least {bound:g}"


def report(stored: dict[str, Any], bounds: dict[str, Bound] = BOUNDS) -> tuple[list[str], list[str]]:
    """A line for each bound, and what is wrong.

    Args:
        stored: The document that pytest-benchmark writes.
        bounds: What each benchmark has to reach.
    """
    found = {one["extra_info"].get("name", one["name"]): one["extra_info"].get("ratio") for one in stored["benchmarks"]}
    lines, problems = [], [f"{name}: has no bound" for name in found if name not in bounds]
    for name, bound in bounds.items():
        ratio = found.get(name)
        lines.append(f"{name:<10} {'not run here' if ratio is None else f'{ratio:.2f} times'}, at least {bound.at_least:g}")
        if ratio is None and (bound.everywhere or name in found):
            problems.append(f"{name}: no ratio is stored")
        elif ratio is not None and ratio < bound.at_least:
            problems.append(f"{name}: {ratio:.2f} times, expected at least {bound.at_least:g}")
    return lines, problems


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    lines, problems = report(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    print("\n".join(lines))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
