"""No run is silent for long, and every cell moves it on: plain lines, JSON events, signs of life."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import threading
import time

import pytest

from bench.cli import progress
from bench.cli.log import logged
from bench.cli.progress import JsonReporter, LiveReporter, PlainReporter, expected, heartbeat, make_reporter
from bench.errors import Stopped, StorageError
from bench.plan.cells import Cell, PlannedCell

MAKE, SCORE, PROBE = Cell("tiny", "make"), Cell("tiny", "evaluate", "Pairs"), Cell("tiny", "probe", "cpu")
CELLS = [PlannedCell(cell, "to do") for cell in (MAKE, SCORE, PROBE)]


@pytest.fixture
def silence(monkeypatch) -> float:
    monkeypatch.setattr(progress, "SILENCE", 0.05)
    return 0.05


def wait_until(said, capsys, seconds: float = 10) -> str:
    """What has been printed, once it is what is waited for."""
    text, deadline = "", time.monotonic() + seconds
    while not said(text):
        assert time.monotonic() < deadline, text
        time.sleep(0.01)
        text += "".join(capsys.readouterr())
    return text


def signs(text: str, doing: str) -> int:
    """How often it was said for how many seconds this goes on; how many is the machine's affair."""
    return len(re.findall(rf"{re.escape(doing)}\d+ s so far", text))


def test_a_cell_that_goes_on_is_named_with_its_phase_and_percent(silence, capsys):
    reporter = PlainReporter()
    reporter.begin(CELLS)
    reporter.start(MAKE)
    reporter.progress(MAKE, "nli", 0.25)
    wait_until(lambda text: signs(text, "tiny make  nli 25%, ") > 1, capsys)
    reporter.end()


@pytest.mark.parametrize("cell", [MAKE, SCORE, PROBE], ids=str)
def test_a_cell_that_tells_no_progress_gives_a_sign_of_life(silence, capsys, cell):
    reporter = PlainReporter()
    reporter.begin(CELLS)
    reporter.start(cell)
    wait_until(lambda text: signs(text, f"{cell}  ") > 1, capsys)
    reporter.finish(cell, 0.2, None)
    reporter.end()


def test_every_running_cell_is_named_and_none_that_has_ended(silence, capsys):
    reporter = PlainReporter()
    reporter.begin(CELLS)
    for cell in (MAKE, SCORE, PROBE):
        reporter.start(cell)
    wait_until(lambda text: all(signs(text, f"{cell}  ") for cell in (MAKE, SCORE, PROBE)), capsys)
    reporter.finish(MAKE, 1.0, None)
    reporter.reuse(SCORE)
    capsys.readouterr()
    said = wait_until(lambda text: signs(text, f"{PROBE}  ") > 2, capsys)
    assert str(MAKE) not in said.split(f"{PROBE}", 1)[1]
    assert str(SCORE) not in said.split(f"{PROBE}", 1)[1]
    reporter.end()


def test_events_of_a_program_tell_the_same(silence, capsys):
    reporter = JsonReporter()
    reporter.begin(CELLS)
    reporter.start(MAKE)
    reporter.progress(MAKE, "nli", 0.25)
    lines = wait_until(lambda text: '"progress"' in text, capsys).splitlines()
    reporter.end()
    event = next(found for line in lines if (found := json.loads(line))["event"] == "progress")
    assert {**event, "seconds": 0} == {"event": "progress", "candidate": "tiny", "stage": "make", "target": "", "what": "nli", "fraction": 0.25, "seconds": 0}


@pytest.mark.parametrize("as_json", [False, True])
def test_planning_gives_a_sign_of_life_and_says_what_it_does(silence, capsys, as_json):
    with heartbeat("planning", json=as_json) as say:
        wait_until(lambda text: "planning" in text, capsys)
        say("ranking the layers of tiny by greedy")
        wait_until(lambda text: "ranking the layers of tiny by greedy" in text, capsys)


@pytest.mark.parametrize("kind", [PlainReporter, JsonReporter])
def test_before_the_first_cell_it_is_said_that_the_libraries_are_loaded_and_not_after(silence, capsys, kind):
    reporter = kind()
    reporter.begin(CELLS)
    wait_until(lambda text: text.count("loading the libraries") > 1, capsys)
    reporter.start(SCORE)
    capsys.readouterr()
    assert "loading" not in wait_until(lambda text: text.count(str(SCORE)) > 1 or text.count('"Pairs"') > 1, capsys)
    reporter.end()


def known(*seconds: float | None) -> list[PlannedCell]:
    return [dataclasses.replace(cell, seconds=one, weight=one or 1.0) for cell, one in zip(CELLS, seconds, strict=True)]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (known(600, 40, 20), "3 cells to compute, about 11 min of work"),
        (known(60, None, 20), "3 cells to compute, about 80 s of work for 2 of them; nothing like the others has run on this machine"),
        (CELLS, "3 cells to compute; the time left is told once the first is under way"),
    ],
    ids=["all are known", "some are known", "none is known"],
)
def test_a_run_says_at_its_start_about_how_long_it_takes(capsys, monkeypatch, cells, told):
    monkeypatch.setenv("COLUMNS", "200")
    for reporter in (PlainReporter(), LiveReporter()):
        reporter.begin(cells)
        reporter.end()
        assert told in capsys.readouterr().err
    events = JsonReporter()
    events.begin(cells)
    events.end()
    event = json.loads(capsys.readouterr().out)
    found = [cell.seconds for cell in cells if cell.seconds is not None]
    assert event == {"event": "begin", "cells": 3, "known": len(found), "seconds": sum(found)}


def test_the_time_left_is_told_while_the_first_cell_is_still_being_made(silence, capsys, monkeypatch):
    reporter = PlainReporter()
    reporter.begin(known(60, 20, 40))
    reporter.start(MAKE)
    assert " left" not in wait_until(lambda text: "so far" in text, capsys)
    monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() + 300)
    reporter.progress(MAKE, "nli", 0.5)
    assert "tiny make  nli 50%, 300 s so far  (about 37 min left)" in wait_until(lambda text: "nli 50%" in text, capsys)
    reporter.end()


def test_a_cell_counts_for_what_it_is_expected_to_take(capsys):
    reporter = PlainReporter()
    reporter.begin(known(1, 60, 39))
    reporter.finish(MAKE, 1.0, None)
    reporter.finish(SCORE, 60.0, None)
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()[1:]] == ["1%", "61%"]
    reporter.end()


def test_planning_is_silent_for_no_more_than_five_seconds():
    assert progress.SOON <= 5.0


def test_on_a_terminal_planning_moves_and_says_what_it_does(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with heartbeat("planning") as say:
        say("reading the data of [Pairs]")
        wait_until(lambda text: "reading the data of [Pairs]" in text, capsys)


def test_verbose_names_every_phase_once_and_shows_errors_whole(capsys):
    reporter = PlainReporter(verbose=True)
    reporter.begin(CELLS)
    reporter.start(SCORE)
    for fraction in (0.0, 0.5):
        reporter.progress(SCORE, "encode", fraction)
    reporter.finish(SCORE, 1.0, "Traceback: here\nboom")
    reporter.end()
    said = capsys.readouterr().err
    assert said.count("tiny evaluate Pairs  encode") == 1
    assert "tiny evaluate Pairs ..." in said
    assert "Traceback: here\nboom" in said


def test_a_run_that_is_quiet_tells_no_progress(capsys):
    reporter = make_reporter(json=False, quiet=True)
    reporter.begin(CELLS)
    reporter.start(MAKE)
    reporter.finish(MAKE, 1.0, None)
    reporter.end()
    assert capsys.readouterr() == ("", "")


def test_a_log_is_appended_to_with_the_time_whatever_else_is_shown(tmp_path):
    path = tmp_path / "logs" / "run.log"
    for _ in range(2):
        with logged(path, make_reporter(json=False, quiet=True)) as (reporter, _):
            reporter.begin(CELLS)
            reporter.start(MAKE)
            reporter.progress(MAKE, "nli", 0.5)
            reporter.reuse(SCORE)
            reporter.finish(MAKE, 1.0, "boom")
            reporter.end()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line.split("  ", 1)[1].strip() for line in lines[:3]] == [expected(CELLS), "tiny make ...", "tiny make  nli"]
    assert len(lines) == 10
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d  ", line) for line in lines)


def test_a_log_that_cannot_be_written_is_refused_before_anything_is_done(tmp_path):
    with pytest.raises(StorageError, match=re.escape(str(tmp_path))), logged(tmp_path, make_reporter(json=True)):
        pass


def test_nothing_is_said_where_there_was_a_line_in_time(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SILENCE", 30.0)
    reporter = PlainReporter()
    reporter.begin(CELLS)
    reporter.start(SCORE)
    reporter.finish(SCORE, 0.1, None)
    reporter.end()
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_no_thread_is_left(silence):
    before = threading.active_count()
    for reporter in (PlainReporter(), JsonReporter()):
        reporter.begin([])
        reporter.end()
    with heartbeat("planning"):
        pass
    deadline = time.monotonic() + 10
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("kind", [PlainReporter, LiveReporter])
def test_the_share_done_reaches_the_whole_whatever_becomes_of_the_cells(capsys, kind):
    reporter = kind()
    reporter.begin(CELLS)
    reporter.start(MAKE)
    reporter.finish(MAKE, 1.0, "boom")
    reporter.finish(SCORE, 0.0, "tiny was not made")
    reporter.reuse(PROBE)
    if kind is LiveReporter:
        assert reporter._bar.finished
    reporter.end()
    if kind is PlainReporter:
        assert "  100%  tiny probe cpu  taken from what is stored" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "stream"), [(PlainReporter, "stderr"), (JsonReporter, "stdout")])
def test_output_that_nobody_reads_ends_the_run_and_fails_no_cell(monkeypatch, kind, stream):
    class Closed:
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(f"sys.{stream}", Closed())
    reporter = kind()
    with pytest.raises(Stopped) as raised:
        reporter.begin(CELLS)
    reporter.end()
    assert raised.value.exit_code == 141
