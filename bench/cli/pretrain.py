"""`bench pretrain`: a tokenizer and a masked language model from raw text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.errors import SelectionError

if TYPE_CHECKING:
    from bench.make.pretrain import Stage

EXAMPLES = """Examples:

  bench pretrain --corpus mr.txt.gz --corpus hi.txt.gz --out models/mini/base-12

  bench pretrain --corpus mr.txt --out base-6 --stage 3:20M:32 --stage 6:10M:64 --seed 1

A killed run goes on where it stopped when the same command is given again."""

DEFAULT_STAGES = ("3:24M:32", "6:8M:32", "12:3M:32", "12:3M:128")


def pretrain(
    corpus: Annotated[list[Path], typer.Option("--corpus", help="Text, one unit a line, plain or .gz; repeat for several.", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the base.")],
    stage: Annotated[
        list[str] | None, typer.Option("--stage", metavar="LAYERS:TOKENS:LENGTH", help=f"Depth is grown stage by stage. Default: {' '.join(DEFAULT_STAGES)}.")
    ] = None,
    hidden: Annotated[int, typer.Option("--hidden", min=8)] = 192,
    heads: Annotated[int, typer.Option("--heads", min=1)] = 6,
    intermediate: Annotated[int, typer.Option("--intermediate", min=8)] = 768,
    vocab_size: Annotated[int, typer.Option("--vocab-size", min=100)] = 12_000,
    batch_tokens: Annotated[int, typer.Option("--batch-tokens", min=32)] = 2048,
    learning_rate: Annotated[float, typer.Option("--learning-rate", min=0.0)] = 1e-3,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:i.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", help="CPU threads; 0 lets torch choose. Weights repeat exactly with the same number.", min=0)] = 0,
    save_seconds: Annotated[float, typer.Option("--save-seconds", help="Seconds between resumable saves.", min=0.0)] = 300.0,
) -> None:
    """Train a tokenizer and a BERT-type base by masked language modelling; resumes after a kill."""
    import torch

    from bench.make.pretrain import PretrainOptions, Progress, pretrain
    from bench.probe.machine import has_fast_bf16, pick_device

    if hidden % heads:
        raise SelectionError(f"--hidden must be a multiple of --heads (got {hidden} and {heads})")
    if threads:
        torch.set_num_threads(threads)
    where = pick_device(device)
    stages = tuple(_stage(text) for text in stage or DEFAULT_STAGES)
    chosen = PretrainOptions(
        stages=stages,
        hidden=hidden,
        heads=heads,
        intermediate=intermediate,
        vocab_size=vocab_size,
        batch_tokens=batch_tokens,
        learning_rate=learning_rate,
        max_length=max(128, *(one.length for one in stages)),
        seed=seed,
    )

    def report(now: Progress) -> None:
        print(
            f"{now.step / now.total_steps:6.1%}  {now.layers} layers  loss {now.loss:.3f}  {now.tokens_per_second:,.0f} tokens/s  about {now.eta_seconds / 60:.0f} min left",
            file=sys.stderr,
            flush=True,
        )

    bf16 = has_fast_bf16(where)
    record = pretrain(corpus, out, chosen, device=where, bf16=bf16, save_seconds=save_seconds, report=report)
    typer.echo(f"{out}: held-out loss {record['held_out_loss']}, perplexity {record['held_out_perplexity']}")


def _stage(text: str) -> Stage:
    from bench.make.pretrain import Stage

    parts = text.upper().replace("_", "").split(":")
    factor = {"K": 1_000, "M": 1_000_000}
    try:
        layers, tokens, length = parts
        scale = factor.get(tokens[-1], 1)
        return Stage(int(layers), int(float(tokens.rstrip("KM")) * scale), int(length))
    except (ValueError, IndexError):
        raise SelectionError(f"--stage must be LAYERS:TOKENS:LENGTH, like 3:24M:32 (got {text!r})") from None
