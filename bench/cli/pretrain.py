"""`bench pretrain`: a tokenizer and a masked language model from raw text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.errors import SelectionError

if TYPE_CHECKING:
    from bench.make.pretrain.train import PretrainStage

EXAMPLES = """Examples:

  bench pretrain --corpus mr.txt.gz --corpus hi.txt.gz --out models/mini/base-12

  bench pretrain --corpus mr.txt.gz --out small --layers 6 --hidden 128 --heads 4 --tokens 10M

  bench pretrain --corpus mr.txt --out base-6 --stage 3:20M:32 --stage 6:10M:64 --seed 1

A killed run goes on where it stopped when the same command is given again."""


def pretrain(
    corpus: Annotated[list[Path], typer.Option("--corpus", help="Text, one unit a line, plain or .gz; repeat for several.", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the base.")],
    layers: Annotated[int, typer.Option("--layers", min=1)] = 12,
    tokens: Annotated[str, typer.Option("--tokens", metavar="N", help="Training tokens in all, like 40M.")] = "40M",
    stage: Annotated[
        list[str] | None,
        typer.Option("--stage", metavar="LAYERS:TOKENS:LENGTH", help="A schedule of your own, stage by stage, in place of --layers and --tokens."),
    ] = None,
    hidden: Annotated[int, typer.Option("--hidden", min=8)] = 192,
    heads: Annotated[int, typer.Option("--heads", min=1)] = 6,
    intermediate: Annotated[int, typer.Option("--intermediate", min=8)] = 768,
    vocab_size: Annotated[int, typer.Option("--vocab-size", min=100)] = 12_000,
    batch_tokens: Annotated[int, typer.Option("--batch-tokens", min=32)] = 2048,
    learning_rate: Annotated[float, typer.Option("--learning-rate", min=0.0)] = 1e-3,
    dropout: Annotated[float, typer.Option("--dropout", min=0.0, max=0.9, help="Worth it when a small corpus is seen very often.")] = 0.0,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1)] = 0,
    sources: Annotated[
        Path | None,
        typer.Option(
            "--sources", help="TSV with a header that says where the text comes from; shown on the card.", exists=True, dir_okay=False, show_default=False
        ),
    ] = None,
    license: Annotated[str, typer.Option("--license", help="Licence of the weights, for the card.")] = "other",  # noqa: A002
    language: Annotated[list[str] | None, typer.Option("--language", help="ISO 639-1 code for the card; repeat for several.", show_default=False)] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:i.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", help="CPU threads; 0 lets torch choose. Weights repeat exactly with the same number.", min=0)] = 0,
    save_seconds: Annotated[float, typer.Option("--save-seconds", help="Seconds between resumable saves.", min=0.0)] = 300.0,
) -> None:
    """Train a tokenizer and a BERT-type base by masked language modelling; resumes after a kill."""
    from bench.store import require_writable

    require_writable(out)  # before the seconds that the next imports take
    import torch

    from bench.cli.progress import heartbeat
    from bench.faults import storage
    from bench.make.pretrain.card import sources_table
    from bench.make.pretrain.train import PretrainOptions, StepReport, default_stages, pretrain
    from bench.probe.machine import has_fast_bf16, pick_device

    if hidden % heads:
        raise SelectionError(f"--hidden must be a multiple of --heads (got {hidden} and {heads})")
    if hidden > vocab_size:
        raise SelectionError(f"--hidden must be at most --vocab-size, since token vectors start as factors of a table of them (got {hidden} and {vocab_size})")
    if threads:
        torch.set_num_threads(threads)
    where = pick_device(device)
    stages = tuple(_stage(text) for text in stage) if stage else default_stages(layers, _tokens(tokens, "--tokens"))
    chosen = PretrainOptions(
        stages=stages,
        hidden=hidden,
        heads=heads,
        intermediate=intermediate,
        vocab_size=vocab_size,
        batch_tokens=batch_tokens,
        learning_rate=learning_rate,
        dropout=dropout,
        max_length=max(128, *(one.length for one in stages)),
        seed=seed,
    )

    def report(now: StepReport) -> None:
        done = f"{now.step / now.total_steps:6.1%}"
        _line(f"{done}  {now.layers} layers  loss {now.loss:.3f}  {now.tokens_per_second:,.0f} tokens/s  about {now.eta_seconds / 60:.0f} min left")
        say(f"training {done.strip()}", said=True)

    with storage(out), heartbeat("reading the corpus") as say:
        record = pretrain(
            corpus,
            out,
            chosen,
            device=where,
            bf16=has_fast_bf16(where),
            save_seconds=save_seconds,
            sources=sources_table(sources) if sources else "",
            license=license,
            languages=language or (),
            report=report,
            warn=lambda message: _line(f"warning: {message}"),
        )
    last = record["final_held_out"][-1]
    typer.echo(f"{out}: held-out loss {last['loss']}, perplexity {last['perplexity']} (guessing: {last['guessing']}) at length {last['length']}")


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _stage(text: str) -> PretrainStage:
    from bench.make.pretrain.train import PretrainStage

    try:
        layers, tokens, length = text.split(":")
        return PretrainStage(int(layers), _tokens(tokens, "--stage"), int(length))
    except ValueError:
        raise SelectionError(f"--stage must be LAYERS:TOKENS:LENGTH, like 3:24M:32 (got {text!r})") from None


def _tokens(text: str, option: str) -> int:
    scale = {"K": 1_000, "M": 1_000_000, "G": 1_000_000_000}.get(text[-1:].upper(), 1)
    try:
        count = int(float(text.upper().rstrip("KMG").replace("_", "")) * scale)
    except ValueError:
        count = 0
    if count < 1:
        raise SelectionError(f"{option} needs a number of tokens, like 40M or 500K (got {text!r})")
    return count
