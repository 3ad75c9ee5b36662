"""Which measurements can be trusted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.probe import noise
from bench.probe.agreement import disagreeing
from bench.probe.machine import usable_cores
from bench.probe.texts import BUCKETS, FILE, SHA256, block, probe_texts

QUIET = {"others": 0.0, "steal": 0.0}


def result(ratio: float, *, flops: float | None = 1e6, precision: str = "fp32", width: float = 0.01) -> dict:
    return {
        "relative": {"offline": {"ratio": ratio, "low": ratio * (1 - width / 2), "high": ratio * (1 + width / 2)}},
        "flops": {"per_sentence": flops},
        "used": {"precision": {precision: 1.0}},
        "threads": 2,
        "validity": {"verdict": "VALID", "reasons": []},
    }


def odd(results: dict) -> set[str]:
    return set(disagreeing(results, {name: {"embeddings": 1, "body": 2} for name in results}))


def test_a_busy_loop_on_every_core_is_seen():
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(usable_cores())]
    try:
        seen = noise.before()
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    (reason, *_) = noise.reasons({"before": seen}, None)
    assert "other processes took" in reason
    assert "measure again (`bench probe`, or a run with --reprobe)" in reason


def test_what_the_measurement_itself_uses_is_not_taken_for_others():
    """Also on a busy machine: the more is our own, the less is others'."""
    watch = noise.Watch()
    sum(range(3_000_000))
    ours, theirs = watch.seen(own=10.0), watch.seen(own=0.0)
    assert ours["others"] == 0.0 <= theirs["others"]


@pytest.mark.parametrize(
    ("noisy", "spread", "foreign", "said"),
    [
        (QUIET, 0.05, (), None),
        ({**QUIET, "others": 0.2}, 0.05, (), "other processes took 20%"),
        ({**QUIET, "steal": 0.1}, 0.05, (), "the virtual machine's host took 10%"),
        (QUIET, 0.4, (), "the rounds differ too much"),
        (QUIET, None, ("process 7",), "process 7 uses the same GPU"),
    ],
)
def test_each_kind_of_noise_is_named_with_advice(noisy, spread, foreign, said):
    found = noise.reasons({"during": noisy}, spread, foreign)
    assert [one for one in found if said and said in one] == found
    assert len(found) == (said is not None)


def test_models_of_one_shape_that_are_more_than_three_percent_apart_are_named():
    """As `mini-pretrained6` was published beside two models of its architecture."""
    assert odd({"a": result(2.0), "b": result(2.02), "c": result(1.0)}) == {"c"}
    assert odd({"a": result(2.0), "b": result(2.1)}) == {"a", "b"}


def test_models_that_agree_and_models_of_other_shapes_are_not_named():
    assert odd({"a": result(2.0), "b": result(2.05)}) == set()
    assert odd({"a": result(2.0), "b": result(1.0, flops=2e6), "c": result(3.0, precision="int8")}) == set()
    assert odd({"a": result(2.0, flops=None), "b": result(1.0, flops=None)}) == set()


def test_models_that_the_rounds_do_not_tell_apart_do_not_contradict_each_other():
    assert odd({"a": result(2.0, width=0.15), "b": result(2.1, width=0.15), "c": result(1.0, width=0.15)}) == {"c"}


@pytest.mark.parametrize(("ratio", "width", "named"), [(1.15, 0.1, {"a"}), (1.15, 0.4, set()), (1.02, 0.01, set()), (0.96, 0.01, {"a"})])
def test_the_reference_beside_itself_must_be_as_fast_as_itself(ratio, width, named):
    assert odd({"a": {**result(ratio, width=width), "reference": {"candidate": "a"}}, "b": {**result(2.0, flops=5), "reference": {"candidate": "a"}}}) == named


def test_what_has_no_ratio_is_not_compared():
    assert odd({"a": result(2.0), "b": {**result(1.0), "relative": None}}) == set()


def test_the_texts_are_frozen_and_in_three_lengths():
    import hashlib

    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == SHA256
    texts = probe_texts()
    lengths = {bucket: [len(text) for text in texts[bucket]] for bucket in BUCKETS}
    assert max(lengths["short"]) < min(lengths["medium"])
    assert max(lengths["medium"]) < min(lengths["long"])
    everything = [text for bucket in BUCKETS for text in texts[bucket]]
    assert len(set(everything)) == len(everything) == 408


def test_the_texts_are_sentences_of_the_projects_own_tasks():
    """Real text: each short and medium one stands in a task's file, each long one is made of such."""
    from bench.cards.workspace import builtin_content

    own = "\n".join(
        (builtin_content() / "tasks" / task / "test.tsv").read_text(encoding="utf-8") for task in ("kasauti-sts", "kasauti-topic", "kasauti-sentiment")
    )
    texts = probe_texts()
    assert all(text in own for bucket in ("short", "medium") for text in texts[bucket])
    assert all(text[:60] in own and text[-60:] in own for text in texts["long"])


def test_blocks_have_the_same_mixture_and_nearly_as_many_characters():
    blocks = [block({"short": 16, "medium": 6, "long": 1}, number) for number in range(10)]
    sizes = [sum(map(len, one)) for one in blocks]
    assert {len(one) for one in blocks} == {23}
    assert max(sizes) < 1.15 * min(sizes)
    assert len({text for one in blocks for text in one}) == 10 * 23
