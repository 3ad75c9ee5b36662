"""Embeddings: independent of company, equal to sentence-transformers, never silently broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.errors import ModelError
from bench.models.embeddings import EmbeddingStore
from bench.models.encoders import SentenceEncoder, check_finite
from bench.models.loading import load_encoder
from tests.conftest import WORDS_HI, WORDS_MR, sentences

TEXTS = [*sentences(WORDS_MR, 40), *sentences(WORDS_HI, 40), "A longer English sentence, so that lengths differ a good deal between the texts.", "OK"]


@pytest.fixture(scope="module")
def encoder(minilm):
    return load_encoder(minilm)


def test_a_text_has_the_same_bits_alone_and_in_any_company(encoder):
    together = encoder.encode(TEXTS)
    backwards = encoder.encode(TEXTS[::-1])[::-1]
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS[::9]])
    assert np.array_equal(together, backwards)
    assert np.array_equal(together[::9], alone)


@pytest.mark.parametrize(("precision", "cosine"), [("bf16", 0.99), ("fp16", 0.9999), ("int8", 0.9)])
def test_at_every_precision_a_text_has_the_same_bits_alone_and_in_any_company(minilm, encoder, precision, cosine):
    lower = load_encoder(minilm, precision=precision)
    few = TEXTS[::20]  # fp16 is slow on a CPU
    together = lower.encode(few)
    assert together.dtype == np.float32
    assert np.array_equal(together[:2], np.concatenate([lower.encode([text]) for text in few[:2]]))
    exact = encoder.encode(few)
    assert not np.array_equal(together, exact)
    assert np.all((together * exact).sum(axis=1) / np.linalg.norm(together, axis=1) > cosine)


def test_int8_is_refused_on_a_gpu(minilm):
    with pytest.raises(ModelError, match="precision int8 runs on the CPU only"):
        load_encoder(minilm, precision="int8", device="meta")


def test_embeddings_equal_those_of_sentence_transformers(encoder):
    expected = encoder.model.encode(TEXTS, batch_size=32, show_progress_bar=False)
    assert np.abs(encoder.encode(TEXTS) - expected).max() < 1e-6


def test_a_prompt_is_put_before_every_text(encoder, minilm):
    prompted = load_encoder(minilm, prompt="query: ")
    expected = encoder.model.encode([f"query: {text}" for text in TEXTS[:5]], show_progress_bar=False)
    assert np.abs(prompted.encode(TEXTS[:5]) - expected).max() < 1e-6
    assert np.abs(prompted.encode(TEXTS[:5]) - encoder.encode(TEXTS[:5])).max() > 1e-3


def test_texts_longer_than_the_model_allows_are_truncated(encoder):
    long = "पाऊस " * 2000
    assert np.isfinite(encoder.encode([long, "पाऊस"])).all()


def test_embeddings_with_nan_name_the_text():
    vectors = np.ones((3, 4), dtype=np.float32)
    vectors[1, 2] = np.nan
    with pytest.raises(ModelError, match=r"1 of 3 embeddings hold NaN or infinity, the first for 'b'"):
        check_finite(vectors, ["a", "b", "c"])


def test_embeddings_of_zeros_are_refused():
    with pytest.raises(ModelError, match="are zero"):
        check_finite(np.zeros((2, 4), dtype=np.float32), ["a", "b"])


def test_a_folder_without_a_model_is_refused_by_name(tmp_path):
    with pytest.raises(ModelError, match=tmp_path.name):
        load_encoder(tmp_path)


class Counting:
    """An encoder that counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts):
        self.asked.extend(texts)
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


def test_a_text_is_encoded_once_across_calls_and_processes(tmp_path):
    encoder = Counting()
    assert EmbeddingStore(tmp_path).add(["a", "bb", "a"], encoder) == 2
    again = EmbeddingStore(tmp_path)
    assert again.add(["bb", "ccc"], encoder) == 1
    assert sorted(encoder.asked) == ["a", "bb", "ccc"]
    assert again.lookup(["ccc", "a"]).tolist() == [[3.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_torn_shard_is_encoded_again(tmp_path, suffix):
    EmbeddingStore(tmp_path).add(["a", "bb"], Counting())
    path = next(tmp_path.glob(f"*{suffix}"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    encoder = Counting()
    store = EmbeddingStore(tmp_path)
    assert store.add(["a", "bb"], encoder) == 2
    assert store.lookup(["bb"]).tolist() == [[2.0, 1.0]]


def flipped(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    path.write_bytes(data)


SHARD_CHANGES = {
    **{
        f"a bit of the {suffix[1:]} at {place}": lambda path, s=suffix, p=place: flipped(path.with_suffix(s), p)
        for suffix in (".npy", ".json")
        for place in (0, 0.3, 0.7, 1)
    },
    "vectors of other texts": lambda path: np.save(path.with_suffix(".npy"), np.array([[2.0, 1.0], [1.0, 1.0]], dtype=np.float32)),
    "vectors gone": lambda path: path.with_suffix(".npy").unlink(),
    "texts swapped": lambda path: path.write_text(path.read_text(encoding="utf-8").replace('["a", "bb"]', '["bb", "a"]'), encoding="utf-8"),
    "of an earlier version": lambda path: path.write_text('["a", "bb"]', encoding="utf-8"),
}


@pytest.mark.parametrize("change", SHARD_CHANGES.values(), ids=SHARD_CHANGES)
def test_a_shard_that_is_not_what_was_written_is_set_aside_with_a_word_and_encoded_anew(tmp_path, caplog, change):
    folder = tmp_path / "embeddings"
    EmbeddingStore(folder).add(["a", "bb"], Counting())
    (index,) = folder.glob("*.json")
    EmbeddingStore(folder).add(["ccc"], Counting())
    change(index)
    encoder = Counting()
    store = EmbeddingStore(folder)
    (word,) = caplog.messages
    assert str(index) in word or "earlier version" in word
    assert store.add(["a", "bb", "ccc"], encoder) == 2
    assert encoder.asked == ["a", "bb"]
    assert store.lookup(["bb", "a", "ccc"]).tolist() == [[2.0, 1.0], [1.0, 1.0], [3.0, 1.0]]
    assert EmbeddingStore(folder).add(["a", "bb", "ccc"], Counting()) == 0
    assert len(caplog.messages) == 1, "it was set aside and is not read again"
    assert list(folder.glob("*.json.altered"))


def test_a_shard_of_another_checkpoint_is_set_aside(tmp_path, caplog):
    EmbeddingStore(tmp_path / "one").add(["a"], Counting())
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    assert EmbeddingStore(tmp_path / "other").add(["a"], Counting()) == 1
    assert "it was written for another thing (one); set aside" in caplog.text


def test_a_shard_tells_what_encoded_it(tmp_path):
    cpu, gpu = {"device": "cpu", "threads": 2}, {"device": "cuda", "gpu": "G", "threads": 1}
    EmbeddingStore(tmp_path, hardware=cpu).add(["a"], Counting())
    store = EmbeddingStore(tmp_path, hardware=gpu)
    store.add(["a"], Counting())
    assert store.encoded_on == [cpu]
    store.add(["a", "bb"], Counting())
    assert store.encoded_on == [cpu, gpu]


def test_progress_reaches_the_end(minilm):
    seen: list[float] = []
    encoder = load_encoder(minilm, progress=seen.append)
    assert isinstance(encoder, SentenceEncoder)
    encoder.encode(TEXTS)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
