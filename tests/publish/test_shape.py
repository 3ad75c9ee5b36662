"""Files that are almost a board: each is shown, or refused in a line that names what is wrong; none is a traceback."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from bench.errors import BenchError
from bench.publish import files, pages, pictures
from bench.publish.document import load, read
from bench.publish.guard import would_lose
from bench.publish.terminal import show
from bench.publish.web import slugs
from tests.publish.made import made_board

ODD: tuple[Any, ...] = (None, "x", "²", "", -1, 0, 1e308, True, [], [1], {}, {"x": "y"})
"""What each member is replaced by."""


def full_board() -> dict[str, Any]:
    """A small board with every member that a file may have."""
    values = made_board(["whole", "top", "middle", "taught", "letters"], tasks=2)
    labels = [column["label"] for column in values["columns"]]
    difference = {"value": 0.1, "half_width": 0.05, "sure": True}
    values |= {
        "robustness_columns": [{"task": "Typos", "subset": "mr", "label": "Typos", "metric": "accuracy", "clean": "Task1", "rule": "typos"}],
        "flags": [{"column": labels[0], "end": "chance", "level": 0.5, "reason": "all are at chance"}],
        "remarks": {"Task0": ["3 rows stand twice"]},
        "comparisons": [{"method": "top", "control": "middle", "seeds": [3, 3], "differences": {"mean": difference, labels[0]: difference}}],
        "trimmed": [
            {
                "name": "top",
                "whole": "whole",
                "tokens_before": 9,
                "tokens_after": 5,
                "texts_changed": 0.1,
                "tokens_changed": 0.1,
                "difference": 0.0,
                "difference_interval": [-0.1, 0.1],
            }
        ],
        "training_rows_left_out": {"data": 3},
        "detectable": {"Task0": 0.02},
    }
    values["rows"][1] |= {
        "drops": {"Typos": 0.1},
        "drop_intervals": {"Typos": [0.0, 0.2]},
        "shares": {labels[0]: [0.9, 0.8, 1.0]},
        "used": {"prompts": {"Task0": "query: "}, "similarity": "cosine", "precision": {"fp32": 1.0}},
        "recovery": [{"phase": "sts", "step": 0, "score": 0.1}, {"phase": "sts", "step": 9, "score": 0.2}],
        "losses": [
            {"task": "Task0", "subset": "mr", "row": 3, "texts": ["एक", "दोन"], "gold": "4", "lost": 0.5, "quality": [0.9, 0.4], "ranks": [0.8, 0.9, 0.2]},
            {"task": "Task1", "subset": "mr", "row": 0, "texts": ["तीन"], "gold": "x", "lost": 1.0, "quality": [1, 0], "similarity": [0.9, 0.1]},
        ],
        "validity": {"verdict": "INVALID", "reasons": ["too much going on"]},
        "tokenizer_problems": "loses a sign",
        "unguarded_tests": "Task1",
    }
    return values


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every member, however deep; of the rows the first two."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        if at == ("rows",) and name > 1:
            continue
        yield (*at, name)
        yield from places(item, (*at, name))


def changed(values: dict[str, Any], place: tuple[Any, ...], new: Any = ...) -> dict[str, Any]:
    """A copy without a member, or with another value there."""
    found = copy.deepcopy(values)
    inside: Any = found
    for name in place[:-1]:
        inside = inside[name]
    if new is ...:
        del inside[place[-1]]
    else:
        inside[place[-1]] = new
    return found


def loaded(file) -> dict[str, Any] | str:
    """The values of a file, or what it is refused with."""
    try:
        return load(file)
    except BenchError as error:
        return str(error)


def shown_or_refused(file, text: str) -> str | None:
    """What a file is refused with; None where every form can be made of it."""
    file.write_text(text, encoding="utf-8")
    values = loaded(file)
    if isinstance(values, str):
        assert len(values.splitlines()) == 1
        assert str(file) in values
        return values
    document = read(values)
    for make in (files.to_json, files.to_csv, files.to_markdown, files.to_html):
        make(values)
    pages.candidate_pages(document), pages.task_pages(document)
    for width in (40, 200):
        show(document, Console(file=io.StringIO(), width=width, force_terminal=True), tasks_named=True)
    would_lose(values, file.parent)
    return None


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures are laid out and not drawn."""
    monkeypatch.setattr(pictures, "draw", lambda *_: "<svg></svg>")


def test_a_board_without_one_of_its_members_or_with_an_odd_one_is_shown_or_refused_in_a_line(tmp_path, undrawn):
    values, file = full_board(), tmp_path / "leaderboard.json"
    assert shown_or_refused(file, json.dumps(values)) is None
    for number, place in enumerate(places(values)):
        shown_or_refused(file, json.dumps(changed(values, place) if number % 2 else changed(values, place, ODD[number // 2 % len(ODD)])))


@pytest.mark.slow
def test_a_board_with_any_odd_member_is_shown_or_refused_in_a_line(tmp_path, undrawn):
    values, file = full_board(), tmp_path / "leaderboard.json"
    for place in places(values):
        for odd in (..., *ODD):
            shown_or_refused(file, json.dumps(changed(values, place, odd)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is no JSON"),
        ("[]", "expected an object, found []"),
        ("[" * 100_000, "it is no JSON"),
        ('{"suite": NaN}', "NaN is no number in JSON"),
        ('{"suite": 1e999}', "the number 1e999 is too large"),
        ('{"suite": 1' + "0" * 400 + "}", "is too large"),
        ('{"format": 3}', "a newer kasauti wrote this file"),
        ('{"format": "2"}', "format: "),
        (json.dumps({**made_board(["a"]), "suite": "\ud800"}), ""),
        (json.dumps(changed(made_board(["a"]), ("rows", 0, "mean"))), "rows.0.mean is missing, which every leaderboard.json has"),
        (json.dumps(changed(made_board(["a"]), ("rows", 0, "mean"), "x")), 'rows.0.mean: Input should be a valid number, found "x"'),
        (json.dumps(changed(made_board(["a"]), ("rows", 0, "kept_layers"), "0-999999999")), "rows.0.kept_layers: "),
        (json.dumps(made_board(["a", "a"])), 'rows: expected names that differ, found "a" 2 times'),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, text, told):
    assert told in (shown_or_refused(tmp_path / "leaderboard.json", text) or "shown")


@pytest.mark.parametrize(
    "change",
    [
        {"rows": []},
        {"columns": []},
        {"rows": made_board(["a"])["rows"]},
        {"rows": [{**row, "mean": None, "rank": None, "problem": "not made yet", "scores": {}} for row in made_board(list("abcde"))["rows"]]},
        {"rows": [{**row, "mean": 0.5, "mean_low": 0.5, "mean_high": 0.5, "rank": 1} for row in made_board(list("abcde"))["rows"]]},
        {"rows": [{**row, "mean": -0.5, "mean_low": -0.9, "mean_high": -0.1, "scores": {"Task1": -0.5}} for row in made_board(list("abcde"))["rows"]]},
        {"rows": [{name: row[name] for name in ("candidate", "kind", "rank", "scores", "mean")} for row in made_board(list("abcde"))["rows"]]},
        {"rows": [{**row, "sentences_per_second": -5.0, "bytes_on_disk": -(10**6), "peak_bytes": 0} for row in made_board(list("abcde"))["rows"]]},
        {"rows": [row for row in made_board(list("abcdefgh"))["rows"] if row["kind"] != "lexical"]},
    ],
)
def test_boards_of_nothing_of_ties_and_of_negative_scores_are_shown(tmp_path, change):
    text = json.dumps({**made_board(list("abcde")), **change})
    assert shown_or_refused(tmp_path / "leaderboard.json", text) is None


def test_no_two_names_share_a_page_also_where_one_is_called_as_the_page_of_another():
    mended = slugs(["a b"])["a b"]
    names = [mended, "a b", "A B", "a/b", mended.upper()]
    assert len({slug.casefold() for slug in slugs(names).values()}) == len(names)


def test_brackets_are_no_markup_and_no_sign_steers_the_terminal():
    values = made_board(["[/b]", "[red]a[/red]", ":smile:", "\x1b[2Jx", "d"])
    values["rows"][4]["problem"] = "failed: [/x]\x1b[31m"
    told = io.StringIO()
    show(read(values), Console(file=told, width=200, force_terminal=True, color_system=None))
    assert [name for name in ("[/b]", "[red]a[/red]", ":smile:", "failed: [/x]") if name not in told.getvalue()] == []
    assert "\x1b[2J" not in told.getvalue()
    assert "\x1b[31m" not in told.getvalue()


def test_a_table_of_layers_that_is_no_square_is_refused(tmp_path):
    path = tmp_path / "leaderboard.json"
    path.write_text(json.dumps(full_board() | {"layer_similarity": {"one": [[1.0, 0.5], [0.5]]}}), encoding="utf-8")
    with pytest.raises(BenchError, match=r'layer_similarity\."one": expected as many numbers in each row as there are rows, 2'):
        load(path)


def test_pictures_of_others_in_the_folder_stay(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "mine.svg").write_text("<svg></svg>", encoding="utf-8")
    files.publish(made_board(list("abcdefgh")), tmp_path)
    drawn = {path.name for path in (tmp_path / "pictures").iterdir()}
    files.publish(made_board(["a"]), tmp_path)
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"mine.svg"} < drawn
