"""The functions behind `import bench`: read the cards, plan a run, run it, load the board, compare two candidates.

Importing this module imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError, SelectionError

if TYPE_CHECKING:
    from bench.cards.load import Library
    from bench.cards.workspace import Workspace
    from bench.plan.planning import Plan
    from bench.run.execute import Outcome
    from bench.run.report import Reporter
    from bench.standings.board import Board
    from bench.standings.gate.verdicts import Checked
    from bench.standings.losses import Diff

PROBES = ("quick", "full", "none")


def load(workspace: str | Path | None = None) -> Library:
    """Read every card of a workspace.

    Args:
        workspace: Folder with `models/` (and `tasks/`). Default: the nearest one from the current folder upwards, else the one that comes with the package.

    Returns:
        `suites` and `tasks`: the cards, by name; `candidates`: the models of each suite, grids written out.

    Raises:
        BenchError: The folder is not a workspace.
        CardError: A card is wrong; the error lists every problem of every card.
    """
    from bench.cards.load import load_library

    return load_library(_find(workspace))


def make_plan(
    *names: str,
    suite: str | None = None,
    workspace: str | Path | None = None,
    tasks: str | Iterable[str] = (),
    device: str = "auto",
    probe: str = "quick",
    data_dir: str | Path | None = None,
    offline: bool = False,
    jobs: int = 0,
    force: bool = False,
    reprobe: bool = False,
) -> Plan:
    """Say what a run consists of, what of it is stored already, and what cannot run and why. Computes nothing.

    Args:
        names: Candidates. Default: every candidate of the suite.
        suite: Name of the suite. Default: `small`, or the one that has the candidates.
        workspace: As for `load`.
        tasks: Only these tasks. Default: all of the suite.
        device: `auto`, `cpu`, `cuda` or `cuda:i`. `auto` is CUDA where there is one.
        probe: How costs are measured: `quick`, `full`, or `none` for not at all.
        data_dir: Folder of published data, laid out as `<owner>/<repository>/<path>`.
        offline: Never ask the Hub. This holds for the whole process from here on.
        jobs: Candidates that are worked on at the same time. 0 leaves it to the machine and the work.
        force: Compute anew what is stored of the candidates: `execute` removes it first.
        reprobe: Measure anew what the candidates cost.

    Returns:
        The plan. `plan.cells` are its units of work, each with its `status` (`done`, `to do`, `failed` or `cannot run`) and the `reason` for it.

    Raises:
        CardError: A card is wrong.
        SelectionError: A name matches nothing, or `probe` or `jobs` is not one of what they may be.
        LayerError: A card asks for layers that its base does not have.
        CorpusError: A card asks for a corpus without text.
        BenchError: The folder is not a workspace, or there is no such device.
    """
    from bench.plan import planning
    from bench.plan.options import Options, stay_offline
    from bench.probe.machine import pick_device

    if probe not in PROBES:
        raise SelectionError(f"probe must be one of {', '.join(PROBES)} (got {probe!r})")
    if jobs < 0:
        raise SelectionError(f"jobs must be 0 or more (got {jobs})")
    if offline:
        stay_offline()
    options = Options(
        suite=suite,
        names=names,
        tasks=(tasks,) if isinstance(tasks, str) else tuple(tasks),
        device=pick_device(device),
        probe=probe,
        data_dir=_path(data_dir),
        offline=offline,
        jobs=jobs,
        force=force,
        reprobe=reprobe,
    )
    return planning.make_plan(_find(workspace), options)


def execute(plan: Plan, reporter: Reporter | None = None) -> Outcome:
    """Make, evaluate and probe what the plan says is to do. What is computed is stored, so that a run that was interrupted goes on where it stopped.

    The work is done in child processes that import the calling script anew: in a script, call this under `if __name__ == "__main__":`.

    Args:
        plan: From `make_plan`.
        reporter: Told of every cell that starts and ends. Default: nobody is.

    Returns:
        `computed` and `reused`: how many cells; `failed` and `blocked`: cell -> what went wrong; `complete`: True when every cell is done.

    Raises:
        BenchError: It was called while a child process imported the calling script.
    """
    from bench.run import execute as running
    from bench.run.report import Silent

    try:
        return running.execute(plan, reporter or Silent())
    except RuntimeError as error:
        if "bootstrapping phase" not in str(error):  # Python's words for a process that is started while the script is imported
            raise
        raise BenchError('the work is done in child processes that import this script anew: call bench.execute under `if __name__ == "__main__":`') from None


def board(
    suite: str | None = None,
    *,
    workspace: str | Path | None = None,
    device: str = "auto",
    data_dir: str | Path | None = None,
) -> Board:
    """The standings of a suite, from what is stored. Computes no score; `Board.to_frame` and `Board.summary` give pandas tables.

    Args:
        suite: Name of the suite. Default: `small`.
        workspace: As for `load`.
        device: The device whose scores and costs are shown, as for `make_plan`.
        data_dir: Folder of published data. Tasks whose data cannot be found there have no scores.

    Returns:
        The board. Candidates of which nothing is stored have a row that says so (`problem`).

    Raises:
        CardError: A card is wrong.
        SelectionError: There is no such suite.
        BenchError: The folder is not a workspace, or there is no such device.
    """
    from bench.plan import planning
    from bench.plan.options import Options
    from bench.plan.records import read_records
    from bench.probe.machine import pick_device
    from bench.standings.build import build_board

    options = Options(suite=suite, device=pick_device(device), data_dir=_path(data_dir), offline=True)
    return build_board(read_records(planning.make_plan(_find(workspace), options)))


def diff(
    first: str,
    second: str,
    *,
    tasks: str | Iterable[str] = (),
    suite: str | None = None,
    workspace: str | Path | None = None,
    device: str = "auto",
    data_dir: str | Path | None = None,
    limit: int = 10,
) -> Diff:
    """Where one candidate lost against another, row by row, from what is stored. Computes no score.

    Args:
        first: The candidate that may be better.
        second: The one that may have lost.
        tasks: Only these tasks. Default: all of the suite; those with rewritten texts are compared row by row only where they are named.
        suite: Name of the suite. Default: the one that has both candidates.
        workspace: As for `load`.
        device: The device whose scores are compared, as for `make_plan`.
        data_dir: Folder of published data, which holds the texts. Tasks whose data cannot be found there are left out.
        limit: How many examples to keep of each task.

    Returns:
        `tasks`: for each its scores, how many rows flipped, losses by language, length and letters in common, and the rows that lost most;
        `rewritten`: the drop of both on rewritten texts; `left_out`: tasks that could not be compared, and why.

    Raises:
        CardError: A card is wrong.
        SelectionError: A name matches nothing or stands for several candidates, or both are the same.
        Incomplete: Nothing can be compared.
        BenchError: The folder is not a workspace, or there is no such device.
    """
    from bench.plan import planning
    from bench.plan.options import Options
    from bench.probe.machine import pick_device
    from bench.standings.diff import build_diff

    if limit < 0:
        raise SelectionError(f"limit must be 0 or more (got {limit})")
    names = (tasks,) if isinstance(tasks, str) else tuple(tasks)
    options = Options(suite=suite, names=(first, second), tasks=names, device=pick_device(device), data_dir=_path(data_dir), offline=True)
    return build_diff(planning.make_plan(_find(workspace), options), first, second, limit)


def check(
    suite: str | None = None,
    *,
    workspace: str | Path | None = None,
    baseline: str | Path | None = None,
    device: str = "auto",
    data_dir: str | Path | None = None,
) -> Checked:
    """Compare what is stored of a suite with its baseline, as `bench check` does. Computes nothing and measures nothing.

    Args:
        suite: Name of the suite. Default: `small`.
        workspace: As for `load`. Margins are those of the table `[check]` of its `bench.toml`.
        baseline: A file, or a git commit that has one. Default: `baseline.json` beside the suite's board.
        device: The device whose scores and costs are compared, as for `make_plan`.
        data_dir: Folder of published data.

    Returns:
        `findings`: every verdict; `counts`: how many of each kind; `exit_code()`: what the command would end with. A speed or a memory that seems worse is
        inconclusive here, since only the command measures a second time.

    Raises:
        CardError: A card, or a margin in `bench.toml`, is wrong.
        SelectionError: There is no such suite.
        Incomplete: No score of the suite is stored.
        BenchError: There is no baseline, or it cannot be used; the folder is not a workspace; there is no such device.
    """
    from bench.cards.defaults import check_margins, check_rules
    from bench.plan.options import Options
    from bench.probe.machine import pick_device
    from bench.standings.gate.baseline import read_baseline
    from bench.standings.gate.compare import compare
    from bench.standings.gate.confirm import settled
    from bench.standings.gate.load import current

    place = _find(workspace)
    now, folder = current(place, Options(suite=suite, device=pick_device(device), data_dir=_path(data_dir), offline=True))
    rules = check_rules(place)
    check_margins(rules, place, now.tasks)
    before, named = read_baseline(baseline, folder, now.suite)
    return settled(compare(before, now, rules, named))


def _find(workspace: str | Path | None) -> Workspace:
    """The workspace; its cards are read anew, since they may have been edited in a session that goes on."""
    from bench.cards.load import load_library
    from bench.cards.workspace import find_workspace

    load_library.cache_clear()
    return find_workspace(_path(workspace))


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)
