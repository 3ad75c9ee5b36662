"""From what a user calls a model to the folder that it lies in."""

from __future__ import annotations

from pathlib import Path

from bench.cards.workspace import Workspace
from bench.errors import SelectionError


def resolve_model(model: str, place: Workspace, suite: str | None, *, offline: bool, needs: str) -> Path:
    """The folder of a base or candidate of the workspace, of a path, or of a Hub id with a revision; of a candidate that is made from a base, the base's.

    Args:
        model: What the user gave.
        place: The workspace.
        suite: Only this suite's bases and candidates; all when None.
        offline: Never ask the Hub.
        needs: What the verb looks for in the model, like `tokenizer`, for the message about a candidate that has none.

    Raises:
        SelectionError: There is no such model, or it is a lexical candidate.
        ModelError: The folder is no model, or not the one that the card names by its digest, or the Hub cannot be reached.
    """
    from bench.cards.candidate import FromBase
    from bench.cards.kinds import External, Lexical
    from bench.cards.load import load_library, pick
    from bench.models.loading import check_content, locate_model

    library = load_library(place)
    suites = pick([suite] if suite else [], library.suites, "suite")
    bases = {name: (base, one.file) for one in suites.values() for name, base in one.bases.items()}
    candidates = {candidate.name: candidate for name in suites for candidate in library.candidates[name]}
    files = {candidate.name: suites[name].file for name in suites for candidate in library.candidates[name]}
    candidate = candidates.get(model)
    if isinstance(candidate, Lexical):
        raise SelectionError(f"{model} is a lexical candidate; it has no {needs}")
    if isinstance(candidate, External):
        found = locate_model(model, path=candidate.path, hub=candidate.hub, revision=candidate.revision, folder=candidate.folder, offline=offline)
        check_content(found, candidate.sha256, f"{files[model]}: candidate {model}")
        return found
    name = candidate.base if isinstance(candidate, FromBase) else model
    if name in bases:
        base, file = bases[name]
        found = locate_model(name, path=base.path, hub=base.hub, revision=base.revision, folder=file.parent, offline=offline)
        check_content(found, base.sha256, f"{file}: bases.{name}")
        return found
    hub, _, revision = model.partition("@")
    if revision and not Path(model).exists():
        return locate_model(model, path=None, hub=hub, revision=revision, folder=Path(), offline=offline)
    if not Path(model).is_dir():
        raise SelectionError(f"no base, candidate or folder {model!r}; a Hub id needs a revision: {model}@REVISION")
    return locate_model(model, path=model, hub=None, revision=None, folder=Path.cwd(), offline=offline)
