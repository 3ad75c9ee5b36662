"""Our scores are mteb's: the same model and rows through `mteb.evaluate`, with a stock task class and mteb's own encoder, give the same numbers.

STS is equal to 1e-6. The others are allowed 1e-3: our batches differ from mteb's, which moves embeddings by about 1e-7, and a classifier or a ranking can flip
one example on that. Triplets, of which mteb has no task, are compared with sentence-transformers.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bench.cards.load import load_library
from bench.cards.tasks import TaskCard
from bench.cards.workspace import Workspace, builtin_content
from bench.data.rows import load_rows

TASKS = {"KasautiSTS": 1e-6, "KasautiTopic": 1e-3, "KasautiTopic-kNN": 1e-3, "KasautiBitext": 1e-3, "KasautiPairs": 1e-3}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The built-in tasks, and a pair classification made of the same sentences (3 and above is a paraphrase)."""
    content = builtin_content()
    folder = tmp_path_factory.mktemp("content")
    (folder / "models").mkdir()
    (folder / "tasks").mkdir()
    for task in (content / "tasks").glob("kasauti-*"):
        (folder / "tasks" / task.name).symlink_to(task)
    lines = (content / "tasks" / "kasauti-sts" / "test.tsv").read_text(encoding="utf-8").splitlines()
    header, rows = lines[0].split("\t"), [line.split("\t") for line in lines[1:]]
    at = {name: header.index(name) for name in ("mr1", "mr2", "score")}
    pairs = [f"{row[at['mr1']]}\t{row[at['mr2']]}\t{'yes' if float(row[at['score']]) >= 3 else 'no'}" for row in rows]
    (folder / "tasks" / "pairs").mkdir()
    (folder / "tasks" / "pairs" / "test.tsv").write_text("\n".join(["sentence1\tsentence2\tlabel", *pairs]) + "\n", encoding="utf-8")
    (folder / "tasks" / "pairs" / "task.toml").write_text(
        'name = "KasautiPairs"\ntype = "PairClassification"\ndescription = "d"\nlicense = "cc-by-4.0"\nlabels = { yes = 1, no = 0 }\n'
        '[subsets.mr]\nlanguages = ["mar-Deva"]\n[[subsets.mr.sources]]\nsplit = "test"\nfile = "test.tsv"\n',
        encoding="utf-8",
    )
    return load_library(Workspace(folder, folder))


@pytest.fixture(scope="module")
def judge(tmp_path_factory) -> Path:
    """A layer of the shipped base, its inner width cut, with mean pooling: quick on Devanagari, also in half precision, which a CPU computes slowly."""
    from torch.nn import Parameter

    from bench.models.loading import load_sentence_model
    from bench.models.pruning import keep_layers

    folder = tmp_path_factory.mktemp("judge")
    model = load_sentence_model(builtin_content() / "models" / "mini" / "base-12")
    bert = model[0].auto_model
    keep_layers(bert, [0])
    inner, outer = bert.encoder.layer[0].intermediate.dense, bert.encoder.layer[0].output.dense
    inner.weight, inner.bias, outer.weight = Parameter(inner.weight[:64]), Parameter(inner.bias[:64]), Parameter(outer.weight[:, :64].contiguous())
    bert.config.intermediate_size = 64
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def ours(library, name: str, model: Path, folder: Path) -> dict[str, float]:
    return scored(library.task(name), model, folder)["main"]


def scored(card: TaskCard, model: Path, folder: Path) -> dict[str, Any]:
    from bench.evaluate.score import LookupEncoder, score_task
    from bench.evaluate.tasks import build_task, task_texts
    from bench.models.embeddings import EmbeddingStore
    from bench.models.loading import load_encoder

    task = build_task(card, load_rows(card, None), "revision")
    store = EmbeddingStore(folder)
    store.add(task_texts(card, task), load_encoder(model))
    return score_task(card, task, LookupEncoder(store, "judge", "revision"))


def mtebs(library, name: str, model: Path) -> dict[str, float]:
    """Main scores by `mteb_result`."""
    return {entry["hf_subset"]: entry["main_score"] for entry in mteb_result(library, name, model).scores["test"]}


def mteb_result(library, name: str, model: Path):
    """A stock mteb task over the same files, read by `datasets`, evaluated with a SentenceTransformer."""
    import mteb
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskBitextMining, AbsTaskClassification, AbsTaskPairClassification, AbsTaskSTS
    from sentence_transformers import SentenceTransformer
    from sklearn.neighbors import KNeighborsClassifier

    card = library.task(name)
    stock = {"STS": AbsTaskSTS, "Classification": AbsTaskClassification, "PairClassification": AbsTaskPairClassification, "BitextMining": AbsTaskBitextMining}[
        card.type
    ]
    rows = load_rows(card, None).splits
    renamed = {"label": "labels"} if card.type == "PairClassification" else {}

    class Stock(stock):
        metadata = mteb.TaskMetadata(
            name="Stock",
            description="d",
            type=card.type,
            eval_langs={subset: list(spec.languages) for subset, spec in card.subsets.items()},
            main_score=card.score_name,
            dataset={"path": "local/stock", "revision": "1"},
        )

        def load_data(self, **_):
            self.dataset = {
                subset: DatasetDict(
                    {
                        split: Dataset.from_list([{renamed.get(key, key): value for key, value in row.items()} for row in found])
                        for split, found in splits.items()
                    }
                )
                for subset, splits in rows.items()
            }
            self.data_loaded = True

    if card.classifier == "knn":
        Stock.evaluator_model = KNeighborsClassifier(card.neighbours)
    loaded = SentenceTransformer(str(model), device="cpu", local_files_only=True)
    return mteb.evaluate(loaded, Stock(), cache=None, show_progress_bar=False).task_results[0]


@pytest.mark.parametrize(("name", "tolerance"), TASKS.items())
def test_scores_equal_those_of_mteb(library, judge, tmp_path, name, tolerance):
    expected = mtebs(library, name, judge)
    found = ours(library, name, judge, tmp_path)
    assert found.keys() == expected.keys()
    for subset, score in expected.items():
        assert found[subset] == pytest.approx(score, abs=tolerance)


def test_a_classifier_is_fitted_by_one_thread_and_the_setting_is_given_back(library, judge, tmp_path, monkeypatch):
    """Of small matrices two threads of BLAS make many times the work of one."""
    import mteb
    from threadpoolctl import threadpool_info

    def threads() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    seen, before, evaluate = [], threads(), mteb.evaluate

    def watched(*args, **kwargs):
        seen.append(threads())
        return evaluate(*args, **kwargs)

    monkeypatch.setattr(mteb, "evaluate", watched)
    scored(library.task("KasautiTopic"), judge, tmp_path)
    assert seen == [{1}]
    assert threads() == before


def test_triplets_score_as_the_evaluator_of_sentence_transformers_counts_them(library, judge, tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.evaluation import TripletEvaluator

    loaded = SentenceTransformer(str(judge), device="cpu", local_files_only=True)
    card = library.task("KasautiNLI")
    card = dataclasses.replace(card, evaluate_on="train", subsets={"hi": card.subsets["hi"]})
    rows = load_rows(card, None).splits["hi"]["train"]
    found = scored(card, judge, tmp_path)["main"]["hi"]
    columns = ([row[column] for row in rows] for column in ("premise", "entailment", "contradiction"))
    expected = TripletEvaluator(*columns, main_similarity_function="cosine", similarity_fn_names=["cosine"])(loaded)
    assert 0.05 < found < 0.95
    assert found == pytest.approx(expected["cosine_accuracy"], abs=2 / 700)


def test_only_the_training_rows_that_some_experiment_draws_are_encoded(library):
    from bench.evaluate.tasks import build_task, task_texts

    card = library.task("KasautiTopic")
    data = load_rows(card, None)
    task = build_task(card, data, "revision")
    task.load_data()
    drawn = {row["text"] for row in task.sampled_rows(data.splits["mr"]["train"])}
    asked = set(task_texts(card, task))
    every = {row["text"] for row in data.splits["mr"]["train"]}
    assert drawn < every or len(every) <= 6 * card.samples_per_label * card.experiments
    assert drawn <= asked
    assert not asked & (every - drawn)


def test_few_shot_draws_have_one_name_wherever_the_same_rows_are_drawn(library):
    """So that their luck is shared by parallel languages and by both classifiers, and by nothing else."""
    from bench.evaluate.tasks import build_task, draws_name

    names = {}
    for name in ("KasautiTopic", "KasautiTopic-kNN", "KasautiSentiment", "KasautiSTS"):
        card = library.task(name)
        task = build_task(card, load_rows(card, None), "revision")
        names[name] = {subset: draws_name(card, task, subset) for subset in card.subsets}
    topic = names["KasautiTopic"]["mr"]
    assert names["KasautiTopic"] == names["KasautiTopic-kNN"] == {"mr": topic, "hi": topic}
    assert topic not in names["KasautiSentiment"].values()
    assert set(names["KasautiSTS"].values()) == {""}
    fewer = dataclasses.replace(library.task("KasautiTopic"), samples_per_label=4)
    assert draws_name(fewer, build_task(fewer, load_rows(fewer, None), "revision"), "mr") != topic


def test_a_score_is_stored_with_what_makes_it_vary(library, judge, tmp_path):
    from bench.statistics.estimate import Estimate

    stored = scored(library.task("KasautiTopic"), judge, tmp_path)
    marathi, hindi = (Estimate.read(stored["estimates"][language]) for language in ("mr", "hi"))
    assert marathi.value == stored["main"]["mr"]
    assert list(marathi.factors) == list(hindi.factors)
    (factor,) = marathi.factors.values()
    right = [one.count("1") / len(one) for one in stored["examples"]["mr"]["correct"]]
    assert factor.deviations == pytest.approx([score - sum(right) / 10 for score in right], abs=1e-6)
    low, high = marathi.interval
    assert low < marathi.value < high
