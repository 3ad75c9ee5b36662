"""The table `[check]` of `bench.toml`."""

from __future__ import annotations

import pytest

from bench.cards.defaults import check_rules, read_defaults
from bench.cards.rules import Rules
from bench.cards.workspace import Workspace
from bench.errors import CardError


def rules(folder, text):
    (folder / "bench.toml").write_text(text, encoding="utf-8")
    return check_rules(Workspace(folder, folder))


def test_what_is_not_said_is_as_usual(tmp_path):
    assert check_rules(Workspace(tmp_path, tmp_path)) == Rules(margin=0.01, margins={}, speed=0.9, memory=1.02, size=1.01)


def test_margins_and_factors_are_read_and_are_no_defaults_of_options(tmp_path):
    text = 'suite = "mini"\n[check]\nmargin = 0.005\nspeed = 0.8\nmemory = 1.05\nsize = 1.5\n[check.margins]\nKasautiSTS = 0.02\n'
    found = rules(tmp_path, text)
    assert found == Rules(0.005, {"KasautiSTS": 0.02}, 0.8, 1.05, 1.5)
    assert (found.of_task("KasautiSTS"), found.of_task("KasautiTopic")) == (0.02, 0.005)
    assert read_defaults(Workspace(tmp_path, tmp_path)) == {"suite": "mini"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[check]\nmargin = 0", "bench.toml:2: check.margin: expected a margin above 0, found 0: no finite test can show that nothing at all was lost"),
        ("[check]\nmargin = -0.01", "expected a margin above 0, found -0.01"),
        ("[check]\n\n[check.margins]\nPairs = 0.0", "bench.toml:4: check.margins.Pairs: expected a margin above 0"),
        ("[check]\nmargin = 1", "expected a share of a score between 0 and 1, like 0.01 for one point of 100, found 1; of 100 points that is 0.01"),
        ("[check]\nmargin = true", "found True"),
        ('[check]\nmargin = "x"', "found 'x'"),
        ("[check]\nmargin = nan", "found nan"),
        ("[check]\nspeed = 1.1", "check.speed: expected a share between 0 and 1, like 0.9 (a tenth slower is let pass), found 1.1"),
        ("[check]\nmemory = 0.98", "check.memory: expected a multiple above 1, like 1.02 (2 % more is let pass), found 0.98"),
        ("[check]\nsize = 1", "check.size: expected a multiple above 1"),
        ("[check]\nmargni = 0.1", "check.margni: no rule of this name; did you mean 'margin'?"),
        ("[check]\nmargins = 0.1", "check.margins: expected a table of tasks, like KasautiSTS = 0.02, found 0.1"),
        ("check = 0.1", "bench.toml:1: check: expected a table [check], found 0.1"),
        ("[chek]\nmargin = 0.1", "did you mean 'check'?"),
    ],
)
def test_what_is_wrong_with_a_margin_is_told_with_line_and_place(tmp_path, text, message):
    with pytest.raises(CardError) as caught:
        rules(tmp_path, text)
    assert message in str(caught.value)
