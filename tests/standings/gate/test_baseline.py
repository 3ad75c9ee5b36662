"""A baseline is what was written, bit for bit, or an error that says what it is instead."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.errors import BenchError
from bench.standings.gate.baseline import read_baseline, write_baseline
from bench.standings.gate.packed import pack, read_estimate, unpack
from bench.statistics.estimate import Estimate, averaged
from bench.store import seal
from tests.standings.gate.cells import cost, entry, score, snapshot

ROWS = np.random.default_rng(0).normal(0.5, 0.2, 50)
SNAPSHOT = snapshot(a=entry(scores={"Pairs": score(ROWS)}, cost=cost()), b=entry(scores={"Topics": score(ROWS, estimates={"mr": None})}))


@pytest.fixture
def path(tmp_path):
    write_baseline(tmp_path / "baseline.json", SNAPSHOT)
    return tmp_path / "baseline.json"


def test_what_was_written_is_read_again(path):
    read, named = read_baseline(None, path.parent, "mini")
    assert named == str(path)
    assert read.record() == SNAPSHOT.record()
    assert read.candidates["a"].cost == SNAPSHOT.candidates["a"].cost
    old, new = (one.candidates["a"].scores["Pairs"].estimate() for one in (SNAPSHOT, read))
    assert np.array_equal(old.items, new.items)
    assert old.interval == new.interval


@pytest.mark.parametrize("seed", range(5))
def test_packed_replicates_are_those_of_the_result_bit_for_bit(seed):
    rng = np.random.default_rng(seed)
    values = [round(float(value), 6) for value in rng.normal(0, 10.0 ** rng.integers(-4, 3), 1000)]
    assert unpack(pack(values)).tolist() == values


def test_packed_draws_give_the_interval_of_the_result():
    rng = np.random.default_rng(1)
    record = averaged([Estimate(float(value), rng.normal(value, 0.02, 1000), item_freedom=99) for value in (0.5, 0.6, 0.7)], over="draws x").record()
    packed = snapshot(a=entry(scores={"Pairs": score(ROWS, estimates={"mr": record})})).record()["candidates"]["a"]["scores"]["Pairs"]["estimates"]["mr"]
    assert isinstance(packed["items"], str)
    assert read_estimate(packed).interval == Estimate.read(record).interval


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-100], "its content does not match its digest, so it is not compared with; take it from git again"),
        (lambda data: data.replace(b'"cores": 2', b'"cores": 3'), "its content does not match its digest"),
        (lambda data: b"", "its content does not match its digest"),
        (lambda data: b'{"suite": "mini", "rows": []}', "this is no baseline of `bench check`"),
        (lambda data: seal({"kind": "score"}).encode(), "this is no baseline of `bench check`"),
        (lambda data: resealed(data, format=2), "it has format 2, and this version reads up to 1; install a newer kasauti"),
        (lambda data: resealed(data, format="1"), "it has format 1, and this version reads up to 1"),
        (lambda data: seal({"kind": "kasauti baseline", "format": 1}).encode(), "it is the baseline of suite None"),
        (lambda data: damaged(data, "scores", "Pairs", main={"mr": "0.5"}), "(ValueError: main is {'mr': '0.5'})"),
        (lambda data: damaged(data, "scores", "Pairs", main={}), "main, n and estimates are not of the same subsets"),
        (lambda data: damaged(data, "scores", "Pairs", n={"mr": 0}), "main, n and estimates are not of the same subsets"),
        (lambda data: damaged(data, "scores", "Pairs", parts=[]), "parts is []"),
        (lambda data: damaged(data, "scores", "Pairs", where={}), "it does not say how and where it was computed"),
        (lambda data: damaged(data, parameters={"body": "many"}), "parameters is {'body': 'many'}"),
        (lambda data: damaged(data, "cost", how={}), "a measurement without its memory or its profile"),
        (lambda data: damaged(data, "cost", "measured", memory=3), "memory is 3"),
        (lambda data: damaged(data, "cost", "measured", bytes_on_disk=None), "size is {'bytes_on_disk': None}"),
        (lambda data: damaged(data, "cost", "measured", relative={"single": {"ratio": 0}}), "its numbers are not all above zero"),
        (lambda data: resealed(data, suite="tiny"), "it is the baseline of suite 'tiny', not of 'mini'; give --suite tiny, or another --baseline"),
        (lambda data: resealed(data, candidates=[]), "a member of it is not what was expected"),
        (lambda data: resealed(data, candidates={"a": {}}), "a member of it is not what was expected (KeyError: 'scores')"),
    ],
)
def test_a_file_that_is_no_baseline_of_the_suite_is_named_with_what_it_is_and_the_mend(path, change, message):
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(BenchError) as caught:
        read_baseline(path, path.parent, "mini")
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def resealed(data: bytes, **changes) -> bytes:
    content = json.loads(data)
    del content["digest"]
    return seal({**content, **changes}).encode()


def damaged(data: bytes, *inside: str, **changes) -> bytes:
    """The baseline with other members of candidate `a`, or of what lies inside it."""
    content = json.loads(data)
    place = content["candidates"]["a"]
    for name in inside:
        place = place[name]
    place.update(changes)
    return resealed(data, candidates=content["candidates"])


@pytest.mark.parametrize("items", ["x", "AAAA"])
def test_replicates_that_cannot_be_read_are_an_error_in_words(path, items):
    stored = json.loads(path.read_bytes())["candidates"]["a"]["scores"]["Pairs"]["estimates"]["mr"]
    path.write_bytes(damaged(path.read_bytes(), "scores", "Pairs", estimates={"mr": {**stored, "items": items}}))
    read, _ = read_baseline(path, path.parent, "mini")
    with pytest.raises(BenchError, match="the replicates of a score cannot be read"):
        read.candidates["a"].scores["Pairs"].estimate()


def test_a_name_that_is_too_long_for_a_file_is_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(BenchError, match="no such file"):
        read_baseline("x" * 400, tmp_path, "mini")


def test_where_there_is_none_the_error_says_how_to_make_one(tmp_path):
    with pytest.raises(BenchError, match=r"baseline\.json: there is no baseline; `bench check --update` writes one"):
        read_baseline(None, tmp_path, "mini")


def test_a_folder_is_no_baseline(tmp_path):
    with pytest.raises(BenchError, match=r"this is a folder; give the file baseline\.json in it"):
        read_baseline(tmp_path, tmp_path, "mini")
