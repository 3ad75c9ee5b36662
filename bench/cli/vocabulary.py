"""`bench vocabulary`: which tokens of a base stay, as a list for a card, chosen by how often a corpus has them."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options
from bench.cli.resolve import prompt_on_card, resolve_model

if TYPE_CHECKING:
    from bench.cards.workspace import Workspace
    from bench.make.vocabulary.choose import Choice

EXAMPLES = """Examples:

  bench vocabulary mini mr.txt hi.txt.gz --size 6000 --out models/mine/tokens.txt

  bench vocabulary path/to/model mr.txt --size 16000 --out tokens.txt --prompt "query: "

A card then says: vocabulary = { tokens = "mine/tokens.txt" }"""


def vocabulary(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A base, a candidate, a model folder, or a Hub id with @REVISION.")],
    corpus: Annotated[list[Path], typer.Argument(metavar="CORPUS...", help="Text, one unit a line, plain or .gz.", exists=True, dir_okay=False)],
    size: Annotated[int, typer.Option("--size", min=1, help="Most tokens to keep, special tokens and single characters included.")],
    out: Annotated[Path, typer.Option("--out", help="File for the list.", dir_okay=False)],
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", help="Put before every text, as a candidate's prompt is. Default: what its card says, else the base.", show_default=False),
    ] = None,
    suite: options.Suite = None,
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Choose the tokens of a base that a corpus has most often, write them as a list, and tell how much of the corpus is cut as before.

    A line that is a test text of the workspace is not counted.
    """
    import json as jsonlib

    from bench.cards.workspace import find_workspace
    from bench.cli.progress import heartbeat
    from bench.data.rows import check_data_folder
    from bench.errors import SelectionError
    from bench.store import require_writable, write_through

    check_data_folder(data_dir)
    if any(out.exists() and out.samefile(file) for file in corpus):
        raise SelectionError(f"--out {out} is a file of the corpus, and would be overwritten; give the list a name of its own")
    require_writable(Path(os.path.realpath(out)).parent)
    place = find_workspace(workspace)
    with heartbeat("reading the model") as now:  # on standard error, also with --json: standard output is one document

        def say(doing: str) -> None:
            if not json:
                print(f"        {doing} ...", file=sys.stderr, flush=True)
            now(doing, said=not json)

        folder = resolve_model(base, place, suite, offline=offline, needs="tokenizer", say=say)
        say("reading the tests")
        guard = _guard(place, suite, data_dir)
        from bench.make.vocabulary.choose import choose_vocabulary

        used = prompt_on_card(base, place, suite) if prompt is None else prompt
        chosen = choose_vocabulary(folder, corpus, size, guard=guard, prompt=used, say=say)
    named = Path(base).resolve().name if Path(base).is_dir() else base
    write_through(out, chosen.text(named, _command(named, corpus, size, out, prompt)))
    if json:
        found = {"out": str(out), "tokens_before": chosen.tokens_before, "tokens_after": len(chosen.tokens), "files": chosen.files}
        typer.echo(jsonlib.dumps(found, ensure_ascii=False, indent=1))
    else:
        _show(out, chosen)


def _guard(place: Workspace, suite: str | None, data_dir: Path | None) -> frozenset[str]:
    """The test texts of the workspace, or of one suite; tests that cannot be read here are named."""
    from bench.cards.load import load_library
    from bench.data.training import DataCache

    library = load_library(place)
    tests = list(dict.fromkeys(task for one in library.chosen_suites(suite).values() for task in one.suite.tasks))
    data = DataCache(library, data_dir, offline=True)
    if unread := data.unread(tests):
        mend = "give their folder with --data-dir, or one suite with --suite"
        print(f"bench: warning: texts of these tests are counted, since they cannot be read here: {', '.join(unread)}; {mend}", file=sys.stderr, flush=True)
    return data.guard(tests)


def _command(base: str, corpus: list[Path], size: int, out: Path, prompt: str | None) -> str:
    """The command without the places of files, which mean nothing elsewhere."""
    words = ["bench", "vocabulary", base, *(file.name for file in corpus), "--size", str(size), "--out", out.name]
    return shlex.join([*words, *(() if prompt is None else ("--prompt", prompt))])


def _show(out: Path, chosen: Choice) -> None:
    typer.echo(f"{out}: {len(chosen.tokens):,} of {chosen.tokens_before:,} tokens stay")
    for one in chosen.files:
        changed = f"{one['texts_changed']:.2%} of {one['texts']:,} texts and {one['tokens_changed']:.2%} of {one['tokens']:,} tokens are cut in another way"
        unknown = f"unknown tokens: {one['unknown_before']:,} before, {one['unknown_after']:,} after"
        left_out = one["left_out_for_standing_in_a_test"]
        typer.echo(f"  {one['file']}: {changed}; {unknown}" + (f"; {left_out:,} test texts left out" if left_out else ""))
