"""From what a user calls a model to the folder that it lies in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.cards.workspace import Workspace
from bench.errors import SelectionError


def resolve_model(model: str, place: Workspace, suite: str | None, *, offline: bool, needs: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder of a base or candidate of the workspace, of a path, or of a Hub id with a revision; of a candidate that is made from a base, the base's.

    Args:
        model: What the user gave.
        place: The workspace.
        suite: Only this suite's bases and candidates; all when None.
        offline: Never ask the Hub.
        needs: What the verb looks for in the model, like `tokenizer`, for the message about a candidate that has none.
        say: Told when a base is converted, which takes seconds.

    Raises:
        SelectionError: There is no such model, or it is a lexical candidate.
        ModelError: There is no model where the card says, or not the one that it names by its digest.
    """
    from bench.cards.candidate import FromBase
    from bench.cards.kinds import External, Lexical
    from bench.cards.load import load_library, pick
    from bench.cards.origin import Origin
    from bench.models.locate import locate_model

    def located(name: str, origin: Origin, where: str, folder: Path) -> Path:
        return locate_model(name, origin, where=where, folder=folder, state=place.state, offline=offline, say=say)

    library = load_library(place)
    suites = pick([suite] if suite else [], library.suites, "suite")
    last = dict(reversed(suites.items()))  # of one name, the one of the first suite counts
    bases = {name: base for one in last.values() for name, base in one.bases.items()}
    candidates = {candidate.name: candidate for name in last for candidate in library.candidates[name]}
    files = {candidate.name: suites[name].file for name in last for candidate in library.candidates[name]}
    candidate = candidates.get(model)
    if isinstance(candidate, Lexical):
        raise SelectionError(f"{model} is a lexical candidate; it has no {needs}")
    if isinstance(candidate, External):
        return located(model, candidate, f"{files[model]}: candidate {model}", candidate.folder)
    name = candidate.base if isinstance(candidate, FromBase) else model
    if name in bases:
        base = bases[name]
        return located(name, base, f"{base.card}: bases.{name}", base.card.parent)
    hub, _, revision = model.partition("@")
    if revision and not Path(model).exists():
        return located(model, Origin(hub=hub, revision=revision), model, Path())
    if not Path(model).is_dir():
        raise SelectionError(f"no base, candidate or folder {model!r}; a Hub id needs a revision: {model}@REVISION")
    return located(model, Origin(path=model), model, Path.cwd())


def prompt_on_card(model: str, place: Workspace, suite: str | None) -> str | None:
    """What the card of a candidate says of its prompt; None where it says nothing, and for what is no candidate.

    Args:
        model: What the user gave.
        place: The workspace.
        suite: Only this suite's candidates; of all suites the first one that has it when None, as in `resolve_model`.
    """
    from bench.cards.load import load_library, pick

    library = load_library(place)
    found = (one for name in pick([suite] if suite else [], library.suites, "suite") for one in library.candidates[name] if one.name == model)
    return next((one.prompt for one in found), None)
