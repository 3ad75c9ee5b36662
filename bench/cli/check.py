"""`bench check`: the current cells against a blessed baseline."""

from __future__ import annotations

import json as jsonlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import complete, options
from bench.cli.streams import print_json
from bench.errors import BenchError, Incomplete, SelectionError, StorageError

if TYPE_CHECKING:
    from bench.cards.rules import Rules
    from bench.standings.gate.snapshot import Snapshot
    from bench.standings.gate.verdicts import Checked

STDOUT = "-"
EXAMPLES = """Examples:

  bench check                           against leaderboard/SUITE/baseline.json

  bench check --update                  bless what is stored now, and show what changes

  bench check --baseline main           against the baseline that a git commit has

  bench check --strict --json - --junit-xml checks.xml

  bench check --explain K301            what a code means and what to do

Margins stand in the table [check] of bench.toml. On GitHub, what did not pass is also annotated and
put into the summary of the job.

Exit codes: 0 done, 1 regression, 2 usage or configuration, 3 something is missing, 4 with --strict:
something is inconclusive."""


def check(
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite", help="One of `bench list suites`. Default: your own first one, else small.", show_default=False, autocompletion=complete.suites
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="FILE|COMMIT", help="Compare with this file, or with the baseline of a git commit.", show_default=False)
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Write the baseline anew from what is stored, and show what changes.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 4 where the quality of something cannot be judged.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm/--no-confirm", help="Measure a second time what seems to have become slower or larger in memory.")] = True,
    junit_xml: Annotated[str | None, typer.Option("--junit-xml", metavar="FILE", help="Write JUnit XML; - for standard output.", show_default=False)] = None,
    json: Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write one JSON document; - for standard output.", show_default=False)] = None,
    markdown: Annotated[str | None, typer.Option("--markdown", metavar="FILE", help="Write Markdown; - for standard output.", show_default=False)] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show what passed too.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="CODE", help="Say what a code like K301 means and what to do; nothing is compared.", show_default=False)
    ] = None,
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Compare the stored cells of a suite with its baseline: quality, reproduction, speed, memory and size; computes no score."""
    from bench.cards.defaults import check_margins, check_rules
    from bench.cards.workspace import find_workspace
    from bench.cli.confirm import confirm_costs
    from bench.plan.options import Options, stay_offline
    from bench.probe.machine import pick_device
    from bench.standings.gate.baseline import read_baseline
    from bench.standings.gate.compare import compare
    from bench.standings.gate.confirm import settled
    from bench.standings.gate.load import current

    if explain is not None:
        from bench.publish.gate.explained import explained

        typer.echo(explained(explain), nl=False)
        return
    files = {"json": json, "markdown": markdown, "junit-xml": junit_xml}
    if list(files.values()).count(STDOUT) > 1:
        raise SelectionError(f"only one of {', '.join(f'--{form}' for form, file in files.items() if file == STDOUT)} can have standard output")
    if update and (unheeded := [*(f"--{form}" for form, file in files.items() if file is not None), *(["--strict"] if strict else [])]):
        raise SelectionError(f"--update writes a baseline and gives no verdict, so {', '.join(unheeded)} would say nothing; call `bench check` once without it")
    stay_offline()
    place = find_workspace(workspace)
    rules = check_rules(place)
    chosen = Options(suite=suite, device=pick_device(device), data_dir=data_dir, offline=True)
    now, folder = current(place, chosen)
    check_margins(rules, place, now.tasks)
    if update:
        _update(now, folder, baseline, rules, everything=verbose)
        return
    before, named = read_baseline(baseline, folder, now.suite)
    checked = compare(before, now, rules, named)
    checked = confirm_costs(checked, before, place, chosen, rules) if confirm else settled(checked)
    _tell(checked, strict=strict, verbose=verbose, files=files)
    raise typer.Exit(checked.exit_code(strict=strict))


def _update(now: Snapshot, folder: Path, place: str | None, rules: Rules, *, everything: bool) -> None:
    """Bless what is stored: show what that changes, and write it, unless scores of candidates that are still asked for would be lost."""
    from bench.publish.gate.forms import show
    from bench.publish.terminal import make_console
    from bench.standings.gate.baseline import Foreign, place_of, read_baseline, write_baseline
    from bench.standings.gate.compare import compare, would_lose

    path = place_of(place, folder)
    if path.exists():
        try:
            before, named = read_baseline(path, folder, now.suite)
        except StorageError:
            raise
        except Foreign as problem:
            if place is not None:
                raise Foreign(f"{problem}; --update does not replace it") from None
            typer.echo(f"bench: what was there is not compared: {problem}", err=True)
        except BenchError as problem:
            typer.echo(f"bench: what was there is not compared: {problem}", err=True)
        else:
            show(compare(before, now, rules, named), make_console(), everything=everything)
            if lost := would_lose(before, now):
                raise Incomplete(f"{path} is left as it was: {lost}; `bench run --all` computes them, or remove the file to bless what there is")
    write_baseline(path, now)
    scores = sum(len(entry.scores) for entry in now.candidates.values())
    costs = sum(entry.cost is not None for entry in now.candidates.values())
    typer.echo(f"{path}: {scores} scores and {costs} measurements of suite {now.suite} on {now.device} are the baseline")


def _tell(checked: Checked, *, strict: bool, verbose: bool, files: Mapping[str, str | None]) -> None:
    """Every form that was asked for; where standard output takes one of them, it holds nothing else. What cannot be written is said after the verdicts."""
    from bench.publish.gate.cells import document
    from bench.publish.gate.forms import github_annotations, junit, markdown, show
    from bench.publish.terminal import make_console
    from bench.store import write_through

    forms = {
        "json": lambda: jsonlib.dumps(document(checked, strict=strict), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "markdown": lambda: markdown(checked),
        "junit-xml": lambda: junit(checked),
    }
    piped = STDOUT in files.values()
    for form in (form for form, place in files.items() if place == STDOUT):
        print_json(form == "json")
        typer.echo(forms[form](), nl=False)
    if not piped:
        show(checked, make_console(), everything=verbose)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in github_annotations(checked):
            typer.echo(line, err=piped)
    if told := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(told).open("a", encoding="utf-8") as handle:
                handle.write(markdown(checked))
        except OSError as error:  # it was not asked for, and must not hide the verdict
            typer.echo(f"bench: GITHUB_STEP_SUMMARY names {told}, which cannot be written ({error.strerror})", err=True)
    for form, place in files.items():
        if place is not None and place != STDOUT:
            write_through(Path(place), forms[form]())
