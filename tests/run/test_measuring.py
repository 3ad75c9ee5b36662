"""The probe cells of a run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.errors import ModelError
from bench.plan.cells import Cell
from bench.plan.reference import reference_of
from bench.probe import rounds
from bench.probe.profiles import PROFILES
from bench.probe.protocol import bytes_on_disk
from bench.probe.worker import Subject
from bench.publish.files import document
from bench.run import measuring
from tests.builders import board_of, made_of, plan_anew
from tests.run.test_run import run

pytestmark = pytest.mark.usefixtures("brief_probes")
UNTRAINED = """
[[candidates]]
name = "whole"
kind = "full"
base = "tiny"

[[candidates]]
name = "half"
kind = "pruned"
base = "tiny"
strategy = "top"
keep = 2
"""


@pytest.fixture
def workspace(workspace_folder):
    """A workspace whose reference is `whole`, which is not trained."""
    card = workspace_folder / "models" / "mini.toml"
    text = card.read_text(encoding="utf-8").replace('tasks = ["Pairs", "Topics", "Paraphrases", "Translations"]', 'tasks = ["Pairs"]\nreference = "whole"')
    card.write_text(text + UNTRAINED, encoding="utf-8")
    return workspace_folder


def measurements(folder) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for path in (folder / ".bench" / "results").rglob("*.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["cell"]["stage"] == "probe":
            found.setdefault(result["cell"]["candidate"], []).append(result)
    return found


def test_the_reference_is_the_one_that_the_card_names_else_the_first_full_candidate(workspace_folder, workspace):
    plan = plan_anew(workspace)
    assert plan.reference.candidate.name == "whole"
    card = workspace / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('\nreference = "whole"', ""), encoding="utf-8")
    plan = plan_anew(workspace)
    assert plan.reference.candidate.name == "tiny"
    assert reference_of(plan.selection, plan.resolver, plan.archive).missing == "the reference tiny is not made; `bench make tiny` makes it"


def test_a_reference_that_is_no_candidate_is_an_error_that_names_the_nearest(workspace):
    from bench.errors import CardError

    card = workspace / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('reference = "whole"', 'reference = "hole"'), encoding="utf-8")
    with pytest.raises(CardError, match=r"mini.toml:\d+: suite.reference: no candidate 'hole'; did you mean 'whole'"):
        plan_anew(workspace)


def test_without_its_reference_a_model_is_measured_absolutely_and_beside_it_once_it_is_there(workspace):
    """What was measured stands until then, and a run says that there is something to do; afterwards nothing is."""
    run(workspace, names=("letters",), probe="quick")
    (alone,) = measurements(workspace)["letters"]
    assert alone["relative"] is None
    assert alone["relative_missing"] == "the reference whole is not made; `bench make whole` makes it"
    assert alone["key_parts"]["reference"] is None
    assert plan_anew(workspace, names=("letters",), probe="quick").cells[-1].status == "done"

    run(workspace, names=("whole",), stages=("make",))
    plan = plan_anew(workspace, names=("letters",), probe="quick")
    assert plan.cells[-1].status == "to do"
    row = next(row for row in board_of(plan).rows if row.name == "letters")
    assert row.costs["sentences_per_second"] == alone["offline"]["sentences_per_second"]
    assert row.costs["relative_speed"] is None

    run(workspace, names=("letters",), probe="quick")
    plan = plan_anew(workspace, names=("letters",), probe="quick")
    assert plan.cells[-1].status == "done"
    row = next(row for row in board_of(plan).rows if row.name == "letters")
    assert row.costs["relative_speed_low"] <= row.costs["relative_speed"] <= row.costs["relative_speed_high"]
    beside = next(one for one in measurements(workspace)["letters"] if one["relative"])
    assert beside["reference"] == {"candidate": "whole", "content": made_of(plan, "whole")["content"]}


@pytest.mark.slow
def test_a_run_that_makes_the_reference_measures_everything_beside_it_also_the_reference(workspace):
    run(workspace, names=("letters",), probe="quick")
    run(workspace, names=("whole", "half", "letters"), probe="quick")
    found = measurements(workspace)
    assert all(any(one["relative"] for one in found[name]) for name in ("whole", "half", "letters"))
    _, again = run(workspace, names=("whole", "half", "letters"), probe="quick")
    assert again.computed == 0


@pytest.mark.slow
def test_what_cannot_be_trusted_is_measured_once_more_by_itself_and_then_stored_as_it_is(workspace, monkeypatch):
    measured = []
    once = measuring._attempt

    def attempt(runner, lab, jobs, number):
        measured.append([job.cell.candidate for job in jobs])
        found, failed = once(runner, lab, jobs, number)
        for name, result in found.items():
            bad = name == "half"
            result["validity"] = {"verdict": "INVALID" if bad else "VALID", "reasons": ["too much going on"] if bad else []}
        return found, failed

    monkeypatch.setattr(measuring, "_attempt", attempt)
    monkeypatch.setattr(measuring, "_quiet", lambda: True)
    run(workspace, names=("half", "letters"), probe="quick")
    assert [sorted(names) for names in measured] == [["half", "letters"], ["half"]]
    (half,) = measurements(workspace)["half"]
    assert (half["validity"]["verdict"], half["attempts"]) == ("INVALID", 2)
    board = board_of(plan_anew(workspace))
    row = next(row for row in board.rows if row.name == "half")
    assert row.costs["cost_validity"] == "INVALID"
    entry = document(board).by_name["half"]
    assert entry.invalid == "INVALID: too much going on"


def test_rounds_beyond_the_planned_ones_and_a_second_attempt_are_told_as_what_they_are():
    told = []

    class Told:
        profile = PROFILES["quick"]

        def measure(self, _, progress):
            for share in (0.5, 1.5):
                progress(share)
            return rounds.Turn({}, {}, None, "", {}, [])

    reporter = SimpleNamespace(progress=lambda _, what, share: told.append((what, share)))
    runner = SimpleNamespace(options=SimpleNamespace(device="cpu"), reporter=reporter)
    job = SimpleNamespace(cell=Cell("x", "probe", "cpu"), subject=Subject("x", Path(), "", None, None, "cpu", 1), parameters={})
    for number in (1, 2):
        measuring._attempt(runner, Told(), [job], number)
    more = "more rounds, since those so far differ"
    assert told == [("rounds", 0.5), (more, 1.0), ("again: rounds", 0.5), (f"again: {more}", 1.0)]


@pytest.mark.slow
def test_a_reference_that_fails_leaves_measurements_without_one_that_are_made_again_beside_it(workspace, monkeypatch):
    """What is stored as measured beside the reference has a ratio to it; nothing else is taken for that."""
    run(workspace, names=("whole",), stages=("make",))
    once = rounds._Meter.part

    def part(meter, bucket, number, size):
        if meter.subject.name == "whole" and number == 3:
            raise ModelError("it died")
        once(meter, bucket, number, size)

    monkeypatch.setattr(rounds._Meter, "part", part)
    run(workspace, names=("letters",), probe="quick")
    (letters,) = measurements(workspace)["letters"]
    assert (letters["relative"], letters["key_parts"]["reference"]) == (None, None)
    assert letters["relative_missing"] == "the reference whole failed: it died"
    assert plan_anew(workspace, names=("letters",), probe="quick").cells[-1].status == "to do"


@pytest.mark.slow
def test_a_checkpoint_that_has_gone_when_it_is_to_be_measured_fails_alone(workspace, monkeypatch):
    run(workspace, names=("whole", "letters"), stages=("make",))
    sizes = iter([ModelError("the folder cannot be read")])

    def size(folder):
        for error in sizes:
            raise error
        return bytes_on_disk(folder)

    monkeypatch.setattr(measuring, "bytes_on_disk", size)
    _, outcome = run(workspace, names=("whole", "letters"), stages=("probe",), probe="quick")
    assert list(outcome.failed.values()) == ["the folder cannot be read"]
    assert len(measurements(workspace)) == 1


def test_a_machine_that_stays_busy_is_not_measured_on_a_second_time(workspace, monkeypatch):
    monkeypatch.setattr(measuring, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr("bench.probe.noise.reasons", lambda *_: ["busy"])
    run(workspace, names=("letters",), probe="quick")
    (letters,) = measurements(workspace)["letters"]
    assert letters["attempts"] == 1
    assert "was not measured a second time" in letters["validity"]["reasons"][-1]


def test_a_measurement_says_under_which_conditions_it_was_made(workspace):
    run(workspace, names=("letters",), probe="quick")
    (letters,) = measurements(workspace)["letters"]
    assert letters["conditions"]["affinity"]
    assert letters["conditions"]["environment"].keys() >= {"TOKENIZERS_PARALLELISM"}
    assert letters["noise"].keys() == {"before", "during"}


def test_threads_that_are_asked_for_are_a_measurement_of_their_own(workspace):
    run(workspace, names=("letters",), probe="quick")
    run(workspace, names=("letters",), probe="quick", threads=64)
    found = measurements(workspace)["letters"]
    assert sorted(one["key_parts"].get("threads", 0) for one in found) == [0, 64]
    assert next(one for one in found if "threads" in one["key_parts"])["threads"] == 64


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"a": 1, "b": 7, "c": 3, "d": 1}, [["b"] * 7 + ["a"], ["c"] * 3 + ["d"]]),  # in the order of the cards there would be three
        ({"a": 9}, [["a"] * 8, ["a"]]),
        ({"a": 1, "b": 1}, [["a", "b"]]),
        ({}, []),
    ],
)
def test_models_of_one_shape_are_measured_together_in_as_few_companies_as_there_can_be(tmp_path, shapes, expected):
    jobs = [
        measuring._Job(Cell(f"{shape}{number}", "probe", "cpu"), Subject(shape, tmp_path, "", None, "fp32", "cpu", 1), {}, {"body": ord(shape)}, 1)
        for shape, count in shapes.items()
        for number in range(count)
    ]
    assert [[job.subject.name for job in company] for company in measuring._companies(jobs, "cpu")] == expected
