"""Published boards: every format says the same, and what was not computed is never a number."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest
from rich.console import Console

from bench.cards.tasks import BOARD_COLUMNS
from bench.publish import choice, files, terminal
from bench.publish.document import read
from bench.publish.files import document, values
from bench.publish.tables import full, summary, themes
from bench.publish.terminal import make_console
from bench.publish.texts import MISSING
from bench.standings.board import Board, Column, Comparison, Drop, Flag, RecoveryPoint, Row, Used
from bench.statistics.estimate import Estimate
from tests.builders import csv_of, json_of, markdown_of

PROBE = {
    "load": 0.25,
    "single": {"p50": 0.0042, "p90": 0.0061},
    "offline": {"sentences_per_second": 1234.5, "batch_size": 32},
    "memory": {"peak_while_encoding": 300 * 2**20, "cuda_allocated_peak": None},
    "bytes_on_disk": 12 * 2**20,
    "relative": {"offline": {"ratio": 1.5, "low": 1.4, "high": 1.6}},
}
COLUMNS = (
    Column("Pairs", "mr", "Pairs mr", "cosine_spearman"),
    Column("Pairs", "hi", "Pairs hi", "cosine_spearman"),
    Column("Topics", "mr", "Topics", "accuracy"),
)
REASON = "incomplete, 1 of 2 tasks: Topics failed: MemoryError: 8 GiB"


def between(low, high, value=None):
    """An estimate whose 95 % interval is [low, high]."""
    return Estimate((low + high) / 2 if value is None else value, np.repeat([low, high], 500))


def row(name, kind, parent, kept, parameters, scores, probe, **fields):
    return Row(
        name, kind, parent, kept, parameters, dict(zip(("Pairs mr", "Pairs hi", "Topics"), scores, strict=False)), {}, probe, **{"problem": None, **fields}
    )


FULL = row(
    "mini", "full", None, "0-11", {"embeddings": 2_500_000, "body": 10_000_000}, (0.8, 0.7, 0.9), PROBE, rank=1, mean=0.825, estimate=between(0.80, 0.83, 0.825)
)
SMALL = row(
    "mini-middle6",
    "pruned",
    "mini",
    "0-2,9-11",
    {"embeddings": 2_500_000, "body": 5_000_000},
    (0.7, 0.6, 0.8),
    None,
    rank=2,
    mean=0.725,
    of_parent=0.725 / 0.825,
)
CHARS = row("chars", "lexical", None, "", {"embeddings": 0, "body": 0}, (-0.1, 0.0, 0.25), PROBE, rank=3, mean=0.1, of_parent=None)
PARTIAL = row(
    "mini-top2",
    "pruned",
    "mini",
    "0-1",
    {"embeddings": 2_500_000, "body": 1_500_000},
    (0.5, 0.4),
    PROBE,
    problem=REASON,
    estimates={"Pairs mr": between(0.45, 0.55)},
)
UNMADE = row("mini-scratch2", "scratch", "mini", "", None, (), None, problem="not made yet")
BOARD = Board(
    suite="tiny",
    description="A board made by hand.",
    device="cpu",
    columns=COLUMNS,
    robustness=(),
    rows=(FULL, SMALL, CHARS, PARTIAL, UNMADE),
    machines=({"processor": "a processor", "cores": 4},),
    versions=({"torch": "2.9", "mteb": "2.26"},),
    removed={"TinyNLI": 7},
)
DIGITS_MR, DIGITS_HI, SLIPS_MR = ROBUSTNESS = (
    Column("Pairs-digits", "mr", "Pairs-digits mr", "cosine_spearman", clean="Pairs", rule="digits"),
    Column("Pairs-digits", "hi", "Pairs-digits hi", "cosine_spearman", clean="Pairs", rule="digits"),
    Column("Pairs-slips", "mr", "Pairs-slips mr", "cosine_spearman", clean="Pairs", rule="typing-slips"),
)


def with_drops(line, *drops):
    return dataclasses.replace(line, drops={column.label: drop for column, drop in zip(ROBUSTNESS, drops, strict=False) if drop is not None})


ROBUST = dataclasses.replace(
    BOARD,
    robustness=ROBUSTNESS,
    rows=(
        with_drops(FULL, Drop(0.1234, between(0.08, 0.16)), Drop(0.02, between(-0.01, 0.05)), Drop(-0.03, between(-0.05, -0.01))),
        with_drops(SMALL, Drop(0.0, between(0.0, 0.0)), Drop(0.25, None)),
        CHARS,
        with_drops(PARTIAL, None, Drop(-0.004, between(-0.02, 0.0))),
        UNMADE,
    ),
)


def show(board, console, **options):
    terminal.show(document(board), console, **options)


def headers(board):
    """The columns that a wide terminal shows."""
    return [column.title for column in full(document(board)).columns]


def markdown_rows(board):
    """What the Markdown page shows of each candidate in the summary, in the tables of scores and in that of costs, by title; what no table has is missing."""
    found = {line.name: dict.fromkeys(headers(board), MISSING) for line in board.rows}
    text = markdown_of(board).partition("\n## What is kept")[0].partition("\n## Robustness")[0]
    for line in (line for part in text.split("\n\n") if part.startswith("|") for line in table_rows(part)):
        if line["candidate"]:  # a row without one is the line between two tiers
            found[line["candidate"]] |= line
    return list(found.values())


def robustness_rows(board):
    """The rows of the page's table of drops as dictionaries."""
    return table_rows(markdown_of(board).partition("\n## Robustness\n")[2].partition("\n## ")[0])


def table_rows(text):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def csv_rows(board):
    return list(csv.DictReader(io.StringIO(csv_of(board))))


def json_rows(board):
    return json.loads(json_of(board), parse_constant=pytest.fail)["rows"]


def shown(board, width, *, terminal=True, tasks_named=False):
    text = io.StringIO()
    show(board, Console(width=width, file=text, force_terminal=terminal, color_system=None, legacy_windows=False), tasks_named=tasks_named)
    return text.getvalue()


def test_every_format_lists_the_same_candidates_in_the_order_of_the_board():
    names = [line.name for line in BOARD.rows]
    assert [line["candidate"] for line in markdown_rows(BOARD)] == names
    assert [line["candidate"] for line in csv_rows(BOARD)] == names
    assert [line["candidate"] for line in json_rows(BOARD)] == names
    on_screen = shown(BOARD, 400)
    assert sorted(names, key=lambda name: on_screen.index(f" {name} ")) == names


@pytest.mark.parametrize("board", [BOARD, ROBUST], ids=["plain", "with-drops"])
def test_csv_and_json_hold_the_same_values_and_an_empty_cell_stands_for_null(board):
    for in_csv, in_json in zip(csv_rows(board), json_rows(board), strict=True):
        for nested in ("score_intervals", "drop_intervals", "shares", "recovery", "used", "about", "losses", "validity"):  # more than a flat table holds
            in_json.pop(nested)
        scores, drops = in_json.pop("scores"), in_json.pop("drops")
        assert not {*scores, *drops} & set(in_json)
        in_json |= {**scores, **{f"drop {label}": drop for label, drop in drops.items()}}
        assert in_csv == {key: "" if value is None else str(value) for key, value in in_json.items()}


@pytest.mark.parametrize(
    ("title", "field", "factor", "digits"),
    [
        ("#", "rank", 1, 0),
        ("Pairs mr", "Pairs mr", 100, 1),
        ("Pairs hi", "Pairs hi", 100, 1),
        ("Topics", "Topics", 100, 1),
        ("% of parent", "of_parent", 100, 1),
        ("sentences/s", "sentences_per_second", 1, 0),
        ("p50 ms", "latency_p50_seconds", 1000, 2),
        ("p90 ms", "latency_p90_seconds", 1000, 2),
        ("peak MiB", "peak_bytes", 2**-20, 0),
        ("load s", "load_seconds", 1, 2),
        ("MiB on disk", "bytes_on_disk", 2**-20, 1),
    ],
)
def test_the_page_shows_the_numbers_of_the_json_rounded_and_in_its_own_units(title, field, factor, digits):
    for on_page, stored in zip(markdown_rows(BOARD), json_rows(BOARD), strict=True):
        value = {**stored, **stored["scores"]}[field]
        assert on_page[title].partition(" ± ")[0] == (MISSING if value is None else f"{factor * value:,.{digits}f}")


@pytest.mark.parametrize(
    ("used", "told"),
    [
        (None, None),
        (Used({"Pairs": "", "Topics": ""}, "cosine", {"fp32": 1.0}), None),
        (Used({"Pairs": ""}, "cosine", {}), None),
        (Used({"Pairs": "query: ", "Topics": "query: "}, "cosine", {"fp32": 1.0}), '- **mini**: prompt `"query: "`'),
        (Used({"Pairs": "a\n`b` ", "Topics": ""}, "cosine", {"fp32": 1.0}), '- **mini**: prompt `` "a\\n`b` " `` for Pairs; no prompt for Topics'),
        (Used({"Pairs": ""}, "dot", {"fp32": 1.0}), "- **mini**: similarity dot"),
        (Used({"Pairs": ""}, "cosine", {"fp16": 1.0}), "- **mini**: precision fp16"),
        (Used({"Pairs": ""}, "cosine", {"int8": 0.62, "fp32": 0.38}), "- **mini**: precision int8 for 62.0% of its numbers, fp32 for 38.0% of its numbers"),
        (Used({"Pairs": "q: "}, "dot", {"bf16": 1.0}), '- **mini**: prompt `"q: "`; similarity dot; precision bf16'),
    ],
)
def test_the_board_names_who_was_not_used_plainly(used, told):
    board = dataclasses.replace(BOARD, rows=(dataclasses.replace(FULL, used=used), SMALL))
    section = markdown_of(board).partition("\n## Prompts, similarity and precision\n")[2].partition("\n## ")[0]
    assert [line for line in section.splitlines() if line.startswith("- ")] == ([told] if told else [])
    assert json_rows(board)[0]["used"] == (None if used is None else dataclasses.asdict(used))


def test_a_complete_row_is_shown_with_everything_that_is_known_of_it():
    assert markdown_rows(BOARD)[0] == {
        "#": "1",
        "candidate": "mini",
        "kind": "full",
        "kept layers": "0-11",
        "parameters, M": "12.5",
        "parameters, M (embeddings + body)": "2.50 + 10.00",
        "Pairs mr": "80.0",
        "Pairs hi": "70.0",
        "Topics": "90.0",
        "mean": "82.5 ± 1.5",
        "% of parent": MISSING,
        "sentences/s": "1,234",
        "× reference": "1.50 ± 0.10",
        "batch": "32",
        "p50 ms": "4.20",
        "p90 ms": "6.10",
        "peak MiB": "300",
        "load s": "0.25",
        "MiB on disk": "12.0",
    }


def test_a_mean_is_shown_with_half_of_its_interval_and_stored_with_both_ends():
    lines, stored = markdown_rows(BOARD), json_rows(BOARD)
    assert [line["mean"] for line in lines] == ["82.5 ± 1.5", "72.5", "10.0", MISSING, MISSING]
    assert [line["mean"] for line in stored] == [0.825, 0.725, 0.1, None, None]
    assert [(line["mean_low"], line["mean_high"]) for line in stored] == [(0.80, 0.83), *[(None, None)] * 4]


def test_the_json_carries_the_interval_of_every_score_that_has_one():
    assert [line["score_intervals"] for line in json_rows(BOARD)] == [{}, {}, {}, {"Pairs mr": [0.45, 0.55]}, {}]


def test_a_smaller_model_is_shown_with_its_kept_layers_and_its_share_of_the_parent():
    line, stored = markdown_rows(BOARD)[1], json_rows(BOARD)[1]
    assert (line["kept layers"], line["% of parent"]) == ("0-2,9-11", "87.9")
    assert (stored["parent"], stored["kept_layers"], stored["parameters_body"]) == ("mini", "0-2,9-11", 5_000_000)


def test_the_share_of_the_parent_is_shown_with_half_of_its_interval_and_stored_with_both_ends():
    small = dataclasses.replace(SMALL, of_parent=0.88, of_parent_interval=(0.85, 0.91))
    board = dataclasses.replace(BOARD, rows=(FULL, small))
    assert markdown_rows(board)[1]["% of parent"] == "88.0 ± 3.0"
    assert [json_rows(board)[1][field] for field in ("of_parent", "of_parent_low", "of_parent_high")] == [0.88, 0.85, 0.91]
    assert [csv_rows(board)[0][field] for field in ("of_parent", "of_parent_low", "of_parent_high")] == ["", "", ""]


def test_a_score_of_zero_or_below_is_shown_as_such_and_not_as_missing():
    line = markdown_rows(BOARD)[2]
    assert (line["Pairs mr"], line["Pairs hi"], line["Topics"]) == ("-10.0", "0.0", "25.0")
    assert line["parameters, M (embeddings + body)"] == "0"
    assert line["kept layers"] == MISSING


def test_an_incomplete_row_keeps_its_scores_and_has_no_mean_no_rank_and_no_zero():
    line, stored, flat = markdown_rows(BOARD)[3], json_rows(BOARD)[3], csv_rows(BOARD)[3]
    assert [line[title] for title in ("#", "Pairs mr", "Pairs hi", "Topics", "mean", "% of parent")] == [
        MISSING,
        "50.0 ± 5.0",
        "40.0",
        MISSING,
        MISSING,
        MISSING,
    ]
    assert [stored[field] for field in ("rank", "mean", "mean_low", "of_parent")] == [None] * 4
    assert stored["scores"] == {"Pairs mr": 0.5, "Pairs hi": 0.4, "Topics": None}
    assert [flat[field] for field in ("rank", "Topics", "mean", "of_parent")] == ["", "", "", ""]


def test_a_candidate_that_was_not_made_has_no_number_at_all():
    line = markdown_rows(BOARD)[4]
    assert {text for title, text in line.items() if title not in {"candidate", "kind"}} == {MISSING}
    stored = json_rows(BOARD)[4]
    assert set(stored.pop("scores").values()) == {None}
    assert {field for field, value in stored.items() if value not in (None, {}, [])} == {"candidate", "kind", "seeds", "parent", "problem"}


def test_an_incomplete_row_says_why_in_every_format():
    assert f"**mini-top2**: {REASON}" in markdown_of(BOARD)
    assert "**mini-scratch2**: not made yet" in markdown_of(BOARD)
    assert [line["problem"] for line in json_rows(BOARD)] == [None, None, None, REASON, "not made yet"]
    assert [line["problem"] for line in csv_rows(BOARD)] == ["", "", "", REASON, "not made yet"]
    assert f"mini-top2: {REASON}" in shown(BOARD, 400)


def test_a_board_whose_rows_are_all_complete_has_no_section_of_incomplete_ones():
    complete = dataclasses.replace(BOARD, rows=(FULL, SMALL))
    assert (complete.complete, BOARD.complete) == (True, False)
    assert "Incomplete" in markdown_of(BOARD)
    assert "Incomplete" not in markdown_of(complete)


def test_the_page_says_what_was_measured_and_where_the_numbers_come_from():
    page = markdown_of(BOARD)
    for part in (
        "# Leaderboard: tiny",
        BOARD.description,
        "Pairs cosine_spearman",
        "Topics accuracy",
        "measured on cpu",
        "processor a processor",
        "torch 2.9",
        "Training rows of TinyNLI left out",
        ": 7",
    ):
        assert part in page


def test_the_json_carries_columns_machines_versions_and_what_was_left_out_of_training():
    document = json.loads(json_of(BOARD))
    assert [column["label"] for column in document["columns"]] == ["Pairs mr", "Pairs hi", "Topics"]
    assert document["machines"] == [{"processor": "a processor", "cores": 4}]
    assert document["versions"] == [{"torch": "2.9", "mteb": "2.26"}]
    assert document["training_rows_left_out"] == {"TinyNLI": 7}
    assert (document["suite"], document["device"]) == ("tiny", "cpu")


def test_peak_memory_is_that_of_the_accelerator_where_there_is_one():
    probe = {**PROBE, "memory": {"peak_while_encoding": 300 * 2**20, "cuda_allocated_peak": 40 * 2**20}}
    board = dataclasses.replace(BOARD, rows=(dataclasses.replace(FULL, probe=probe),))
    assert markdown_rows(board)[0]["peak MiB"] == "40"
    assert json_rows(board)[0]["cuda_peak_bytes"] == 40 * 2**20


def test_memory_that_could_not_be_measured_is_missing():
    probe = {**PROBE, "memory": {"peak_while_encoding": None, "cuda_allocated_peak": None}}
    assert markdown_rows(dataclasses.replace(BOARD, rows=(dataclasses.replace(FULL, probe=probe),)))[0]["peak MiB"] == MISSING


def test_publishing_writes_every_format_whole_and_again_over_the_old_one(tmp_path):
    folder = tmp_path / "leaderboard" / "tiny"
    files.publish(values(dataclasses.replace(BOARD, rows=(dataclasses.replace(FULL, name="gone"),))), folder)
    assert (folder / "candidates" / "gone.html").exists()
    written = files.publish(values(BOARD), folder)
    assert {path.name: path.read_text(encoding="utf-8") for path in written} == {
        "LEADERBOARD.md": markdown_of(BOARD),
        "leaderboard.json": json_of(BOARD),
        "leaderboard.csv": csv_of(BOARD),
        "index.html": files.to_html(values(BOARD)),
    }
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == sorted(
        [
            *(path.name for path in written),
            *(f"candidates/{line.name}.html" for line in BOARD.rows),
            *("tasks/Pairs.html", "tasks/Topics.html"),
        ]
    )


def test_a_wide_terminal_shows_every_column():
    text = shown(BOARD, 400)
    assert [title for title in headers(BOARD) if title not in text] == []
    assert "no room" not in text


@pytest.mark.parametrize(("width", "last"), [(70, "sentences/s"), (80, "Pairs"), (100, "disk"), (120, "parameters"), (140, "kept")])
def test_a_terminal_shows_as_many_columns_as_fit_the_most_telling_ones_first(width, last):
    text = shown(BOARD, width)
    table = text.split("└")[0]
    assert last in table, table
    assert [part for part in ("mini-middle6", "mini-top2", "82.5", "72.5", "10.0", "1,234") if part not in table] == []
    assert "no room for" in text
    assert f"mini-top2: {REASON}" in text
    assert max(map(len, table.splitlines())) <= width


def test_what_does_not_fit_is_named():
    text = " ".join(shown(BOARD, 60).split("no room for ")[1].split("mini-top2")[0].split())
    assert [title for title in ("Pairs mr", "Topics", "kept layers", "p90 ms") if title not in text] == []
    assert "mean" not in text


@pytest.mark.parametrize("width", [40, 60, 80])
def test_scores_of_tasks_that_were_named_are_shown_at_any_width(width):
    text = shown(ROBUST, width, tasks_named=True)
    assert [score for score in ("80.0", "70.0", "90.0", "12.3", "2.0", "-3.0") if score not in text] == []
    assert max(map(len, text.splitlines()[:8])) <= width


def test_named_tasks_come_before_the_mean_and_the_mean_before_speed():
    table = shown(BOARD, 80, tasks_named=True).split("└")[0]
    assert [part for part in ("Pairs", "Topics", "90.0", "82.5") if part not in table] == []
    assert "sentences/s" not in table


def test_no_name_of_a_candidate_is_cut():
    name = "a-name-" + "x" * 100
    text = shown(dataclasses.replace(BOARD, rows=(dataclasses.replace(FULL, name=name),)), 80)
    letters = "".join(line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│"))
    assert name in letters


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_terminal_is_too_narrow_to_say_why_a_row_is_incomplete(width):
    assert f"mini-top2: {REASON}" in shown(BOARD, width)


def test_a_file_gets_every_column_uncut(capsys, monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    show(BOARD, make_console())
    text = capsys.readouterr().out
    assert [title for title in headers(BOARD) if title not in text] == []
    assert "…" not in text


def test_a_column_in_which_no_row_has_anything_is_left_out_but_for_scores():
    unmeasured = dataclasses.replace(BOARD, rows=tuple(dataclasses.replace(one, probe=None) for one in BOARD.rows))
    bare = dataclasses.replace(unmeasured, columns=(*COLUMNS, Column("Later", "mr", "Later mr", "accuracy")))
    text = shown(bare, 400)
    assert [title for title in ("sentences/s", "p50 ms", "× reference", "peak MiB", "no room") if title in text] == []
    assert [title for title in ("mean", "Pairs mr", "Later mr", "kept layers") if title not in text] == []


def test_the_page_shows_what_each_candidate_loses_on_rewritten_texts_times_100_and_in_bold_where_the_interval_is_clear_of_zero():
    assert robustness_rows(ROBUST) == [
        {"candidate": "mini", "digits mr": "**12.3**", "digits hi": "2.0", "typing-slips mr": "**-3.0**"},
        {"candidate": "mini-middle6", "digits mr": "0.0", "digits hi": "25.0", "typing-slips mr": MISSING},
        {"candidate": "mini-top2", "digits mr": MISSING, "digits hi": "-0.4", "typing-slips mr": MISSING},
    ]


def test_the_page_says_which_task_the_drops_are_from_and_that_they_do_not_count():
    section = markdown_of(ROBUST).partition("\n## Robustness\n")[2].partition("\n## ")[0]
    assert [part for part in ("the pairs of Pairs ", "times 100", "95 %", "no mean and no rank") if part not in section] == []


def test_a_candidate_without_drops_is_left_out_of_the_table_of_drops_and_stays_on_the_board():
    assert [line["candidate"] for line in robustness_rows(ROBUST)] == ["mini", "mini-middle6", "mini-top2"]
    assert [line["candidate"] for line in markdown_rows(ROBUST)] == [line.name for line in BOARD.rows]


def test_a_board_without_rewritten_tasks_has_no_table_of_drops():
    assert "Robustness" not in markdown_of(BOARD)
    assert "Robustness" in markdown_of(ROBUST)


def test_rewritten_tasks_have_no_column_on_the_board_itself():
    assert headers(ROBUST) == headers(BOARD)
    assert markdown_rows(ROBUST) == markdown_rows(BOARD)
    assert shown(ROBUST, 400) == shown(BOARD, 400)


def test_the_json_holds_every_drop_with_its_interval_and_the_columns_with_rule_and_clean_task():
    document = json.loads(json_of(ROBUST), parse_constant=pytest.fail)
    assert [(column["label"], column["clean"], column["rule"]) for column in document["robustness_columns"]] == [
        ("Pairs-digits mr", "Pairs", "digits"),
        ("Pairs-digits hi", "Pairs", "digits"),
        ("Pairs-slips mr", "Pairs", "typing-slips"),
    ]
    assert [column["label"] for column in document["columns"]] == ["Pairs mr", "Pairs hi", "Topics"]
    assert [[line["drops"][column.label] for column in ROBUSTNESS] for line in document["rows"]] == [
        [0.1234, 0.02, -0.03],
        [0.0, 0.25, None],
        [None, None, None],
        [None, -0.004, None],
        [None, None, None],
    ]
    assert [line["drop_intervals"] for line in document["rows"]] == [
        {"Pairs-digits mr": [0.08, 0.16], "Pairs-digits hi": [-0.01, 0.05], "Pairs-slips mr": [-0.05, -0.01]},
        {"Pairs-digits mr": [0.0, 0.0], "Pairs-digits hi": None},
        {},
        {"Pairs-digits hi": [-0.02, 0.0]},
        {},
    ]


def test_the_columns_of_a_board_that_are_no_scores_are_those_that_no_task_may_be_called():
    compared = dataclasses.replace(BOARD, comparisons=(Comparison("m-top", "m-random", (3, 3), {}),))
    found = document(compared)
    beside_scores = [table for table in (full(found), summary(found), *themes(found)) if table.title not in {"Robustness", "Recovery while fine-tuning"}]
    titles = {column.title for table in beside_scores for column in table.columns} | set(csv_rows(ROBUST)[0])
    labels = {column.label for column in (*ROBUST.columns, *ROBUST.robustness)}
    assert titles - labels - {f"drop {label}" for label in labels} == BOARD_COLUMNS


def test_the_csv_holds_every_drop_and_an_empty_cell_where_there_is_none():
    assert [[line[f"drop {column.label}"] for column in ROBUSTNESS] for line in csv_rows(ROBUST)] == [
        ["0.1234", "0.02", "-0.03"],
        ["0.0", "0.25", ""],
        ["", "", ""],
        ["", "-0.004", ""],
        ["", "", ""],
    ]


def test_recovery_curves_stand_in_one_table_for_each_plan_of_steps():
    def curve(*points):
        return tuple(RecoveryPoint(phase, step, score) for phase, step, score in points)

    two = curve(("nli", 0, 0.1), ("sts", 8, 0.5))
    rows = (dataclasses.replace(FULL, recovery=two), dataclasses.replace(SMALL, recovery=curve(("sts", 4, 0.25))), dataclasses.replace(CHARS, recovery=two))
    board = dataclasses.replace(BOARD, rows=(*rows, UNMADE))
    section = markdown_of(board).split("## Recovery while fine-tuning")[1].split("\n## ")[0]
    tables = [[[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()] for part in section.split("\n\n") if part.startswith("|")]
    assert [[line for line in table if not line[0].startswith("-")] for table in tables] == [
        [["candidate", "nli 0", "sts 8"], ["mini", "10.0", "50.0"], ["chars", "10.0", "50.0"]],
        [["candidate", "sts 4"], ["mini-middle6", "25.0"]],
    ]
    assert json.loads(json_of(board))["rows"][1]["recovery"] == [{"phase": "sts", "step": 4, "score": 0.25}]


def test_a_board_without_curves_has_no_section_for_them():
    assert "Recovery" not in markdown_of(BOARD)


FLAGGED = dataclasses.replace(
    ROBUST, flags=(Flag("Pairs hi", "chance", 0.0, "no candidate is surely above chance, 0.0"), Flag(DIGITS_MR.label, "lowest", -1.0, "why"))
)


def test_every_page_names_the_columns_that_say_nothing_and_why():
    section = markdown_of(FLAGGED).partition("\n## Columns that say nothing here\n")[2].partition("\n## ")[0]
    assert "- **Pairs hi**: no candidate is surely above chance, 0.0, and it counts in the mean." in section
    assert "- **Pairs-digits mr**: why." in section
    assert "column Pairs hi: no candidate is surely above chance, 0.0\n" in shown(FLAGGED, 120)
    assert json.loads(json_of(FLAGGED))["flags"] == [dataclasses.asdict(flag) for flag in FLAGGED.flags]


def test_every_page_names_the_tests_that_did_not_guard_a_candidates_training():
    board = dataclasses.replace(BOARD, rows=(dataclasses.replace(FULL, unguarded=("Topics", "Pairs")), SMALL))
    section = markdown_of(board).partition("\n## Trained without a guard\n")[2].partition("\n## ")[0]
    assert section.strip().endswith("- **mini**: Topics, Pairs")
    assert "mini: trained while these tests could not be read: Topics, Pairs\n" in shown(board, 120)
    assert [line["unguarded_tests"] for line in json_rows(board)] == ["Topics; Pairs", None]


def test_the_page_shows_what_is_kept_of_each_score_of_the_parent():
    small = dataclasses.replace(SMALL, parent=FULL.name, shares={BOARD.columns[0].label: (0.9, (0.87, 0.94))})
    section = markdown_of(dataclasses.replace(BOARD, rows=(FULL, small))).partition("\n## What is kept of the parent\n")[2].partition("\n## ")[0]
    (line,) = table_rows(section)
    assert line["candidate"] == small.name
    assert line["parent"] == FULL.name
    assert [line[column.label] for column in BOARD.columns] == ["90.0 ± 3.5", *[MISSING] * (len(BOARD.columns) - 1)]
    assert "What is kept" not in markdown_of(BOARD)


def test_the_page_names_what_tokenizers_lose_once_with_all_candidates_that_lose_it():
    cut, nukta = "ZWJ and ZWNJ: 2 of 2 become a space", "nukta: 3 of 3 are deleted"
    rows = (dataclasses.replace(FULL, tokenizer_problems=(cut,)), dataclasses.replace(SMALL, tokenizer_problems=(nukta, cut)))
    section = markdown_of(dataclasses.replace(BOARD, rows=rows)).partition("\n## Tokenizers that lose Devanagari signs\n")[2].partition("\n## ")[0]
    assert section.strip().splitlines() == [f"- **{FULL.name}, {SMALL.name}**: {cut}.", f"- **{SMALL.name}**: {nukta}."]


def test_a_board_without_flags_or_unguarded_trainings_has_no_word_of_them():
    for text in (markdown_of(BOARD), shown(BOARD, 120)):
        assert "say nothing" not in text
        assert "guard" not in text
        assert "could not be read" not in text


def test_no_name_and_no_reason_becomes_html_or_breaks_a_table_of_the_markdown_page():
    odd = dataclasses.replace(FULL, name="<script>a|b</script>\n# x", problem="<img src=x>\n\n# y")
    page = markdown_of(dataclasses.replace(BOARD, description="<b>bold</b>", rows=(odd, SMALL)))
    assert [tag for tag in ("<script", "<img", "<b>") if tag in page.replace("\\<", "")] == []
    assert [line for line in page.splitlines() if line.startswith("# ")] == ["# Leaderboard: tiny"]
    assert {line.replace("\\|", "").count("|") for line in page.partition("## Scores")[0].splitlines() if line.startswith("|")} == {11}


@pytest.mark.parametrize("verdict", [{"cost_validity": "INVALID"}, {"validity": {"verdict": "INVALID", "reasons": ["noisy"]}}])
def test_costs_that_do_not_count_are_marked_with_a_word_and_chosen_by_nobody(verdict):
    found = values(BOARD)
    found["rows"][0] |= verdict
    page = files.to_markdown(found)
    assert "1,234 (invalid)" in page
    assert "- **mini**: INVALID" in page.partition("## Measurements that do not count")[2]
    assert "mini" not in [row.name for row in choice.front(read(found))]
