"""Whatever raises in a candidate's work stays in its cells, in the same words in this process and in a worker, and every cell of a run is reported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.errors import BenchError, Stopped, StorageError, last_line
from bench.run.execute import execute
from tests.builders import plan_anew
from tests.run.test_parallel import Counting

MORE = '\n[[candidates]]\nname = "words"\nkind = "lexical"\nngram = [1, 2]\n'

SABOTAGE = """
import sys
import bench.make.checkpoint, bench.make.verify, bench.plan.archive

class Panic(BaseException):
    "As a panic in Rust: no Exception, and cannot be pickled."
    def __init__(self, one, two):
        super().__init__("panicked at row 7")

train = bench.make.checkpoint._train
folder = bench.plan.archive.Archive.embeddings_folder
load = bench.make.verify.load_encoder

def broken_training(blueprint, *a, **k):
    if blueprint.candidate.name == "tiny":
        sys.exit(3)
    raise MemoryError("Unable to allocate 9 TiB")

def broken_folder(self, candidate, *parts):
    if candidate.name == "words":
        raise RuntimeError("not even a cell had begun")
    return folder(self, candidate, *parts)

def broken_load(path, **k):
    import json
    found = json.loads((path / "lexical.json").read_text())["ngram"]
    if found != [1, 2]:
        raise Panic(1, 2)
    return load(path, **k)

bench.make.checkpoint._train = broken_training
bench.plan.archive.Archive.embeddings_folder = broken_folder
bench.make.verify.load_encoder = broken_load

if __name__ == "__main__":
    from bench.cli import main
    main()
"""


def sabotaged(folder: Path, jobs: int) -> tuple[int, list[dict[str, Any]], str]:
    """A run in which every candidate meets another fault: exit code, events, standard error."""
    card = folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + MORE, encoding="utf-8")
    script = folder / "sabotage.py"
    script.write_text(SABOTAGE, encoding="utf-8")
    command = [sys.executable, str(script), "run", "--all", "--json", "--device", "cpu", "--jobs", str(jobs), "--workspace", str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    return found.returncode, [json.loads(line) for line in found.stdout.splitlines()], found.stderr


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_whatever_raises_stays_in_its_cells_in_the_same_words_serially_and_in_a_worker(workspace_folder, jobs):
    code, events, err = sabotaged(workspace_folder, jobs)
    assert code == 3
    assert "Traceback" not in err
    problems = {name: last_line(error) for name, error in events[-1]["problems"].items()}
    assert problems["letters make"] == "bench.children.ChildError: Panic: panicked at row 7"
    assert problems["tiny make"] == "SystemExit: 3"
    assert problems["tiny-top2 make"] == "there is not enough memory; try fewer --jobs or smaller batches (Unable to allocate 9 TiB)"
    assert {problems[f"words evaluate {task}"] for task in ("Pairs", "Topics", "Paraphrases", "Translations")} == {"RuntimeError: not even a cell had begun"}
    assert problems["tiny evaluate Pairs"] == "tiny was not made"
    assert "words make" not in problems
    assert "words probe cpu" not in problems
    assert events[0] == {"event": "begin", "cells": 24, "known": 0, "seconds": 0}
    ended = [(event["candidate"], event["stage"], event["target"]) for event in events if event["event"] == "finish"]
    assert len(ended) == len(set(ended)) == 24


@pytest.mark.parametrize("error", [BenchError("a word"), RuntimeError("odd"), SystemExit(3), MemoryError(), OSError(28, "No space left on device")])
def test_a_fault_before_the_first_cell_is_the_error_of_all_its_cells(workspace_folder, monkeypatch, error):
    def fail(*_: object) -> None:
        raise error

    plan = plan_anew(workspace_folder, names=("letters",))
    monkeypatch.setattr("bench.plan.archive.Archive.made", fail)
    reporter = Counting()
    outcome = execute(plan, reporter)
    assert set(outcome.failed) == {cell.cell for cell in plan.cells}
    assert set(reporter.finished) == {str(cell.cell) for cell in plan.cells}
    assert None not in reporter.finished.values()


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), Stopped(15)])
def test_what_asks_the_run_to_end_is_no_fault_of_a_cell(workspace_folder, monkeypatch, stop):
    def fail(*_: object, **__: object) -> None:
        raise stop

    monkeypatch.setattr("bench.make.checkpoint.make_checkpoint", fail)
    with pytest.raises(type(stop)):
        execute(plan_anew(workspace_folder, names=("letters",)), Counting())
    assert not list((workspace_folder / ".bench").rglob("*.json"))


def test_one_unusable_task_fails_its_own_cell_only(workspace_folder, monkeypatch):
    """Its rows can be read; that they do not suffice shows when its texts are drawn."""
    from bench.evaluate import tasks

    texts = tasks.task_texts

    def fail(card, task):
        if card.name == "Topics":
            raise ValueError("no rows to draw from")
        return texts(card, task)

    monkeypatch.setattr("bench.evaluate.tasks.task_texts", fail)
    outcome = execute(plan_anew(workspace_folder, names=("letters",)), Counting())
    assert {str(cell): last_line(error) for cell, error in outcome.failed.items()} == {"letters evaluate Topics": "ValueError: no rows to draw from"}
    assert outcome.computed == 4


def test_a_result_that_cannot_be_stored_is_an_error_of_its_cell_and_the_others_go_on(workspace_folder, monkeypatch):
    from bench.store import Store

    put = Store.put

    def full(self, key, result):
        if result["cell"]["target"] == "Pairs":
            raise StorageError("x.json: no space is left on the disk")
        put(self, key, result)

    monkeypatch.setattr(Store, "put", full)
    reporter = Counting()
    outcome = execute(plan_anew(workspace_folder, names=("letters",)), reporter)
    assert {str(cell): error for cell, error in outcome.failed.items()} == {"letters evaluate Pairs": "x.json: no space is left on the disk"}
    assert outcome.computed == 4
    assert len(reporter.finished) == 5


def test_what_another_run_has_computed_meanwhile_is_reported_and_counted_as_reused(workspace_folder):
    class Reusing(Counting):
        reused = 0

        def reuse(self, cell) -> None:
            self.reused += 1

    late = plan_anew(workspace_folder, names=("letters",))
    assert execute(plan_anew(workspace_folder, names=("letters",)), Counting()).computed == 5
    reporter = Reusing()
    outcome = execute(late, reporter)
    assert (outcome.computed, outcome.reused, reporter.reused, reporter.started) == (0, 5, 5, [])
