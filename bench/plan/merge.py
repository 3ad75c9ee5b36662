"""What other workspaces have stored, put together with what is stored here: so that several machines can share a suite.

A merge is decided before anything is written: every file is checked against its own digest, and results of one key are compared. What is written then is whole,
file by file, and results of makings come last: a merge that breaks off can be repeated.

Two machines may have made one candidate with other last bits (docs/architecture.md, "What is the same model?"). Then one making is kept with its scores: the
one here, else the one of which most scores are stored, else the first. The other, and what is stored of its weights, is left out with a word.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError, StorageError
from bench.faults import storage
from bench.plan.bring import checkpoint_there, copy_checkpoint, copy_embeddings, sound_checkpoint
from bench.plan.keys import embeddings_behind
from bench.store import Result, Unsealed, Unsound, read_result, replacing

SAME_MACHINE, OTHER_MACHINE = 1e-6, 1e-3
"""How far two scores of one key may lie apart. Last bits of embeddings differ between machines and may turn one answer of a test, which is let pass too."""


STATE = ("results", "rankings", "checkpoints", "embeddings", "bases", "locks")
"""Folders of which a state folder has some."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """What a merge has to know of a stored result.

    `content` is the digest of the checkpoint that it made or is about; a ranking is of stage `ranking`. `answers` is how many a subset has, where its score
    counts right ones.
    """

    path: Path
    stage: str
    name: str
    done: bool
    content: str | None = None
    main: Mapping[str, float] = dataclasses.field(default_factory=dict)
    machine: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    answers: Mapping[str, int] = dataclasses.field(default_factory=dict)
    embeddings: str | None = None
    external: bool = False

    @property
    def key(self) -> str:
        """Its identity."""
        return self.path.stem


@dataclasses.dataclass
class Brought:
    """What became of one folder: how many results came, how many were here already, and what was left out, with the reason."""

    state: Path
    came: list[Stored] = dataclasses.field(default_factory=list)
    there: int = 0
    left_out: list[str] = dataclasses.field(default_factory=list)
    checkpoints: int = 0


def state_of(folder: Path) -> Path:
    """The folder of stored things in a workspace, or the folder itself where it is one. A workspace may have none: a part of few candidates may be empty.

    Raises:
        StorageError: It is neither.
    """
    for state in (folder / ".bench", folder):
        if any((state / name).is_dir() for name in STATE):
            return state.resolve()
    if (folder / "models").is_dir():
        return (folder / ".bench").resolve()
    raise StorageError(f"{folder}: nothing is stored there; give a workspace in which `bench run` has run, or its folder .bench")


def merge(states: Sequence[Path], into: Path, *, checkpoints: bool) -> list[Brought]:
    """Put together what is stored.

    Args:
        states: Folders as `state_of` gives them.
        into: The state folder of this workspace.
        checkpoints: Bring checkpoints and embeddings too, so that nothing of them has to be computed here again.

    Returns:
        One entry a folder.

    Raises:
        BenchError: Two results of one key have other scores; both files are named. Nothing is written then.
        StorageError: A file is not what was written, or something cannot be read or written.
    """
    here = {one.key: one for one in _stored(into, strict=False)}
    found = [Brought(state) for state in states]
    theirs = [list(_stored(state, strict=True, left_out=one.left_out)) for state, one in zip(states, found, strict=True)]
    kept = _makings(here, theirs)
    chosen = dict(here)
    for one, results in zip(found, theirs, strict=True):
        other = _other_weights(results, kept)
        one.left_out += _named(results, other)
        for result in results:
            if result.content not in other:
                _take(result, chosen, one)
    if checkpoints:
        for one in found:
            _check_checkpoints(one)
    for one in found:
        _write(one, into, checkpoints=checkpoints)
    return found


def _stored(state: Path, *, strict: bool, left_out: list[str] | None = None) -> Iterator[Stored]:
    """Every result and ranking of a state folder.

    Raises:
        StorageError: With `strict`, for a file that is not what was written. Without, it counts as not there.
    """
    unsealed = 0
    for folder in ("rankings", "results"):
        for path in sorted(state.glob(f"{folder}/*/*.json")):
            if path.name.startswith("."):
                continue
            try:
                yield _told(path, read_result(path))
            except Unsealed:
                unsealed += 1
            except Unsound as problem:
                if strict:
                    raise StorageError(f"{path}: {problem}; nothing was merged: remove this file, and a run computes it anew") from None
    if unsealed and left_out is not None:
        left_out.append(f"{unsealed} files of an earlier version, which have no digest")


def _told(path: Path, result: Result) -> Stored:
    done = result.get("status") == "done"
    if "cell" not in result:
        return Stored(path, "ranking", f"ranking by {result.get('strategy')}", done)
    cell, parts = result["cell"], result["key_parts"]
    name = " ".join(filter(None, (cell["candidate"], cell["stage"], cell["target"])))
    return Stored(
        path,
        cell["stage"],
        name,
        done,
        content=result.get("content") if cell["stage"] == "make" else parts.get("content"),
        main=result.get("main", {}),
        machine={**result.get("machine", {}), "processor": result.get("computed_on", {}).get("processor")},
        answers={subset: len(one["correct"][0]) for subset, one in result.get("examples", {}).items() if "correct" in one},
        embeddings=embeddings_behind(parts, result["used"]["prompt"]) if "used" in result else None,
        external=parts.get("kind") == "external",
    )


def _makings(here: Mapping[str, Stored], theirs: Sequence[Sequence[Stored]]) -> dict[str, str]:
    """The content that each make key stands for after the merge."""
    kept = {key: one.content for key, one in here.items() if one.stage == "make" and one.done and one.content is not None}
    offered: dict[str, list[tuple[int, str]]] = {}
    for results in theirs:
        scores = Counter(one.content for one in results if one.stage == "evaluate" and one.done)
        for one in results:
            if one.stage == "make" and one.done and one.content is not None:
                offered.setdefault(one.key, []).append((scores[one.content], one.content))
    for key, makings in offered.items():
        kept.setdefault(key, max(makings, key=lambda making: making[0])[1])  # of equal ones, `max` takes the first
    return kept


def _other_weights(results: Sequence[Stored], kept: Mapping[str, str]) -> set[str]:
    """The contents of those makings of a folder that are not kept."""
    return {str(one.content) for one in results if one.stage == "make" and one.done and kept[one.key] != one.content} - set(kept.values())


def _named(results: Sequence[Stored], other: set[str]) -> Iterator[str]:
    """What is left out for being of other weights, by making."""
    about = Counter(one.content for one in results if one.stage != "make")
    for one in results:
        if one.stage == "make" and one.content in other:
            yield f"{one.name}: another making of it, with other weights, is kept; this one and {about[one.content]} results of it stay behind"


def _take(result: Stored, chosen: dict[str, Stored], one: Brought) -> None:
    """Decide on one result: it comes, or is here already. One that failed comes only where there is none.

    Raises:
        BenchError: It is here with other scores.
    """
    there = chosen.get(result.key)
    if there is None or (result.done and not there.done):
        chosen[result.key] = result
        one.came.append(result)
        return
    if result.done:
        _check_alike(there, result)
    one.there += 1


def _check_alike(first: Stored, second: Stored) -> None:
    for subset in {*first.main, *second.main}:
        a, b = first.main.get(subset), second.main.get(subset)
        one_answer = (1 + SAME_MACHINE) / first.answers[subset] if subset in first.answers else 0.0
        allowed = SAME_MACHINE if first.machine == second.machine else max(OTHER_MACHINE, one_answer)
        if a is None or b is None or abs(a - b) > allowed:
            raise BenchError(
                f"{first.path} and {second.path}: both are the score of {second.name} [{subset}] by their key, and they differ: {a} and {b}; "
                "nothing was merged. Remove the file that is wrong, and a run computes it anew"
            )


def _makings_of(one: Brought) -> Iterator[Stored]:
    return (result for result in one.came if result.stage == "make" and not result.external)


def _check_checkpoints(one: Brought) -> None:
    for result in _makings_of(one):
        folder = one.state / "checkpoints" / result.key[:32]
        if folder.is_dir() and not sound_checkpoint(folder, result.content):
            raise StorageError(f"{folder}: this checkpoint is not what was made; nothing was merged: remove the folder, and a run makes it anew")


def _write(one: Brought, into: Path, *, checkpoints: bool) -> None:
    if checkpoints:
        for result in _makings_of(one):
            source, target = (state / "checkpoints" / result.key[:32] for state in (one.state, into))
            if source.is_dir() and not checkpoint_there(target, result.content):
                copy_checkpoint(source, target)
                one.checkpoints += 1
        for name in dict.fromkeys(result.embeddings for result in one.came if result.embeddings is not None):
            copy_embeddings(one.state / "embeddings" / name[:32], into / "embeddings" / name[:32])
    for result in sorted(one.came, key=lambda result: result.stage == "make"):
        with storage(result.path), replacing(into / result.path.relative_to(one.state)) as handle:
            handle.write(result.path.read_bytes())
