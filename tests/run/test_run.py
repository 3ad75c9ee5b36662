"""A whole run on a tiny workspace: made, evaluated, probed, ranked, published, resumed."""

from __future__ import annotations

import json
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.stats import norm, t

from bench.cards.workspace import Workspace
from bench.plan.cells import Cell, PlannedCell, summary
from bench.plan.options import Options
from bench.plan.planning import Plan, make_plan
from bench.run.execute import Outcome, execute
from bench.standings.board import Row
from bench.statistics.estimate import Estimate
from bench.statistics.tiers import surely_above
from bench.store import Result
from tests.builders import blueprint_of, board_of, checkpoint_of, made_of, plan_anew
from tests.conftest import build_workspace

pytestmark = pytest.mark.usefixtures("brief_probes")


class Silent:
    def begin(self, cells: list[PlannedCell]) -> None:
        pass

    def start(self, cell: Cell) -> None:
        pass

    def progress(self, cell: Cell, what: str, fraction: float) -> None:
        pass

    def reuse(self, cell: Cell) -> None:
        pass

    def finish(self, cell: Cell, seconds: float, error: str | None) -> None:
        pass

    def end(self) -> None:
        pass


def run(folder: Path, **options) -> tuple[Plan, Outcome]:
    """Run a plan that has read nothing yet, as a new process would."""
    plan = plan_anew(folder, **options)
    return plan, execute(plan, Silent())


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_base, brief_probes):
    """One finished run, copied by every test that changes something."""
    workspace = build_workspace(tmp_path_factory.mktemp("finished") / "workspace", tiny_base)
    _, outcome = run(workspace, probe="quick")
    assert outcome.complete, outcome
    return workspace


@pytest.fixture
def copy_of_finished(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def results(folder: Path) -> dict[str, Result]:
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (folder / ".bench" / "results").rglob("*.json")}


def test_a_run_computes_every_cell_of_every_candidate(finished):
    planner, outcome = run(finished, probe="quick")
    assert summary(planner.cells) == {"done": 18, "to do": 0, "failed": 0, "cannot run": 0}
    assert (outcome.computed, outcome.reused) == (0, 18)


def test_the_board_ranks_complete_rows_by_their_mean(finished):
    planner, _ = run(finished, probe="quick")
    board = board_of(planner)
    assert board.rows[0].rank == 1
    assert all(1 <= row.rank <= place for place, row in enumerate(board.rows, 1))
    means = [row.mean for row in board.rows]
    assert means == sorted(means, reverse=True)
    pruned = next(row for row in board.rows if row.name == "tiny-top2")
    full = next(row for row in board.rows if row.name == "tiny")
    assert pruned.kept == "0-1"
    assert pruned.of_parent == pytest.approx(pruned.mean / full.mean)
    assert pruned.parameters["embeddings"] == full.parameters["embeddings"]
    assert pruned.parameters["body"] * 2 == full.parameters["body"]
    assert all(row.probe["offline"]["sentences_per_second"] > 0 for row in board.rows)
    assert all(row.interval[0] < row.mean < row.interval[1] for row in board.rows)


def test_bitext_shares_reproduce_mtebs_f1(finished):
    stored = [result for result in results(finished).values() if result["cell"]["target"] == "Translations"]
    for result in stored:
        shares = result["examples"]["mr-hi"]["f1"]
        assert result["main"]["mr-hi"] == pytest.approx(sum(shares) / len(shares), abs=1e-5)


def test_a_row_is_only_ranked_below_what_is_surely_better(finished):
    planner, _ = run(finished, probe="quick")
    rows = board_of(planner).rows
    above = surely_above([row.estimate for row in rows])
    assert [row.rank for row in rows] == [1 + sum(column) for column in above.T]
    assert not above.diagonal().any()


def test_results_keep_per_example_outputs_that_reproduce_the_score(finished):
    from scipy.stats import spearmanr

    stored = [result for result in results(finished).values() if result["cell"]["target"] == "Pairs"]
    assert len(stored) == 3
    for result in stored:
        examples = result["examples"]["hi"]
        assert result["main"]["hi"] == pytest.approx(float(spearmanr(examples["gold"], examples["cosine"])[0]), abs=1e-6)
    topics = next(result for result in results(finished).values() if result["cell"]["target"] == "Topics")
    correct = topics["examples"]["mr"]["correct"]
    assert len(correct) == 3
    assert topics["main"]["mr"] == pytest.approx(sum(run.count("1") for run in correct) / sum(map(len, correct)))


def test_a_checkpoint_loads_with_sentence_transformers_alone_and_tells_its_lineage(finished):
    from sentence_transformers import SentenceTransformer

    made = [result for result in results(finished).values() if result["cell"] == {"candidate": "tiny-top2", "stage": "make", "target": ""}]
    folder = Path(made[0]["folder"])
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    assert len(model[0].auto_model.encoder.layer) == 2
    assert model.encode(["मी घरी जातो"]).shape == (1, 32)
    lineage = json.loads((folder / "kasauti.json").read_text(encoding="utf-8"))
    assert lineage["kept_layers"] == [0, 1]
    assert [phase["kind"] for phase in lineage["phases"]] == ["nli", "sts"]
    assert lineage["reload_difference"] <= 1e-5
    assert "kept layers (0-based): [0, 1]" in (folder / "README.md").read_text(encoding="utf-8")


def to_do(folder: Path) -> set[str]:
    return {str(cell.cell) for cell in plan_anew(folder, probe="quick").cells if cell.status != "done"}


def test_a_changed_test_file_re_runs_the_cells_of_that_task_only(copy_of_finished):
    path = copy_of_finished / "tasks" / "topics" / "test.tsv"
    path.write_text(path.read_text(encoding="utf-8").replace("school", "water", 1), encoding="utf-8")
    assert to_do(copy_of_finished) == {"letters evaluate Topics", "tiny evaluate Topics", "tiny-top2 evaluate Topics"}


def test_a_changed_task_card_re_runs_the_cells_of_that_task_only(copy_of_finished):
    path = copy_of_finished / "tasks" / "topics" / "task.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("experiments = 3", "experiments = 4"), encoding="utf-8")
    assert to_do(copy_of_finished) == {"letters evaluate Topics", "tiny evaluate Topics", "tiny-top2 evaluate Topics"}


def test_a_new_description_re_runs_nothing(copy_of_finished):
    path = copy_of_finished / "tasks" / "topics" / "task.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('description = "d"', 'description = "better"'), encoding="utf-8")
    assert to_do(copy_of_finished) == set()


def test_changed_training_data_re_makes_the_trained_candidates_only(copy_of_finished):
    path = copy_of_finished / "tasks" / "triples" / "train.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    pending = to_do(copy_of_finished)
    assert {cell.split()[0] for cell in pending if "probe" not in cell} == {"tiny", "tiny-top2"}
    assert len(pending) == 13  # that of the costs of `letters` too, which were measured beside `tiny`


def test_a_changed_seed_re_makes_that_candidate_only(copy_of_finished):
    path = copy_of_finished / "models" / "mini.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('kind = "full"\nbase = "tiny"', 'kind = "full"\nseed = 1\nbase = "tiny"'), encoding="utf-8")
    assert {cell.split()[0] for cell in to_do(copy_of_finished) if "probe" not in cell} == {"tiny"}


def test_changed_base_weights_re_make_what_was_made_from_them(copy_of_finished):
    from safetensors.torch import load_file, save_file

    path = copy_of_finished / "models" / "tiny" / "model.safetensors"
    weights = load_file(path)
    name = sorted(weights)[0]
    weights[name] = weights[name] + 1
    save_file(weights, path, metadata={"format": "pt"})
    assert {cell.split()[0] for cell in to_do(copy_of_finished) if "probe" not in cell} == {"tiny", "tiny-top2"}


def test_a_checkpoint_that_was_tampered_with_is_made_again(copy_of_finished):
    made = next(r for r in results(copy_of_finished).values() if r["cell"]["candidate"] == "tiny" and r["cell"]["stage"] == "make")
    folder = next((copy_of_finished / ".bench" / "checkpoints").glob(f"{Path(made['folder']).name}"))
    with (folder / "model.safetensors").open("r+b") as handle:
        handle.seek(-4, 2)
        handle.write(b"\x00\x00\x80\x3f")
    assert "tiny make" in to_do(copy_of_finished)


def test_a_torn_result_is_computed_again_and_nothing_else(copy_of_finished):
    path = next(p for p in (copy_of_finished / ".bench" / "results").rglob("*.json") if '"target": "Pairs"' in p.read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: len(text) // 2], encoding="utf-8")
    _, outcome = run(copy_of_finished, probe="quick")
    assert (outcome.computed, outcome.reused) == (1, 17)
    assert json.loads(path.read_text(encoding="utf-8"))["main"] == json.loads(text)["main"]


def test_the_same_candidate_gives_the_same_bits_alone_and_in_company(finished, workspace_folder):
    _, outcome = run(workspace_folder, names=("tiny-top2",), tasks=("Pairs",))
    assert outcome.complete
    alone = next(r for r in results(workspace_folder).values() if r["cell"] == {"candidate": "tiny-top2", "stage": "evaluate", "target": "Pairs"})
    together = next(r for r in results(finished).values() if r["cell"] == {"candidate": "tiny-top2", "stage": "evaluate", "target": "Pairs"})
    assert alone["key"] == together["key"]
    assert alone["examples"] == together["examples"]


def test_two_candidates_of_one_base_never_share_a_score(finished):
    keys = {(r["cell"]["candidate"], r["cell"]["target"]): r["key"] for r in results(finished).values() if r["cell"]["stage"] == "evaluate"}
    assert len(set(keys.values())) == len(keys) == 12


def test_a_failed_candidate_does_not_stop_the_others_and_is_tried_again(workspace_folder):
    weights = workspace_folder / "models" / "tiny" / "model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:1000])
    planner, outcome = run(workspace_folder)
    assert {str(cell) for cell in outcome.failed} >= {"tiny make", "tiny-top2 make"}
    assert outcome.computed == 5
    board = board_of(planner)
    row = next(row for row in board.rows if row.name == "tiny")
    assert (row.rank, row.mean, row.scores) == (None, None, {})
    assert row.problem.startswith("making failed")
    weights.write_bytes(good)
    _, outcome = run(workspace_folder)
    assert outcome.complete
    assert outcome.reused == 5


def test_a_scratch_candidate_is_random_or_its_base_as_it_was_pre_trained(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    added = (
        '[[candidates]]\nname = "random"\nkind = "scratch"\nbase = "tiny"\nkeep = 4\n'
        '[[candidates]]\nname = "small"\nkind = "scratch"\nbase = "tiny"\nweights = "pretrained"\nparent = "tiny"\n'
    )
    card.write_text(card.read_text(encoding="utf-8") + added, encoding="utf-8")
    planner, outcome = run(workspace_folder, names=("random", "small"), stages=("make",))
    assert outcome.complete, outcome
    base = load_file(workspace_folder / "models" / "tiny" / "model.safetensors")
    made = {name: load_file(checkpoint_of(planner, name) / "model.safetensors") for name in ("random", "small")}
    assert all(np.array_equal(made["small"][name], base[name].astype(np.float32)) for name in made["small"])
    layer = "encoder.layer.0.output.dense.weight"
    assert made["random"][layer].shape == base[layer].shape
    assert not np.array_equal(made["random"][layer], base[layer].astype(np.float32))
    kinds = {row.name: row.kind for row in board_of(planner).rows}
    assert (kinds["random"], kinds["small"]) == ("scratch", "scratch, pre-trained")


def test_precisions_of_one_model_share_a_checkpoint_and_no_score(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    added = '[[grids]]\nkind = "pruned"\nbases = ["tiny"]\nstrategies = ["bottom"]\nkeep = [2]\nprecisions = ["fp32", "bf16", "fp16", "int8"]\n'
    card.write_text(card.read_text(encoding="utf-8") + added, encoding="utf-8")
    names = ("tiny-bottom2", "tiny-bottom2-bf16", "tiny-bottom2-fp16", "tiny-bottom2-int8")
    planner, outcome = run(workspace_folder, names=names, tasks=("Pairs",))
    assert outcome.complete, outcome
    assert len({checkpoint_of(planner, name) for name in names}) == 1
    rows = {row.name: row for row in board_of(planner).rows}
    scores = [rows[name].scores["Pairs mr"] for name in names]
    stored = {
        result["cell"]["candidate"]: result["examples"]["mr"]["cosine"]
        for result in results(workspace_folder).values()
        if result["cell"]["stage"] == "evaluate"
    }
    for name in names[1:]:
        assert stored[name] != stored[names[0]]
        assert stored[name] == pytest.approx(stored[names[0]], abs=0.02)
    assert scores == pytest.approx([scores[0]] * 4, abs=0.3)
    assert rows["tiny-bottom2-int8"].kind == "pruned, int8"


def test_seeds_are_folded_into_one_row_with_their_spread(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    added = '[[grids]]\nkind = "scratch"\nbases = ["tiny"]\nkeep = [1]\nseeds = [0, 1, 2]\n'
    card.write_text(card.read_text(encoding="utf-8") + added, encoding="utf-8")
    names = tuple(f"tiny-scratch1-seed{seed}" for seed in range(3))
    planner, outcome = run(workspace_folder, names=names)
    assert outcome.complete, outcome
    row = next(row for row in board_of(planner).rows if row.name == "tiny-scratch1")
    main = {
        name: {
            result["cell"]["target"]: result["main"]
            for result in results(workspace_folder).values()
            if result["cell"]["candidate"] == name and "main" in result
        }
        for name in names
    }
    means = [statistics.fmean(statistics.fmean(subsets.values()) for subsets in tasks.values()) for tasks in main.values()]
    assert row.seeds == 3
    assert row.mean == pytest.approx(statistics.fmean(means))
    assert row.spread == pytest.approx(statistics.stdev(means))
    assert row.scores["Pairs mr"] == pytest.approx(statistics.fmean(tasks["Pairs"]["mr"] for tasks in main.values()))
    low, high = row.interval
    assert low < row.mean < high


def test_a_row_of_seeds_says_which_of_them_is_missing(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    added = '[[grids]]\nkind = "scratch"\nbases = ["tiny"]\nkeep = [1]\nseeds = [0, 1]\n'
    card.write_text(card.read_text(encoding="utf-8") + added, encoding="utf-8")
    planner, _ = run(workspace_folder, names=("tiny-scratch1-seed0",), stages=("make",))
    row = next(row for row in board_of(planner).rows if row.name == "tiny-scratch1")
    assert "tiny-scratch1-seed1: not made yet" in row.problem
    assert (row.mean, row.spread) == (None, None)


TRIMMED = """
[[grids]]
kind = "pruned"
bases = ["tiny"]
strategies = ["top"]
keep = [2]
recipes = ["short"]
vocabularies = [{ corpus = ["Pairs", "more.txt"], size = 150 }]

[[candidates]]
name = "greedy"
kind = "full"
base = "tiny"
vocabulary = { corpus = ["Pairs"], size = 30 }
"""


@pytest.fixture
def trimmed(workspace_folder) -> Path:
    """A workspace with a pruned and trimmed candidate, and one that asks for too few tokens. The second line of its corpus is a test text."""
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + TRIMMED, encoding="utf-8")
    tested = (workspace_folder / "tasks" / "pairs" / "test-mr.tsv").read_text(encoding="utf-8").splitlines()[1].split("\t")[0]
    (workspace_folder / "models" / "more.txt").write_text(f"नदी आणि झाड\n{tested}!\n", encoding="utf-8")
    return workspace_folder


def test_a_pruned_and_trimmed_candidate_is_made_and_tells_how_often_it_falls_back(trimmed):
    planner, outcome = run(trimmed, names=("tiny", "tiny-top2", "tiny-top2-v150", "greedy"), stages=("make",))
    assert [str(cell) for cell in outcome.failed] == ["greedy make"]
    assert "'vocabulary.size' must be at least" in next(iter(outcome.failed.values()))
    made = made_of(planner, "tiny-top2-v150")
    found = made["trimming"]
    assert found["tokens_after"] == 150 < found["tokens_before"]
    assert found["gate_texts"] > 0
    assert found["gate_difference"] <= 1e-6
    assert 0 < found["texts_changed"] < 1
    assert made["reload_difference"] <= 1e-5
    assert made["lineage"]["vocabulary"]["left_out_for_standing_in_a_test"] == {"Pairs": 0, "more.txt": 1}
    rows = {row.name: row for row in board_of(planner).rows}
    whole, less = (sum(rows[name].parameters.values()) for name in ("tiny-top2", "tiny-top2-v150"))
    assert whole - less == (found["tokens_before"] - 150) * 32
    lineage = json.loads((Path(made["folder"]) / "kasauti.json").read_text(encoding="utf-8"))
    assert lineage["trimming"] == found
    assert "- vocabulary: 150 of " in (Path(made["folder"]) / "README.md").read_text(encoding="utf-8")


def test_a_trimmed_candidate_is_made_anew_when_its_corpus_or_size_changes_and_only_then(trimmed):
    def key() -> str:
        plan = plan_anew(trimmed, probe="quick")
        return blueprint_of(plan, next(name for name in plan.candidates if name.startswith("tiny-top2-v"))).key

    card, corpus = trimmed / "models" / "mini.toml", trimmed / "models" / "more.txt"
    first, text, words = key(), card.read_text(encoding="utf-8"), corpus.read_text(encoding="utf-8")
    corpus.rename(trimmed / "models" / "renamed.txt")
    card.write_text(text.replace("more.txt", "renamed.txt"), encoding="utf-8")
    assert key() == first
    card.write_text(text.replace("size = 150", "size = 140"), encoding="utf-8")
    corpus.write_text(words, encoding="utf-8")
    assert key() != first
    card.write_text(text, encoding="utf-8")
    assert key() == first
    corpus.write_text(words.replace("नदी", "गाव"), encoding="utf-8")
    assert key() != first


def test_nan_weights_give_one_clear_error_and_no_score(workspace_folder):
    from safetensors.torch import load_file, save_file

    path = workspace_folder / "models" / "tiny" / "model.safetensors"
    weights = {name: value.fill_(float("nan")) for name, value in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    (workspace_folder / "models" / "mini.toml").write_text(
        '[suite]\nname = "small"\ntasks = ["Pairs"]\n[[candidates]]\nname = "broken"\nkind = "external"\npath = "tiny"\n', encoding="utf-8"
    )
    _, outcome = run(workspace_folder)
    (error,) = {error for cell, error in outcome.failed.items() if cell.stage == "make"}
    assert "NaN" in error
    assert not [r for r in results(workspace_folder).values() if r["status"] == "done"]


def test_missing_published_data_blocks_its_cells_and_names_the_file(workspace_folder):
    card = workspace_folder / "tasks" / "translations" / "task.toml"
    card.write_text(
        card.read_text(encoding="utf-8").replace(
            'file = "test.tsv"', f'repository = "owner/name"\ncommit = "{"0" * 40}"\npath = "x/test.tsv"\nsha256 = "{"0" * 64}"'
        ),
        encoding="utf-8",
    )
    planner, outcome = run(workspace_folder, names=("letters",))
    assert {str(cell) for cell in outcome.blocked} == {"letters evaluate Translations"}
    assert "owner/name/x/test.tsv" in next(iter(outcome.blocked.values()))
    assert outcome.computed == 4
    row = next(row for row in board_of(planner).rows if row.name == "letters")
    assert row.rank is None
    assert "3 of 4 tasks" in row.problem


def rewriting(folder: Path, *rules: str) -> dict[str, Row]:
    """The board's rows of two lexical candidates, with tasks that rewrite Pairs by these rules in the suite."""
    for path in (folder / "tasks" / "pairs").glob("*.tsv"):  # the numbers that tell the sentences apart, as letters
        header, _, lines = path.read_text(encoding="utf-8").partition("\n")
        scores = [line.rpartition("\t") for line in lines.splitlines()]
        texts = "".join(f"{text.translate(str.maketrans('0123456789', 'कखगघङचछजझञ'))}\t{score}\n" for text, _, score in scores)
        path.write_text(f"{header}\n{texts}", encoding="utf-8")
    for rule in rules:
        card = folder / "tasks" / rule / "task.toml"
        card.parent.mkdir()
        card.write_text(
            f'name = "Pairs-{rule}"\ntype = "STS"\ndescription = "d"\nlicense = "cc-by-4.0"\ndata = "Pairs"\nperturbation = "{rule}"\n', encoding="utf-8"
        )
    tasks = ["Pairs", "Translations", *(f"Pairs-{rule}" for rule in rules)]
    candidates = "".join(f'[[candidates]]\nname = "letters{n}"\nkind = "lexical"\nngram = [{n}, {n}]\n' for n in (2, 3))
    (folder / "models" / "mini.toml").write_text(f'[suite]\nname = "small"\ntasks = {json.dumps(tasks)}\n{candidates}', encoding="utf-8")
    planner, outcome = run(folder)
    assert outcome.complete, outcome
    return {row.name: row for row in board_of(planner).rows}


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory, tiny_base) -> tuple[dict[str, Row], dict[str, Row], dict[tuple[str, str], Result]]:
    """Rows of a suite without and with rewritten tasks, and the results of the second by candidate and task; `digits` finds nothing to rewrite."""
    plain = rewriting(build_workspace(tmp_path_factory.mktemp("plain") / "workspace", tiny_base))
    workspace = build_workspace(tmp_path_factory.mktemp("rewritten") / "workspace", tiny_base)
    rows = rewriting(workspace, "typing-slips", "digits")
    return plain, rows, {(r["cell"]["candidate"], r["cell"]["target"]): r for r in results(workspace).values()}


def test_rewritten_tasks_count_for_no_mean_and_no_rank(rewritten):
    plain, rows, _ = rewritten
    for name, row in rows.items():
        for field in ("rank", "mean", "interval", "scores", "task_means"):
            assert getattr(row, field) == getattr(plain[name], field), field
    assert not any(row.drops for row in plain.values())


def test_a_drop_is_the_clean_score_less_the_rewritten_one(rewritten):
    _, rows, stored = rewritten
    for name, row in rows.items():
        for language in ("mr", "hi"):
            clean, after = (stored[name, task]["main"][language] for task in ("Pairs", "Pairs-typing-slips"))
            assert row.drops[f"Pairs-typing-slips {language}"].value == clean - after
    assert all(any(drop.value for drop in row.drops.values()) for row in rows.values())


def test_a_drop_has_the_interval_of_the_paired_difference(rewritten):
    _, rows, stored = rewritten
    for name, row in rows.items():
        clean, after = (Estimate.read(stored[name, task]["estimates"]["hi"]) for task in ("Pairs", "Pairs-typing-slips"))
        found = row.drops["Pairs-typing-slips hi"]
        stretch = t.ppf(0.975, 11) / norm.ppf(0.975)  # 12 pairs
        low, high = np.quantile(clean.items - after.items, [0.025, 0.975])
        assert found.interval == pytest.approx((found.value - stretch * (found.value - low), found.value + stretch * (high - found.value)))


def test_texts_that_a_rule_leaves_as_they_are_drop_by_exactly_nothing_in_every_resample(rewritten):
    _, rows, _ = rewritten
    for row in rows.values():
        for code in ("mr", "hi"):
            drop = row.drops[f"Pairs-digits {code}"]
            assert (drop.value, drop.interval) == (0.0, (0.0, 0.0))


def test_a_read_only_workspace_keeps_its_state_elsewhere(workspace_folder, tmp_path):
    planner = make_plan(Workspace(workspace_folder, tmp_path / "home"), Options(names=("letters",), probe="none"))
    assert execute(planner, Silent()).complete
    assert (tmp_path / "home" / ".bench" / "results").is_dir()
    assert not (workspace_folder / ".bench").exists()
