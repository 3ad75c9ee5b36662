"""Boards made up for tests of the page: as large and as hostile as asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

KINDS = (("full", None), ("pruned", "top"), ("pruned", "middle"), ("distilled", "middle"), ("scratch", None), ("lexical", None))


def made_board(names: Sequence[str], tasks: int = 4) -> dict[str, Any]:
    """The values of a board whose candidates have these names; the first is the parent of the others, every sixth one compares letters.

    Half of the tasks are in Marathi and Hindi, the others in Marathi only. The last candidate is incomplete where there are more than three.
    """
    columns = [
        {"task": f"Task{number}", "subset": code, "label": f"Task{number} {code}" if number % 2 == 0 else f"Task{number}", "metric": "accuracy"}
        for number in range(tasks)
        for code in (("mr", "hi") if number % 2 == 0 else ("mr",))
    ]
    rows = [_row(place, name, names, columns) for place, name in enumerate(names)]
    notes = {f"Task{number}": _task(number) for number in range(tasks)}
    return {
        "format": 2,
        "suite": "made",
        "description": "Made up.",
        "device": "cpu",
        "columns": columns,
        "robustness_columns": [],
        "rows": rows,
        "tasks": notes,
        "layer_similarity": {"one": [[1.0 - abs(one - other) / 20 for other in range(12)] for one in range(12)]} if len(names) > 3 else {},
        "machines": [{"cpu": "a processor", "cores": 2}],
        "versions": [{"torch": "2"}],
        "origin": {"version": "1", "commit": "abc", "command": "bench run --all --suite made"},
    }


def _task(number: int) -> dict[str, Any]:
    return {
        "type": ("STS", "Classification")[number % 2],
        "license": "cc-by-4.0",
        "description": f"The task of number {number}.",
        "languages": {"mr": ["mar-Deva"]},
        "examples": {"mr": [{"text": "मी शाळेत जातो <b>", "label": "x"}]},
        "bounds": {"mr": {"chance": 0.25, "lowest": 0.0, "highest": 1.0}},
    }


def _row(place: int, name: str, names: Sequence[str], columns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kind, strategy = KINDS[place % len(KINDS)]
    layers = 0 if kind == "lexical" else 12 if place == 0 else 2 + 5 * place % 9
    score = 0.9 - 0.6 * place / max(1, len(names))
    lacks = place == len(names) - 1 and place > 2
    mean = None if lacks else score
    return {
        "rank": None if lacks else 1 + place // 2,
        "candidate": name,
        "kind": kind,
        "seeds": 1,
        "parent": names[0] if place else None,
        "kept_layers": f"0-{layers - 1}" if layers else None,
        "parameters_embeddings": 5_000_000 if layers else 0,
        "parameters_body": 1_774_464 * layers,
        "scores": {column["label"]: None if lacks and number == 0 else score - 0.01 * (number % 7) for number, column in enumerate(columns)},
        "score_intervals": {column["label"]: [score - 0.1, score] for column in columns[1:]},
        "mean": mean,
        "mean_low": mean and mean - 0.02,
        "mean_high": mean and mean + 0.02,
        "of_parent": mean and mean / 0.9 if place else None,
        "of_parent_low": mean and mean / 0.9 - 0.02 if place else None,
        "of_parent_high": mean and mean / 0.9 + 0.02 if place else None,
        "sentences_per_second": 100.0 + 37 * place,
        "batch_size": 32,
        "latency_p50_seconds": 0.02 / (1 + place),
        "latency_p90_seconds": 0.03 / (1 + place),
        "peak_bytes": 500_000_000 - 10_000 * place,
        "load_seconds": 0.3,
        "bytes_on_disk": 4 * (5_000_000 + 1_774_464 * layers) if layers else 40,
        "problem": "incomplete, 3 of 4 tasks: Task0 failed: MemoryError: <8 GiB>" if lacks else None,
        "losses": [_loss()] if place == 1 else [],
        "about": {"base": "one" if place % 2 else "two", "strategy": strategy, "recipe": "short", "base_layers": 12, "checkpoint": "f" * 64},
    }


def _loss() -> dict[str, Any]:
    return {
        "task": "Task0",
        "subset": "mr",
        "row": 6,
        "texts": ["मी शाळेत <b>जातो</b>", "ती घरी जाते"],
        "gold": "4.5",
        "lost": 0.62,
        "quality": [0.95, 0.33],
        "similarity": [0.8, 0.2],
        "ranks": [0.9, 0.85, 0.23],
    }
