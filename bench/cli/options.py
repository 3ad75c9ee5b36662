"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import complete
from bench.cli.streams import print_json
from bench.errors import SelectionError

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Candidates; see `bench list models`.", show_default=False, autocompletion=complete.candidates)
]
All = Annotated[bool, typer.Option("--all", help="Every candidate of the suite.")]
Suite = Annotated[
    str | None,
    typer.Option(
        "--suite", help="Suite; see `bench list suites`. Default: the first with the NAMEs, own ones first.", show_default=False, autocompletion=complete.suites
    ),
]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Only this task; repeat for several.", show_default=False, autocompletion=complete.tasks)]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:i. Default: auto, CUDA where there is one.")]
Probe = Annotated[str, typer.Option("--probe", help="quick, full or none.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", envvar="KASAUTI_DATA_DIR", help="Folder of published data: <owner>/<repository>/<path>.", show_default=False)
]
Offline = Annotated[bool, typer.Option("--offline", help="Never ask the Hub; use what is on this machine.")]
Shard = Annotated[str, typer.Option("--shard", metavar="i/n", help="Only every n-th candidate, from the i-th.")]
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
    if index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count):
        return int(index), int(count)
    raise SelectionError(f"--shard must be i/n with 1 <= i <= n, like 2/3 (got {text!r})")
