"""Choose once, from a corpus, which tokens of a base stay, so that the list of them can be used where the corpus is not at hand."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.cards.tokens import written
from bench.data.rows import normalise
from bench.data.sources import read_corpus
from bench.digests import file_digest, model_digest
from bench.errors import DataError
from bench.make.vocabulary.trim import compare_segmentation, required_by_model, select_tokens, trim_tokenizer
from bench.models.loading import load_sentence_model
from bench.models.prompts import default_prompt


@dataclasses.dataclass(frozen=True)
class Choice:
    """The tokens that stay, in the order of the base.

    `files` tells of each file of the corpus: its name and digest, how many lines were left out for standing in a test, and how much of the others the trimmed
    tokenizer cuts in another way (see `Segmentation.record`).
    """

    tokens: tuple[str, ...]
    tokens_before: int
    base_sha256: str
    prompt: str
    files: tuple[dict[str, Any], ...]

    def text(self, base: str, command: str) -> str:
        """The list as a file.

        Args:
            base: What the base is called.
            command: What made the list.
        """
        return written(
            self.tokens,
            [
                f"{len(self.tokens):,} of the {self.tokens_before:,} tokens of {base}, whose content has sha256 {self.base_sha256}",
                *(f"counted on {one['file']}, sha256 {one['sha256']}: {one['texts']:,} lines, {one['tokens']:,} tokens" for one in self.files),
                *([f"every line with the prompt {self.prompt!r}"] if self.prompt else []),
                f"made by: {command}",
            ],
        )


def choose_vocabulary(
    base: Path, corpus: Sequence[Path], size: int, *, guard: frozenset[str], prompt: str | None = None, say: Callable[[str], None] = lambda _: None
) -> Choice:
    """Count the tokens of text files, and keep the most frequent.

    A line counts as often as it stands there, so that of several files the larger one has the greater say.

    Args:
        base: Folder of the base.
        corpus: Text files, one text a line, plain or gzip-compressed.
        size: Most tokens to keep, those that must stay included.
        guard: Normalised test texts, see `DataCache.guard`; a line that is one of them is not counted.
        prompt: Put before every text; that of the base by default where it is None.
        say: Told what is done, which may take minutes.

    Raises:
        ModelError: The base cannot be loaded or trimmed, or `size` does not fit.
        DataError: A file cannot be read, or has no text.
    """
    say(f"loading {base.name}")
    model = load_sentence_model(base)
    tokenizer = model.tokenizer
    before = default_prompt(model) if prompt is None else prompt
    left_out: Counter[Path] = Counter()

    def texts(file: Path) -> Iterator[str]:
        found = False
        for line in read_corpus([file]):
            if normalise(line) in guard:
                left_out[file] += 1
                continue
            found = True
            yield before + line
        if not found:
            raise DataError(f"{file}: no text is left to count tokens on; expected a text a line that stands in no test")

    def counted() -> Iterator[str]:
        for file in corpus:
            say(f"counting the tokens of {file.name}")
            yield from texts(file)

    ids = select_tokens(tokenizer, counted(), size, required=required_by_model(model[0].auto_model), field="--size")
    trimmed, excluded = trim_tokenizer(tokenizer, ids), dict(left_out)
    files = []
    for file in corpus:
        say(f"comparing how {file.name} is cut")
        found = compare_segmentation(tokenizer, trimmed, ids, list(texts(file)))
        files.append({"file": file.name, "sha256": file_digest(file), "left_out_for_standing_in_a_test": excluded.get(file, 0), **found.record()})
    return Choice(tuple(tokenizer.convert_ids_to_tokens(ids)), len(tokenizer), model_digest(base), before, tuple(files))
