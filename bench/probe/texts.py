"""The text that every model is measured with: real Marathi and Hindi, frozen, in three buckets of length."""

from __future__ import annotations

import csv
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from bench.errors import DataError

Bucket = Literal["short", "medium", "long"]
BUCKETS: tuple[Bucket, ...] = get_args(Bucket)
FILE = Path(__file__).with_name("texts.tsv")
SHA256 = "4a90b792c2025eded743a50ea1546dda7f1d1c0df6cf9cd6d0bbd0981fd7256c"
"""Of the file. Measurements with other texts are other measurements: they are not compared, and the digest is part of their key."""


@functools.cache
def probe_texts() -> Mapping[Bucket, tuple[str, ...]]:
    """The texts of each bucket, Marathi and Hindi taking turns.

    `short` is one sentence (of KasautiSTS, 20 to 70 characters), `medium` a message (of KasautiTopic and KasautiSentiment, 75 to 126), `long` a paragraph: six
    texts of KasautiTopic that follow each other, joined (539 to 667). They stand in such an order that equal numbers of them that follow each other have about
    as many characters.

    Raises:
        DataError: The file is not the one that measurements are made with.
    """
    content = FILE.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise DataError(f"{FILE}: is not the text that measurements are made with (sha256 differs); install kasauti anew")
    rows = list(csv.DictReader(content.decode("utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    return {bucket: tuple(row["text"] for row in rows if row["bucket"] == bucket) for bucket in BUCKETS}


def block(counts: Mapping[Bucket, int], number: int) -> tuple[str, ...]:
    """The texts of one timed block: so many of each bucket, others for each number until all have been used, then the first ones again."""
    return tuple(
        texts[(number * count + index) % len(texts)] for bucket, count in counts.items() for texts in [probe_texts()[bucket]] for index in range(count)
    )
