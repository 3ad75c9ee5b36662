"""The README of a pre-trained base: what was done to which text, and how well it learned."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bench.errors import DataError


def base_card(
    name: str,
    record: dict[str, Any],
    *,
    sources: str,
    license: str,  # noqa: A002 (the field's name on model cards)
    languages: Sequence[str] = (),
) -> str:
    """Markdown with the YAML head that the Hub reads.

    Args:
        name: Of the base.
        record: As `pretrain` stores it in `pretraining.json`.
        sources: Where the corpus comes from, in Markdown; may be empty.
        license: An identifier, like `cc-by-sa-4.0`.
        languages: ISO 639-1 codes.
    """
    from huggingface_hub import ModelCard, ModelCardData

    options = record["options"]
    held_out = "\n".join(
        f"- length {one['length']}: loss {one['loss']} nats, perplexity {one['perplexity']}; guessing each token by how often it occurs: {one['guessing']}"
        for one in record["final_held_out"]
    )
    files = "\n".join(f"- `{file}`, sha256 `{digest}`" for file, digest in record["files"].items())
    failed = [f"- {one['check']}: {one['found']}" for one in record["tokenizer"] if one["status"] != "ok"]
    passed = "Passes the Devanagari gate (`bench doctor`): vowel signs, anusvara, virama, nukta and joiners survive."
    head = ModelCardData(library_name="transformers", pipeline_tag="fill-mask", license=license, language=list(languages) or None)
    parts = [
        f"---\n{head.to_yaml()}\n---",
        f"# {name}",
        f"A BERT of {options['stages'][-1]['layers']} layers, width {options['hidden']}, {options['heads']} heads and {options['vocab_size']:,} cased "
        "WordPiece tokens, made by `bench pretrain`. The weights are fp16, without the head that predicts masked tokens. It is a base: sentence embeddings "
        f"(mean pooling) need fine-tuning. Inputs of more than {options['max_length']} tokens are not supported.",
        *_training(record),
        f"On {record['held_out_tokens']:,} tokens that were not trained on:\n\n{held_out}",
        f"## Text\n\n{files}",
        sources,
        "## Tokenizer\n\n" + ("\n".join(failed) or passed),
    ]
    return str(ModelCard("\n\n".join(part for part in parts if part) + "\n"))


def _training(record: dict[str, Any]) -> list[str]:
    """What was trained, stage by stage, and with which settings."""
    options = record["options"]
    stages = options["stages"]
    seen = sum(stage["tokens"] for stage in stages)
    start = "Token embeddings start from a factorised PPMI matrix; d" if options["static_init"] else "D"
    schedule = tabulate(
        [(stage["layers"], f"{stage['tokens']:,}", stage["length"]) for stage in stages],
        headers=["layers", "tokens", "length"],
        tablefmt="pipe",
        colalign=["right"] * 3,
        disable_numparse=True,
    )
    return [
        "## Training",
        f"Masked language modelling, seed {options['seed']}: {seen:,} tokens seen, {seen / record['train_tokens']:.1f} times the "
        f"{record['train_tokens']:,} tokens of the corpus. {start}epth grows by stacking, stage by stage:",
        schedule,
        f"Batches of {options['batch_tokens']:,} tokens, {options['mask_fraction']:.0%} of them masked; peak learning rate {options['learning_rate']:g}, "
        f"dropout {options['dropout']:g}, {'bf16' if record['bf16'] else 'fp32'} arithmetic, {record['seconds'] / 60:.0f} minutes. "
        "`pretraining.json` holds every option and the learning curve.",
    ]


def sources_table(path: Path) -> str:
    """A TSV with a header as a Markdown table.

    Raises:
        DataError: A line has not as many cells as the header.
    """
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise DataError(f"{path}:{number}: expected {len(rows[0])} cells as in the header, found {len(row)}")
    return tabulate(rows[1:], headers=rows[0], tablefmt="pipe") if rows else ""
