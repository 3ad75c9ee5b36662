"""The Devanagari tokenizer gate: does a tokenizer keep what carries meaning in Marathi and Hindi?

The settings that uncased BERT checkpoints carry delete vowel signs and anusvara, so that दिन and दान reach the model as one word. No score shows that before
much compute is spent.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from bench.errors import ModelError

Verdict = Literal["ok", "warning", "failed"]

SIGNS: dict[str, tuple[tuple[str, str], ...]] = {
    "vowel signs": tuple((f"क{sign}", "क") for sign in "ािीुूृेैोौॅॉ"),
    "anusvara and chandrabindu": (("अंक", "अक"), ("पाँच", "पाच"), ("दुःख", "दुख")),
    "virama": (("क्या", "कया"), ("पत्ता", "पतता")),
    "nukta": (("क़लम", "कलम"), ("ज़रा", "जरा"), ("बड़ा", "बडा")),
    "ZWJ and ZWNJ": (("सुर\u094d\u200dया", "सुर\u094dया"), ("क\u094d\u200cष", "क\u094dष")),
}
"""Pairs of words that differ in one sign; a tokenizer must tell them apart without unknown tokens."""
JOINERS = "ZWJ and ZWNJ"
LENIENT = frozenset({JOINERS})
"""Losing these is a warning: few words differ in a joiner alone, and most BERT tokenizers (clean_text) drop them."""
UNKNOWN_FAILED, UNKNOWN_WARNING = 0.05, 0.005
FERTILITY_WARNING = 3.0
"""Above this many tokens a word, text is cut into single letters: slow, and little is learned."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One check: what was found, and the mend where it is not `ok`."""

    check: str
    status: Verdict
    found: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.check}: {self.found}" + (f"; {self.mend}" if self.mend else "")


def inspect_tokenizer(tokenizer: Any, texts: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Run every check.

    Args:
        tokenizer: A transformers tokenizer.
        texts: Sentences by language, over which unknown rate and tokens per word are counted.

    Returns:
        One finding for each kind of sign, then two for each language.
    """

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    unknown = getattr(tokenizer, "unk_token_id", None)
    findings = [_signs(kind, pairs, encode, unknown, tokenizer) for kind, pairs in SIGNS.items()]
    for language, sentences in texts.items():
        encoded = [encode(sentence) for sentence in sentences]
        findings += [_unknown_rate(language, encoded, unknown), _fertility(language, encoded, sentences)]
    return findings


def check_tokens(name: str, tokenizer: Any, texts: Sequence[str]) -> None:
    """Refuse a tokenizer to which different texts are all the same, or nothing but unknown tokens: what is then scored is the length of a text at best.

    Args:
        name: The model's, for the message.
        tokenizer: That of a model: of transformers, of tokenizers (static models), or of words, which is not looked at.
        texts: Ordinary text, all different.

    Raises:
        ModelError: No text is told from another.
    """
    if hasattr(tokenizer, "to_str"):
        model = json.loads(tokenizer.to_str())["model"]
        unknown = tokenizer.token_to_id(model["unk_token"]) if model.get("unk_token") else model.get("unk_id")
        encoded = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    elif callable(tokenizer):
        unknown = getattr(tokenizer, "unk_token_id", None)
        encoded = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    else:
        return
    if all(set(ids) <= {unknown} for ids in encoded) or len({tuple(ids) for ids in encoded}) == 1:
        raise ModelError(
            f"{name}: the tokenizer makes nothing but unknown tokens, or the same ones, of Marathi and Hindi text; is its vocabulary the model's? "
            "`bench doctor` tells more"
        )


def _signs(kind: str, pairs: Sequence[tuple[str, str]], encode: Callable[[str], list[int]], unknown: int | None, tokenizer: Any) -> Finding:
    unread = [word for word, _ in pairs if unknown is not None and unknown in encode(word)]  # two unknown words look alike, and no sign was deleted
    lost = [word for word, without in pairs if word not in unread and encode(word) == encode(without)]
    if kind == JOINERS and (cut := [word for word, _ in pairs if word not in (*lost, *unread) and encode(word) == encode(re.sub("[\u200c\u200d]", " ", word))]):
        return _cut_in_two(kind, cut, len(pairs))
    if not lost and not unread:
        return Finding(kind, "ok", "survive")
    found = [f"{len(lost)} of {len(pairs)} are deleted ({' '.join(lost)})"] if lost else []
    found += [f"{len(unread)} of {len(pairs)} are unknown ({' '.join(unread)})"] if unread else []
    mend = _culprit(tokenizer, kind) if lost else "the vocabulary lacks them; use a tokenizer trained on Devanagari"
    return Finding(kind, "warning" if kind in LENIENT else "failed", ", ".join(found), mend)


def _cut_in_two(kind: str, words: Sequence[str], total: int) -> Finding:
    """Joiners that become spaces, as in the normalization of XLM-R: the letters on both sides reach the model as two words."""
    mend = "words with the eyelash ra (र्\u200dया) and the like are cut in two; XLM-R's normalization does this, and the model was trained with it"
    return Finding(kind, "warning", f"{len(words)} of {total} become a space ({' '.join(words)})", mend)


def _unknown_rate(language: str, encoded: Sequence[list[int]], unknown: int | None) -> Finding:
    total = sum(map(len, encoded))
    rate = sum(ids.count(unknown) for ids in encoded) / max(1, total) if unknown is not None else 0.0
    status: Verdict = "failed" if rate > UNKNOWN_FAILED else "warning" if rate > UNKNOWN_WARNING else "ok"
    mend = "" if status == "ok" else "the vocabulary does not cover the language"
    return Finding(f"unknown tokens, {language}", status, f"{rate:.2%} of {total:,}", mend)


def _fertility(language: str, encoded: Sequence[list[int]], sentences: Sequence[str]) -> Finding:
    rate = sum(map(len, encoded)) / max(1, sum(len(sentence.split()) for sentence in sentences))
    high = rate > FERTILITY_WARNING
    return Finding(
        f"tokens per word, {language}", "warning" if high else "ok", f"{rate:.2f}", "words are cut into letters: slow, and little is learned" if high else ""
    )


def _culprit(tokenizer: Any, kind: str) -> str:
    """The tokenizer's setting that deletes signs, by name, with the mend."""
    for step in _normalizers(tokenizer):
        name = step.get("type")
        if name == "BertNormalizer":
            if kind == JOINERS and step.get("clean_text"):
                return "clean_text=True deletes joiners; only a tokenizer.json with clean_text false keeps them"
            if step.get("strip_accents"):
                return "strip_accents=True deletes them; load the tokenizer with strip_accents=False"
            if step.get("strip_accents") is None and step.get("lowercase"):
                return "do_lower_case=True deletes them, since strip_accents follows it; load the tokenizer with do_lower_case=False or strip_accents=False"
        if name == "StripAccents":
            return "the normalizer StripAccents in tokenizer.json deletes them; take it out"
    if getattr(tokenizer, "do_lower_case", False):
        return "do_lower_case=True deletes them; load the tokenizer with do_lower_case=False"
    return "its normalization or pre-tokenization deletes them; see the normalizer in tokenizer.json"


def _normalizers(tokenizer: Any) -> list[dict[str, Any]]:
    """The normalizer's steps, sequences laid flat; empty for a tokenizer that is not a fast one."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    pending = [json.loads(backend.to_str())["normalizer"]] if backend is not None else []
    steps: list[dict[str, Any]] = []
    while pending:
        step = pending.pop(0)
        if step is None:
            continue
        if step.get("type") == "Sequence":
            pending = [*step["normalizers"], *pending]
        else:
            steps.append(step)
    return steps
