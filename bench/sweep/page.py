"""A sweep as a table and as a page."""

from __future__ import annotations

from collections.abc import Callable

from tabulate import tabulate

from bench.make.strategies.pure import describe_kept
from bench.sweep.depths import Form
from bench.sweep.sweep import SPLIT, TASK, Sweep


def quality_table(sweep: Sweep, *, style: str) -> str:
    """Depth by strategy: score times 100 and half of its 95 % interval; a star where `retain` is kept. `style` is one of tabulate's."""

    def cell(form: Form) -> str:
        low, high = form.interval
        return f"{form.score * 100:.1f} ± {(high - low) * 50:.1f}{' *' if form.keeps(sweep.retain) else ''}"

    low, high = sweep.full.interval
    return _table(sweep, cell, f"{sweep.full.value * 100:.1f} ± {(high - low) * 50:.1f}", style=style)


def render(sweep: Sweep) -> str:
    """A Markdown page: the recommendation, the tables, the kept layers, how to read it. The picture is the file `sweep.svg` beside it."""
    pairs = ", ".join(f"{count} {language}" for language, count in sweep.pairs.items())
    parts = [
        f"# Sweep: {sweep.name}",
        f"**{sweep.verdict}**",
        "![What each depth keeps of the full model, and how alike the layers are](sweep.svg)",
        f"## Quality\n\nSpearman's correlation times 100 of cosine and gold score on {TASK} {SPLIT} ({pairs} pairs), mean over languages, before any "
        "fine-tuning. `±` is half of the 95 % interval of a "
        f"paired bootstrap over pairs. A star: with 95 % confidence at least {sweep.retain:.0%} of the full model's score.",
        quality_table(sweep, style="pipe"),
        (
            "## Share of the full model's score, %\n\nWith the 95 % interval of the paired bootstrap: in each resample, the form's score divided by the "
            "full model's."
        ),
        _table(sweep, _share, "100", style="pipe"),
        (
            "## Likeness to the full model\n\nMean cosine of the same text's embeddings in both. High likeness says that little changed; low likeness does "
            "not say that quality is lost."
        ),
        _table(sweep, lambda form: f"{form.similarity:.3f}", "1.000", style="pipe"),
        "## Kept layers\n\nNumbers of the base's layers, from 0.",
        _table(sweep, lambda form: describe_kept(form.kept), describe_kept(range(sweep.layers)), style="pipe"),
        f"{sweep.layer_passes} layer passes a batch; one model after the other would take {sweep.layer_passes_apart}.",
    ]
    return "\n\n".join(parts) + "\n"


def _share(form: Form) -> str:
    if form.retained is None or form.retained_interval is None:
        return "–"
    low, high = form.retained_interval
    return f"{form.retained * 100:.1f} ({low * 100:.1f} to {high * 100:.1f})"


def _table(sweep: Sweep, cell: Callable[[Form], str], full: str, *, style: str) -> str:
    """Rows are depths, the full model first; columns are strategies, a table for each group of them; a dash where a strategy has no form of a depth."""
    cells = {(form.depth, form.strategy): cell(form) for form in sweep.forms}
    tables = []
    for group in sweep.groups:
        rows = [[depth, *(cells.get((depth, strategy), "–") for strategy in group)] for depth in range(sweep.layers - 1, 0, -1)]
        full_row = [f"{sweep.layers} (full)", *[full] * len(group)]
        alignment = ["right"] * (1 + len(group))
        tables.append(tabulate([full_row, *rows], headers=["layers", *group], tablefmt=style, colalign=alignment, disable_numparse=True))
    return "\n\n".join(tables)
