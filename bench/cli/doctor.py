"""`bench doctor`: is this machine, this workspace, this model's tokenizer fit for the work?"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options
from bench.cli.resolve import resolve_model
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.cards.workspace import Workspace
    from bench.make.vocabulary.devanagari import Finding

EXAMPLES = """Examples:

  bench doctor                                       this machine and this workspace

  bench doctor mini                                  the tokenizer of a base or candidate, and the digest of its content

  bench doctor path/to/model                         of any model folder

  bench doctor sentence-transformers/LaBSE@REVISION  of a model on the Hub

Exit codes: 0 all well (warnings allowed), 2 something failed."""


def doctor(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Bases, candidates, model folders, or Hub ids with @REVISION.", show_default=False)
    ] = None,
    suite: options.Suite = None,
    offline: options.Offline = False,
    workspace: options.WorkspaceOption = None,
    json: options.Json = False,
) -> None:
    """Check the machine and the workspace, or how well the tokenizers of models keep Marathi and Hindi.

    Of a model also its content digest, for `sha256` on a card.
    """
    import json as jsonlib

    from bench.cards.workspace import find_workspace

    place = find_workspace(workspace)
    found = {model: _model_findings(model, place, suite, offline=offline) for model in models} if models else {"here": _machine_findings(place)}
    if json:
        typer.echo(jsonlib.dumps({name: [dataclasses.asdict(one) for one in findings] for name, findings in found.items()}, ensure_ascii=False, indent=1))
    else:
        for name, findings in found.items():
            typer.echo(name)
            for one in findings:
                typer.echo(f"  {one.status:8}{one}")
    failed = [name for name, findings in found.items() if any(one.status == "failed" for one in findings)]
    if failed:
        raise BenchError(f"not fit: {', '.join(failed)}")


def _machine_findings(place: Workspace) -> list[Finding]:
    from bench.cards.load import load_library
    from bench.data.rows import missing_files
    from bench.make.vocabulary.devanagari import Finding
    from bench.probe.machine import fingerprint, has_fast_bf16, pick_device, versions

    device = pick_device("auto")
    found = [
        Finding("machine", "ok", ", ".join(f"{name} {value}" for name, value in fingerprint(device).items())),
        Finding("libraries", "ok", ", ".join(f"{name} {version}" for name, version in versions().items())),
        Finding("device", "ok", f"{device}, {'fast' if has_fast_bf16(device) else 'no fast'} bf16"),
    ]
    try:
        library = load_library(place)
    except BenchError as error:
        return [*found, Finding("cards", "failed", str(error))]
    found.append(Finding("cards", "ok", f"{len(library.chosen_suites(None))} suites, {len(library.chosen_tasks(None))} data sets in {place.content}"))
    for name, suite in library.chosen_suites(None).items():
        missing = [task for task in suite.suite.tasks if missing_files(library.task(task), None)]
        note = f"{len(library.candidates[name])} candidates, {len(suite.suite.tasks)} tasks"
        found.append(Finding(f"suite {name}", "ok", note + (f"; --data-dir needed for {', '.join(missing)}" if missing else "")))
    return found


def _model_findings(model: str, place: Workspace, suite: str | None, *, offline: bool) -> list[Finding]:
    from transformers import AutoTokenizer

    from bench.digests import model_digest
    from bench.errors import ModelError, first_line
    from bench.make.vocabulary.devanagari import Finding, inspect_tokenizer
    from bench.models.architectures import transformer_folder
    from bench.models.loading import check_tokenizer_files

    whole = resolve_model(model, place, suite, offline=offline, needs="tokenizer", say=lambda what: typer.echo(f"        {what}", err=True))
    folder = transformer_folder(whole)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except Exception as error:
        raise ModelError(f"{model}: no tokenizer can be loaded from {folder}: {first_line(error)}") from error
    check_tokenizer_files(folder, tokenizer)
    return [Finding("content", "ok", f"sha256 {model_digest(whole)}"), *inspect_tokenizer(tokenizer, _sentences())]


def _sentences() -> dict[str, list[str]]:
    """Shipped training sentences, by language."""
    from bench.cards.load import shipped_task
    from bench.data.rows import load_rows

    card = shipped_task("KasautiSTS")
    data = load_rows(card, None, splits=(card.train_on,))
    return {language: [str(row["sentence1"]) for row in splits[card.train_on]] for language, splits in data.splits.items()}
