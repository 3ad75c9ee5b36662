"""The comparison of stored ratios with their bounds: what is too low, missing or unknown does not pass."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.benchmarks.ratios import BOUNDS, Bound, main, report

HELD = {"quick": Bound(2.0), "forked": Bound(1.5, everywhere=False)}


def stored(*ratios: tuple[str, float | None]) -> dict[str, object]:
    """What pytest-benchmark writes, as far as it is read."""
    return {"benchmarks": [{"name": f"test_{name}", "extra_info": {"name": name, **({} if ratio is None else {"ratio": ratio})}} for name, ratio in ratios]}


def test_ratios_at_or_above_their_bounds_pass():
    lines, problems = report(stored(("quick", 2.0), ("forked", 7.5)), HELD)
    assert problems == []
    assert [line.split() for line in lines] == [["quick", "2.00", "times,", "at", "least", "2"], ["forked", "7.50", "times,", "at", "least", "1.5"]]


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([("quick", 1.99), ("forked", 2.0)], ["quick: 1.99 times, expected at least 2"]),
        ([("forked", 2.0)], ["quick: no ratio is stored"]),
        ([("quick", None)], ["quick: no ratio is stored"]),
        ([("quick", 3.0), ("forked", None)], ["forked: no ratio is stored"]),
        ([("quick", 3.0), ("new", 9.0)], ["new: has no bound"]),
        ([], ["quick: no ratio is stored"]),
    ],
)
def test_what_is_too_low_missing_or_unknown_is_a_problem(ratios, expected):
    assert report(stored(*ratios), HELD)[1] == expected


def test_a_benchmark_that_stored_nothing_of_its_own_is_a_problem():
    assert report({"benchmarks": [{"name": "test_bare", "extra_info": {}}]}, {})[1] == ["test_bare: has no bound"]


def test_what_a_machine_cannot_run_is_named_and_passes():
    lines, problems = report(stored(("quick", 3.0)), HELD)
    assert problems == []
    assert "not run here" in lines[1]


def test_the_exit_code_says_whether_every_ratio_holds(tmp_path, capsys):
    path = tmp_path / "benchmarks.json"
    good = {name: bound.at_least for name, bound in BOUNDS.items()}
    path.write_text(json.dumps(stored(*good.items())), encoding="utf-8")
    assert main([str(path)]) == 0
    path.write_text(json.dumps(stored(*{**good, "sweep": 4.9}.items())), encoding="utf-8")
    assert main([str(path)]) == 1
    assert capsys.readouterr().err == "sweep: 4.90 times, expected at least 5\n"


def test_the_documents_name_every_bound():
    text = (Path(__file__).parents[2] / "docs" / "speed.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \| ", text, flags=re.MULTILINE)
    assert {name: float(ratio) for name, ratio in rows} == {name: bound.at_least for name, bound in BOUNDS.items()}
