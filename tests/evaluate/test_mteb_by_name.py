"""mteb's own tasks by their names: their Marathi and Hindi rows, scored as mteb scores them, and what cannot be had so, in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.cards.load import load_library
from bench.data.rows import load_rows, normalise
from bench.errors import CardError
from tests.builders import board_of, plan_anew, write_workspace
from tests.conftest import WORDS_HI, WORDS_MR, sentences
from tests.run.test_run import run

SUITE = """
[suite]
name = "mine"
tasks = [{tasks}]

[[candidates]]
name = "model"
kind = "external"
path = "tiny"
"""
BY_NAME = ("SemRel24STS", "MassiveIntentClassification", "IndicXnliPairClassification", "WebFAQBitextMiningQuestions")


def rows_of(path: str, subset: str):
    """What the Hub would give: a few rows in the columns of the data set, for every language alike."""
    from datasets import Dataset, DatasetDict

    texts = sentences(WORDS_MR if subset.startswith("m") else WORDS_HI, 60)
    if "SemRel" in path:
        rows = {"sentence1": texts[:30], "sentence2": texts[1:31], "score": [(7 * place % 11) / 10 for place in range(30)]}
        return DatasetDict(test=Dataset.from_dict(rows))
    if "massive" in path.lower():
        label = [["play_music", "alarm_set", "weather_query"][place % 3] for place in range(60)]
        train, test = ({"text": texts[at], "label": label[at], "lang": ["hi"] * len(label[at])} for at in (slice(0, 40), slice(40, 60)))
        return DatasetDict(train=Dataset.from_dict(train), test=Dataset.from_dict(test))
    if "webfaq" in path:
        ours = {"question1": texts[:30], "answer1": texts[30:], "question2": sentences(WORDS_MR, 30), "answer2": sentences(WORDS_MR, 30)}
        return DatasetDict(default=Dataset.from_dict(ours))
    rows = {"sentence1": texts[:30], "sentence2": texts[1:31], "labels": [place % 2 for place in range(30)]}
    return DatasetDict(test=Dataset.from_dict(rows))


@pytest.fixture
def hub(monkeypatch):
    """Answers in place of the Hub; keeps what it was asked for."""
    import mteb.abstasks.abstask

    asked: list[tuple[str, str, str]] = []

    def load_dataset(path: str, name: str = "default", revision: str = "", **_):
        asked.append((path, name, revision))
        return rows_of(path, name)

    monkeypatch.setattr(mteb.abstasks.abstask, "load_dataset", load_dataset)
    return asked


@pytest.fixture
def workspace(tmp_path, tiny_base) -> Path:
    folder = write_workspace(tmp_path / "w", tasks={}, suites={"mine.toml": SUITE.format(tasks=", ".join(f'"{name}"' for name in BY_NAME))}).home
    (folder / "models" / "tiny").symlink_to(tiny_base)
    return folder


@pytest.mark.slow
def test_a_task_that_is_named_is_scored_as_mteb_scores_it_with_our_languages_only(workspace, tiny_base, hub):
    import mteb
    from sentence_transformers import SentenceTransformer

    plan, outcome = run(workspace, suite="mine")
    assert outcome.complete, outcome
    assert {name for _, name, _ in hub} == {"hin", "mar", "hi", "mr", "hin-mar", "default"}, "MassiveIntent has all languages in one"
    assert {revision for *_, revision in hub} == {mteb.get_task(name).metadata.dataset["revision"] for name in BY_NAME}
    (row,) = board_of(plan).rows
    model = SentenceTransformer(str(tiny_base), device="cpu")
    for name in BY_NAME:
        card = plan.tasks[name].card
        task = mteb.get_task(name, hf_subsets=list(card.subsets), eval_splits=[card.evaluate_on])
        expected = mteb.evaluate(model, task, cache=None, show_progress_bar=False).task_results[0].scores[card.evaluate_on]
        assert {entry["hf_subset"] for entry in expected} == set(card.subsets)
        for entry in expected:
            assert row.scores[card.label(entry["hf_subset"])] == pytest.approx(entry["main_score"], abs=1e-6 if name == "SemRel24STS" else 1e-3)


def test_the_rows_of_a_named_task_guard_the_training_and_identify_it(workspace, hub):
    plan = plan_anew(workspace, suite="mine")
    assert normalise(sentences(WORDS_MR, 60)[3]) in plan.resolver.guard
    task = plan.tasks["SemRel24STS"]
    assert (task.problem, len(task.digest)) == ("", 64)
    source = task.card.subsets["mar"].sources[0]
    assert (source.mteb, source.config, source.split, len(source.revision)) == ("SemRel24STS", "mar", "test", 40)
    assert task.card.score_range == (0.0, 1.0)


def test_the_rows_of_a_named_bitext_are_its_pairs_and_others_are_refused(workspace, hub, monkeypatch):
    import mteb

    plan = plan_anew(workspace, suite="mine")
    task = plan.tasks["WebFAQBitextMiningQuestions"]
    assert (task.problem, task.card.evaluate_on, {name: subset.languages for name, subset in task.card.subsets.items()}) == (
        "",
        "default",
        {"hin-mar": ("hin-Deva", "mar-Deva")},
    )
    rows = load_rows(task.card, None).splits["hin-mar"]["default"]
    assert [(row["sentence1"], row["sentence2"]) for row in rows] == list(zip(sentences(WORDS_HI, 60)[:30], sentences(WORDS_MR, 30), strict=True))
    kind = type(mteb.get_task("WebFAQBitextMiningQuestions"))
    transform = kind.dataset_transform

    def exchanged(self, **given):
        transform(self, **given)
        self.dataset["hin-mar"]["default"]["gold"][:2] = [(0, 1), (1, 0)]

    monkeypatch.setattr(kind, "dataset_transform", exchanged)
    problem = plan_anew(workspace, suite="mine").tasks["WebFAQBitextMiningQuestions"].problem
    assert "the translation of this sentence stands in another row ((0, 1))" in problem


def test_where_the_data_set_is_not_on_this_machine_a_named_task_cannot_run_and_the_mend_is_told(workspace, tmp_path, monkeypatch):
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    plan = plan_anew(workspace, suite="mine", tasks=("SemRel24STS",), offline=True)
    cell = next(cell for cell in plan.cells if cell.cell.stage == "evaluate")
    assert cell.status == "cannot run"
    assert "mteb:SemRel24STS[" in cell.reason
    assert "not in the Hub's cache on this machine" in cell.reason
    assert "`bench run` fetches it" in cell.reason


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("BelebeleRetrieval", "is a task of mteb of type Retrieval, and cannot be taken from mteb by its name; only STS, Classification"),
        ("IN22GenBitextMining", "parallel subsets"),
        ("STSBenchmark", "without a subset in Marathi or Hindi alone"),
        ("HindiDiscourseClassification", "is what the task is tested on"),
        ("semrel24sts", "no task 'semrel24sts'"),
    ],
)
def test_what_cannot_be_taken_by_its_name_is_told_with_the_reason(tmp_path, name, message):
    with pytest.raises(CardError) as caught:
        load_library(write_workspace(tmp_path, tasks={}, suites={"mine.toml": SUITE.format(tasks=f'"{name}"')}))
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_mteb_is_not_imported_where_every_task_has_a_card(tmp_path):
    write_workspace(tmp_path)
    code = (
        "import sys\nfrom pathlib import Path\nfrom bench.cards.load import load_library\nfrom bench.cards.workspace import find_workspace\n"
        f"load_library(find_workspace(Path({str(tmp_path)!r})))\nprint('mteb' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
