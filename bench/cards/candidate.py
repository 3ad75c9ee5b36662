"""What several kinds of candidates have in common; see `bench.cards.kinds` for each.

Three words for layers: `keep` is a number of layers, `layers` is a list of layers on a card, and `kept` (on blueprints and boards) is the list that a candidate
comes down to, whichever of the two its card has. All lists are 0-based.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from typing_extensions import override

from bench.cards.fields import Card, Count, Flaw, Folder, Name, Natural, Seed
from bench.cards.recipes import Base, Recipe, Vocabulary
from bench.digests import LATER
from bench.errors import LayerError, nearest

Kind = Literal["full", "pruned", "scratch", "distilled", "nested", "static", "lexical", "external"]
PureStrategy = Literal["top", "middle", "bottom", "symmetric", "even-alternate", "odd-alternate", "random"]
RankedStrategy = Literal["contribution", "weight-aggregate", "weight-variance", "angular", "greedy"]
Strategy = Literal[PureStrategy, RankedStrategy]
Precision = Literal["fp32", "bf16", "fp16", "int8"]
Backend = Literal["torch", "onnx", "openvino"]
Similarity = Literal["cosine", "dot", "euclidean", "manhattan"]
Start = Literal["base", "pruned", "random", "pretrained"]
"""What a training starts from: a whole base, some of its layers, random weights of its shape, or (`pretrained`) a whole base that was small when it was
pre-trained."""


@dataclasses.dataclass(frozen=True)
class Use:
    """How a model is run, beyond prompt and precision: tokens of a text at most, whether code in its folder may run, and what computes its transformer."""

    max_length: int | None = None
    trust_remote_code: bool = False
    backend: Backend = "torch"

    @property
    def parts(self) -> dict[str, Any]:
        """What of it decides embeddings, for keys: nothing where a card says nothing."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if getattr(self, field.name) != field.default}


AS_IT_IS = Use()


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a candidate's fields are judged against: the bases, recipes and candidates of its suite, by name; `shipped` are recipes that it could name too."""

    bases: Mapping[str, Base]
    recipes: Mapping[str, Recipe]
    candidates: Mapping[str, Candidate]
    shipped: Collection[str] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate(Card):
    """One model on the board: what all kinds have in common.

    `parent` is the candidate that it is compared with. `precision` is that of inference, and `backend` what computes it: candidates that differ in nothing else
    share a checkpoint; see `runs_in` for one without. `prompt` stands before every text in training and test; None leaves it to the model's own prompts, ""
    takes none. `folder` is where the card stands.
    """

    may_teach: ClassVar[bool] = False
    """Whether a distilled candidate may learn from it: it needs a transformer, and must not be distilled itself, so that no two candidates wait for each
    other."""
    idle: ClassVar[tuple[str, ...]] = ()
    """Fields that all kinds have and that change nothing for this one, so that saying anything there is an error."""

    name: Name
    kind: Kind
    precision: Precision | None = None
    backend: Backend = dataclasses.field(default="torch", metadata=LATER)
    seed: Seed = 0
    prompt: str | None = None
    parent: str | None = None
    folder: Folder = Path()

    @property
    def title(self) -> str:
        """Its kind as boards show it, with the precision where that is not fp32, and the backend where that is not PyTorch."""
        precision = () if self.runs_in in {None, "fp32"} else (str(self.runs_in),)
        return ", ".join([self.kind, *precision, *(() if self.backend == "torch" else (self.backend,))])

    @property
    def runs_in(self) -> Precision | None:
        """Precision of inference: what is made here is stored in fp32 and runs so unless its card says otherwise. None where a model runs as it is stored."""
        return self.precision or "fp32"

    @property
    def similarity(self) -> Similarity | None:
        """How its embeddings are compared; None for what its folder says."""
        return None

    @property
    def prompts(self) -> dict[str, str] | None:
        """Prompts of single tasks, or of types of tasks, by name; before `prompt`. None for none."""
        return None

    @property
    def use(self) -> Use:
        """See `Use`."""
        return Use(backend=self.backend)

    def prompt_for(self, *names: str) -> str | None:
        """The prompt that its card has for what has these names, the first one first: a task and its type. None leaves it to its folder."""
        prompts = self.prompts or {}
        return next((prompts[name] for name in names if name in prompts), self.prompt)

    @property
    def probe_prompt(self) -> str | None:
        """The prompt that a probe uses, whose sentences come from an STS task."""
        return self.prompt_for("STS")

    @property
    def vocabulary(self) -> Vocabulary | None:
        """Which tokens of its base stay; None for all, and for kinds that have no choice."""
        return None

    def may_be_parent(self, vocabulary: Vocabulary | None) -> bool:  # noqa: ARG002 (full ones look)
        """True for a full model that nothing but its training, and this vocabulary where there is one, sets apart from its base."""
        return False

    @property
    def taught_by(self) -> str | None:
        """The name of its teacher; None for all but distilled ones."""
        return None

    @property
    def control(self) -> Literal["layers", "weights"] | None:
        """What of it is drawn at random: its choice of layers, or all its weights. None where nothing is, so that it is a control for no method."""
        return None

    @property
    def lineage(self) -> dict[str, Any]:
        """What its kind adds to the lineage of its checkpoint, and so to its key."""
        return {}

    def default_parent(self, everyone: Sequence[Candidate]) -> str | None:  # noqa: ARG002 (kinds that have one look)
        """The name of the candidate that it is compared with where its card names none."""
        return None

    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        """Fields that contradict its kind, its suite or each other, each with what was expected and the mend."""
        if self.parent is not None and self.parent not in around.candidates:
            yield ("parent",), f"no candidate {self.parent!r}" + nearest(self.parent, around.candidates)
        if self.backend != "torch" and self.runs_in != "fp32":
            yield ("precision",), f"backend {self.backend!r} computes in fp32 (got {self.precision!r}); leave precision out, or choose backend 'torch'"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FromBase(Candidate):
    """What is made here, from a base or from some tokens of it: it is trained where it has a recipe. `base` is empty only on a card that is refused."""

    grid_needs: ClassVar[tuple[str, ...]] = ("keep",)
    """What a grid of them cannot do without, beside bases."""
    reference: ClassVar[bool] = False
    """Whether it is what others are compared with, so that it takes no external model for a parent of its own accord."""
    has_transformer: ClassVar[bool] = True
    """Whether it runs a transformer, in which training can drop activations."""
    every_depth: ClassVar[bool] = False
    """Whether one training makes it together with all its shallower and narrower forms."""

    base: str = ""
    recipe: str | None = None
    vocabulary: Vocabulary | None = None
    similarity: Similarity | None = None

    @property
    def start(self) -> Start:
        """What its training starts from."""
        return "base"

    def layers_of(self, total: int) -> Sequence[int] | None:
        """Which layers of a base of `total` stay; None where a strategy decides that.

        Raises:
            LayerError: It asks for layers that the base does not have.
        """
        return range(total)

    @property
    def dimensions(self) -> int | None:
        """How many numbers of its embedding stay; None for all, and for kinds that have no choice."""
        return None

    def trained_widths(self, recipe: Recipe) -> tuple[int, ...]:  # noqa: ARG002 (kinds that train several look)
        """The widths of embeddings that are trained beside the full one."""
        return ()

    def widths(self, recipe: Recipe) -> tuple[int, ...]:
        """Every number of dimensions that it asks of its base: those that are trained, and the one that stays."""
        return (*self.trained_widths(recipe), *(() if self.dimensions is None else (self.dimensions,)))

    def suffix(self, *, several_strategies: bool) -> str:  # noqa: ARG002 (kinds with strategies look)
        """What a grid puts behind the name of the base for its kind and depth."""
        return ""

    @override
    def default_parent(self, everyone: Sequence[Candidate]) -> str | None:
        """The full candidate of the same base, recipe and seed in fp32: with its whole vocabulary, or, where there is none, with the same one."""
        mine = (self.base, self.recipe, self.seed)
        found = [other.name for other in self.full_ones(everyone) if (other.base, other.recipe, other.seed) == mine]
        return found[-1] if found else None

    def full_ones(self, everyone: Sequence[Candidate]) -> list[FromBase]:
        """The others of its base that may be its parent: those with their whole vocabulary, or, where there is none, those with the same one."""
        others = [other for other in everyone if isinstance(other, FromBase) and other.base == self.base and other != self]
        whole = [other for other in others if other.may_be_parent(None)]
        return whole or [other for other in others if other.may_be_parent(self.vocabulary)]

    @override
    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        if not self.base:
            yield ("base",), f"a {self.kind} candidate needs a base"
        elif self.base not in around.bases:
            yield ("base",), f"no base {self.base!r}" + nearest(self.base, around.bases)
        if self.recipe is not None and self.recipe not in around.recipes:
            yield ("recipe",), f"no recipe {self.recipe!r}" + nearest(self.recipe, {*around.recipes, *around.shipped})
        yield from self._teaching_flaws(around)
        yield from super().flaws(around)

    def _teaching_flaws(self, around: Surroundings) -> Iterator[Flaw]:
        """A recipe that needs a teacher, where there is none."""
        recipe = around.recipes.get(self.recipe or "")
        if recipe is not None and recipe.distils:
            yield ("recipe",), f"{self.name!r} is {self.kind}, so it has no teacher for phase 'distill' of recipe {self.recipe!r}; use kind distilled"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prunable(FromBase):
    """What may do with some layers of its base: those that a strategy leaves of them, or a list."""

    grid_needs = ("keep", "strategies")

    strategy: Strategy | None = None
    keep: Count | None = None
    layers: tuple[Natural, ...] | None = None

    @property
    @override
    def control(self) -> Literal["layers", "weights"] | None:
        return "layers" if self.strategy == "random" else None

    @override
    def layers_of(self, total: int) -> Sequence[int] | None:
        if self.layers and self.layers[-1] >= total:
            raise LayerError(f"{self.name}: layers must be between 0 and {total - 1} for a base of {total} layers (got {self.layers[-1]})")
        return self.layers

    @override
    def flaws(self, around: Surroundings) -> Iterator[Flaw]:
        if self.layers is not None and list(self.layers) != sorted(set(self.layers)):
            yield ("layers",), f"expected layer numbers in rising order without repeats, found {list(self.layers)}"
        if self.layers == ():
            yield ("layers",), "expected at least one layer to keep, found none"
        yield from super().flaws(around)

    def _is_said_once(self, *, how_many: bool) -> bool:
        """True where the card has either a strategy and what says how many layers stay, or a list of them."""
        by_strategy = self.strategy is not None and how_many
        return by_strategy != (self.layers is not None) and not (self.layers and (self.strategy or self.keep))
