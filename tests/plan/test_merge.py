"""What several machines have computed, put together: the board of one run, and never a half or a mixture of two models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from bench.errors import BenchError, StorageError
from bench.plan.merge import Brought, merge, state_of
from bench.publish.files import to_json, values
from bench.run.execute import execute
from bench.run.report import Silent
from bench.store import seal
from tests.builders import board_of, checkpoint_of, made_of, plan_anew
from tests.cli.command import bench
from tests.conftest import build_workspace

MORE = """
[[candidates]]
name = "twos"
kind = "lexical"
ngram = [2, 2]

[[candidates]]
name = "cut"
kind = "pruned"
base = "tiny"
strategy = "top"
keep = 2
"""
QUICK = ("letters", "twos", "cut")


@pytest.fixture(scope="module")
def cards(tmp_path_factory, tiny_base) -> Path:
    folder = build_workspace(tmp_path_factory.mktemp("cards") / "workspace", tiny_base)
    card = folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + MORE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def plain(cards, tmp_path_factory) -> Path:
    return run(cards, tmp_path_factory.mktemp("plain") / "w")


@pytest.fixture(scope="module")
def shards(cards, tmp_path_factory) -> list[Path]:
    return [run(cards, tmp_path_factory.mktemp("shard") / f"w{index}", shard=(index, 3)) for index in (1, 2, 3)]


def run(cards: Path, folder: Path, **options) -> Path:
    shutil.copytree(cards, folder)
    assert execute(plan_anew(folder, **{"names": QUICK, "tasks": ("Pairs", "Topics"), **options}), Silent()).complete
    return folder


def put_together(folders: list[Path], into: Path, *, checkpoints: bool = False) -> list[Brought]:
    return merge([state_of(folder) for folder in folders], into / ".bench", checkpoints=checkpoints)


@pytest.fixture
def empty(cards, tmp_path) -> Path:
    return shutil.copytree(cards, tmp_path / "empty")


def board(folder: Path) -> str:
    return to_json(values(board_of(plan_anew(folder))))


def results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / ".bench" / "results").rglob("*.json")}


def result_of(folder: Path, stage: str, name: str) -> Path:
    found = [
        path
        for path in (folder / ".bench" / "results").rglob("*.json")
        if (one := json.loads(path.read_bytes())["cell"])["stage"] == stage and one["candidate"] == name
    ]
    return sorted(found)[0]


def rewrite(path: Path, change) -> None:
    """Change a result as another machine might have written it: with its own digest."""
    content = json.loads(path.read_bytes())
    del content["digest"]
    change(content)
    path.write_text(seal(content), encoding="utf-8")


def test_three_shards_merged_have_the_board_of_a_plain_run(plain, shards, empty):
    put_together(shards, empty)
    assert board(empty) == board(plain)
    assert {json.loads(text)["cell"]["candidate"] for text in results(empty).values()} == set(QUICK)


def test_what_is_merged_is_byte_by_byte_what_was_stored(shards, empty):
    put_together(shards, empty)
    assert results(empty) == {name: text for shard in shards for name, text in results(shard).items()}


def test_a_second_merge_brings_nothing(shards, empty):
    first = put_together(shards, empty)
    again = put_together(shards, empty)
    assert [len(one.came) for one in again] == [0, 0, 0]
    assert [one.there for one in again] == [len(one.came) for one in first]


def test_with_checkpoints_a_run_has_nothing_to_do_and_without_it_makes_the_models_again(shards, empty, cards, tmp_path):
    put_together(shards, empty)
    chosen = {"names": QUICK, "tasks": ("Pairs", "Topics")}
    assert {cell.status for cell in plan_anew(empty, **chosen).cells} == {"to do"}
    whole = shutil.copytree(cards, tmp_path / "whole")
    assert sum(one.checkpoints for one in put_together(shards, whole, checkpoints=True)) == 3
    assert {cell.status for cell in plan_anew(whole, **chosen).cells} == {"done"}
    assert sorted(path.name for path in (whole / ".bench" / "embeddings").rglob("*.npy")) == sorted(
        path.name for shard in shards for path in (shard / ".bench" / "embeddings").rglob("*.npy")
    )


def test_a_result_that_was_altered_stops_the_merge_before_anything_is_written(shards, empty, tmp_path):
    torn = shutil.copytree(next(shard for shard in shards if results(shard)), tmp_path / "torn")
    path = sorted((torn / ".bench" / "results").rglob("*.json"))[-1]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StorageError, match=f"{path.name}: its content does not match its digest; nothing was merged"):
        put_together([*shards, torn], empty)
    assert not (empty / ".bench" / "results").exists()


def test_a_checkpoint_that_was_altered_stops_the_merge_before_anything_is_written(plain, empty, tmp_path):
    torn = shutil.copytree(plain, tmp_path / "torn")
    checkpoint = checkpoint_of(plan_anew(torn), "cut")
    (checkpoint / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StorageError, match="this checkpoint is not what was made; nothing was merged"):
        put_together([torn], empty, checkpoints=True)
    assert not (empty / ".bench").exists()


def test_two_scores_of_one_key_that_differ_are_refused_and_both_files_are_named(plain, empty, tmp_path):
    other = shutil.copytree(plain, tmp_path / "other")
    path = result_of(other, "evaluate", "letters")
    rewrite(path, lambda result: result["main"].update({subset: score - 0.002 for subset, score in result["main"].items()}))
    with pytest.raises(BenchError) as refused:
        put_together([plain, other], empty)
    assert str(path) in str(refused.value)
    assert str(result_of(plain, "evaluate", "letters")) in str(refused.value)
    assert not (empty / ".bench").exists()


@pytest.mark.parametrize(("cpu", "difference", "refused"), [("another", 5e-4, False), (None, 5e-4, True), (None, 1e-8, False)])
def test_last_bits_of_another_machine_are_no_other_score(plain, empty, tmp_path, cpu, difference, refused):
    other = shutil.copytree(plain, tmp_path / "other")

    def change(result):
        result["main"] = {subset: score - difference for subset, score in result["main"].items()}
        result["machine"] |= {} if cpu is None else {"cpu": cpu}

    rewrite(result_of(other, "evaluate", "letters"), change)
    if refused:
        with pytest.raises(BenchError, match="they differ"):
            put_together([plain, other], empty)
    else:
        put_together([plain, other], empty)
        assert results(empty) == results(plain)  # the first one's


@pytest.mark.parametrize(("turned", "refused"), [(1, False), (2, True)])
def test_one_answer_that_another_machine_turned_is_no_other_score(plain, empty, tmp_path, turned, refused):
    other = shutil.copytree(plain, tmp_path / "other")
    path = next(
        path
        for path in (other / ".bench" / "results").rglob("*.json")
        if (one := json.loads(path.read_bytes()))["cell"]["target"] == "Topics" and one["cell"]["candidate"] == "letters"
    )
    rows = len(json.loads(path.read_bytes())["examples"]["mr"]["correct"][0])

    def change(result):
        result["main"]["mr"] -= turned / rows
        result["computed_on"]["processor"] = "another of the same name"

    rewrite(path, change)
    if refused:
        with pytest.raises(BenchError, match="they differ"):
            put_together([plain, other], empty)
    else:
        put_together([plain, other], empty)


def test_checkpoints_that_do_not_fit_on_the_disk_are_one_line_and_the_merge_can_be_repeated(plain, empty, small_disk):
    small_disk(empty / ".bench", megabytes=0.05)
    with pytest.raises(StorageError, match="no space is left on the disk"):
        put_together([plain], empty, checkpoints=True)
    small_disk(empty / ".bench", megabytes=20)
    put_together([plain], empty, checkpoints=True)
    assert results(empty) == results(plain)


def other_weights(folder: Path, name: str) -> str:
    """A candidate as another machine would have trained it: another content, and scores of that."""
    content = "0" * 64
    from bench.digests import digest

    for path in sorted((folder / ".bench" / "results").rglob("*.json")):
        result = json.loads(path.read_bytes())
        if result["cell"]["candidate"] != name:
            continue
        del result["digest"]
        if result["cell"]["stage"] == "make":
            result["content"] = content
            path.write_text(seal(result), encoding="utf-8")
            continue
        result["key_parts"]["content"] = content
        result["key"] = digest(result["key_parts"])
        path.unlink()
        target = path.parents[1] / result["key"][:2] / f"{result['key']}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(seal(result), encoding="utf-8")
    return content


def test_of_one_candidate_that_two_machines_have_made_one_making_stays_with_its_own_scores(plain, empty, tmp_path):
    other = shutil.copytree(plain, tmp_path / "other")
    content = other_weights(other, "cut")
    first, second = put_together([plain, other], empty)
    assert first.left_out == []
    assert second.left_out == ["cut make: another making of it, with other weights, is kept; this one and 2 results of it stay behind"]
    assert results(empty) == results(plain)
    assert content not in "".join(text.decode() for text in results(empty).values())


def test_of_two_makings_the_one_with_more_scores_is_kept_and_that_which_is_here_before_any(plain, empty, cards, tmp_path):
    bare = shutil.copytree(plain, tmp_path / "bare")
    for path in (bare / ".bench" / "results").rglob("*.json"):
        if json.loads(path.read_bytes())["cell"]["stage"] == "evaluate":
            path.unlink()
    other = shutil.copytree(plain, tmp_path / "other")
    content = other_weights(other, "cut")
    put_together([bare, other], empty)
    assert json.loads(result_of(empty, "make", "cut").read_bytes())["content"] == content
    before = results(bare)
    put_together([other], bare)
    assert before.items() <= results(bare).items()
    assert made_of(plan_anew(bare), "cut")["content"] != content


def test_what_failed_there_comes_only_where_nothing_is_here(plain, empty, tmp_path):
    other = shutil.copytree(plain, tmp_path / "other")
    path = result_of(other, "evaluate", "twos")
    rewrite(path, lambda result: result.update(status="failed", error="no memory"))
    put_together([other], empty)
    assert json.loads((empty / ".bench" / "results" / path.parent.name / path.name).read_bytes())["status"] == "failed"
    put_together([plain], empty)
    assert results(empty) == results(plain)
    put_together([other], empty)
    assert results(empty) == results(plain)


def test_the_command_says_what_came_and_the_folder_may_be_a_workspace_or_its_state(shards, empty):
    full = [shard for shard in shards if results(shard)]
    found = bench("merge", *map(str, full[:-1]), str(full[-1] / ".bench"), cwd=empty)
    assert found.returncode == 0, found.stderr
    assert [line.partition(": ")[2] for line in found.stdout.splitlines()[: len(full)]] == [
        f"{len(results(shard))} results of {len(results(shard)) // 3} candidates came; 0 were here" for shard in full
    ]
    told = json.loads(bench("merge", str(full[0]), "--json", cwd=empty).stdout)
    assert told["merged"][0]["there"] == len(results(full[0]))


def test_a_folder_without_results_the_workspace_itself_and_a_running_run_are_refused(shards, empty):
    found = bench("merge", str(empty / "tasks"), cwd=empty)
    assert (found.returncode, found.stderr) == (
        2,
        f"bench: {empty / 'tasks'}: nothing is stored there; give a workspace in which `bench run` has run, or its folder .bench\n",
    )
    full = next(shard for shard in shards if results(shard))
    found = bench("merge", str(full), cwd=full)
    assert found.returncode == 2
    assert "name the other workspaces only" in found.stderr
    (empty / ".bench" / "locks").mkdir(parents=True)
    with FileLock(empty / ".bench" / "locks" / "probe"):
        found = bench("merge", str(full), cwd=empty)
    assert found.returncode == 2
    assert "nothing is merged while it goes on" in found.stderr


@pytest.mark.slow
def test_trained_candidates_and_measurements_too_are_shared_and_merged(tmp_path, tiny_base):
    cards = build_workspace(tmp_path / "cards", tiny_base)
    chosen = {"names": (), "tasks": (), "probe": "quick"}
    plain = run(cards, tmp_path / "plain", **chosen)
    shards = [run(cards, tmp_path / f"shard{index}", **chosen, shard=(index, 3)) for index in (1, 2, 3)]
    put_together(shards, cards)
    merged, whole = (json.loads(board(folder)) for folder in (cards, plain))
    costs = {"sentences_per_second", "batch_size", "latency_p50_seconds", "latency_p90_seconds", "peak_bytes", "load_seconds"}
    costs |= {"relative_speed", "relative_speed_low", "relative_speed_high", "offline_pace", "single_pace", "cost_validity", "validity"}
    for found in (merged, whole):
        assert all(row["sentences_per_second"] > 0 for row in found["rows"])
        found["rows"] = [{name: value for name, value in row.items() if name not in costs} for row in found["rows"]]
        found.pop("fronts", None)
    assert merged == whole
