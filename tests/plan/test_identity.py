"""What is stored is given only to whom it belongs, and only while it is what was stored."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.cards.kinds import External
from bench.digests import digest
from bench.plan.keys import embeddings_key, evaluate_key
from bench.probe.machine import SWITCHES, fingerprint, has_fast_bf16
from bench.probe.protocol import probe_key
from bench.store import Result, Store
from tests.builders import blueprint_of, board_of, checkpoint_of, identified, plan_anew
from tests.conftest import build_workspace
from tests.run.test_run import results, run

UNTRAINED = '[[candidates]]\nname = "cut"\nkind = "pruned"\nbase = "tiny"\nstrategy = "top"\nkeep = 2\nparent = "tiny"\n'
GPU = "Imaginary H100"


def keys(device: str, precision: str = "fp32") -> dict[str, str]:
    candidate = External(name="x", path="there", precision=precision)
    return {"score": evaluate_key(candidate, "0" * 64, identified(), device), "embeddings": embeddings_key(candidate, "0" * 64, "", device)}


@pytest.mark.parametrize("what", ["score", "embeddings"])
def test_scores_and_embeddings_are_apart_for_each_type_of_device_and_not_for_each_device(what):
    assert keys("cpu")[what] != keys("cuda")[what]
    assert keys("cuda:0")[what] == keys("cuda:1")[what] == keys("cuda")[what]


@pytest.mark.parametrize(("device", "switch"), [(device, switch) for device, switches in SWITCHES.items() for switch in switches])
def test_a_switch_that_lowers_the_precision_of_products_is_in_the_keys_of_its_device_only(monkeypatch, device, switch):
    before = {device: keys(device) for device in ("cpu", "cuda")}
    monkeypatch.setenv(switch, "1")
    changed = {name for name in before if keys(name) != before[name]}
    assert changed == {device}


def test_int8_is_apart_for_each_processor_since_its_rounding_differs(monkeypatch):
    found = {precision: keys("cpu", precision) for precision in ("fp32", "bf16", "int8")}
    monkeypatch.setattr(platform, "machine", lambda: "another")
    assert [precision for precision in found if keys("cpu", precision) != found[precision]] == ["int8"]


@pytest.fixture
def imaginary_gpu(monkeypatch) -> Iterator[None]:
    """A GPU that has a name and computes nothing."""
    import torch

    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device=None: GPU)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device=None: (9, 0))
    for cached in (fingerprint, has_fast_bf16):
        cached.cache_clear()
    yield
    for cached in (fingerprint, has_fast_bf16):
        cached.cache_clear()


@pytest.fixture(scope="module")
def scored(tmp_path_factory, tiny_base, brief_probes) -> Path:
    """A workspace with everything of a lexical and of a pruned, untrained candidate on the CPU, and a nested training."""
    folder = build_workspace(tmp_path_factory.mktemp("scored") / "workspace", tiny_base)
    card = folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + UNTRAINED, encoding="utf-8")
    _, outcome = run(folder, names=("letters", "cut"), tasks=("Pairs", "Topics"), probe="quick")
    assert outcome.complete, outcome
    return folder


@pytest.fixture
def copied(scored, tmp_path) -> Path:
    return Path(shutil.copytree(scored, tmp_path / "copy"))


def test_a_run_on_cuda_is_given_no_score_of_the_cpu_and_its_results_name_the_gpu(copied, imaginary_gpu):
    chosen = {"names": ("letters",), "tasks": ("Pairs",)}
    on_cpu = set(results(copied))
    plan, outcome = run(copied, **chosen, device="cuda")
    assert (outcome.computed, outcome.reused) == (1, 1), "the checkpoint of an untrained candidate is the same whatever made it"
    (new,) = [result for name, result in results(copied).items() if name not in on_cpu]
    assert new["cell"]["stage"] == "evaluate"
    assert new["machine"]["gpu"] == new["computed_on"]["gpu"] == new["encoding"]["encoded_on"][0]["gpu"] == GPU
    assert new["computed_on"]["device"] == new["key_parts"]["arithmetic"]["device"] == "cuda"
    board = board_of(plan)
    assert board.device == "cuda"
    assert GPU in [machine.get("gpu") for machine in board.machines]
    assert {name: set(row.scores) for row in board.rows if (name := row.name) in {"letters", "cut"}} == {"letters": {"Pairs mr", "Pairs hi"}, "cut": set()}
    _, again = run(copied, **chosen)
    assert (again.computed, again.reused) == (0, 2), "the scores of the CPU are still there"


def test_a_trained_checkpoint_is_apart_for_each_type_of_device_and_an_untrained_one_is_not(copied, imaginary_gpu):
    cpu, cuda = plan_anew(copied), plan_anew(copied, device="cuda")
    same = {name: blueprint_of(cpu, name).key == blueprint_of(cuda, name).key for name in ("letters", "cut", "tiny", "tiny-top2")}
    assert same == {"letters": True, "cut": True, "tiny": False, "tiny-top2": False}


def test_threads_are_in_no_key_and_in_every_result(copied):
    import torch

    before = {name: blueprint_of(plan_anew(copied), name).key for name in ("tiny", "cut")}
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        assert {name: blueprint_of(plan_anew(copied), name).key for name in before} == before
    finally:
        torch.set_num_threads(threads)
    assert {result["computed_on"]["threads"] for result in results(copied).values()} == {threads}


def test_every_result_tells_the_parts_of_its_key(scored):
    stored = results(scored)
    assert {result["cell"]["stage"] for result in stored.values()} == {"make", "evaluate", "probe"}
    for name, result in stored.items():
        assert digest(result["key_parts"]) == result["key"] == name.removesuffix(".json")
    made = next(result for result in stored.values() if result["cell"]["stage"] == "probe")
    assert probe_key(made["key_parts"]["content"], None, "fp32", "cpu", "quick", reference=None) == made["key"]


def path_of(folder: Path, candidate: str, stage: str, target: str = "") -> Path:
    (name,) = [name for name, result in results(folder).items() if result["cell"] == {"candidate": candidate, "stage": stage, "target": target}]
    return folder / ".bench" / "results" / name[:2] / name


def edit(path: Path, change: Callable[[Result], None]) -> Path:
    """Change a stored JSON as a person with an editor would."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def flip(path: Path, place: float = 0.9) -> Path:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    path.write_bytes(data)
    return path


def shard(folder: Path) -> Path:
    """The index of the embeddings of `cut`, of 32 numbers."""
    found = [path for path in (folder / ".bench" / "embeddings").rglob("*.npy") if path.stat().st_size % 128 == 0 and path.stat().st_size < 60_000]
    assert len(found) == 1, found
    return found[0].with_suffix(".json")


def better_score(result: Result) -> None:
    result["main"]["mr"] = 0.99


def better_examples(result: Result) -> None:
    result["examples"]["mr"]["correct"][0] = "1" * len(result["examples"]["mr"]["correct"][0])


def better_resamples(result: Result) -> None:
    result["estimates"]["mr"]["items"][0] = 0.99


def faster(result: Result) -> None:
    result["single"]["p50"] /= 10


def smaller(result: Result) -> None:
    result["parameters"]["body"] = 1


ALTERATIONS: dict[str, Callable[[Path], Path]] = {
    "an edited score": lambda folder: edit(path_of(folder, "cut", "evaluate", "Pairs"), better_score),
    "edited examples": lambda folder: edit(path_of(folder, "cut", "evaluate", "Topics"), better_examples),
    "edited resamples": lambda folder: edit(path_of(folder, "letters", "evaluate", "Pairs"), better_resamples),
    "an edited measurement": lambda folder: edit(path_of(folder, "cut", "probe", "cpu"), faster),
    "an edited make result": lambda folder: edit(path_of(folder, "cut", "make"), smaller),
    "a flipped bit in a result": lambda folder: flip(path_of(folder, "cut", "evaluate", "Pairs")),
    "a flipped bit in a checkpoint": lambda folder: flip(checkpoint_of(plan_anew(folder), "cut") / "model.safetensors").parent,
}


def times(folder: Path) -> dict[str, int]:
    """When each result was written."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / ".bench" / "results").rglob("*.json")}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
def test_what_was_altered_is_computed_anew_with_one_word_and_nothing_else_is(copied, caplog, alter):
    how = {"names": ("letters", "cut"), "tasks": ("Pairs", "Topics"), "probe": "quick"}
    before = {name: (result.get("main"), result.get("content")) for name, result in results(copied).items()}
    written = times(copied)
    caplog.clear()
    altered = alter(copied)
    _, outcome = run(copied, **how)
    assert (outcome.computed, outcome.failed) == (1, {})
    assert sum(time != written[name] for name, time in times(copied).items()) == 1
    (word,) = [message for message in caplog.messages if message.startswith("bench: ")]
    assert word.startswith(f"bench: {altered}: ")
    assert {name: (result.get("main"), result.get("content")) for name, result in results(copied).items()} == before
    caplog.clear()
    _, again = run(copied, **how)
    assert (again.computed, caplog.messages) == (0, [])


def test_an_altered_score_is_not_shown_on_a_board_that_computes_nothing(copied, caplog):
    edit(path_of(copied, "cut", "evaluate", "Pairs"), better_score)
    row = next(row for row in board_of(plan_anew(copied)).rows if row.name == "cut")
    assert set(row.scores) == {"Topics"}
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_bit_flipped_in_the_embeddings_changes_no_score(copied, caplog, suffix):
    new = {"names": ("cut",), "tasks": ("Pairs", "Topics")}
    before = {name: result["main"] for name, result in results(copied).items() if result["cell"]["stage"] == "evaluate"}
    index = shard(copied)
    flip(index.with_suffix(suffix), 0.6)
    for task in ("Pairs", "Topics"):
        path_of(copied, "cut", "evaluate", task).unlink()
    caplog.clear()
    _, outcome = run(copied, **new)
    assert outcome.computed == 2
    assert [message for message in caplog.messages if message.startswith(f"bench: {index}: ")]
    assert {name: result["main"] for name, result in results(copied).items() if result["cell"]["stage"] == "evaluate"} == before


def test_a_result_stored_under_the_key_of_other_parts_is_computed_anew(copied, caplog):
    path = path_of(copied, "cut", "evaluate", "Pairs")
    store = Store(copied / ".bench" / "results")
    found = store.get(path.stem)
    store.put(path.stem, {**found, "key_parts": {**found["key_parts"], "content": "0" * 64}})
    _, outcome = run(copied, names=("cut",), tasks=("Pairs",))
    assert outcome.computed == 1
    assert any("its key is not that of the parts that it tells" in message for message in caplog.messages)


def test_results_of_an_earlier_version_are_computed_anew_and_told_of_in_one_line(copied, caplog):
    for path in (copied / ".bench" / "results").rglob("*.json"):
        edit(path, lambda result: result.pop("digest"))
    _, outcome = run(copied, names=("letters", "cut"), tasks=("Pairs", "Topics"), probe="quick")
    assert (outcome.computed, outcome.reused) == (8, 0)
    assert len([message for message in caplog.messages if "earlier version" in message]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_command_says_on_standard_error_and_in_the_log_what_it_computes_anew_once_a_file(copied, jobs):
    altered = [edit(path_of(copied, name, "evaluate", "Pairs"), better_score) for name in ("cut", "letters")]
    altered += [flip(shard(copied), 0.5), flip(checkpoint_of(plan_anew(copied), "cut") / "model.safetensors").parent]
    command = [sys.executable, "-m", "bench", "run", "letters", "cut", "--task", "Pairs", "--task", "Topics", "--probe", "none", "--device", "cpu"]
    log = ["--log", str(copied / "run.log")]
    done = subprocess.run([*command, "--jobs", jobs, "--json", *log, "--workspace", str(copied)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    logged = [line.partition("  bench: ")[2] for line in (copied / "run.log").read_text(encoding="utf-8").splitlines() if "  bench: " in line]
    assert sorted(word.split(": ")[0] for word in logged) == sorted(map(str, altered))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["computed"] == 3
    words = [line for line in done.stderr.splitlines() if line.startswith("bench: ")]
    assert sorted(word.split(": ")[1] for word in words) == sorted(map(str, altered))
