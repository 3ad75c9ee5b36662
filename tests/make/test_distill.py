"""Distilled candidates: a teacher that is made first and once, a student that comes nearer to it, and cards that cannot be meant."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from transformers import AutoTokenizer, BertConfig, BertModel

from bench.cards.load import load_library
from bench.cards.recipes import Phase
from bench.cards.workspace import find_workspace
from bench.data.training import Development, TrainingSet
from bench.errors import CardError, LayerError, ModelError
from bench.make.distill import Teacher, teacher_targets
from bench.make.finetune import finetune
from bench.models.architectures import embedding_width
from bench.models.embeddings import EmbeddingStore
from bench.models.loading import load_encoder, load_sentence_model
from bench.models.pruning import keep_layers, randomise
from bench.plan.planning import Plan
from tests.builders import blueprint_of, board_of, checkpoint_of, made_of, plan_anew
from tests.cli.command import bench
from tests.conftest import WORDS_MR, build_workspace, sentences
from tests.run.test_run import run

HELD_OUT = sentences(list(reversed(WORDS_MR)), 40)
RECIPE = """
[recipes.taught]
pooling = "mean"

[[recipes.taught.phases]]
kind = "distill"
data = ["more.txt", "Triples", "Pairs"]
epochs = 8
batch_size = 16
learning_rate = 1e-3
"""
STS_PHASE = '\n[[recipes.taught.phases]]\nkind = "sts"\ndata = ["Pairs"]\nepochs = 1\n'
STUDENT = '\n[[candidates]]\nname = "student"\nkind = "distilled"\nbase = "tiny"\nrecipe = "taught"\n'
PRUNED = STUDENT + 'strategy = "top"\nkeep = 2\n'


def add(folder: Path, *added: str) -> Path:
    """Put text at the end of the suite's card, and a text file beside it."""
    card = folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + "".join(added), encoding="utf-8")
    (folder / "models" / "more.txt").write_text("\n".join(sentences(WORDS_MR, 72)) + "\n", encoding="utf-8")
    load_library.cache_clear()
    return folder


def add_base(folder: Path, tiny_base: Path, *, width: int) -> str:
    """A base of two layers with the tiny one's tokenizer, and its table in the card."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, pad_token_id=0)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder / "models" / f"w{width}")
    tokenizer.save_pretrained(folder / "models" / f"w{width}")
    return f'\n[bases.w{width}]\npath = "w{width}"\n'


def planned(folder: Path, *names: str) -> Plan:
    return plan_anew(folder, names=names, stages=("make",))


def nearness(vectors: np.ndarray, teacher: np.ndarray) -> float:
    """Mean cosine between the embeddings of the same text."""
    return float(np.mean(np.sum(vectors * teacher, axis=1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(teacher, axis=1)))


@pytest.fixture(scope="module")
def taught(tmp_path_factory, tiny_base):
    """A workspace in which only the student was asked for."""
    folder = add(build_workspace(tmp_path_factory.mktemp("taught") / "workspace", tiny_base), RECIPE, PRUNED)
    planner, outcome = run(folder, names=("student",), tasks=("Pairs",))
    assert outcome.complete, outcome
    return folder, planner, outcome


def test_a_teacher_that_was_not_asked_for_is_made_first_and_then_reused(taught):
    folder, _, outcome = taught
    assert outcome.computed == 3, "the teacher's make, the student's make and evaluation"
    stored = sorted((folder / ".bench" / "results").rglob("*.json"), key=lambda path: path.stat().st_mtime_ns)  # what a result tells are whole seconds
    cells = [json.loads(path.read_text(encoding="utf-8"))["cell"] for path in stored]
    assert [cell["candidate"] for cell in cells if cell["stage"] == "make"] == ["tiny", "student"]
    _, again = run(folder, names=("tiny", "student"), stages=("make",))
    assert (again.computed, again.reused) == (0, 2)
    shutil.rmtree(copied := folder.with_name("copy"), ignore_errors=True)
    shutil.copytree(folder, copied)
    shutil.rmtree(checkpoint_of(planned(copied), "tiny"))
    assert [str(cell.cell) for cell in planned(copied, "student").cells] == ["student make"], "a finished student needs its teacher no more"


@pytest.mark.parametrize("loss", ["mse", "cosine"])
@pytest.mark.parametrize("start", ["pruned", "random"])
def test_a_student_ends_nearer_to_its_teacher_on_text_it_has_not_seen(tmp_path, tiny_base, start, loss):
    """The weights of this teacher are so large that its upper layers matter, which those of the tiny base do not."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=64, initializer_range=0.2)
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    teacher, student = load_sentence_model(tmp_path), load_sentence_model(tmp_path)
    teacher.save_pretrained(str(tmp_path / "teacher"), create_model_card=False)
    if start == "random":
        randomise(student, layers=2, seed=1)
    else:
        keep_layers(student[0].auto_model, [0, 1])
    rows = TrainingSet(unlabelled=tuple(sentences(WORDS_MR, 160)))
    wanted, before = teacher.encode(HELD_OUT), student.encode(HELD_OUT)
    phase = Phase(kind="distill", data=("-",), loss=loss, epochs=6, learning_rate=3e-3)
    (goals,) = targets(tmp_path / "teacher", [rows], width=32)
    folder = tmp_path / "training"
    (told,) = finetune(student, [(phase, rows)], seed=0, bf16=False, folder=folder, development=Development(), targets=[goals], progress=lambda *_: None)
    after = student.encode(HELD_OUT)
    assert told["steps"] == 6 * 20
    assert 1 - nearness(after, wanted) < (1 - nearness(before, wanted)) / 2
    assert loss == "cosine" or np.mean((after - wanted) ** 2) < np.mean((before - wanted) ** 2) / 2


def test_the_checkpoint_names_its_teacher_and_counts_the_texts(taught):
    _, planner, _ = taught
    folder = checkpoint_of(planner, "student")
    lineage = json.loads((folder / "kasauti.json").read_text(encoding="utf-8"))
    key = blueprint_of(planner, "tiny").key
    assert (lineage["teacher"], lineage["teacher_key"], lineage["weights"], lineage["kept_layers"]) == ("tiny", key, "pruned", [0, 1])
    assert f"- taught by `tiny` (checkpoint {key[:16]})" in (folder / "README.md").read_text(encoding="utf-8")
    (phase,) = [phase for phase in lineage["phases"] if "steps" in phase]
    assert phase["kind"] == "distill"
    texts = blueprint_of(planner, "student").training[0].unlabelled
    assert phase["rows"] == len(texts) == len(set(texts))
    assert phase["steps"] == 8 * -(-len(texts) // 16)


def test_texts_of_a_test_are_not_taught_and_are_counted(taught):
    _, planner, _ = taught
    rows = blueprint_of(planner, "student").training[0]
    tests = {text for table in ("pairs/test-mr.tsv", "topics/test.tsv") for text in (planner.workspace.tasks / table).read_text(encoding="utf-8").split("\t")}
    file_texts = sentences(WORDS_MR, 72)
    assert rows.leaked["more.txt"] == len(set(file_texts) - set(rows.unlabelled)) > 0
    assert not set(rows.unlabelled) & tests


def test_the_board_compares_a_student_with_its_full_parent(taught):
    folder, *_ = taught
    planner, outcome = run(folder, names=("tiny", "student"))
    assert outcome.complete
    row = next(row for row in board_of(planner).rows if row.name == "student")
    assert (row.kind, row.parent, row.kept) == ("distilled", "tiny", "0-1")
    assert row.of_parent is not None


def test_making_is_deterministic(taught, tmp_path, tiny_base):
    first, planner, _ = taught
    folder = add(build_workspace(tmp_path / "again", tiny_base), RECIPE, PRUNED)
    again, outcome = run(folder, names=("student",), stages=("make",))
    assert outcome.complete
    assert first != folder
    assert made_of(again, "student")["content"] == made_of(planner, "student")["content"]


def test_distillation_runs_before_the_other_phases_too_and_by_cosine_from_random_weights(workspace_folder):
    recipe = RECIPE + 'loss = "cosine"\n' + STS_PHASE
    planner, outcome = run(
        add(workspace_folder, recipe, STUDENT + 'weights = "random"\nkeep = 1\nseed = 3\nteacher = "tiny"\n'), names=("student",), stages=("make",)
    )
    assert outcome.complete, outcome
    lineage = json.loads((checkpoint_of(planner, "student") / "kasauti.json").read_text(encoding="utf-8"))
    assert [phase["kind"] for phase in lineage["phases"]] == ["distill", "sts"]
    assert blueprint_of(planner, "student").lineage["phases"][0]["loss"] == "cosine"
    assert "loss" not in blueprint_of(planner, "student").lineage["phases"][1]
    assert lineage["phases"][0]["mean_loss"] < 1, "one minus the cosine, and nearer than at a right angle"
    assert (lineage["weights"], lineage["layers"]) == ("random", 1)


def test_a_narrower_student_learns_the_principal_components_of_its_teacher(workspace_folder, tiny_base):
    base = add_base(workspace_folder, tiny_base, width=16)
    student = STUDENT.replace('"tiny"', '"w16"') + 'weights = "pretrained"\nteacher = "tiny"\n'
    planner, outcome = run(add(workspace_folder, base, RECIPE, student), names=("student",), stages=("make",))
    assert outcome.complete, outcome
    encoder = load_encoder(checkpoint_of(planner, "student"))
    texts = blueprint_of(planner, "student").training[0].unlabelled
    (wanted,) = targets(checkpoint_of(planner, "tiny"), [TrainingSet(unlabelled=texts)], width=16)
    before = load_sentence_model(workspace_folder / "models" / "w16").encode(list(texts))
    assert nearness(encoder.encode(list(texts)), wanted) > nearness(before, wanted) + 0.2


def test_the_students_of_a_teacher_share_what_it_tells_them(workspace_folder):
    students = PRUNED + 'teacher = "tiny"\n' + PRUNED.replace('"student"', '"other"') + 'teacher = "tiny"\nseed = 1\n'
    planner, outcome = run(add(workspace_folder, RECIPE, students), names=("student", "other"), stages=("make",))
    assert outcome.complete, outcome
    (shard,) = (workspace_folder / ".bench" / "embeddings").rglob("*.json")
    assert set(json.loads(shard.read_text(encoding="utf-8"))["texts"]) == set(blueprint_of(planner, "student").training[0].unlabelled)


def teacher_in(folder: Path, store: Path) -> Teacher:
    return Teacher(folder, "", lambda _: nullcontext(EmbeddingStore(store)))


def targets(teacher: Path, training: list[TrainingSet], *, width: int) -> list[np.ndarray | None]:
    with tempfile.TemporaryDirectory() as store:
        return teacher_targets("student", training, teacher_in(teacher, Path(store)), width=width, seed=0, device="cpu", progress=lambda _: None)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, tiny_base) -> Path:
    folder = tmp_path_factory.mktemp("teacher") / "model"
    load_sentence_model(tiny_base).save_pretrained(str(folder), create_model_card=False)
    return folder


def test_targets_are_the_teachers_embeddings_in_the_order_of_each_phase(teacher):
    training = [TrainingSet(unlabelled=tuple(HELD_OUT[:30])), TrainingSet(pairs=(("अ", "ब"),)), TrainingSet(unlabelled=tuple(reversed(HELD_OUT[20:])))]
    first, none, last = targets(teacher, training, width=32)
    expected = load_encoder(teacher).encode(HELD_OUT)  # in other batches, so equal but for rounding
    assert none is None
    np.testing.assert_allclose(first, expected[:30], rtol=0, atol=1e-5)
    np.testing.assert_allclose(last, expected[20:][::-1], rtol=0, atol=1e-5)


def test_a_projection_is_shared_by_the_phases_and_keeps_the_largest_components(teacher):
    training = [TrainingSet(unlabelled=tuple(HELD_OUT[:30])), TrainingSet(unlabelled=tuple(HELD_OUT[20:]))]
    first, last = targets(teacher, training, width=8)
    assert first.shape == (30, 8)
    assert np.array_equal(first[20:], last[:10])
    vectors = load_encoder(teacher).encode(HELD_OUT)
    whole = np.concatenate([first, last[10:]])
    assert whole.var(axis=0).sum() == pytest.approx(PCA(8).fit(vectors).explained_variance_.sum() * 39 / 40, rel=1e-3)


def test_too_few_texts_for_a_projection_are_refused(teacher):
    with pytest.raises(ModelError, match=r"at least as many unlabelled texts \(got 5\)"):
        targets(teacher, [TrainingSet(unlabelled=tuple(HELD_OUT[:5]))], width=8)


def test_a_student_wider_than_its_teacher_is_refused_before_training_where_no_configuration_told(teacher):
    with pytest.raises(LayerError, match=r"student: a student must not be wider than its teacher \(got 33 dimensions, the teacher has 32\)"):
        targets(teacher, [TrainingSet(unlabelled=tuple(HELD_OUT))], width=33)


@pytest.mark.parametrize("verb", ["plan", "make", "run"])
def test_a_student_wider_than_its_teacher_ends_with_exit_code_2(workspace_folder, tiny_base, verb):
    student = STUDENT.replace('"tiny"', '"w48"') + 'weights = "random"\nkeep = 2\nteacher = "tiny"\n'
    add(workspace_folder, add_base(workspace_folder, tiny_base, width=48), RECIPE, student)
    found = bench(verb, "student", "--device", "cpu", cwd=workspace_folder)
    assert found.returncode == 2
    assert (
        "student: a student must not be wider than its teacher (got 48 dimensions, the teacher has 32); choose a narrower base or a wider teacher"
        in found.stderr.replace("\n", " ")
    )
    assert "mini.toml" in found.stderr
    assert not (workspace_folder / ".bench" / "checkpoints").exists()


@pytest.mark.parametrize("what", ["a trimmed vocabulary", "distillation"])
def test_an_empty_corpus_ends_with_exit_code_2(workspace_folder, what):
    (workspace_folder / "models" / "empty.txt").write_text("\n \n", encoding="utf-8")
    if what == "distillation":
        add(workspace_folder, re.sub(r"data = .*", 'data = ["empty.txt"]', RECIPE), PRUNED)
    else:
        add(workspace_folder, RECIPE, PRUNED + 'vocabulary = { corpus = ["empty.txt"], size = 100 }\n')
    found = bench("run", "student", "--device", "cpu", cwd=workspace_folder)
    assert found.returncode == 2
    assert re.search(r"mini\.toml: student: \S+: no texts are left in empty\.txt; expected text", found.stderr.replace("\n", " "))
    assert "Traceback" not in found.stderr


def module(kind: str, path: str = "1_Part") -> dict[str, str]:
    return {"path": path, "type": f"sentence_transformers.models.{kind}"}


@pytest.mark.parametrize(
    ("modules", "settings", "width"),
    [
        ([], {}, 32),
        ([module("Pooling")], {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, 32),
        ([module("Pooling")], {"pooling_mode": "mean"}, 32),
        ([module("Pooling")], {"pooling_mode": ["mean", "max"]}, None),
        ([module("Pooling")], {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, None),
        ([module("Dense")], {"out_features": 8}, 8),
        ([module("Normalize")], {}, 32),
        ([module("Unheard")], {}, None),
    ],
)
def test_the_width_of_embeddings_is_read_from_configuration_files_or_left_open(tmp_path, tiny_base, modules, settings, width):
    folder = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    (folder / "1_Part").mkdir()
    (folder / "1_Part" / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "modules.json").write_text(json.dumps([module("Transformer", ""), *modules]), encoding="utf-8")
    assert embedding_width(folder) == width


def test_the_key_follows_the_teachers_recipe_and_not_its_name(workspace_folder):
    card = add(workspace_folder, RECIPE, PRUNED) / "models" / "mini.toml"
    text = card.read_text(encoding="utf-8")

    def key_with(old: str, new: str) -> str:
        assert old in text
        card.write_text(text.replace(old, new), encoding="utf-8")
        return blueprint_of(planned(workspace_folder), "student").key

    first = key_with("student", "student")
    assert key_with('name = "tiny"', 'name = "renamed"') == first
    assert key_with('data = ["Triples"]\nepochs = 1', 'data = ["Triples"]\nepochs = 2') != first
    assert key_with("learning_rate = 1e-3", 'learning_rate = 1e-3\nloss = "cosine"') != first
    assert key_with("learning_rate = 1e-3", 'learning_rate = 1e-3\nloss = "mse"') == first
    assert key_with('strategy = "top"\nkeep = 2\n', 'weights = "random"\nkeep = 2\nteacher = "tiny"\n') != first
    card.write_text(text, encoding="utf-8")
    (workspace_folder / "models" / "more.txt").write_text("नवीन वाक्य\n", encoding="utf-8")
    assert key_with("student", "student") != first


def test_a_plan_shows_the_making_of_a_teacher_before_its_student(workspace_folder):
    add(workspace_folder, RECIPE)
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(
        card.read_text(encoding="utf-8").replace('[[candidates]]\nname = "letters"', PRUNED + '\n[[candidates]]\nname = "letters"'), encoding="utf-8"
    )
    assert [str(cell.cell) for cell in planned(workspace_folder, "student").cells] == ["tiny make", "student make"]
    everyone = [str(cell.cell) for cell in planned(workspace_folder).cells]
    assert everyone == ["tiny make", "student make", "letters make", "tiny-top2 make"]


def test_a_student_whose_teacher_cannot_be_made_cannot_be_made_either(workspace_folder):
    gone = '\n[[candidates]]\nname = "gone"\nkind = "external"\npath = "nowhere"\n'
    planner, outcome = run(add(workspace_folder, RECIPE, gone, PRUNED + 'teacher = "gone"\n'), names=("student",), stages=("make",))
    assert planner.selection.everyone["student"].parent == "tiny"
    assert "gone: " in outcome.blocked[planner.candidates["student"].cells[0].cell]


def test_a_student_of_a_teacher_whose_making_fails_says_so(workspace_folder):
    broken = workspace_folder / "models" / "broken"
    shutil.copytree(workspace_folder / "models" / "tiny", broken)
    (broken / "model.safetensors").write_bytes(b"")
    external = '\n[[candidates]]\nname = "broken"\nkind = "external"\npath = "broken"\n'
    _, outcome = run(add(workspace_folder, RECIPE, external, PRUNED + 'teacher = "broken"\n'), names=("student",), stages=("make",))
    assert {str(cell): error for cell, error in outcome.failed.items()}["student make"] == "student: its teacher broken was not made"


MISTAKES = {
    "unknown teacher": (PRUNED + 'teacher = "tny"\n', "candidates.2.teacher", ["no candidate 'tny'", "did you mean 'tiny'"]),
    "lexical teacher": (PRUNED + 'teacher = "letters"\n', "candidates.2.teacher", ["'letters' is lexical", "must be full, pruned"]),
    "itself as teacher": (PRUNED + 'teacher = "student"\n', "candidates.2.teacher", ["'student' is distilled"]),
    "no teacher": (PRUNED + "seed = 5\n", "candidates.2.teacher", ["one full candidate of base 'tiny' and seed 5", "name a teacher", "tiny-top2"]),
    "teacher of another kind": (
        '\n[[candidates]]\nname = "f"\nkind = "full"\nbase = "tiny"\nseed = 1\nteacher = "tiny"\n',
        "candidates.2.teacher",
        ["means nothing for kind 'full'"],
    ),
    "distillation without a teacher": (
        '\n[[candidates]]\nname = "f"\nkind = "full"\nbase = "tiny"\nrecipe = "taught"\nseed = 1\n',
        "candidates.2.recipe",
        ["'f' is full", "phase 'distill' of recipe 'taught'"],
    ),
    "no distillation": (PRUNED.replace('"taught"', '"short"'), "candidates.2.recipe", ["needs a recipe with a phase of kind 'distill'", "'short'"]),
    "no student": (STUDENT, "candidates.2.strategy", ["strategy and keep", "layers", "weights"]),
    "random without a depth": (STUDENT + 'weights = "random"\n', "candidates.2.keep", ["keep"]),
    "pretrained with a depth": (STUDENT + 'weights = "pretrained"\nkeep = 2\n', "candidates.2.keep", ["whole"]),
    "grid without strategies": ('\n[[grids]]\nkind = "distilled"\nbases = ["tiny"]\nkeep = [2]\nrecipes = ["taught"]\n', "grids.1.strategies", ["distilled"]),
    "loss of another phase": (STS_PHASE + 'loss = "mse"\n' + PRUNED, "recipes.taught.phases.1.loss", ["a loss means nothing for phase 'sts'"]),
    "unknown loss": ('loss = "l2"\n' + PRUNED, "recipes.taught.phases.0.loss", ["'mse' or 'cosine'", "'l2'"]),
}


@pytest.mark.parametrize(("added", "field", "parts"), MISTAKES.values(), ids=MISTAKES)
def test_a_card_that_cannot_be_meant_is_refused_with_its_field(workspace_folder, added, field, parts):
    with pytest.raises(CardError) as caught:
        load_library(find_workspace(add(workspace_folder, RECIPE, added)))
    (problem,) = caught.value.problems
    assert problem.field == field
    assert [part for part in parts if part not in problem.message] == []


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ("none.txt", ["'none.txt' is neither a data set nor a text file beside this card"]),
        ("Pairs:test", ["'Pairs:test' is what 'Pairs' is tested on; test texts may not be taught"]),
        ("Pairs:dev", ["no split 'dev'"]),
    ],
)
def test_texts_that_are_not_there_or_are_tested_are_refused(workspace_folder, data, parts):
    with pytest.raises(CardError) as caught:
        load_library(find_workspace(add(workspace_folder, RECIPE.replace("more.txt", data), PRUNED)))
    (problem,) = caught.value.problems
    assert problem.field == "recipes.taught.phases.0.data"
    assert [part for part in parts if part not in problem.message] == []


@pytest.mark.parametrize(
    ("strategies", "names"),
    [('["top"]', ["tiny-distilled1", "tiny-distilled2"]), ('["top", "bottom"]', [f"tiny-distilled-{s}{n}" for s in ("top", "bottom") for n in (1, 2)])],
)
def test_a_grid_names_strategies_where_it_has_several_and_hands_on_the_teacher(workspace_folder, strategies, names):
    grid = f'\n[[grids]]\nkind = "distilled"\nbases = ["tiny"]\nstrategies = {strategies}\nkeep = [1, 2]\nrecipes = ["taught"]\nteacher = "tiny-top2"\n'
    candidates = load_library(find_workspace(add(workspace_folder, RECIPE, grid))).candidates["small"]
    made = [candidate for candidate in candidates if candidate.kind == "distilled"]
    assert [candidate.name for candidate in made] == names
    assert {(candidate.taught_by, candidate.parent) for candidate in made} == {("tiny-top2", "tiny")}


def test_seeds_of_a_student_are_taught_by_the_full_model_of_the_same_seed(workspace_folder):
    text = (workspace_folder / "models" / "mini.toml").read_text(encoding="utf-8")
    full = '\n[[grids]]\nkind = "full"\nbases = ["tiny"]\nrecipes = ["short"]\nseeds = [1, 2]\n'
    grid = '\n[[grids]]\nkind = "distilled"\nbases = ["tiny"]\nstrategies = ["top"]\nkeep = [2]\nrecipes = ["taught"]\nseeds = [0, 1, 2]\n'
    assert 'name = "tiny"' in text
    made = {one.name: one for one in load_library(find_workspace(add(workspace_folder, RECIPE, full, grid))).candidates["small"]}
    assert [made[f"tiny-distilled2-seed{seed}"].taught_by for seed in (0, 1, 2)] == ["tiny", "tiny-seed1", "tiny-seed2"]
