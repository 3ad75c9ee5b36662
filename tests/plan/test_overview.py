"""A plan in few lines: cells that cannot run by cause, candidates by stage, warnings that say the same only once."""

from __future__ import annotations

import pytest

from bench.plan.overview import by_candidate, causes, split_reason
from bench.plan.warnings import unread_tests
from tests.builders import plan_anew


@pytest.mark.parametrize(
    ("reason", "place", "what"),
    [
        ("owner/repo/a.tsv: published data; give its folder with --data-dir", "owner/repo/a.tsv", "published data; give its folder with --data-dir"),
        ("/my data/test.tsv:12: unknown label 'x': y", "/my data/test.tsv:12", "unknown label 'x': y"),
        ("tiny: package tinye5 is not installed", "", "tiny: package tinye5 is not installed"),
        ("expected one of a/b: c", "", "expected one of a/b: c"),
    ],
)
def test_a_reason_is_told_apart_from_the_file_that_it_is_said_of(reason, place, what):
    assert split_reason(reason) == (place, what)


@pytest.fixture
def published(workspace_folder):
    """A workspace in which two tests and the training data are published files."""
    for task, names in (("pairs", ("mr", "hi")), ("translations", ("",)), ("triples", ("",))):
        card = workspace_folder / "tasks" / task / "task.toml"
        text = card.read_text(encoding="utf-8")
        for split in ("train", "test"):
            for name in names:
                file = f'file = "{split}-{name}.tsv"' if name else f'file = "{split}.tsv"'
                pinned = f'repository = "owner/{task}"\npath = "{split}{name}.tsv"\ncommit = "{"1" * 40}"\nsha256 = "{"2" * 64}"'
                text = text.replace(file, pinned)
        card.write_text(text, encoding="utf-8")
    return workspace_folder


def test_one_missing_option_is_one_cause_however_many_cells_it_keeps_from_running(published):
    plan = plan_anew(published, probe="quick")
    (cause,) = causes(plan)
    assert cause.what == "published data; give its folder with --data-dir"
    assert cause.cells == sum(cell.status == "cannot run" for cell in plan.cells) == 14
    assert cause.candidates == ("letters", "tiny", "tiny-top2")
    assert {place.split("/")[1] for place in cause.places} == {"pairs", "translations", "triples"}
    assert str(cause).startswith("14 cells of letters, tiny, tiny-top2: published data; give its folder with --data-dir (owner/")


def test_a_cause_that_concerns_tasks_only_names_them(workspace_folder):
    (workspace_folder / "tasks" / "topics" / "test.tsv").write_text("text\tlbel\nx\ty\n", encoding="utf-8")
    (cause,) = causes(plan_anew(workspace_folder))
    assert (cause.cells, cause.tasks) == (3, ("Topics",))
    assert "task Topics: no column 'label' for 'label'; did you mean 'lbel'?" in str(cause)


def test_every_candidate_is_one_line_with_its_stages(published):
    lines = dict(by_candidate(plan_anew(published, probe="quick")))
    assert lines["letters"] == {"make": "to do", "evaluate": "2 to do, 2 cannot run", "probe": "to do"}
    assert lines["tiny"]["make"] == "cannot run"


def test_tests_that_cannot_be_read_for_one_reason_are_one_warning(published):
    (warning,) = unread_tests(plan_anew(published))
    assert warning == (
        "the texts of tests Pairs, Translations are not kept out of training, since they cannot be read: published data; give its folder with --data-dir"
    )
