"""Train a WordPiece tokenizer that keeps Devanagari whole.

The settings that BERT checkpoints usually carry (`lowercase`, `strip_accents`, `clean_text`) delete vowel signs, anusvara and joiners, so this module
builds the pipeline from parts: NFC, whitespace and punctuation splitting, WordPiece.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

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

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=vocab_size, min_frequency=2, special_tokens=list(SPECIAL_TOKENS), limit_alphabet=600, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
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


def read_corpus(files: Iterable[Path]) -> Iterable[str]:
    """Yield the non-empty lines of text files, plain or gzip-compressed, in order."""
    import gzip

    for path in files:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as handle:
            for line in handle:
                if text := line.strip():
                    yield text
