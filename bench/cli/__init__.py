"""The command line: one module a verb. Importing it pulls in no torch, transformers, mteb or pandas."""

from __future__ import annotations

import contextlib
import signal
import sys

import typer

from bench import __version__
from bench.cli import cache, check, data, diff, doctor, init, leaderboard, listing, make, merge, plan, pretrain, probe, run, sweep, vocabulary
from bench.cli.quiet import cache_where_it_can_be_written, quiet_libraries
from bench.cli.streams import abandon_output, print_anything
from bench.cli.verb import Verb, Verbs
from bench.errors import BenchError, Stopped
from bench.faults import GO_ON, storage_error
from bench.probe.conditions import spin_little
from bench.signals import stop_on

STOPPING = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
"""Signals that end a command in an orderly way: Ctrl-C, what asks it to end, the end of its terminal."""

app = typer.Typer(
    name="bench",
    cls=Verbs,
    help="How small can a Marathi or Hindi sentence-embedding model get? Makes small models, judges them, and publishes one board.",
    no_args_is_help=True,
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


app.command("init", cls=Verb, epilog=init.EXAMPLES)(init.init)
app.command("run", cls=Verb, epilog=run.EXAMPLES)(run.run)
app.command("plan", cls=Verb, epilog=plan.EXAMPLES)(plan.plan)
app.command("list", cls=Verb, epilog=listing.EXAMPLES)(listing.list_things)
app.command("make", cls=Verb, epilog=make.EXAMPLES)(make.make)
app.command("probe", cls=Verb, epilog=probe.EXAMPLES)(probe.probe)
app.command("sweep", cls=Verb, epilog=sweep.EXAMPLES)(sweep.sweep)
app.command("leaderboard", cls=Verb, epilog=leaderboard.EXAMPLES)(leaderboard.leaderboard)
app.command("diff", cls=Verb, epilog=diff.EXAMPLES)(diff.diff)
app.command("merge", cls=Verb, epilog=merge.EXAMPLES)(merge.merge)
app.command("check", cls=Verb, epilog=check.EXAMPLES)(check.check)
app.command("pretrain", cls=Verb, epilog=pretrain.EXAMPLES)(pretrain.pretrain)
app.command("vocabulary", cls=Verb, epilog=vocabulary.EXAMPLES)(vocabulary.vocabulary)
app.command("doctor", cls=Verb, epilog=doctor.EXAMPLES)(doctor.doctor)
app.add_typer(data.app, name="data")
app.add_typer(cache.app, name="cache")


def main() -> None:
    """Entry point: turns our own errors, signals, and what the operating system refuses into one line and the exit code."""
    quiet_libraries()
    spin_little()
    cache_where_it_can_be_written()
    print_anything()
    heard = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]  # a shell's background job ignores Ctrl-C
    stop_on(heard, afterwards=signal.SIG_DFL)
    code = _call()
    abandon_output()
    sys.exit(code)


def _call() -> int | str | None:
    """Run the verb; returns the exit code."""
    try:
        return _verb()
    except BenchError as error:
        return _say(str(error), error.exit_code)
    except BrokenPipeError:
        return Stopped(getattr(signal, "SIGPIPE", 13)).exit_code
    except Stopped as stop:
        if stop.number not in STOPPING:
            return stop.exit_code
        return _say(f"{stop}; finished cells are kept, {'the same command computes all of them anew' if stop.anew else GO_ON}", stop.exit_code)
    except OSError as error:
        problem = storage_error(error)
        if problem is None:
            raise
        return _say(str(problem), problem.exit_code)


def _verb() -> int | str | None:
    """Run the verb as typer would by itself; a closed output is raised and not taken for exit code 1."""
    try:
        app(prog_name="bench")
        code: int | str | None = 0
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):
            raise leaving.__context__ from None
        code = leaving.code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def _say(message: str, code: int) -> int:
    with contextlib.suppress(OSError):  # nobody reads it, or the terminal is gone
        print(f"bench: {message}", file=sys.stderr, flush=True)
    return code
