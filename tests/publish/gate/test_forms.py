"""What a gate found, as people and machines read it."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree

import pytest
from rich.console import Console

from bench.publish.gate.cells import document, summary
from bench.publish.gate.forms import github_annotations, junit, markdown, show
from bench.standings.gate.verdicts import CODES, VERDICTS, Checked, Finding, ordered

FINDINGS = ordered(
    [
        Finding("a", "mean", "K100", 0.001, (-0.004, 0.006), 0.007, 900, 0.01),
        Finding("a", "Pairs", "K112", -0.002, (-0.015, 0.011), 0.02, 300, 0.01),
        Finding("b", "mean", "K101", -0.05, (-0.06, -0.04), 0.014, 900, 0.01),
        Finding("b", "Pairs", "K111", -0.15, (-0.2, -0.1), 0.07, 300, 0.01),
        Finding("c", "mean", "K102", -0.006, (-0.02, 0.008), 0.02, 900, 0.01, "over 1 of 2 tasks"),
        Finding("c", "Topics", "K301", n=300, reason="it failed, 100 % of it\nand more"),
        Finding("d", "Pairs", "K200", 0.0, n=300, limit=1e-6),
        Finding("d", "speed", "K403", reason="measured on another machine"),
        Finding("e", "speed", "K403", reason="measured on another machine"),
        Finding("f|g", "peak", "K501", 0.03, n=1, limit=0.02, reason="100.0 -> 103.0 MiB; measured twice"),
        Finding("h", "Pairs", "K303", n=300, reason="a new candidate"),
    ]
)
CHECKED = Checked("mini", "cpu", "main:baseline.json", FINDINGS)


def shown(*, everything: bool = False, checked: Checked = CHECKED) -> str:
    text = io.StringIO()
    show(checked, Console(file=text, width=200), everything=everything)
    return text.getvalue()


def test_the_table_begins_with_what_is_grave_and_folds_what_passed():
    rows = [line.split("│")[1:-1] for line in shown().splitlines() if line.startswith("│")]
    assert [(row[0].strip(), row[2].strip(), row[-1].strip()) for row in rows] == [
        ("b", "REGRESSION", "K101"),
        ("f|g", "REGRESSION", "K501"),
        ("c", "MISSING", "K301"),
        ("c", "INCONCLUSIVE", "K102"),
        ("h", "NEW", "K303"),
        ("b", "REGRESSION", "K111"),
    ]
    assert [cell.strip() for cell in rows[0]][1:7] == ["quality mean", "REGRESSION", "-5.00", "[-6.00, -4.00]", "1.40", "900"]


def test_what_passed_is_shown_where_everything_is_asked_for():
    assert "K200" not in shown()
    full = shown(everything=True)
    assert all(code in full for code in ("K100", "K112", "K200", "K403"))


def test_what_is_said_of_many_candidates_alike_stands_there_once_and_every_code_leads_to_its_page():
    text = shown()
    assert "K403 speed, d, e: the speed was measured in another way or place; measured on another machine" in text
    assert "What to do: `bench check --explain CODE` says it of K101, K102, K111, K301, K303" in text
    assert "K501 memory peak, f|g: the model needs more memory, +3.00 %, let pass +2 %; 100.0 -> 103.0 MiB; measured twice" in text


def test_the_last_line_counts_the_verdicts_that_decide():
    told = summary(CHECKED)
    assert shown().splitlines()[-1] == told
    assert told == (
        "suite mini on cpu against main:baseline.json: of 9 checks 2 REGRESSION, 1 MISSING, 1 INCONCLUSIVE, 2 NOT-COMPARABLE, 1 NEW, 2 PASS"
        " (2 tasks in the diagnosis did not pass)"
    )
    assert summary(Checked("mini", "cpu", "b", ())) == "suite mini on cpu against b: nothing to compare"


def test_the_document_has_every_verdict_with_stable_names_and_plain_values():
    told = json.loads(json.dumps(document(CHECKED, strict=True), allow_nan=False))
    assert told["exit_code"] == 1
    assert told["counts"] == {"REGRESSION": 2, "MISSING": 1, "INCONCLUSIVE": 1, "NOT-COMPARABLE": 2, "NEW": 1, "PASS": 2}
    assert told["findings"][0] == {
        "candidate": "b",
        "what": "quality",
        "target": "mean",
        "verdict": "REGRESSION",
        "gates": True,
        "code": "K101",
        "difference": -0.05,
        "low": -0.06,
        "high": -0.04,
        "smallest_detectable": 0.014,
        "n": 900,
        "limit": 0.01,
        "title": "the mean over tasks fell",
        "reason": None,
    }


def test_junit_has_a_case_for_every_verdict_and_fails_only_what_the_gate_fails():
    root = ElementTree.fromstring(junit(CHECKED))
    assert root.attrib == {"name": "bench check", "tests": "11", "failures": "2", "errors": "1", "skipped": "5"}
    kinds = {case.get("classname") + " " + case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert kinds["b quality mean (K101)"] == ["failure"]
    assert kinds["b task Pairs (K111)"] == ["skipped"]
    assert kinds["c cell Topics (K301)"] == ["error"]
    assert kinds["d reproduction Pairs (K200)"] == []
    assert kinds["h cell Pairs (K303)"] == ["system-out"]


def test_github_is_told_what_failed_and_what_is_unclear_with_its_signs_escaped():
    lines = list(github_annotations(CHECKED))
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::error", "::error", "::warning"]
    assert lines[0].startswith("::error title=K101 b%2C quality mean::REGRESSION: the mean over tasks fell, -5.00")
    assert lines[2] == "::error title=K301 c%2C cell Topics::MISSING: a score is not there any more; it failed, 100 %25 of it%0Aand more"


def test_markdown_has_a_table_that_no_name_breaks_and_folds_what_passed():
    text = markdown(CHECKED)
    assert "| f\\|g" in text
    assert "<details><summary>2 passed</summary>" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {9}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_code(verdict):
    assert verdict in {one for _, one, _ in CODES.values()}
