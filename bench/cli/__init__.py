"""The command line: one module a verb. Importing it pulls in no torch, transformers, mteb or pandas."""

from __future__ import annotations

import sys

import typer

from bench import __version__
from bench.cli import data, doctor, leaderboard, listing, make, plan, pretrain, run, sweep
from bench.cli.quiet import quiet_libraries
from bench.errors import BenchError

app = typer.Typer(
    name="bench",
    help="How small can a Marathi or Hindi sentence-embedding model get? Makes small models, judges them, and publishes one board.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kasauti {__version__}")
        raise typer.Exit()


@app.callback()
def _main(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version and exit.")) -> None:
    pass


app.command("run", epilog=run.EXAMPLES)(run.run)
app.command("plan", epilog=plan.EXAMPLES)(plan.plan)
app.command("list", epilog=listing.EXAMPLES)(listing.list_things)
app.command("make", epilog=make.EXAMPLES)(make.make)
app.command("sweep", epilog=sweep.EXAMPLES)(sweep.sweep)
app.command("leaderboard", epilog=leaderboard.EXAMPLES)(leaderboard.leaderboard)
app.command("pretrain", epilog=pretrain.EXAMPLES)(pretrain.pretrain)
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
app.add_typer(data.app, name="data")


def main() -> None:
    """Entry point: turns our own errors into one message and their exit code."""
    quiet_libraries()
    try:
        app()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
