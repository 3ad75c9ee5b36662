"""The verdicts on scores."""

from __future__ import annotations

import numpy as np
import pytest

from bench.cards.rules import Rules
from bench.standings.gate.compare import compare, would_lose
from bench.standings.gate.quality import quality
from bench.standings.gate.snapshot import Entry
from tests.standings.gate.cells import TASKS, elsewhere, entry, off_by, score, snapshot, with_parts

RNG = np.random.default_rng(0)
BEFORE = RNG.normal(0.5, 0.2, 400)
RULES = Rules(margin=0.01)


def verdicts(old, new, rules=RULES):
    """Codes by target, of a candidate with these scores by task."""
    return {finding.target: finding for finding in quality("a", entry(scores=old), entry(scores=new), TASKS, rules)}


def changed(shift, noise):
    """A changed candidate's `Pairs` and the verdict on its mean."""
    values = BEFORE + shift + noise * np.random.default_rng(1).normal(size=len(BEFORE))
    return verdicts({"Pairs": score(BEFORE)}, {"Pairs": score(values - (values - BEFORE).mean() + shift, content="two")})["mean"]


def test_it_passes_where_the_lower_end_is_above_the_margin():
    found = changed(0.0, 0.02)
    assert (found.verdict, found.code) == ("PASS", "K100")
    assert found.interval[0] > -0.01


def test_it_is_a_regression_where_the_upper_end_is_below_zero_and_the_difference_beyond_the_margin():
    found = changed(-0.02, 0.02)
    assert (found.verdict, found.code) == ("REGRESSION", "K101")
    assert found.interval[1] < 0
    assert found.difference == pytest.approx(-0.02)


@pytest.mark.parametrize(("shift", "noise"), [(-0.009, 0.02), (-0.012, 0.2), (0.0, 0.5)])
def test_what_is_neither_is_inconclusive_and_no_pass(shift, noise):
    assert changed(shift, noise).code == "K102"


def test_a_surely_lower_mean_within_the_margin_is_a_pass():
    found = changed(-0.004, 0.02)
    assert found.interval[1] < 0
    assert found.verdict == "PASS"


def test_the_smallest_detectable_difference_is_2_8_standard_errors_and_the_rows_are_counted():
    found = changed(0.0, 0.1)
    assert found.smallest == pytest.approx(2.8 * 0.1 / 400**0.5, rel=0.15)
    assert found.n == 400


def test_the_gate_is_the_mean_over_the_tasks_that_count_and_tasks_are_diagnosis():
    rows = np.full(400, 0.5) + 0.01 * np.random.default_rng(3).normal(size=400)
    before = {name: score(rows, task=name) for name in TASKS}
    drop = np.random.default_rng(4).normal(-0.04, 0.01, 400)
    now = {name: score(rows + (drop if name != "Topics" else -drop), task=name, content="two") for name in TASKS}
    found = verdicts(before, now)
    assert found["mean"].verdict == "PASS"  # one task lost what the other won; the rewritten one does not count
    assert (found["Pairs"].code, found["Topics"].code, found["Pairs-typos"].code) == ("K111", "K110", "K111")
    assert not found["Pairs"].gates
    assert compare(snapshot(a=entry(scores=before)), snapshot(a=entry(scores=now)), RULES, "b").exit_code(strict=True) == 0


def test_a_task_has_its_own_margin():
    rows = BEFORE - 0.015 + 0.01 * np.random.default_rng(4).normal(size=400)
    old, new = {"Pairs": score(BEFORE)}, {"Pairs": score(rows, content="two")}
    assert verdicts(old, new)["Pairs"].verdict == "REGRESSION"
    assert verdicts(old, new, Rules(margins={"Pairs": 0.03}))["Pairs"].verdict == "PASS"
    assert verdicts(old, new, Rules(margins={"Pairs": 0.03}))["mean"].verdict == "REGRESSION"


def test_that_a_task_fell_is_said_only_where_it_is_sure_among_all_tasks():
    tasks = [f"T{number}" for number in range(40)]
    shift = BEFORE * 0 + np.random.default_rng(5).normal(-0.013, 0.1, 400)
    shift += -0.013 - shift.mean()  # 2.6 standard errors: sure alone, not among forty
    old = {name: score(BEFORE, task=name) for name in tasks}
    alone = {tasks[0]: score(BEFORE + shift, task=tasks[0], content="two")}
    rest = {name: score(BEFORE, task=name, content="two") for name in tasks[1:]}

    def code(old, new):
        found = quality("a", entry(scores=old), entry(scores=new), dict.fromkeys(tasks, TASKS["Pairs"]), RULES)
        return next(one.code for one in found if one.target == "T0")

    assert code({"T0": old["T0"]}, alone) == "K111"
    assert code(old, {**alone, **rest}) == "K112"


def test_an_unchanged_candidate_has_its_score_again_or_that_is_a_regression():
    one = score(BEFORE)
    assert verdicts({"Pairs": one}, {"Pairs": off_by(one, 9e-7)})["Pairs"].code == "K200"
    for difference in (2e-6, -2e-6):
        found = verdicts({"Pairs": one}, {"Pairs": off_by(one, difference)})["Pairs"]
        assert (found.code, found.verdict, found.limit) == ("K201", "REGRESSION", 1e-6)
        assert found.reason == "nothing that is recorded changed"


def test_on_another_machine_or_with_other_threads_a_thousandth_is_let_pass():
    one = score(BEFORE)
    assert verdicts({"Pairs": one}, {"Pairs": elsewhere(off_by(one, 9e-4))})["Pairs"].code == "K200"
    found = verdicts({"Pairs": one}, {"Pairs": elsewhere(off_by(one, 2e-3))})["Pairs"]
    assert (found.code, found.limit, found.reason) == ("K201", 1e-3, "what changed: the machine, or its threads")


@pytest.mark.parametrize(("task", "answers", "code"), [("Topics", 1, "K200"), ("Topics", 2, "K201"), ("Pairs", 1, "K201")])
def test_elsewhere_last_bits_may_turn_one_answer_of_a_score_that_counts_answers(task, answers, code):
    one = score(BEFORE, task=task)  # of 400 rows, one is 0.0025
    found = verdicts({task: one}, {task: elsewhere(off_by(one, -answers / 400))})[task]
    assert (found.code, round(found.limit, 6)) == (code, 0.0025 if task == "Topics" else 0.001)
    assert verdicts({task: one}, {task: off_by(one, -1 / 400)})[task].code == "K201"


def test_a_library_that_changed_is_named_where_a_score_is_not_reproduced():
    one = score(BEFORE)
    found = verdicts({"Pairs": one}, {"Pairs": off_by(score(BEFORE, versions={"torch": "2"}), 1e-3)})["Pairs"]
    assert found.reason == "what changed: torch 1 -> 2"


@pytest.mark.parametrize("part", [{"content": "two"}, {"prompt": "query: "}, {"arithmetic": {"device": "cpu", "precision": "int8"}}])
def test_another_checkpoint_prompt_or_precision_is_a_change_that_the_margin_judges(part):
    found = verdicts({"Pairs": score(BEFORE)}, {"Pairs": with_parts(score(BEFORE), **part)})
    assert set(found) == {"mean", "Pairs"}
    assert found["mean"].code == "K100"


def test_another_type_of_device_alone_is_no_change_of_the_candidate():
    found = verdicts({"Pairs": score(BEFORE)}, {"Pairs": elsewhere(with_parts(score(BEFORE), arithmetic={"device": "cuda", "precision": "fp32"}))})
    assert found["Pairs"].code == "K200"


@pytest.mark.parametrize("part", [{"task": "another"}, {"scoring": 5}])
def test_another_test_or_rule_of_scoring_is_not_comparable_and_the_mean_is_over_the_rest(part):
    old = {"Pairs": score(BEFORE), "Topics": score(BEFORE, task="Topics")}
    new = {"Pairs": with_parts(score(BEFORE - 0.2, content="two"), **part), "Topics": score(BEFORE, task="Topics", content="two")}
    found = verdicts(old, new)
    assert found["Pairs"].code == "K103"
    assert (found["mean"].code, found["mean"].reason) == ("K100", "over 1 of 2 tasks")


def test_where_no_test_is_the_same_nothing_was_checked_and_that_is_no_success():
    checked = compare(snapshot(a=entry(scores={"Pairs": score(BEFORE)})), snapshot(a=entry(scores={"Pairs": with_parts(score(BEFORE), task="x")})), RULES, "b")
    assert checked.counts["NOT-COMPARABLE"] == 1
    assert checked.exit_code() == 3


def test_a_score_without_a_known_variation_cannot_be_judged():
    blind = score(BEFORE, content="two", estimates={"mr": None})
    found = verdicts({"Pairs": score(BEFORE)}, {"Pairs": blind})
    assert (found["mean"].code, found["mean"].reason) == ("K104", "no interval is known of Pairs")


def test_a_new_candidate_without_any_score_is_named_with_the_reason():
    now = snapshot(a=entry(scores={"Pairs": score(BEFORE)}), b=Entry(problem="making failed"))
    checked = compare(snapshot(a=entry(scores={"Pairs": score(BEFORE)})), now, RULES, "b")
    assert [(one.candidate, one.code, one.reason) for one in checked.findings if one.verdict == "NEW"] == [
        ("b", "K303", "and no score of it is stored: making failed")
    ]
    assert checked.exit_code() == 0


def test_a_cell_that_went_is_missing_and_one_that_came_is_new():
    one = score(BEFORE)
    before = snapshot(a=entry(scores={"Pairs": one, "Topics": one}), gone=entry(scores={"Pairs": one}))
    now = snapshot(a=entry(scores={"Pairs": one}), b=entry(scores={"Pairs": one}))
    checked = compare(before, now, RULES, "b")
    assert [(one.candidate, one.target, one.verdict) for one in checked.findings if one.what == "cell"] == [
        ("a", "Topics", "MISSING"),
        ("gone", "Pairs", "MISSING"),
        ("b", "Pairs", "NEW"),
    ]
    assert checked.exit_code() == 3


def test_a_regression_comes_before_what_is_missing_and_inconclusive_counts_with_strict_only():
    def code(shift, noise, *, strict, missing=False):
        values = BEFORE + shift + noise * np.random.default_rng(1).normal(size=len(BEFORE))
        old = {"Pairs": score(BEFORE), **({"Topics": score(BEFORE, task="Topics")} if missing else {})}
        return compare(snapshot(a=entry(scores=old)), snapshot(a=entry(scores={"Pairs": score(values, content="two")})), RULES, "b").exit_code(strict=strict)

    assert code(-0.1, 0.01, strict=False, missing=True) == 1
    assert code(0.0, 0.5, strict=False) == 0
    assert code(0.0, 0.5, strict=True) == 4
    assert code(0.0, 0.5, strict=True, missing=True) == 3


def test_what_would_be_lost_by_blessing_is_named_but_not_what_the_cards_no_longer_ask_for():
    one = score(BEFORE)
    before = snapshot(a=entry(scores={"Pairs": one, "Topics": one}), gone=entry(scores={"Pairs": one}))
    assert would_lose(before, snapshot(a=entry(scores={"Pairs": one}))) == "it has 1 score that is not stored now, of a"
    assert would_lose(before, snapshot(a=entry(scores={"Pairs": one, "Topics": one}))) is None
