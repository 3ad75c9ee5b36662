"""A page for each candidate and each task of a board."""

from __future__ import annotations

import functools
import json
import shlex
from collections.abc import Mapping
from typing import Any

from bench.publish import losses, tables, texts, web
from bench.publish.choice import floor
from bench.publish.document import Document, Entry
from bench.publish.families import base_depth
from bench.publish.notes import origin, used_by
from bench.publish.page import page_links, task_links, task_names
from bench.publish.tables import Cell, Column, Table, layers, share_of

ABOUT = {
    "base": "Base",
    "strategy": "Layers removed by",
    "teacher": "Teacher",
    "vocabulary": "Vocabulary",
    "recipe": "Recipe",
    "training": "Training",
    "data": "Trained on",
    "pooling": "Pooling",
    "dropout": "Dropout",
    "dimensions": "Dimensions kept",
    "precision": "Precision",
    "backend": "Backend",
    "seed": "Seed",
    "license": "Licence of the base",
    "checkpoint": "Content digest",
}
"""What a candidate's page says of how it was made, in this order."""
SPOKEN = {"mar": "mr", "hin": "hi", "eng": "en"}
_LOADED = {
    "fp32": "model = SentenceTransformer(FOLDER).float()",
    "bf16": "model = SentenceTransformer(FOLDER).bfloat16()",
    "fp16": "model = SentenceTransformer(FOLDER).half()",
    "int8": 'model = torch.ao.quantization.quantize_dynamic(SentenceTransformer(FOLDER, device="cpu"), {torch.nn.Linear}, dtype=torch.qint8)',
}
"""The line that loads a model in a precision that its checkpoint is not stored in; see `bench.models.precision`."""


def candidate_pages(document: Document) -> dict[str, str]:
    """The page of each candidate, by its path."""
    tasks, machine = task_links(document, "../"), _machine(document)
    links = {column.label: tasks[column.task] for column in document.columns}  # of candidates there are none in the tables: a task may be called as one is
    paths, others = page_links(document), page_links(document, "../")
    shared: dict[str, Any] = {
        "document": document,
        "links": links,
        "tasks": tasks,
        "others": others,
        "machine": machine,
        "footer": web.footer(origin(document)),
    }
    return {paths[row.name]: web.render("candidate.html", **_candidate(document, row), **shared) for row in document.rows}


def _candidate(document: Document, row: Entry) -> dict[str, Any]:
    return {
        "row": row,
        "lead": _lead(row),
        "kept": layers(row),
        "total": base_depth(row, document),
        "about": _about(row),
        "scores": _scores(document, row),
        "costs": _costs(row),
        "losses": _losses(document, row),
        "diff": _diff(document, row),
        **_code(document, row),
    }


def _lead(row: Entry) -> str:
    """What there is to know of it in a sentence or two."""
    told = [f"{row.kind[:1].upper()}{row.kind[1:]}" + (f", made from the same base as {row.parent}" if row.parent else "")]
    if row.mean is not None:
        told.append(f"mean {texts.mean(row)}" + (f", tier {row.rank}" if row.rank is not None else ""))
    if row.of_parent is not None:
        told.append(f"keeps {texts.with_interval(row.of_parent, row.of_parent_interval)} % of {row.parent}")
    return ". ".join(f"{part[:1].upper()}{part[1:]}" for part in told) + "."


def _about(row: Entry) -> list[tuple[str, str]]:
    found = [("Kind", row.kind), ("Parent", row.parent or ""), ("Kept layers", row.kept), ("Parameters, M", texts.split_parameters(row.parameters))]
    for name, title in ABOUT.items():
        value = row.about.get(name) if name != "seed" or row.seeds == 1 else None  # of several, that of the first
        parts = value if isinstance(value, list) else [] if value is None else [value]
        if name == "data":
            parts = [", ".join(map(str, parts))] if parts else []
        found += [(title if number == 0 else "then", str(part)) for number, part in enumerate(parts)]
    if row.seeds > 1:
        found.append(("Training seeds", str(row.seeds)))
    if row.used is not None:
        found += [("Used with", text.replace("`", "")) for text in used_by(row.used)]
    found += [("Tokenizer", problem) for problem in row.tokenizer_problems]
    return [(title, text) for title, text in found if text and text != texts.MISSING]


def _scores(document: Document, row: Entry) -> Table:
    """Its scores beside those of its parent."""
    parent = document.by_name.get(row.parent or "")
    lines: list[tuple[Cell, ...]] = []
    for column in document.columns:
        score = row.scores.get(column.label)
        own = Cell(
            "missing" if score is None else texts.with_interval(score, row.spans.get(column.label)), note="not computed, or failed" if score is None else ""
        )
        if parent is None:
            lines.append((Cell(column.label), own))
            continue
        share = row.shares.get(column.label)
        kept = texts.with_interval(*share) if share else texts.percent(share_of(document, row, column.label))
        whole = texts.with_interval(parent.scores.get(column.label), parent.spans.get(column.label))
        lines.append((Cell(column.label), own, Cell(whole), Cell(kept)))
    for column in document.robustness:
        if column.label in row.drops:
            text, sure = texts.drop(row.drops[column.label], row.drop_spans.get(column.label))
            rest = () if parent is None else (Cell(texts.drop(parent.drops.get(column.label), None)[0]), Cell(texts.MISSING))
            lines.append((Cell(f"{column.label}: points lost"), Cell(text, strong=sure), *rest))
    beside = () if parent is None else (Column(parent.name), Column("% of parent"))
    return Table("Scores", (Column("task", numeric=False), Column("score"), *beside), tuple(lines))


def _costs(row: Entry) -> Table:
    """What was measured; empty where nothing was."""
    cells = tables.costs(row)
    lines = [(Cell(title), cell) for title, cell in zip(tables.COST_TITLES, cells, strict=True) if cell.value is not None]
    if row.costs.get("batch_size"):
        lines.append((Cell("batch size of sentences/s"), Cell(str(row.costs["batch_size"]))))
    return Table("Costs", (Column("what", numeric=False), Column("measured")), tuple(lines))


def _losses(document: Document, row: Entry) -> list[dict[str, Any]]:
    """The worst losses, where the document has them: task, what is told of a row, and its texts with their languages."""
    return [
        {
            "task": task,
            "told": losses.head(example, (row.parent or "the parent", row.name)),
            "texts": [(text, _language(document.tasks.get(task, {}), example.subset, place)) for place, text in enumerate(example.texts)],
        }
        for task, example in row.losses
    ]


def _diff(document: Document, row: Entry) -> str:
    """The command that shows all losses; of several seeds it takes one of each, which their row does not name."""
    parent = document.by_name.get(row.parent or "")
    return "" if parent is None or max(parent.seeds, row.seeds) > 1 else shlex.join(["bench", "diff", parent.name, row.name, "--suite", document.suite])


def _language(task: Mapping[str, Any], subset: str, place: int) -> str:
    """The language of a row's text, as HTML calls it: subsets of two languages have one for each text, others one for all."""
    spoken = task.get("languages", {}).get(subset) or ["mar-Deva"]
    return SPOKEN.get(spoken[min(place, len(spoken) - 1)][:3], "mr")


def _code(document: Document, row: Entry) -> dict[str, Any]:
    """Lines that load it in the precision of its row, the command that makes it, and what to know of both; none for what is no model."""
    if row.kind.startswith("lexical") or row.problem == "not made yet":
        return {"code": "", "command": "", "notes": ()}
    prompts = set(row.used.prompts.values()) - {""} if row.used else set()
    extra = f", prompt={json.dumps(prompts.pop(), ensure_ascii=False)}" if len(prompts) == 1 else ""
    precision, backend = str(row.about.get("precision")), row.about.get("backend")
    cast = precision in _LOADED and (precision != "fp32" or row.kind == "external")  # checkpoints made here are stored in fp32
    lines = (
        *(["import torch"] if precision == "int8" else []),
        "from sentence_transformers import SentenceTransformer",
        _LOADED[precision] if cast else "model = SentenceTransformer(FOLDER)",
        f'vectors = model.encode(["मी शाळेत जातो", "मैं स्कूल जाता हूँ"]{extra})',
    )
    published = any(task.get("published") for task in document.tasks.values())
    command = ["bench", "make", row.name, "--suite", document.suite, *(["--data-dir", "DATA"] if published else [])]
    notes = (
        f"It prints a folder for each of the {row.seeds} seeds." if row.seeds > 1 else "",
        f"bench data get {document.suite} --data-dir DATA fetches what it is trained on." if published else "",
        f"Whatever precision the folder holds the weights in, these lines make {precision} of them." if cast else "",
        f"These lines compute in PyTorch; the row is of {backend} (backends, in docs/cards.md)." if backend else "",
    )
    return {"code": "\n".join(lines), "command": shlex.join(command), "notes": tuple(filter(None, notes))}


def task_pages(document: Document) -> dict[str, str]:
    """The page of each task, by its path."""
    paths, links = task_links(document), page_links(document, "../")
    shared: dict[str, Any] = {"document": document, "links": links, "footer": web.footer(origin(document))}
    return {paths[name]: web.render("task.html", **_task(document, name, links), **shared) for name in task_names(document)}


def _task(document: Document, name: str, links: dict[str, str]) -> dict[str, Any]:
    task = {"description": "", "examples": {}, **document.tasks.get(name, {})}
    columns = [column for column in document.columns if column.task == name]
    rewritten = [column for column in document.robustness if column.task == name]
    labels = {column.label for column in (*columns, *rewritten)}
    about = [
        ("Type", task.get("type")),
        ("Score", next((column.metric for column in (*columns, *rewritten)), None)),
        ("Licence", task.get("license")),
        ("Rows", ", ".join(f"{subset}: {count:,}" for subset, count in task.get("rows", {}).items())),
        ("Smallest detectable difference", f"{100 * document.detectable[name]:.1f} points" if name in document.detectable else None),
        ("Rewrites", f"{rewritten[0].clean}, by the rule {rewritten[0].rule}" if rewritten else None),
        ("Source", task.get("reference")),
        ("Citation", task.get("citation")),
    ]
    return {
        "name": name,
        "task": task,
        "about": [(title, text) for title, text in about if text],
        "flags": [flag for flag in document.flags if flag.column in labels],
        "remarks": document.remarks.get(name, ()),
        "spoken": functools.partial(_language, task),
        "parts": [_part(document, column, task, links) for column in columns] + [_drops(document, column, links) for column in rewritten],
    }


def _part(document: Document, column: Any, task: dict[str, Any], links: dict[str, str]) -> dict[str, Any]:
    """Every candidate's score in one column, with bars."""
    rows = sorted((row for row in document.rows if column.label in row.scores), key=lambda row: -row.scores[column.label])
    low, high = min([0.0, *(row.scores[column.label] for row in rows)]), 1.0
    lines = []
    for row in rows:
        score = row.scores[column.label]
        lines.append(
            {
                "name": row.name,
                "link": links[row.name],
                "text": texts.with_interval(score, row.spans.get(column.label)),
                "width": f"{max(0.0, min(1.0, (score - low) / (high - low))) * 100:.1f}",
            }
        )
    limits, letters = task.get("bounds", {}).get(column.subset), floor(document)
    told = [f"Chance is {100 * limits['chance']:.1f}" if limits else "", _floor_told(letters, column.label), _spread_told(rows, column.label)]
    told.append(_detectable(document, column.label))
    return {
        "title": column.label,
        "told": ". ".join(part for part in told if part) + ".",
        "measure": "score",
        "low": f"{100 * low:.0f}",
        "high": "100",
        "lines": lines,
    }


def _floor_told(letters: Entry | None, label: str) -> str:
    return f"comparing letters ({letters.name}) reaches {texts.percent(letters.scores[label])}".capitalize() if letters and label in letters.scores else ""


def _spread_told(rows: list[Entry], label: str) -> str:
    scores = [row.scores[label] for row in rows]
    return f"Candidates lie between {texts.percent(min(scores))} and {texts.percent(max(scores))}" if len(scores) > 1 else ""


def _detectable(document: Document, label: str) -> str:
    """How wide intervals are here, from which one sees what difference can be told."""
    widths = sorted((span[1] - span[0]) / 2 for row in document.rows if (span := row.spans.get(label)))
    return f"Half of an interval is {100 * widths[len(widths) // 2]:.1f} points at the middle candidate" if widths else ""


def _drops(document: Document, column: Any, links: dict[str, str]) -> dict[str, Any]:
    """Every candidate's loss on rewritten texts."""
    rows = sorted((row for row in document.rows if column.label in row.drops), key=lambda row: row.drops[column.label])
    top = max([0.01, *(row.drops[column.label] for row in rows)])
    lines = [
        {
            "name": row.name,
            "link": links[row.name],
            "text": texts.with_interval(row.drops[column.label], row.drop_spans.get(column.label)),
            "width": f"{max(0.0, row.drops[column.label] / top) * 100:.1f}",
        }
        for row in rows
    ]
    told = f"Points lost against {column.clean}; less is better, negative is a gain."
    return {"title": column.label, "told": told, "measure": "points lost", "low": "0", "high": f"{100 * top:.1f}", "lines": lines}


def _machine(document: Document) -> str:
    return "; ".join(", ".join(f"{name} {value}" for name, value in machine.items()) for machine in document.machines)
