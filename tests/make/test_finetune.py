"""Fine-tuning: an interrupted one goes on to the same weights, and tells how good the model was on the way."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.cards.recipes import Phase
from bench.data.training import Development, TrainingSet
from bench.errors import ModelError
from bench.make import finetune as module
from bench.make.resume import SavedTraining
from bench.models.loading import load_sentence_model
from tests.conftest import WORDS_HI, WORDS_MR, sentences

MR, HI = sentences(WORDS_MR, 60), sentences(WORDS_HI, 60)
TRIPLES = TrainingSet(triplets=tuple(zip(MR[:20], MR[20:40], MR[40:], strict=True)), pairs=tuple(zip(HI[:20], HI[20:40], strict=True)))
SCORED = TrainingSet(scored=tuple((MR[i], HI[(i * 7) % 60], (i % 6) / 5) for i in range(40)))
NLI = Phase(kind="nli", data=("Triples",), epochs=2.0, batch_size=4, learning_rate=1e-3, max_length=32)
STS = Phase(kind="sts", data=("Pairs",), epochs=2.0, batch_size=8, learning_rate=1e-3, max_length=32)
PHASES = [(NLI, TRIPLES), (STS, SCORED)]
DEVELOPMENT = Development(
    {"mr": tuple((MR[i], MR[i + 1], float(i % 5)) for i in range(12)), "hi": tuple((HI[i], HI[i + 1], float(i % 4)) for i in range(12))}, 2
)


class Killed(BaseException):
    """Stands for a kill: nothing in the code under test may catch it."""


def train(base: Path, folder: Path, *, kill_at=None, phases=PHASES, every_depth=False, development: Development | None = None, bf16=False):
    """Weights and records of a training that is killed when the `kill_at`-th step of all phases is done."""
    steps = itertools.count(1)

    def progress(_kind: str, _fraction: float) -> None:
        if next(steps) == kill_at:
            raise Killed

    torch.manual_seed(0)
    model = load_sentence_model(base)
    records = module.finetune(
        model, phases, seed=3, bf16=bf16, every_depth=every_depth, folder=folder, development=development or Development(), progress=progress
    )
    return {name: value.numpy() for name, value in model.state_dict().items()}, records


def assert_equal(one, other) -> None:
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def whole(tiny_base, tmp_path_factory):
    """The training that nothing interrupts: 20 steps of NLI, 10 of STS."""
    return train(tiny_base, tmp_path_factory.mktemp("whole"), development=DEVELOPMENT)


@pytest.mark.parametrize(
    "kill_at", [pytest.param(3, marks=pytest.mark.slow), 20, pytest.param(21, marks=pytest.mark.slow), pytest.param(29, marks=pytest.mark.slow)]
)
def test_a_killed_training_resumes_to_the_same_weights_and_the_same_record(tiny_base, tmp_path, monkeypatch, whole, kill_at):
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(tiny_base, tmp_path, kill_at=kill_at, development=DEVELOPMENT)
    weights, records = train(tiny_base, tmp_path, development=DEVELOPMENT)
    assert_equal(weights, whole[0])
    assert [{**record, "mean_loss": None} for record in records] == [{**record, "mean_loss": None} for record in whole[1]]
    assert [record["mean_loss"] for record in records] == pytest.approx([record["mean_loss"] for record in whole[1]], abs=1e-5)


@pytest.mark.slow
def test_a_resumed_training_does_not_repeat_what_was_saved(tiny_base, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(tiny_base, tmp_path, kill_at=26)
    with pytest.raises(Killed):  # step 25 was saved, 5 were left
        train(tiny_base, tmp_path, kill_at=5)
    with pytest.raises(Killed):
        train(tiny_base, tmp_path, kill_at=1)
    train(tiny_base, tmp_path, kill_at=2)


def test_a_saved_state_without_all_weights_is_refused(tiny_base, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(tiny_base, tmp_path, kill_at=2)
    (weights,) = tmp_path.rglob("model.safetensors")
    tensors = load_file(weights)
    del tensors["encoder.layer.1.attention.self.query.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    SavedTraining(weights.parents[2]).keep(weights.parent)  # sealed as it is now: the loader has to see it
    with pytest.raises(ModelError, match=r"1 tensor \(encoder\.layer\.1\.attention\.self\.query\.weight\) missing in the weights"):
        train(tiny_base, tmp_path)


@pytest.mark.slow
def test_a_killed_training_of_all_depths_resumes_to_the_same_weights(tiny_base, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    alone, _ = train(tiny_base, tmp_path / "alone", every_depth=True)
    with pytest.raises(Killed):
        train(tiny_base, tmp_path / "killed", kill_at=12, every_depth=True)
    assert_equal(train(tiny_base, tmp_path / "killed", every_depth=True)[0], alone)


@pytest.mark.slow
def test_a_torn_state_is_removed_and_the_one_before_it_is_taken(tiny_base, tmp_path, monkeypatch, whole):
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(tiny_base, tmp_path, kill_at=25, development=DEVELOPMENT)
    torn = tmp_path / "phase-1" / "checkpoint-9"
    torn.mkdir()
    (torn / "trainer_state.json").write_text('{"global_step": 9,', encoding="utf-8")
    weights, _ = train(tiny_base, tmp_path, development=DEVELOPMENT)
    assert not torn.exists()
    assert_equal(weights, whole[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["optimizer.pt", "model.safetensors"])
def test_an_altered_state_is_not_gone_on_from_and_the_weights_are_those_of_an_uninterrupted_training(tiny_base, tmp_path, monkeypatch, whole, caplog, name):
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(tiny_base, tmp_path, kill_at=25, development=DEVELOPMENT)
    (state,) = (tmp_path / "phase-1").glob("checkpoint-*")
    data = bytearray((state / name).read_bytes())
    data[-200] ^= 64
    (state / name).write_bytes(data)
    weights, _ = train(tiny_base, tmp_path, development=DEVELOPMENT)
    assert str(state) in caplog.text
    assert_equal(weights, whole[0])


def test_a_training_that_is_over_before_a_save_is_due_writes_no_weights(tiny_base, tmp_path):
    train(tiny_base, tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_the_curve_holds_the_start_and_even_steps_of_each_phase(whole):
    first, second = (record["curve"] for record in whole[1])
    assert [point["step"] for point in first] == [0, 10, 20]
    assert [point["step"] for point in second] == [5, 10]
    assert all(-1 <= point["score"] <= 1 for point in [*first, *second])
    assert len({point["score"] for point in [*first, *second]}) > 1


def test_every_phase_computes_in_bfloat16_where_that_is_asked_for_and_the_trained_model_in_float32(tiny_base, tmp_path):
    model = load_sentence_model(tiny_base)
    layer = next(one for one in model.modules() if isinstance(one, torch.nn.Linear))
    dtypes: list[torch.dtype] = []
    seen: set[tuple[str, torch.dtype]] = set()

    def progress(kind: str, _fraction: float) -> None:
        seen.add((kind, dtypes[-1]))

    layer.register_forward_hook(lambda _module, _given, found: dtypes.append(found.dtype))
    module.finetune(model, PHASES, seed=3, bf16=True, folder=tmp_path, development=Development(), progress=progress)
    assert seen == {("nli", torch.bfloat16), ("sts", torch.bfloat16)}
    model.encode(MR[:1])
    assert dtypes[-1] == torch.float32


@pytest.mark.slow
def test_a_training_in_bfloat16_that_is_killed_in_its_second_phase_resumes_to_the_same_weights(tiny_base, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    expected, _ = train(tiny_base, tmp_path / "whole", bf16=True)
    with pytest.raises(Killed):
        train(tiny_base, tmp_path / "killed", kill_at=25, bf16=True)
    assert_equal(train(tiny_base, tmp_path / "killed", bf16=True)[0], expected)


def test_looking_at_the_curve_changes_no_weight(tiny_base, tmp_path, whole):
    weights, records = train(tiny_base, tmp_path)
    assert_equal(weights, whole[0])
    assert all("curve" not in record for record in records)


def test_a_diverging_training_is_refused_with_the_mend(tiny_base, tmp_path):
    hot = Phase(kind="sts", data=("Pairs",), epochs=1.0, batch_size=8, learning_rate=1e30, warmup_ratio=0.0, max_length=32)
    with pytest.raises(ModelError, match=r"phase 'sts': the training loss is nan; lower learning_rate \(now 1e\+30\)"):
        train(tiny_base, tmp_path, phases=[(hot, SCORED)])
