"""Trim a sentence model's vocabulary to what a corpus uses, or to a list of tokens.

Choose tokens, rebuild the tokenizer, slice the embedding matrix, and prove that nothing else changed.

A token that stays keeps its vector, and text whose tokens all stay is cut as before, so its embedding is the same. Other text falls back to smaller pieces,
down to single characters.
"""

from __future__ import annotations

import collections
import dataclasses
import difflib
import itertools
import json
import string
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.cards.tokens import TokenList
from bench.errors import ModelError
from bench.models.encoders import SentenceEncoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TOLERANCE = 1e-6
GATE_TEXTS = 32
"""Texts that are embedded before and after; the tokens of the whole corpus are compared, which is cheap."""
BATCH = 1024
WORD_MARK = "▁"
"""What Unigram vocabularies write for the space before a word."""
MARKS = f"{WORD_MARK}#"
"""What tokens have before the letters: of a word's start in Unigram vocabularies, of its inside in WordPiece ones."""
CHARACTERS = frozenset(
    [
        *map(chr, range(0x0900, 0x0980)),  # Devanagari
        *map(chr, range(0xA8E0, 0xA900)),  # Devanagari Extended
        *string.ascii_letters,
        *string.digits,
        *string.punctuation,
        *"\u200c\u200d",  # the joiners that tell Marathi spellings apart
        *"‘’“”–—…₹",  # what typeset Marathi and Hindi adds to ASCII punctuation
    ]
)
"""Characters whose tokens always stay, so that what was trimmed can still be spelled."""


@dataclasses.dataclass(frozen=True)
class Segmentation:
    """How a trimmed tokenizer cuts texts, compared with the one it was made from; `whole` are the indices of texts whose tokens all stay."""

    whole: tuple[int, ...]
    texts: int
    tokens: int
    tokens_changed: int
    unknown_before: int
    unknown_after: int

    def record(self) -> dict[str, Any]:
        """Counts, and the shares of texts and tokens whose segmentation changes."""
        changed = self.texts - len(self.whole)
        return {
            "texts": self.texts,
            "texts_changed": changed / self.texts,
            "tokens": self.tokens,
            "tokens_changed": self.tokens_changed / max(1, self.tokens),
            "unknown_before": self.unknown_before,
            "unknown_after": self.unknown_after,
        }


def trim_vocabulary(model: SentenceTransformer, texts: Sequence[str], size: int) -> dict[str, Any]:
    """Trim a sentence model in place to at most `size` tokens.

    Args:
        model: A sentence model whose first module is a transformer with a fast tokenizer.
        texts: The corpus whose tokens are counted, each text with its prompt; never test texts.
        size: Most tokens to keep, those that must stay included.

    Returns:
        `tokens_before` and `tokens_after`; the record of `Segmentation` over the corpus; `gate_texts`, how many of the texts whose tokens all stay were
        embedded before and after; `gate_difference`, their largest absolute difference.

    Raises:
        ModelError: The tokenizer cannot be trimmed, `size` does not fit, or the gate failed.
    """
    required = required_by_model(model[0].auto_model)
    return keep_tokens(model, select_tokens(model.tokenizer, texts, size, required=required), texts)


def keep_tokens(model: SentenceTransformer, ids: Sequence[int], texts: Sequence[str]) -> dict[str, Any]:
    """Trim a sentence model in place to the tokens `ids`, in rising order, and compare it with what it was on these texts.

    Returns:
        See `trim_vocabulary`.

    Raises:
        ModelError: The tokenizer cannot be trimmed, or the gate failed.
    """
    tokenizer, transformer = model.tokenizer, model[0].auto_model
    trimmed = trim_tokenizer(tokenizer, ids)
    found = compare_segmentation(tokenizer, trimmed, ids, texts)
    sample = [texts[index] for index in found.whole[:GATE_TEXTS]]
    # One text at a time: few have the same length, and a batch is filled up with copies.
    before = SentenceEncoder(model, prompt="", max_rows=1).encode(sample) if sample else np.zeros((0, 0), dtype=np.float32)
    total = len(tokenizer)
    slice_embeddings(transformer, ids)
    model[0].processor = trimmed
    after = SentenceEncoder(model, prompt="", max_rows=1).encode(sample) if sample else before
    difference = float(np.abs(after - before).max(initial=0.0))
    if not difference <= TOLERANCE:
        raise ModelError(f"trimming the vocabulary changed embeddings of text whose tokens all stay by {difference:.3g} (allowed {TOLERANCE:g})")
    return {"tokens_before": total, "tokens_after": len(ids), **found.record(), "gate_texts": len(sample), "gate_difference": difference}


def select_tokens(tokenizer: Any, texts: Iterable[str], size: int, *, required: Iterable[int] = (), field: str = "vocabulary.size") -> list[int]:
    """Choose the tokens that stay by how often a corpus has them.

    Special and added tokens, the single characters of `CHARACTERS` (bytes, for a byte-level tokenizer) and `required` always stay. Then come the corpus' tokens
    by falling frequency, ties by id, each with the parts it is merged from in a BPE tokenizer; one that no longer fits with its parts is passed over.

    Args:
        tokenizer: A fast transformers tokenizer.
        texts: The corpus; it is read once, a part at a time.
        size: Most tokens to keep.
        required: More ids that must stay.
        field: What the size is called where it is given, for messages.

    Returns:
        Old ids in rising order: the position in the list is the new id.

    Raises:
        ModelError: The tokenizer is slow or of an unsupported type, the corpus is empty, or `size` does not fit.
    """
    state = _state(tokenizer)
    tokens = _tokens(state)
    if size >= len(tokens):
        raise ModelError(f"{field!r} must be below the base's {len(tokens):,} tokens (got {size:,}); leave `vocabulary` out to keep them all")
    parts = _merge_parts(state)
    kept = _with_parts(_always_kept(tokenizer, state, tokens) | (set(required) & tokens.keys()), parts)
    if size < len(kept):
        raise ModelError(f"{field!r} must be at least {len(kept):,}: special tokens and single characters always stay (got {size:,})")
    counts = collections.Counter(token for encoded in _encode(tokenizer, texts) for token, _ in encoded)
    if not counts:
        raise ModelError("'vocabulary.corpus' must hold text (got none)")
    for token in sorted(counts, key=lambda token: (-counts[token], token)):
        if len(kept) == size:
            break
        needed = _with_parts({token}, parts) - kept
        if len(kept) + len(needed) <= size:
            kept |= needed
    return sorted(kept)


def listed_tokens(tokenizer: Any, wanted: TokenList, *, prompt: str = "", required: Iterable[int] = ()) -> list[int]:
    """The tokens that stay by a list: those on it, those that always stay (see `select_tokens`), and those of the prompt, which stands before every text.

    Args:
        tokenizer: A fast transformers tokenizer.
        wanted: The list.
        prompt: Its tokens stay too.
        required: More ids that must stay.

    Returns:
        Old ids in rising order: the position in the list is the new id.

    Raises:
        ModelError: The tokenizer is slow or of an unsupported type, it does not have a token of the list, or every token of it would stay.
    """
    state = _state(tokenizer)
    tokens = _tokens(state)
    by_name = {token: index for index, token in tokens.items()}
    if missing := [token for token in wanted.tokens if token not in by_name]:
        raise ModelError(_not_in_base(missing, wanted, by_name))
    before = {token for encoded in _encode(tokenizer, [prompt]) for token, _ in encoded}
    chosen = {by_name[token] for token in wanted.tokens} | _always_kept(tokenizer, state, tokens) | (set(required) & tokens.keys()) | before
    kept = _with_parts(chosen, _merge_parts(state))
    if len(kept) == len(tokens):
        raise ModelError(f"{wanted.path}: with it all {len(tokens):,} tokens of the base stay; leave `vocabulary` out to keep them all")
    return sorted(kept)


def _not_in_base(missing: Sequence[str], wanted: TokenList, tokens: Iterable[str]) -> str:
    """The message about tokens of a list that a base does not have."""
    first = missing[0]
    start = first.strip(MARKS)[:2]
    alike = [token for token in tokens if token.strip(MARKS).startswith(start)]  # to compare with every token of a large vocabulary takes seconds
    close = difflib.get_close_matches(first, alike, n=1, cutoff=0.5)
    mend = f"did you mean {close[0]!r}? Mend the line" if close else "take the line out"
    others = f", nor {len(missing) - 1:,} more of its {len(wanted.tokens):,} tokens" if len(missing) > 1 else ""
    return f"{wanted.path}:{wanted.tokens[first]}: the base has no token {first!r}{others}; {mend}, or make a list of this base (`bench vocabulary`)"


def trim_tokenizer(tokenizer: Any, ids: Sequence[int]) -> Any:
    """A tokenizer of the same class with the tokens `ids` only, numbered by their position in it.

    It is written out, its `tokenizer.json` rewritten, and loaded again, as it will be with the checkpoint: several classes rebuild parts of themselves when
    they are loaded.

    Raises:
        ModelError: The tokenizer is slow or of an unsupported type, or its class does not come back with the tokens it was given.
    """
    state = _state(tokenizer)
    old, new_id = _tokens(state), {token: new for new, token in enumerate(ids)}
    trimmed = _renumbered(state, new_id)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        (Path(folder) / "tokenizer.json").write_text(json.dumps(trimmed, ensure_ascii=False), encoding="utf-8")
        loaded = type(tokenizer).from_pretrained(folder, local_files_only=True)
    expected = {old[token]: new for token, new in new_id.items()}
    found = _state(loaded)["model"]
    if loaded.get_vocab() != expected or found.get("unk_id") != trimmed["model"].get("unk_id"):
        raise ModelError(f"{type(tokenizer).__name__}: does not come back with the tokens it was given when it is saved and loaded; it cannot be trimmed")
    return loaded


def slice_embeddings(transformer: Any, ids: Sequence[int]) -> None:
    """Keep the rows `ids` of a transformer's token embeddings, in place, and renumber every token id in its configuration.

    Position embeddings stay as they are.

    Raises:
        ModelError: The matrix has no row for a token.
    """
    import torch

    embeddings = transformer.get_input_embeddings()
    if ids[-1] >= embeddings.num_embeddings:
        raise ModelError(f"the tokenizer has token {ids[-1]}, the model embeddings for {embeddings.num_embeddings} tokens only; they do not belong together")
    new_id = {old: new for new, old in enumerate(ids)}
    with torch.no_grad():
        embeddings.weight = torch.nn.Parameter(embeddings.weight[torch.as_tensor(ids, device=embeddings.weight.device)].clone())
    embeddings.num_embeddings = len(ids)
    embeddings.padding_idx = new_id.get(embeddings.padding_idx)
    for name, token in _config_ids(transformer.config).items():
        setattr(transformer.config, name, new_id.get(token))
    transformer.config.vocab_size = len(ids)


def required_by_model(transformer: Any) -> set[int]:
    """Token ids that a model needs whatever its tokenizer says: those named in its configuration.

    Where positions are numbered from the padding token's id (RoBERTa, XLM-R, MPNet), every id up to it stays too, so that it does not move.
    """
    required = set(_config_ids(transformer.config).values())
    padding = getattr(getattr(transformer, "embeddings", None), "padding_idx", None)
    return required if padding is None else required | set(range(padding + 1))


def compare_segmentation(old: Any, new: Any, ids: Sequence[int], texts: Sequence[str]) -> Segmentation:
    """Cut texts with both tokenizers. A token is unchanged when the same token stands at the same place.

    Raises:
        ModelError: A text whose tokens all stay is cut in another way.
    """
    kept = set(ids)
    whole: list[int] = []
    total = changed = 0
    unknown = [0, 0]
    pairs = zip(_encode(old, texts), _encode(new, texts), strict=True)
    for index, (before, after) in enumerate(pairs):
        renamed = [(ids[token], place) for token, place in after]
        if all(token in kept for token, _ in before):
            if renamed != before:
                raise ModelError(f"the trimmed tokenizer cuts {texts[index]!r} in another way, though all its tokens stay")
            whole.append(index)
        total += len(before)
        changed += len(set(before) - set(renamed))
        for number, encoded in enumerate((before, renamed)):
            unknown[number] += sum(token == old.unk_token_id for token, _ in encoded)
    return Segmentation(tuple(whole), len(texts), total, changed, unknown[0], unknown[1])


def _encode(tokenizer: Any, texts: Iterable[str]) -> Iterator[list[tuple[int, tuple[int, int]]]]:
    """(id, place in the text) of every token of every text, without truncation and special tokens."""
    from tokenizers import Tokenizer

    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())  # a copy, so that the settings of the one in use stay
    backend.no_truncation()
    backend.no_padding()
    rest = iter(texts)
    while part := list(itertools.islice(rest, BATCH)):
        for encoding in backend.encode_batch(part, add_special_tokens=False):
            yield list(zip(encoding.ids, encoding.offsets, strict=True))


def _state(tokenizer: Any) -> dict[str, Any]:
    """The serialised form of a fast tokenizer."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"{type(tokenizer).__name__} is a slow tokenizer; its vocabulary can only be trimmed once it is converted to a fast one (tokenizer.json)"
        )
    state: dict[str, Any] = json.loads(backend.to_str())
    kind = state["model"]["type"]
    if kind not in {"WordPiece", "Unigram", "BPE"}:
        raise ModelError(f"a {kind} vocabulary cannot be trimmed; expected WordPiece, Unigram or BPE")
    return state


def _tokens(state: Mapping[str, Any]) -> dict[int, str]:
    """Every token by its id, added ones included."""
    vocabulary = state["model"]["vocab"]
    found = (
        {index: piece for index, (piece, _) in enumerate(vocabulary)} if isinstance(vocabulary, list) else {index: piece for piece, index in vocabulary.items()}
    )
    return found | {added["id"]: added["content"] for added in state["added_tokens"]}


def _always_kept(tokenizer: Any, state: Mapping[str, Any], tokens: Mapping[int, str]) -> set[int]:
    model = state["model"]
    kept = {added["id"] for added in state["added_tokens"]} | set(tokenizer.all_special_ids)
    single = _single_tokens(state)
    kept |= {index for index, token in tokens.items() if token in single or token == model.get("unk_token")}
    if model["type"] == "Unigram":
        if model["unk_id"] is not None:
            kept.add(model["unk_id"])
        # An unknown character costs the lowest score of all less 10 (tokenizers, unigram/model.rs): with that piece gone, unknown could become the cheaper way.
        scores = [score for _, score in model["vocab"]]
        kept.add(scores.index(min(scores)))
    return kept


def _single_tokens(state: Mapping[str, Any]) -> set[str]:
    """How the tokenizer writes each single character, alone, at a word's start, inside and at its end; bytes where it works on bytes."""
    from tokenizers.pre_tokenizers import ByteLevel

    model = state["model"]
    bytes_ = {f"<0x{byte:02X}>" for byte in range(256)} if model.get("byte_fallback") else set()
    if _has_step(state["pre_tokenizer"], "ByteLevel") or _has_step(state["normalizer"], "ByteLevel"):
        return bytes_ | set(ByteLevel.alphabet())
    before = {"", WORD_MARK, model.get("continuing_subword_prefix") or ""}
    after = {"", model.get("end_of_word_suffix") or ""}
    return bytes_ | {WORD_MARK} | {start + character + end for character in CHARACTERS for start in before for end in after}


def _has_step(step: Any, name: str) -> bool:
    """Whether a pre-tokenizer or normalizer is, or holds, a step of this type."""
    if step is None:
        return False
    return step["type"] == name or any(_has_step(inner, name) for inner in step.get("pretokenizers", step.get("normalizers", [])))


def _merges(model: Mapping[str, Any]) -> Iterator[tuple[Any, str, str, str]]:
    """Each merge of a BPE model as it is written, its two parts, and its result."""
    prefix = model.get("continuing_subword_prefix") or ""
    for merge in model.get("merges", []):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        yield merge, left, right, left + right.removeprefix(prefix)


def _merge_parts(state: Mapping[str, Any]) -> dict[int, set[int]]:
    """The tokens that each token of a BPE vocabulary is directly merged from, in any way; empty for other types."""
    if state["model"]["type"] != "BPE":
        return {}
    vocabulary = state["model"]["vocab"]
    parts: dict[int, set[int]] = {}
    for _, left, right, result in _merges(state["model"]):
        parts.setdefault(vocabulary[result], set()).update((vocabulary[left], vocabulary[right]))
    return parts


def _with_parts(ids: set[int], parts: Mapping[int, set[int]]) -> set[int]:
    """The ids and everything they are merged from: a token whose parts are gone could never come about."""
    found: set[int] = set()
    pending = list(ids)
    while pending:
        token = pending.pop()
        if token not in found:
            found.add(token)
            pending.extend(parts.get(token, ()))
    return found


def _renumbered(state: Mapping[str, Any], new_id: Mapping[int, int]) -> dict[str, Any]:
    """A tokenizer's serialised form with the tokens of `new_id` only, under their new ids."""
    model = dict(state["model"])
    vocabulary = model["vocab"]
    if model["type"] == "Unigram":
        model["vocab"] = [entry for index, entry in enumerate(vocabulary) if index in new_id]
        model["unk_id"] = new_id.get(model["unk_id"])
    else:
        model["vocab"] = {token: new_id[index] for token, index in vocabulary.items() if index in new_id}
    if model["type"] == "BPE":
        model["merges"] = [merge for merge, *tokens in _merges(model) if all(token in model["vocab"] for token in tokens)]
    padding = state["padding"]
    return {
        **state,
        "model": model,
        "added_tokens": [{**added, "id": new_id[added["id"]]} for added in state["added_tokens"]],
        "post_processor": _renumbered_processor(state["post_processor"], new_id),
        "padding": padding and {**padding, "pad_id": new_id[padding["pad_id"]]},
    }


def _renumbered_processor(processor: Any, new_id: Mapping[int, int]) -> Any:
    """A post-processor with the new ids of the special tokens that it puts around a text."""
    if processor is None:
        return None
    changed = dict(processor)
    for name in ("sep", "cls"):  # BertProcessing, RobertaProcessing: [token, id]
        if name in changed:
            changed[name] = [changed[name][0], new_id[changed[name][1]]]
    if processor["type"] == "TemplateProcessing":
        special = processor["special_tokens"]
        changed["special_tokens"] = {name: {**entry, "ids": [new_id[index] for index in entry["ids"]]} for name, entry in special.items()}
    if processor["type"] == "Sequence":
        changed["processors"] = [_renumbered_processor(inner, new_id) for inner in processor["processors"]]
    return changed


def _config_ids(config: Any) -> dict[str, int]:
    """The token ids that a configuration names, like `pad_token_id`."""
    return {name: value for name, value in config.to_dict().items() if name.endswith("_token_id") and isinstance(value, int)}
