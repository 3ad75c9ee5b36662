"""Probes: real text, honest counters, a process of their own."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import subprocess
import sys
import time

import psutil
import pytest

from bench.models.encoders import SentenceEncoder
from bench.models.lexical import LexicalEncoder
from bench.models.loading import load_sentence_model
from bench.probe import energy, memory, noise
from bench.probe.machine import fingerprint, pick_device, usable_cores, versions
from bench.probe.profiles import PROFILES, Profile
from bench.probe.protocol import bytes_on_disk, probe_key
from bench.probe.rounds import Lab, Taken, ratios
from bench.probe.summary import summary
from bench.probe.worker import Subject, Worker

FEW = Profile(rounds=6, block={"short": 4, "long": 1}, singles=2, batch_sizes=(2, 4), warm_up=2)


def subject(folder, name="it", *, prompt=None, precision="fp32", device="cpu") -> Subject:
    return Subject(name, folder, f"content of {name}", prompt, precision, device, 1)


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("letters") / "lexical"
    LexicalEncoder().save(folder)
    return folder


@pytest.fixture(scope="module")
def sentence_model(tiny_base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    load_sentence_model(tiny_base).save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def turn(letters, sentence_model, tmp_path_factory):
    """A transformer as the reference, itself again, letters, and a folder that is no model."""
    broken = tmp_path_factory.mktemp("broken")
    with Lab(subject(sentence_model, "reference"), FEW) as lab:
        return lab.measure([subject(sentence_model, "same"), subject(letters, "letters"), subject(broken, "broken")])


@pytest.mark.parametrize(
    ("prompt", "precision", "used"),
    [
        (None, None, {"prompt": "पाऊस ", "precision": {"fp16": 1.0}, "backend": "torch"}),
        ("", "fp32", {"prompt": "", "precision": {"fp32": 1.0}, "backend": "torch"}),
    ],
)
def test_a_model_is_timed_with_the_prompt_and_the_precision_that_it_is_judged_with(tiny_base, tmp_path, prompt, precision, used):
    """The folder's prompt for STS, unless the card has one."""
    model = load_sentence_model(tiny_base)
    model.prompts, model.default_prompt_name = {"usual": "आज ", "STS": "पाऊस "}, "usual"
    model.half().save_pretrained(str(tmp_path), create_model_card=False)
    assert Worker(subject(tmp_path, prompt=prompt, precision=precision), FEW).load()["used"] == used


def test_times_agree_with_each_other(turn):
    found = summary("same", turn, FEW)
    sweep = found["offline"]["sweep"]
    assert sweep.keys() == {"2", "4"}
    assert found["offline"]["batch_size"] == int(max(sweep, key=sweep.get))
    assert found["offline"]["characters_per_second"] > 20 * found["offline"]["sentences_per_second"]
    assert found["offline"]["tokens_per_second"] > found["offline"]["sentences_per_second"]
    assert len(found["offline"]["rounds"]) == 6
    assert found["single"]["p50"] > 0
    assert found["load"] > found["single"]["p50"]
    assert found["buckets"]["long"] < found["buckets"]["short"]
    assert found["split"].keys() == {"tokenize", "forward", "rest"}


def test_the_batch_size_that_was_quickest_in_the_rounds_counts_not_in_one_of_them(letters):
    """As where of two equal models one was measured in batches of 8 and the other in batches of 32, which was a fifth faster, and the first round said 8."""
    taken = Taken(subject(letters), parts={8: {"short": [0.5, 1.2, 1.2], "long": [0.5, 1.2, 1.2]}, 32: {"short": [1.0] * 3, "long": [1.0] * 3}})
    assert (taken.best, taken.blocks) == (32, [2.0, 2.0, 2.0])


def test_a_percentile_is_left_out_where_there_are_too_few_timings(turn):
    single = summary("same", turn, FEW)["single"]
    assert single["samples"] == 12
    assert (single["p90"], single["p99"], single["at_most"]["p90"]) == (None, None, None)


def test_each_number_is_also_a_ratio_to_the_reference_in_the_same_rounds(turn):
    letters = summary("letters", turn, FEW)
    assert letters["reference"] == {"candidate": "reference", "content": "content of reference"}
    for scenario in ("offline", "single"):
        told = letters["relative"][scenario]
        assert 1 < told["low"] <= told["ratio"] <= told["high"]
        assert told["rounds"] == 6
    same = summary("same", turn, FEW)["relative"]["offline"]
    assert 0.3 < same["ratio"] < 3


def test_a_model_that_cannot_be_loaded_fails_and_the_others_go_on(turn):
    assert turn.failed.keys() == {"broken"}
    assert turn.taken.keys() == {"same", "letters"}


def test_a_model_that_dies_in_its_process_fails_and_the_others_go_on(letters, sentence_model, monkeypatch):
    from bench.probe import rounds

    once = rounds._Meter.singles

    def shot(self, number):
        if self.subject.name == "shot" and number == 2:
            os.kill(self.number, 9)
        once(self, number)

    monkeypatch.setattr(rounds._Meter, "singles", shot)
    with Lab(subject(sentence_model, "reference"), FEW) as lab:
        turn = lab.measure([subject(letters, "letters"), subject(letters, "shot")])
    assert "the process that measured shot was killed" in str(turn.failed["shot"])
    assert summary("letters", turn, FEW)["relative"] is not None


RENEWED = dataclasses.replace(FEW, rounds=12, rounds_a_process=2)


@pytest.mark.slow
def test_every_model_goes_on_in_a_new_process_after_some_rounds_and_one_that_fails_there_fails_alone(letters, tmp_path, monkeypatch):
    from bench.probe import rounds

    gone = tmp_path / "gone"
    LexicalEncoder().save(gone)
    processes: dict[str, list[int]] = {}
    once = rounds._Meter.singles

    def singles(self, number):
        processes.setdefault(self.subject.name, []).append(self.number)
        if number == 3:
            (gone / "lexical.json").unlink(missing_ok=True)
        once(self, number)

    monkeypatch.setattr(rounds._Meter, "singles", singles)
    with Lab(subject(letters, "reference"), RENEWED) as lab:
        turn = lab.measure([subject(letters, "same"), subject(gone, "gone")])
    assert [len(processes["reference"]), len(processes["same"]), len(processes["gone"])] == [12, 12, 4]
    for name in ("reference", "same"):
        assert processes[name][::2] == processes[name][1::2]
        assert len(set(processes[name])) == 6
    assert turn.failed.keys() == {"gone"}
    assert summary("same", turn, RENEWED)["relative"]["offline"]["rounds"] == 12


def test_what_ended_processes_have_used_counts_as_the_measurement_s_own(letters):
    from bench.probe import rounds

    meter, spent = rounds._Meter(subject(letters), FEW), []
    try:
        meter.prepare()
        for _ in range(2):
            spent.append(meter.cpu_seconds)
            meter.renew()
    finally:
        meter.end()
    spent.append(meter.cpu_seconds)
    assert 0 < spent[0] < spent[1] < spent[2]


@pytest.mark.slow
def test_what_a_model_used_until_it_died_is_not_taken_for_that_of_others(letters, sentence_model, monkeypatch):
    from bench.probe import rounds

    told: dict[str, float] = {}
    once, seen = rounds._Meter.singles, noise.Watch.seen

    def shot(self, number):
        once(self, number)
        if self.subject.name == "shot" and number == 2:
            told["used"] = self.cpu_seconds
            os.kill(self.number, 9)

    def look(self, own):
        told["own"] = own
        return seen(self, own)

    monkeypatch.setattr(rounds._Meter, "singles", shot)
    monkeypatch.setattr(noise.Watch, "seen", look)
    with Lab(None, dataclasses.replace(FEW, least_seconds=0.3)) as lab:
        turn = lab.measure([subject(letters, "letters"), subject(sentence_model, "shot")])
    assert turn.failed.keys() == {"shot"}
    assert told["own"] > told["used"] / 2 > 0


@pytest.mark.slow
def test_a_reference_that_fails_in_a_new_process_is_there_again_for_the_next_models(letters, tmp_path):
    folder, away = tmp_path / "reference", tmp_path / "away"
    LexicalEncoder().save(folder)
    with Lab(subject(folder, "reference"), RENEWED) as lab:
        turns = [lab.measure([subject(letters, "letters")], lambda share: folder.rename(away) if share > 0.1 and folder.exists() else None)]
        away.rename(folder)
        turns.append(lab.measure([subject(letters, "letters")]))
    first, second = (summary("letters", turn, RENEWED) for turn in turns)
    assert first["relative"] is None
    assert str(folder) in first["relative_missing"]
    assert second["relative"]["offline"]["rounds"] == 12
    assert second["relative_missing"] is None


def test_the_reference_does_not_go_on_alone(sentence_model, tmp_path, monkeypatch):
    from bench.probe import rounds

    parts = []
    once = rounds._Meter.part

    def part(self, *which):
        parts.append(self.subject.name)
        once(self, *which)

    monkeypatch.setattr(rounds._Meter, "part", part)
    with Lab(subject(sentence_model, "reference"), FEW) as lab:
        assert lab.measure([subject(tmp_path, "gone")]).failed.keys() == {"gone"}
    assert parts == []


def test_the_share_of_the_rounds_that_are_done_is_told(letters):
    shares: list[float] = []
    with Lab(None, FEW) as lab:
        lab.measure([subject(letters)], shares.append)
    assert shares == [number / 6 for number in range(6)]


def test_the_energy_of_a_part_is_that_of_one_pass_over_it(letters, monkeypatch):
    """Also what the passes took that are not timed."""
    from bench.probe import rounds

    meter = rounds._Meter(subject(letters), dataclasses.replace(FEW, untimed=1))
    meter.taken.settled = {"repeats": {2: 3}}
    readings = iter([{"package": 0.0}, {"package": 8.0}])
    monkeypatch.setattr(energy, "counters", lambda device: next(readings))
    monkeypatch.setattr(meter, "_ask", lambda *command: (0.5, 2))
    meter.part("short", 0, 2)
    assert meter.taken.joules == {2: [2.0]}


def test_an_interval_is_made_of_processes_where_there_are_several():
    """Rounds of one process share its pace: made of rounds, the interval would leave out how far the next process is off."""
    import numpy as np

    from bench.statistics.latency import middle_interval

    rng = np.random.default_rng(1)
    held = {"processes": 0, "rounds": 0}
    for _ in range(400):
        own = np.exp(np.repeat(rng.normal(0, 0.04, 10), 3) + rng.normal(0, 0.01, 30))
        for what, profile in (("processes", dataclasses.replace(FEW, rounds_a_process=3)), ("rounds", FEW)):
            _, low, high = middle_interval(ratios(own, np.ones(30), profile))
            held[what] += low <= 1 <= high
    assert held["processes"] > 0.93 * 400
    assert held["rounds"] < 0.85 * 400


def test_without_a_reference_there_are_absolute_numbers_and_a_reason(letters):
    with Lab(None, FEW, "the reference is not made") as lab:
        found = summary("letters", lab.measure([subject(letters, "letters")]), FEW)
    assert found["relative"] is None
    assert found["reference"] is None
    assert found["relative_missing"] == "the reference is not made"
    assert found["offline"]["sentences_per_second"] > 0


def test_a_reference_that_cannot_be_measured_leaves_the_others_absolute(letters, tmp_path):
    with Lab(subject(tmp_path, "gone"), FEW) as lab:
        found = summary("letters", lab.measure([subject(letters, "letters")]), FEW)
    assert found["relative"] is None
    assert "the reference gone cannot be measured" in found["relative_missing"]


def test_threads_are_set_and_read_back(turn):
    assert summary("same", turn, FEW)["threads"] == 1


def test_operations_are_counted_and_grow_with_the_layers(turn, sentence_model):
    from bench.probe.work import count_operations

    worker = Worker(subject(sentence_model), FEW)
    worker.load()
    assert isinstance(worker.encoder, SentenceEncoder)
    layers = worker.encoder.model[0].auto_model.encoder.layer
    counted = []
    for _ in range(2):
        counted.append(count_operations(worker.encoder, lambda: worker.encode(["एक वाक्य"], 1), 1)["per_sentence"])
        del layers[2:]
    assert counted[0] == 2 * counted[1]
    assert summary("same", turn, FEW)["flops"]["per_sentence"] > 0
    assert summary("letters", turn, FEW)["flops"] == {"per_sentence": None, "reason": "it has no matrix products"}


def test_energy_is_read_from_counters_or_not_measured(turn):
    found = summary("same", turn, FEW)["energy"]
    assert (found["joules_per_sentence"] is None) == ("not measured" in (found["reason"] or ""))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate")])
def test_a_batch_that_does_not_fit_is_halved_and_that_is_told(letters, error):
    worker = Worker(subject(letters), dataclasses.replace(FEW, block={"short": 16}, batch_sizes=(16,)))
    worker.load()
    plain = worker.encode

    def small(texts, size):
        if size > 4:
            raise error
        return plain(texts, size)

    worker.encode = small
    worker.settle()
    seconds, fitted = worker.part("short", 0, 16)
    assert (seconds > 0, fitted) == (True, 4)


def test_a_batch_that_does_not_fit_in_one_round_only_is_told_too(letters, monkeypatch):
    """Also where another process of the model had more memory."""
    from bench.probe import rounds

    meter = rounds._Meter(subject(letters), dataclasses.replace(FEW, block={"short": 16}, batch_sizes=(16,)))
    meter.taken.settled = {"repeats": {16: 1}}
    answers = iter([(1.0, 16), (1.0, 4), (1.0, 16)])
    monkeypatch.setattr(meter, "_ask", lambda *command: next(answers))
    for number in range(3):
        meter.part("short", number, 16)
    assert meter.taken.batch_size == 4


def test_a_part_is_encoded_as_often_as_the_profile_says_before_it_is_timed(letters, monkeypatch):
    worker = Worker(subject(letters), dataclasses.replace(FEW, untimed=2))
    worker.load()
    worker.repeats = {4: 3}
    times = iter([8.0, 4.0, 1.0, 2.0, 3.0])
    monkeypatch.setattr(worker, "_timed", lambda texts, size: next(times))
    assert worker.part("short", 0, 4) == (2.0, 4)
    assert next(times, None) is None


def test_another_error_of_a_batch_is_not_taken_for_lack_of_memory(letters):
    worker = Worker(subject(letters), FEW)
    worker.load()
    worker.encode = lambda texts, size: [][1]
    with pytest.raises(IndexError):
        worker.settle()


def test_the_peak_is_at_least_what_was_loaded(turn):
    found = summary("same", turn, FEW)["memory"]
    if found["peak_while_encoding"] is None:
        pytest.skip("this system does not let the peak be reset")
    assert found["peak_while_encoding"] >= found["before_load"] > 100 * 2**20
    parts = found["parts"]["encoding"]
    assert parts["anonymous"] + parts["file"] + parts["shared"] == pytest.approx(parts["resident"], rel=0.05)


def test_the_peak_can_be_reset():
    if not memory.reset_peak():
        pytest.skip("this system does not let the peak be reset")
    block = bytearray(200 * 2**20)
    for index in range(0, len(block), 4096):
        block[index] = 1
    high = memory.peak()
    del block
    memory.reset_peak()
    assert memory.peak() < high - 150 * 2**20


def test_size_on_disk_is_that_of_what_is_loaded(letters):
    assert bytes_on_disk(letters) == (letters / "lexical.json").stat().st_size


def test_the_key_changes_with_checkpoint_prompt_precision_profile_reference_and_threads():
    choices = itertools.product("ab", ("", "query: "), ("fp32", "int8"), ("quick", "full"), (None, "e5"), (0, usable_cores() + 1))
    keys = {probe_key(content, prompt, precision, "cpu", profile, reference=beside, threads=n) for content, prompt, precision, profile, beside, n in choices}
    assert len(keys) == 64
    assert probe_key("a", "", "fp32", "cpu", "quick", threads=usable_cores()) == probe_key("a", "", "fp32", "cpu", "quick")


def test_quick_has_enough_timings_for_an_interval_and_a_ninetieth_percentile_and_full_for_a_ninety_ninth():
    from bench.statistics.latency import fewest_samples

    quick, full = PROFILES["quick"], PROFILES["full"]
    assert quick.rounds >= 6
    assert quick.rounds * quick.singles >= fewest_samples(0.9)
    assert full.rounds * full.singles >= fewest_samples(0.99)
    assert full.rounds / full.rounds_a_process >= 6
    assert full.rounds % full.rounds_a_process == full.most_rounds % full.rounds_a_process == 0
    assert all(one.block["short"] >= max(one.batch_sizes) for one in PROFILES.values())
    assert quick.on("cpu") == quick
    assert quick.on("cuda").batch_sizes > quick.batch_sizes


def test_the_fingerprint_names_cpu_cores_and_memory():
    found = fingerprint()
    assert found["cores"] >= 1
    assert found["memory_gib"] >= 1
    assert found["cpu"]
    assert set(versions()) >= {"torch", "mteb", "sentence-transformers"}


def test_auto_is_cuda_only_where_there_is_one():
    import torch

    assert pick_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.slow
def test_a_fresh_interpreter_tells_how_long_a_first_embedding_takes_and_what_memory(sentence_model, letters):
    """Memory is then that of the interpreter: a process of the fork server has touched fewer pages of the libraries."""
    once = dataclasses.replace(FEW, cold=1)
    with Lab(None, once, "none") as lab:
        turn = lab.measure([subject(sentence_model, "model"), subject(letters, "letters")])
    found = summary("model", turn, once)
    cold, held = found["cold"], found["memory"]
    assert cold["whole"] == pytest.approx(cold["start"] + cold["import"] + cold["load"])
    assert min(cold["start"], cold["import"], cold["load"]) > 0
    assert held["from"] == "fresh interpreter"
    assert held["peak_while_encoding"] >= held["after_load"] > held["before_load"]
    assert summary("letters", turn, once)["cold"]["whole"] > 0


@pytest.mark.slow
def test_a_fresh_interpreter_does_not_outlive_a_parent_that_was_killed(letters, tmp_path):
    """It waits for a model's folder that is a pipe which nobody writes to, for ever."""
    os.mkfifo(tmp_path / "lexical.json")
    start = (
        "import sys\nfrom pathlib import Path\nfrom bench.probe.cold import cold_starts\nfrom bench.probe.worker import Subject\n"
        "cold_starts(Subject('it', Path(sys.argv[1]), 'content', None, 'fp32', 'cpu', 1), ['one'], 1, 1)"
    )
    parent = subprocess.Popen([sys.executable, "-c", start, str(tmp_path)], start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not (children := psutil.Process(parent.pid).children()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        parent.kill()
        parent.wait()
        _, left = psutil.wait_procs(children, timeout=30)
        assert left == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, 9)


@pytest.mark.slow
def test_a_clock_that_is_set_changes_no_cold_start(letters, monkeypatch):
    from bench.probe.cold import cold_starts

    monkeypatch.setattr(time, "time", lambda: 0.0)
    found = cold_starts(subject(letters), ["one"], 1, 1)
    assert 0 < found["start"] < found["whole"] < 600


@pytest.mark.gpu
def test_cuda_is_synchronised_and_its_allocator_read(minilm):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    with Lab(None, FEW) as lab:
        found = summary("it", lab.measure([subject(minilm, device="cuda")]), FEW)
    assert found["memory"]["cuda_allocated_peak"] > 80 * 2**20
    assert found["memory"]["cuda_reserved_peak"] >= found["memory"]["cuda_allocated_peak"]
    assert found["device_name"]
