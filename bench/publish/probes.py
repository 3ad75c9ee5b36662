"""Measurements as a table for a terminal, and what has to be said beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bench.publish.terminal import show_columns, verbatim
from bench.publish.texts import MISSING
from bench.store import Result

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = (
    "candidate",
    "verdict",
    "× reference",
    "sentences/s",
    "batch",
    "× single",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "peak MiB",
    "load s",
    "cold s",
    "MFLOP/sentence",
)
ORDER = (
    "candidate",
    "verdict",
    "× reference",
    "sentences/s",
    "p50 ms",
    "peak MiB",
    "p90 ms",
    "× single",
    "load s",
    "batch",
    "MFLOP/sentence",
    "cold s",
    "p99 ms",
)
"""What a narrow terminal shows before the rest."""


def show(measured: Mapping[str, Result], console: Console) -> None:
    """Print a row a model, and what there is to say beside it. `×` is how many times as fast as the reference, with the 95 % interval."""
    if measured:
        cells = [_cells(name, result) for name, result in measured.items()]
        show_columns(dict(zip(COLUMNS, zip(*cells, strict=True), strict=True)), ORDER, console)
    for line in remarks(measured):
        console.print(verbatim(line), highlight=False, soft_wrap=True)


def remarks(measured: Mapping[str, Result]) -> Iterator[str]:
    """What was measured against what and how, and why a number cannot be trusted; each once."""
    references = {result["reference"]["candidate"] for result in measured.values() if result["reference"] is not None}
    if references:
        yield f"× is how many times as fast as {', '.join(sorted(references))}, measured in the same rounds, with its 95 % interval"
    for name, result in measured.items():
        if result["relative_missing"]:
            yield f"{name}: no ratio: {result['relative_missing']}"
        for reason in result["validity"]["reasons"]:
            yield f"{name}: INVALID: {reason}"
        for size, used in result["offline"]["did_not_fit"].items():
            yield f"{name}: a batch of {size} does not fit into memory; {used} was taken"
    for reason in sorted({result["energy"]["reason"] for result in measured.values() if result["energy"]["reason"]}):
        yield f"energy {reason}"


def _cells(name: str, result: Result) -> list[str]:
    relative, single = result["relative"] or {}, result["single"]
    cold = result["cold"]
    operations = result["flops"]["per_sentence"]
    peak = result["memory"]["cuda_allocated_peak"] or result["memory"]["peak_while_encoding"]
    return [
        name,
        result["validity"]["verdict"],
        _ratio(relative.get("offline")),
        f"{result['offline']['sentences_per_second']:,.0f}",
        str(result["offline"]["batch_size"]),
        _ratio(relative.get("single")),
        *(MISSING if single[one] is None else f"{1000 * single[one]:.2f}" for one in ("p50", "p90", "p99")),
        MISSING if peak is None else f"{peak / 2**20:,.0f}",
        f"{result['load']:.2f}",
        MISSING if cold is None else f"{cold['whole']:.2f}",
        MISSING if operations is None else f"{operations / 1e6:,.0f}",
    ]


def _ratio(relative: dict[str, Any] | None) -> str:
    return MISSING if relative is None else f"{relative['ratio']:.2f} [{relative['low']:.2f}, {relative['high']:.2f}]"
