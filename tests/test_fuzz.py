"""Whatever stands in cards and data files: a clear error or a right result, never a traceback. `KASAUTI_FUZZ=10000` tries as many cases of each."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.cards.load import load_library
from bench.cards.tasks import Source, Subset
from bench.data.rows import load_rows
from bench.errors import CardError, DataError, Problem
from tests.builders import STS_CARD, SUITE_CARD, make_card, write_workspace

CASES = int(os.environ.get("KASAUTI_FUZZ", "1000"))
widely = settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
MORE = """
[[grids]]
kind = "pruned"
bases = ["mini"]
strategies = ["top"]
keep = [2, 1]
recipes = ["short"]
seeds = [0, 1]

[[candidates]]
name = "m"
kind = "full"
base = "mini"
vocabulary = { corpus = ["TinySTS"], size = 9 }

[[candidates]]
name = "e"
kind = "external"
path = "e"
prompts = { STS = "q: " }
max_length = 9
"""
VALUES = [
    *("nan", "inf", "-inf", "-1", "0", "1", "2.5", "1e400", "9" * 30, "9" * 5000, "true", '""', '"x"', '"mini"', '"m"', '"TinySTS"', '"TinySTS:test"'),
    *("[]", "[[]]", "{}", "[1]", '["m"]', "[nan, nan]", '["TinySTS", "TinySTS"]', "1979-05-27", '"\\u0000"', f'"{"a" * 300}"', '"a|b"', '"../.."', '"-"'),
]
PIECES = st.sampled_from([*VALUES, "=", "[", "]", "{", "}", '"', "\n", ".", ",", "#", "\ufeff", "\x00", "\r"]) | st.text(max_size=3)


@st.composite
def edited(draw: st.DrawFn, card: str) -> str:
    """A card with lines left out, doubled, moved, of other values, or with something in the middle."""
    lines = card.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        what = draw(st.sampled_from(["value", "value", "value", "drop", "double", "move", "insert"]))
        key, equals, _ = lines[at].partition(" = ")
        if what == "value" and equals:
            lines[at] = f"{key} = {draw(st.sampled_from(VALUES))}"
        elif what == "drop" and len(lines) > 1:
            del lines[at]
        elif what == "double":
            lines.insert(at, lines[at])
        elif what == "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
        elif what == "insert":
            place = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:place] + draw(PIECES) + lines[at][place:]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
@widely
@given(edited(STS_CARD), edited(SUITE_CARD + MORE))
def test_any_cards_load_or_are_refused_with_their_lines(task, suite):
    with tempfile.TemporaryDirectory() as folder:
        written = {"tasks": {"sts": task.encode("utf-8", "replace")}, "suites": {"tiny.toml": suite.encode("utf-8", "replace")}}
        load_library.cache_clear()
        problems: tuple[Problem, ...] = ()
        try:
            load_library(write_workspace(Path(folder), **written))
        except CardError as error:
            problems = error.problems
        for problem in problems:
            assert problem.line >= 1
            assert len(problem.message) < 2000
            assert "Traceback" not in problem.message


CELLS = st.sampled_from(
    ["घर", "5", "nan", "-1", "", " ", '"', '""', "\\", "\t", ",", "\n", "\r", "\x00", "\ufeff", "{", "}", ":", '"sentence1"', "null", "\\ud800"]
)
TABLES = st.lists(CELLS | st.text(max_size=4), max_size=30).map("".join)


@pytest.mark.slow
@widely
@given(
    st.sampled_from(["tsv", "csv", "jsonl", "txt"]),
    st.sampled_from(["", "sentence1\tsentence2\tscore\n", "sentence1,sentence2,score\n"]),
    TABLES,
    st.binary(max_size=8),
)
def test_any_data_file_is_read_or_refused_with_its_name(form, header, text, tail):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"a.{form}").write_bytes((header + text).encode("utf-8", "surrogatepass") + tail)
        source = Source(split="test", file=f"a.{form}", column="text" if form == "txt" else None)
        subsets = {"mr": Subset(languages=("mar-Deva",), sources=(source,))}
        card = dataclasses.replace(make_card(Path(folder), "STS", {}), subsets=subsets)
        told, rows = "", []
        try:
            rows = load_rows(card, None).splits["mr"]["test"]
        except DataError as error:
            told = str(error)
        assert not told or f"a.{form}" in told
        assert all(0 <= row["score"] <= 5 and str(row["sentence1"]).strip() for row in rows)
