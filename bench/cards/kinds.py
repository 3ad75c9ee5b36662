"""One class a kind of candidate: what its card may say, what is wrong with what it says, and what follows from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, Strict
from typing_extensions import override

from bench.cards.candidate import Candidate, FromBase, Precision, Prunable, Similarity, Start, Surroundings, Use
from bench.cards.fields import Count, Flaw
from bench.cards.origin import Origin
from bench.cards.recipes import Recipe, Vocabulary
from bench.errors import LayerError, nearest

NgramLength = Annotated[int, Strict(), Field(gt=0, le=50)]
"""Every length of an n-gram adds as many n-grams as a text has characters."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Full(FromBase):
    """A whole base."""

    may_teach = True
    grid_needs = ()
    reference = True

    kind: Literal["full"] = "full"

    @override
    def may_be_parent(self, vocabulary: Vocabulary | None) -> bool:
        return self.vocabulary == vocabulary and self.runs_in == "fp32" and self.backend == "torch"

    @override
    def default_parent(self, everyone: Sequence[Candidate]) -> str | None:
        """None for a model that is no smaller than its base."""
        return None if self.may_be_parent(None) else super().default_parent(everyone)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pruned(Prunable):
    """Some layers of a base.

    `threshold` takes the place of `keep` for strategy `contribution`: the layers whose output is more like their input than this cosine go, however many these
    are.
    """

    may_teach = True

    kind: Literal["pruned"] = "pruned"
    threshold: Annotated[float, Strict(), Field(gt=0, lt=1)] | None = None

    @property
    @override
    def start(self) -> Start:
        return "pruned"

    @override
    def suffix(self, *, several_strategies: bool) -> str:
        return f"-{self.strategy}{self.keep}"

    @override
    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        if self.threshold is not None and self.strategy != "contribution":
            yield ("threshold",), f"only strategy 'contribution' has a threshold; give keep or layers instead (strategy is {self.strategy!r})"
        elif self.threshold is not None and self.keep is not None:
            yield ("threshold",), f"threshold and keep both say how many layers stay; leave one of them out (keep is {self.keep})"
        if not self._is_said_once(how_many=self.keep is not None or self.threshold is not None):
            yield ("strategy",), "a pruned candidate needs either strategy and keep (or threshold), or layers (the kept list, 0-based)"
        yield from super().flaws(around)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scratch(FromBase):
    """The shape of a base with `keep` layers of random weights; or, with `weights = "pretrained"`, a base that was small when it was pre-trained, whole."""

    may_teach = True

    kind: Literal["scratch"] = "scratch"
    keep: Count | None = None
    weights: Literal["random", "pretrained"] = "random"

    @property
    @override
    def title(self) -> str:
        return super().title if self.weights == "random" else super().title.replace(self.kind, "scratch, pre-trained")

    @property
    @override
    def start(self) -> Start:
        return self.weights

    @property
    @override
    def control(self) -> Literal["layers", "weights"] | None:
        return "weights" if self.weights == "random" else None

    @property
    @override
    def lineage(self) -> dict[str, Any]:
        return {"weights": self.weights}

    @override
    def layers_of(self, total: int) -> Sequence[int] | None:
        return range(self.keep or total)

    @override
    def suffix(self, *, several_strategies: bool) -> str:
        return f"-scratch{self.keep}"

    @override
    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        if (self.keep is None) == (self.weights == "random"):
            yield ("keep",), 'a scratch candidate needs either keep, its number of layers of random weights, or weights = "pretrained" with a base of its depth'
        yield from super().flaws(around)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Distilled(Prunable):
    """A student that learns its teacher's embeddings.

    Without `weights` it is pruned; with them it starts as a `scratch` candidate does. `teacher` is the parent where it is left out.
    """

    kind: Literal["distilled"] = "distilled"
    weights: Literal["random", "pretrained"] | None = None
    teacher: str | None = None

    @property
    @override
    def start(self) -> Start:
        return self.weights or "pruned"

    @property
    @override
    def taught_by(self) -> str | None:
        return self.teacher or self.parent

    @property
    @override
    def lineage(self) -> dict[str, Any]:
        return {"weights": self.start}

    @override
    def layers_of(self, total: int) -> Sequence[int] | None:
        return super().layers_of(total) if self.weights is None else range(self.keep or total)

    @override
    def suffix(self, *, several_strategies: bool) -> str:
        return f"-distilled{f'-{self.strategy}' if several_strategies else ''}{self.keep}"

    @override
    def default_parent(self, everyone: Sequence[Candidate]) -> str | None:
        """The one full candidate of its base and seed; where there is none or a choice, its teacher.

        Recipes are not compared, as they are for other kinds: that of a full model cannot have the phase that its student needs.
        """
        found = [other.name for other in self.full_ones(everyone) if other.seed == self.seed]
        return found[0] if len(found) == 1 else self.teacher

    @override
    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        if self.weights is None and not self._is_said_once(how_many=self.keep is not None):
            yield ("strategy",), "a distilled candidate needs strategy and keep, or layers (the kept list, 0-based), or weights"
        if self.weights == "random" and (self.keep is None or self.strategy or self.layers):
            yield ("keep",), 'weights = "random" needs keep, the number of layers, and neither strategy nor layers'
        if self.weights == "pretrained" and (self.keep or self.strategy or self.layers):
            yield ("keep",), 'weights = "pretrained" is a base of its depth, whole; keep, strategy and layers mean nothing for it'
        yield from super().flaws(around)

    @override
    def _teaching_flaws(self, around: Surroundings) -> Iterator[Flaw]:
        recipe = around.recipes.get(self.recipe or "")
        if self.recipe is None or (recipe is not None and not recipe.distils):
            yield ("recipe",), f"a distilled candidate needs a recipe with a phase of kind 'distill', found {self.recipe!r}"
        everyone = around.candidates
        usable = [name for name, other in everyone.items() if other.may_teach]
        name = self.taught_by or self.default_parent(list(everyone.values()))
        if name is None:
            yield ("teacher",), f"expected one full candidate of base {self.base!r} and seed {self.seed} to teach it; name a teacher" + nearest("", usable)
        elif name not in everyone:
            if self.teacher is not None:  # a parent that is not there is reported as such
                yield ("teacher",), f"no candidate {name!r}" + nearest(name, usable)
        elif name not in usable:
            kinds = [kind for kind, one in KINDS.items() if one.may_teach]
            yield ("teacher",), f"{name!r} is {everyone[name].kind}; a teacher must be {', '.join(kinds[:-1])} or {kinds[-1]}"
        elif everyone[name].backend != "torch":
            yield ("teacher",), f"{name!r} runs in backend {everyone[name].backend!r}; a teacher runs in 'torch': name the candidate that does"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Nested(FromBase):
    """One depth of a training that makes all depths of a base usable at once, cut off at `keep` layers.

    `dimensions` is how many numbers of its embedding stay, all of them where it is None.
    """

    may_teach = True
    every_depth = True

    kind: Literal["nested"] = "nested"
    keep: Count | None = None
    dimensions: Count | None = None

    @property
    @override
    def lineage(self) -> dict[str, Any]:
        return {} if self.dimensions is None else {"dimensions": self.dimensions}

    @override
    def layers_of(self, total: int) -> Sequence[int] | None:
        if self.keep is None or self.keep > total:
            raise LayerError(f"{self.name}: keep must be between 1 and {total} for a base of {total} layers (got {self.keep})")
        return range(self.keep)

    @override
    def trained_widths(self, recipe: Recipe) -> tuple[int, ...]:
        return recipe.dimensions

    @override
    def suffix(self, *, several_strategies: bool) -> str:
        return f"-nested{self.keep}"

    @override
    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        if self.keep is None or self.recipe is None:
            yield ("keep",), "a nested candidate needs keep, the depth at which it is cut off, and a recipe to train all depths by"
        recipe = around.recipes.get(self.recipe or "")
        if self.dimensions is not None and recipe is not None and self.dimensions not in recipe.dimensions:
            listed = f"must be one of {list(recipe.dimensions)}, the dimensions of recipe" if recipe.dimensions else "need dimensions = [...] in recipe"
            why = f"since only what is trained can be cut to (got {self.dimensions}); leave it out for the full width"
            yield ("dimensions",), f"dimensions {listed} {self.recipe!r}, {why}"
        yield from super().flaws(around)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Static(FromBase):
    """One vector a token and no transformer; `dimensions` are the principal components of these vectors that stay, all of them where it is None."""

    has_transformer = False

    kind: Literal["static"] = "static"
    dimensions: Count | None = None

    @property
    @override
    def lineage(self) -> dict[str, Any]:
        return {"dimensions": self.dimensions}

    @override
    def layers_of(self, total: int) -> Sequence[int] | None:
        return ()

    @override
    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        if self.recipe is None:
            yield ("recipe",), "a static candidate needs a recipe: its training texts say how frequent a token is"
        if self.precision == "int8":
            yield ("precision",), "int8 quantizes linear layers, and a static candidate has none; choose fp32, bf16 or fp16"
        if self.backend != "torch":
            yield ("backend",), f"backend {self.backend!r} runs transformers, and a static candidate has none; leave it out"
        yield from super().flaws(around)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lexical(Candidate):
    """Character n-grams, from the shortest to the longest length of `ngram`: the floor, without weights and without training."""

    idle = ("precision", "backend", "seed", "prompt")

    kind: Literal["lexical"] = "lexical"
    ngram: Annotated[tuple[NgramLength, NgramLength], Field()] = (3, 3)

    @property
    @override
    def lineage(self) -> dict[str, Any]:
        return {"ngram": list(self.ngram)}

    @override
    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        if self.ngram[0] > self.ngram[1]:
            yield ("ngram",), f"expected [shortest, longest], found {list(self.ngram)}"
        yield from super().flaws(around)


@dataclasses.dataclass(frozen=True, kw_only=True)
class External(Candidate, Origin):
    """A model that is not made here: any sentence-transformers model, wherever it comes from.

    `prompts` are those of single tasks, or of types of tasks, by name. Texts are cut to `max_length` tokens. Code that its folder holds runs only with
    `trust_remote_code`.
    """

    may_teach = True
    idle = ("seed",)

    kind: Literal["external"] = "external"
    similarity: Similarity | None = None
    prompts: dict[str, str] | None = None
    max_length: Count | None = None
    trust_remote_code: Annotated[bool, Strict()] = False

    @property
    @override
    def use(self) -> Use:
        return Use(self.max_length, self.trust_remote_code, self.backend)

    @property
    @override
    def runs_in(self) -> Precision | None:
        """None where its card does not say: PyTorch runs it as it is stored."""
        return self.precision or (None if self.backend == "torch" else "fp32")

    @override
    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        yield from self.origin_flaws()
        if self.backend != "torch" and self.trust_remote_code:
            yield ("backend",), f"backend {self.backend!r} runs no code of a model's folder; leave trust_remote_code out, or choose backend 'torch'"
        yield from super().flaws(around)


AnyCandidate = Annotated[Full | Pruned | Scratch | Distilled | Nested | Static | Lexical | External, Field(discriminator="kind")]
"""A candidate as a card has it: its `kind` decides which fields it may have."""
KINDS: dict[str, type[Candidate]] = {
    "full": Full,
    "pruned": Pruned,
    "scratch": Scratch,
    "distilled": Distilled,
    "nested": Nested,
    "static": Static,
    "lexical": Lexical,
    "external": External,
}


def takes(kind: str, field: str) -> bool:
    """True where a field means something for a kind."""
    return field not in KINDS[kind].idle and field != "folder" and any(field == known.name for known in dataclasses.fields(KINDS[kind]))


def meaningless(field: str, kind: str, *, shown: str | None = None) -> str:
    """The message about a field (that a card calls `shown`) of other kinds only; see `takes`."""
    shown = shown or field
    owners = [name for name in KINDS if takes(name, field)]
    untrained = all(issubclass(KINDS[name], FromBase) for name in owners) and not issubclass(KINDS[kind], FromBase)
    only = f"{', '.join(owners[:-1])} and {owners[-1]}" if len(owners) > 1 else owners[0]
    return f"{shown} {'mean' if shown.endswith('s') else 'means'} nothing for kind {kind!r}{', which is not trained' if untrained else ''}; only for {only}"


def candidate_flaws(candidate: Candidate, around: Surroundings) -> Iterator[Flaw]:
    """Everything that is wrong with a candidate but for the data that it names."""
    for field in dataclasses.fields(candidate):
        if field.name in candidate.idle and getattr(candidate, field.name) != field.default:
            yield (field.name,), meaningless(field.name, candidate.kind)
    yield from candidate.flaws(around)
