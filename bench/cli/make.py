"""`bench make`: checkpoints only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bench.cli import options
from bench.errors import Incomplete

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.plan.planning import Plan

EXAMPLES = """Examples:

  bench make e5-top6

  bench make 'e5-top*' --force                        trained anew

  bench make e5-distilled6 --suite public --data-dir DATA"""


def make(
    names: options.Names = None,
    everything: options.All = False,
    suite: options.Suite = None,
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    jobs: options.Jobs = 0,
    force: options.Force = False,
    workspace: options.WorkspaceOption = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    log: options.Log = None,
    json: options.Json = False,
) -> None:
    """Make checkpoints and print their paths; `SentenceTransformer(path)` loads them."""
    import json as jsonlib

    from bench.cli.log import logged
    from bench.cli.progress import make_reporter, planned
    from bench.run.execute import execute

    options.check_named(names, everything=everything)
    options.check_loudness(quiet=quiet, verbose=verbose)
    chosen = options.chosen(names, suite=suite, device=device, data_dir=data_dir, offline=offline, jobs=jobs, stages=("make",), force=force)
    with options.begins_anew(force), logged(log, make_reporter(json=json, quiet=quiet, verbose=verbose)) as (reporter, _):
        plan = planned(workspace, chosen, json=json, quiet=quiet)
        for line in _remarks(plan) if names and not quiet else ():
            typer.echo(f"bench: {line}", err=True)
        outcome = execute(plan, reporter)
    if not outcome.complete:
        raise Incomplete("\n".join(f"{cell}: {error}" for cell, error in {**outcome.blocked, **outcome.failed}.items()))
    made = {candidate.name: str(plan.archive.checkpoint_folder(plan.resolver.blueprint(candidate))) for candidate in plan.selection.chosen}
    typer.echo(jsonlib.dumps({"event": "end", "made": made}, ensure_ascii=False) if json else "\n".join(made.values()))


def _remarks(plan: Plan) -> Iterator[str]:
    """What to say of chosen candidates of a kind that is never trained, and of those that run in another precision than their folder has."""
    from bench.cards.kinds import External, Lexical

    for candidate in plan.selection.chosen:
        if isinstance(candidate, External):
            yield f"{candidate.name} is an external model, which is used as it is: there is nothing to train, and the path is that of the model itself"
        elif isinstance(candidate, Lexical):
            yield f"{candidate.name} is a lexical candidate, which has no weights: there is nothing to train"
        elif candidate.runs_in != "fp32":
            yield f"the folder of {candidate.name} holds fp32 weights; its page on the board shows the line that loads them as {candidate.runs_in}"
