"""The options that several verbs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import complete
from bench.cli.streams import print_json
from bench.errors import SelectionError, Stopped

if TYPE_CHECKING:
    from bench.plan.options import Options, Stage

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]...",
        help="Candidates, or patterns like 'small-top*'; see `bench list models`.",
        show_default=False,
        autocompletion=complete.candidates,
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every candidate of the suite.")]
Suite = Annotated[
    str | None,
    typer.Option(
        "--suite", help="Suite; see `bench list suites`. Default: the first with the NAMEs, own ones first.", show_default=False, autocompletion=complete.suites
    ),
]
Tasks = Annotated[
    list[str] | None,
    typer.Option("--task", help="Only this task, or those that match a pattern; repeat for several.", show_default=False, autocompletion=complete.tasks),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:i. Default: auto, CUDA where there is one.")]
Probe = Annotated[str, typer.Option("--probe", help="quick, full or none.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", envvar="KASAUTI_DATA_DIR", help="Folder of published data: <owner>/<repository>/<path>.", show_default=False)
]
Offline = Annotated[bool, typer.Option("--offline", help="Never ask the Hub; use what is on this machine.")]
Shard = Annotated[str, typer.Option("--shard", metavar="i/n", help="Only the i-th of n parts of the candidates; `bench merge` puts their results together.")]
Force = Annotated[bool, typer.Option("--force", help="Compute anew what is stored of the candidates: checkpoints, embeddings, scores, measurements.")]
Reprobe = Annotated[bool, typer.Option("--reprobe", help="Measure anew what the candidates cost.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress: only what comes out, and what went wrong.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="A line for every phase of every cell, and errors whole.")]
Log = Annotated[Path | None, typer.Option("--log", metavar="FILE", help="Append what --verbose shows, with the time, and the table.", show_default=False)]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for the files of the board. Default: leaderboard/ of the workspace.", show_default=False)]
Publish = Annotated[bool, typer.Option("--publish", help="Replace the published board even where that loses scores or measurements that stand in it.")]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        min=0,
        metavar="N",
        help="Candidates at a time, each with its share of the cores. 0: one a core on a CPU, as far as memory and the work go; one on a GPU.",
    ),
]
WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", help="Folder with models/ (and tasks/). Default: the nearest one upwards, else the built-in one.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", callback=print_json, help="Machine-readable output.")]


STAGES: tuple[Stage, ...] = ("make", "evaluate", "probe")


def by_default(ctx: typer.Context, name: str) -> bool:
    """True where an option was left out on the command line, so that its value is a default, of `bench.toml` perhaps."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name.startswith("DEFAULT")


def chosen(
    names: list[str] | None,
    *,
    suite: str | None,
    tasks: list[str] | None = None,
    device: str,
    probe: str = "none",
    data_dir: Path | None,
    offline: bool,
    shard: str = "1/1",
    jobs: int = 1,
    stages: tuple[Stage, ...] = STAGES,
    force: bool = False,
    reprobe: bool = False,
    threads: int = 0,
) -> Options:
    """What the command line chooses: for every verb alike, so that a plan is that of the run.

    Raises:
        SelectionError: A value is none that its option takes.
        BenchError: There is no such device.
    """
    from bench.plan.options import Options, stay_offline

    one_of("--probe", probe, ("quick", "full", "none"))
    part = parse_shard(shard)
    if offline:
        stay_offline()  # before the first import of the Hub's libraries
    from bench.probe.machine import pick_device

    return Options(
        suite=suite,
        names=tuple(names or ()),
        tasks=tuple(tasks or ()),
        device=pick_device(device),
        probe=probe,
        data_dir=data_dir,
        offline=offline,
        shard=part,
        jobs=jobs,
        stages=stages,
        force=force,
        reprobe=reprobe,
        threads=threads,
    )


def check_named(names: list[str] | None, *, everything: bool) -> None:
    """Refuse a run of nothing, and one of everything and something.

    Raises:
        SelectionError: It is one.
    """
    if bool(names) == everything:
        raise SelectionError("give candidate NAMEs or --all; `bench list models` shows them")


def check_loudness(*, quiet: bool, verbose: bool) -> None:
    """Refuse a run that should be both.

    Raises:
        SelectionError: It should.
    """
    if quiet and verbose:
        raise SelectionError("give --quiet or --verbose, not both; --log FILE keeps in a file what --verbose shows")


def one_of(option: str, value: str, valid: tuple[str, ...]) -> str:
    """The value, if it is valid.

    Raises:
        SelectionError: It is not.
    """
    if value not in valid:
        raise SelectionError(f"{option} must be one of {', '.join(valid)} (got {value!r})")
    return value


def parse_shard(text: str) -> tuple[int, int]:
    """`2/3` as (2, 3).

    Raises:
        SelectionError: It is not i/n with 1 <= i <= n.
    """
    index, _, count = text.partition("/")
    if index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count):
        return int(index), int(count)
    raise SelectionError(f"--shard must be i/n with 1 <= i <= n, like 2/3 (got {text!r})")


@contextmanager
def begins_anew(active: bool = True) -> Iterator[None]:
    """Whoever stops the body is told that the same command does not go on from there but computes everything again, where that is so."""
    try:
        yield
    except Stopped as stop:
        stop.anew = active
        raise
