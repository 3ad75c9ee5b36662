"""The README of a checkpoint: what it is, how it came about, whose work it rests on. Its YAML head is what the Hugging Face Hub reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cards.candidate import FromBase
from bench.cards.tasks import TaskCard
from bench.data.unlabelled import COMPARISON_TASK
from bench.make.blueprint import LINEAGE_FILE, Blueprint

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

ISO_639_1 = {"mar": "mr", "hin": "hi", "eng": "en"}
"""Two-letter codes, which the Hub prefers; it takes the three-letter ones of other languages too."""

ASKS_FOR_CREDIT_ONLY = {"apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc0-1.0", "mit", "odc-by", "pddl", "unlicense"}
"""Licences of training data that leave the licence of the trained model open."""


def model_card(blueprint: Blueprint, details: dict[str, Any]) -> str:
    """The checkpoint's README.

    Args:
        blueprint: What was made.
        details: What was told of its making, as `make_checkpoint` returns it.
    """
    from huggingface_hub import ModelCard

    candidate = blueprint.candidate
    base = base_card_data(blueprint.base)
    parts = [f"# {candidate.name}", f"A `{candidate.kind}` candidate of the Kasauti benchmark."]
    if isinstance(candidate, FromBase):
        usage = 'from sentence_transformers import SentenceTransformer\nmodel = SentenceTransformer("path/of/this/folder")'
        parts += ["\n".join(_making(blueprint, details)), f"```python\n{usage}\n```", _licences(blueprint, base)]
    parts.append(f"The full record is in `{LINEAGE_FILE}`.")
    return str(ModelCard(f"---\n{_head(blueprint, base).to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n"))


def base_card_data(folder: Path | None) -> dict[str, Any]:
    """The YAML head of a base's README; empty where there is none, or none that can be read."""
    import yaml
    from huggingface_hub import ModelCard

    page = folder / "README.md" if folder is not None else None
    if page is None or not page.is_file():
        return {}
    try:
        head: dict[str, Any] = ModelCard.load(page, ignore_metadata_errors=True).data.to_dict()
    except (OSError, ValueError, TypeError, yaml.YAMLError):  # somebody else's page must not stop a training
        return {}
    return head


def _head(blueprint: Blueprint, base: dict[str, Any]) -> ModelCardData:
    """What the Hub reads: licence, base, languages, data sets."""
    from huggingface_hub import ModelCardData

    candidate = blueprint.candidate
    if not isinstance(candidate, FromBase):
        return ModelCardData(pipeline_tag="sentence-similarity", tags=["kasauti", candidate.kind])
    languages = [ISO_639_1.get(code, code) for code in (language.partition("-")[0] for card in blueprint.data for language in _languages(card))]
    return ModelCardData(
        **_license(blueprint, base),
        language=sorted(set(languages)) or base.get("language"),
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        base_model=_base_name(blueprint) if candidate.start != "random" else None,
        datasets=list(dict.fromkeys(name for card in blueprint.data for name in _hub_names(card))) or None,
        tags=["sentence-transformers", "sentence-similarity", "feature-extraction", "kasauti", candidate.kind],
    )


def _license(blueprint: Blueprint, base: dict[str, Any]) -> dict[str, Any]:
    """The licence of the base, where the training data leaves it open; `other` where data asks for something else, `unknown` where the base does not say."""
    stated = {name: base[name] for name in ("license", "license_name", "license_link") if base.get(name)}
    if blueprint.base_spec is not None and blueprint.base_spec.license is not None:
        stated = {"license": blueprint.base_spec.license}
    if not stated.get("license"):
        return {"license": "unknown"}
    asked = {card.license.lower() for card in blueprint.data} | ({"not stated"} if blueprint.text_files else set())
    return stated if asked <= {*ASKS_FOR_CREDIT_ONLY, str(stated["license"]).lower()} else {"license": "other"}


def _licences(blueprint: Blueprint, base: dict[str, Any]) -> str:
    """What it rests on, each with its licence."""
    spec = blueprint.base_spec
    stated = (spec.license if spec is not None else None) or base.get("license") or "not stated"
    lines = [f"- base `{_base_name(blueprint)}`{_package(blueprint)}: {stated}", *(f"- training data {card.name}: {card.license}" for card in blueprint.data)]
    lines += [f"- training text `{name}`: not stated" for name in blueprint.text_files]
    return "## Licences\n\nWhoever passes this model on has to keep to the licences of what it was made from:\n\n" + "\n".join(lines)


def _base_name(blueprint: Blueprint) -> str | None:
    """The base's id on the Hub, or its name on the suite's card."""
    spec = blueprint.base_spec
    assert isinstance(blueprint.candidate, FromBase)
    return spec.hub if spec is not None and spec.hub else blueprint.candidate.base


def _package(blueprint: Blueprint) -> str:
    """The Python package that the base comes from, to be put behind its name; empty for other bases."""
    spec = blueprint.base_spec
    return f" of {spec.shown}" if spec is not None and spec.package is not None else ""


def _languages(card: TaskCard) -> list[str]:
    return [language for subset in card.subsets.values() for language in subset.languages]


def _hub_names(card: TaskCard) -> list[str]:
    """The Hub's ids of a data set, or its name where it is not from the Hub."""
    return [source.hub for subset in card.subsets.values() for source in subset.sources if source.hub] or [card.name]


def _making(blueprint: Blueprint, details: dict[str, Any]) -> list[str]:
    """How it came about, point by point."""
    candidate = blueprint.candidate
    assert isinstance(candidate, FromBase)
    lines = [f"- base: `{candidate.base}`{_package(blueprint)} ({blueprint.total} layers, content {blueprint.base_digest[:16]})"]
    if blueprint.kept:
        lines.append(f"- kept layers (0-based): {list(blueprint.kept)}")
    if candidate.start in {"random", "pretrained"}:
        lines.append(f"- starts from {candidate.start} weights")
    if blueprint.teacher is not None:
        lines.append(f"- taught by `{blueprint.teacher.candidate.name}` (checkpoint {blueprint.teacher.key[:16]})")
    if candidate.every_depth and candidate.dimensions:
        lines.append(f"- embeddings: {details['dimensions']} of {max(blueprint.recipe.dimensions)} trained dimensions")
    if (trimming := details.get("trimming")) is not None:
        kept = f"{trimming['tokens_after']:,} of {trimming['tokens_before']:,} tokens"
        changed = f"{trimming['texts_changed']:.2%} of its texts and {trimming['tokens_changed']:.2%} of its tokens"
        over = "its corpus" if blueprint.tokens is None else f"training text of {COMPARISON_TASK}"
        lines.append(f"- vocabulary: {kept}; over {over}, {changed} are cut in another way than by the base")
    lines.append(f"- seed {candidate.seed}, training arithmetic {blueprint.precision}")
    if "trained_on" in details:
        lines.append(f"- trained on {', '.join(f'{name} {value}' for name, value in details['trained_on'].items())}")
    lines += [f"- phase `{phase['kind']}`: {phase['rows']} rows, {phase['steps']} steps" for phase in details["phases"]]
    if blueprint.tests.not_read:
        lines.append(f"- not kept out of its training data, since they could not be read: the texts of {', '.join(blueprint.tests.not_read)}")
    lines.append(f"- versions: {', '.join(f'{name} {version}' for name, version in blueprint.versions.items())}")
    return lines
