"""Train a WordPiece tokenizer that keeps Devanagari whole.

The settings that BERT checkpoints usually carry (`lowercase`, `strip_accents`, `clean_text`) delete vowel signs, anusvara and joiners, so this module
builds the pipeline from parts: NFC, whitespace and punctuation splitting, WordPiece.
"""

from __future__ import annotations

import collections
import dataclasses
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bench.make.vocabulary.devanagari import SIGNS, Finding

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

ALPHABET = 600
"""Characters that get a token of their own; rarer ones are unknown."""
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def train_wordpiece(lines: Iterable[str], *, vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Train a cased, NFC-normalising WordPiece tokenizer.

    Args:
        lines: Raw text, one unit a line.
        vocab_size: Number of entries, special tokens included.
        max_length: Longest input in tokens, stored with the tokenizer.

    Returns:
        A tokenizer whose five special tokens hold the ids 0-4 in the order of `SPECIAL_TOKENS`.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    text = list(lines)

    def pipeline(model: models.WordPiece) -> Tokenizer:
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        return tokenizer

    # The trainer numbers "##" characters as it meets them in a hash map, and breaks ties by number: given as special tokens, they are numbered by us and
    # training repeats exactly.
    inside = [f"##{character}" for character in _alphabet(text)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, min_frequency=2, special_tokens=[*SPECIAL_TOKENS, *inside], limit_alphabet=ALPHABET, show_progress=False
    )
    learned = pipeline(models.WordPiece(unk_token="[UNK]"))
    learned.train_from_iterator(text, trainer)
    tokenizer = pipeline(models.WordPiece(learned.get_vocab(), unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def own_mends(findings: Iterable[Finding]) -> list[Finding]:
    """What the gate found in a tokenizer that was trained here, with mends that help here: to "use a tokenizer trained on Devanagari" was just done."""

    def mend(check: str) -> str:
        if check in SIGNS:
            return "the corpus has no such letters, or hardly any; add text that has them"
        if check.startswith("unknown tokens"):
            return f"only the {ALPHABET} most frequent characters have tokens; take lines in other scripts out of the corpus"
        return "words are cut into short pieces; take a larger --vocab-size, or more text"

    return [finding if finding.status == "ok" else dataclasses.replace(finding, mend=mend(finding.check)) for finding in findings]


def _alphabet(lines: list[str]) -> list[str]:
    """The most frequent characters that can stand inside a word (punctuation and symbols always stand alone), in code point order."""
    counts = collections.Counter(character for line in lines for character in unicodedata.normalize("NFC", line))
    inside = [character for character, _ in counts.most_common() if unicodedata.category(character)[0] in "LMNC" and not character.isspace()]
    return sorted(inside[:ALPHABET])
