"""Whatever stands in a model's folder: a clear error or a model that gives the same embeddings each time. `KASAUTI_FUZZ=10000` tries as many cases."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bench.digests import model_digest
from bench.errors import BenchError
from bench.models.architectures import embedding_width, layer_count
from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_encoder, load_sentence_model
from bench.models.soundness import check_folder
from tests.conftest import WORDS_HI, WORDS_MR, sentences

CASES = int(os.environ.get("KASAUTI_FUZZ", "1000"))
TEXTS = ["मी घरी जातो", "ती शाळा येते आज"]
VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 3, 2.5, 2**31, 10**30, float("nan"), float("inf"), "", "x", "bert", "gelu", "../..", "/etc", "\x00", "\ud800"),
    *([], {}, [1], [[]], {"x": 1}, ["x"], "a" * 300, "float16", "sentence_transformers.models.Pooling", "os.path"),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A sentence-transformers folder with a BERT of one layer, 16 wide."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    from bench.make.pretrain.tokenizer import train_wordpiece

    plain, folder = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("sound")
    tokenizer = train_wordpiece(sentences(WORDS_MR, 60) * 3 + sentences(WORDS_HI, 60) * 3, vocab_size=200, max_length=32)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, max_position_embeddings=32, pad_token_id=0
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(plain)
    tokenizer.save_pretrained(plain)
    SentenceTransformer(modules=[Transformer(str(plain)), Pooling(16, pooling_mode="mean")], device="cpu").save(str(folder))
    return folder


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to everything in a JSON value, at most a few in each list."""
    inside = list(value.items())[:60] if isinstance(value, dict) else list(enumerate(value))[:5] if isinstance(value, list) else []
    return [at, *(place for key, item in inside for place in places(item, (*at, key)))]


def put(value: Any, at: tuple[Any, ...], new: Any, *, drop: bool) -> Any:
    """The JSON value with something else, or nothing, in one place."""
    if not at:
        return new
    holder = value
    for key in at[:-1]:
        holder = holder[key]
    if drop:
        del holder[at[-1]]
    else:
        holder[at[-1]] = new
    return value


def spoil_json(draw: st.DrawFn, path: Path) -> None:
    """Keys left out, values of other types, or deep nesting."""
    content = json.loads(path.read_text(encoding="utf-8"))
    at = draw(st.sampled_from(places(content)))
    content = put(content, at, draw(st.sampled_from(VALUES)), drop=draw(st.integers(0, 3)) == 0)
    text = json.dumps(content)
    if draw(st.integers(0, 19)) == 0:
        text = '{"a": ' * 100_000 + text + "}" * 100_000
    path.write_text(text, encoding="utf-8")


def spoil_bytes(draw: st.DrawFn, path: Path) -> None:
    """Bytes flipped, most often near the beginning, where files say what they are; or the rest cut off."""
    data = bytearray(path.read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        if data:
            data[draw(st.integers(0, min(len(data) - 1, draw(st.sampled_from([16, 400, len(data)])))))] ^= draw(st.integers(1, 255))
    if draw(st.integers(0, 2)) == 0:
        del data[draw(st.integers(0, len(data))) :]
    path.write_bytes(data)


def spoil_place(draw: st.DrawFn, path: Path) -> None:
    """No file, an empty one, a folder or a link in its place."""
    what = draw(st.sampled_from(["nothing", "empty", "folder", "loop", "dangling", "outside", "pointer"]))
    if what == "outside":
        shutil.copy(path, path.parent / ".hidden")
    path.unlink()
    if what == "empty":
        path.touch()
    elif what == "folder":
        path.mkdir()
    elif what == "loop":
        path.symlink_to(path.name)
    elif what == "dangling":
        path.symlink_to("nowhere")
    elif what == "outside":
        path.symlink_to(".hidden")
    elif what == "pointer":
        path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n", encoding="utf-8")


def embeddings(folder: Path, *, as_base: bool) -> np.ndarray[Any, Any]:
    """What the harness does with a model's folder before it uses it, and the embeddings of two texts."""
    check_folder(folder)
    model_digest(folder)
    if as_base:
        layer_count(folder)
        embedding_width(folder)
        return SentenceEncoder(load_sentence_model(folder)).encode(TEXTS)
    return load_encoder(folder).encode(TEXTS)


@pytest.mark.slow
@settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.data())
def test_any_model_folder_loads_as_the_same_model_each_time_or_is_refused(sound, data):
    import torch

    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "model"
        shutil.copytree(sound, folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")
        for _ in range(data.draw(st.integers(1, 2))):
            path = data.draw(st.sampled_from(files))
            if not path.is_file() or path.is_symlink():
                continue
            spoil = data.draw(
                st.sampled_from([spoil_json, spoil_json, spoil_json, spoil_bytes, spoil_place] if path.suffix == ".json" else [spoil_bytes, spoil_place])
            )
            try:
                spoil(data.draw, path)
            except (ValueError, RecursionError):  # it was spoilt before, and is no JSON any more
                continue
        as_base = data.draw(st.booleans())
        found, told = [], ""
        for seed in (1, 2):
            torch.manual_seed(seed)
            try:
                found.append(embeddings(folder, as_base=as_base))
            except BenchError as error:
                told = str(error)
        assert len(told) < 2000
        assert not told or (told.strip() and not found), "refused each time or never"
        if not told:
            assert found[0].shape[0] == len(TEXTS)
            np.testing.assert_array_equal(found[0], found[1])
