"""A candidate is trained with the prompt that it is tested with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from bench.cards.recipes import Phase
from bench.data.training import Development, TrainingSet
from bench.make.finetune import finetune
from bench.make.recovery import development_score
from bench.make.static import static_model
from bench.models.loading import load_sentence_model
from bench.models.prompts import set_prompt
from bench.plan.keys import evaluate_key
from bench.plan.planning import Plan
from tests.builders import blueprint_of, checkpoint_of, made_of, plan_anew
from tests.conftest import WORDS_HI, WORDS_MR, sentences

MR, HI = sentences(WORDS_MR, 24), sentences(WORDS_HI, 24)
PROMPT = "नदी झाड: "
STILL = {"epochs": 1.0, "batch_size": 64, "learning_rate": 1e-12, "warmup_ratio": 0.0}


def unit(model, texts, prompt):
    vectors = torch.from_numpy(model.encode(list(texts), prompt=prompt))
    return torch.nn.functional.normalize(vectors, dim=1)


def sts_loss(model, prompt, rows, _):
    first, second, gold = zip(*rows.scored, strict=True)
    return ((unit(model, first, prompt) * unit(model, second, prompt)).sum(dim=1) - torch.tensor(gold)).square().mean()


def nli_loss(model, prompt, rows, phase):
    anchors, positives, negatives = (unit(model, column, prompt) for column in zip(*rows.triplets, strict=True))
    scores = phase.scale * anchors @ torch.cat([positives, negatives]).T
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(anchors)))


def distill_loss(model, prompt, rows, _):
    return (torch.from_numpy(model.encode(list(rows.unlabelled), prompt=prompt)) - torch.from_numpy(targets(model))).square().mean()


def targets(model) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(24, model.get_embedding_dimension())).astype(np.float32)


CASES = {
    "sts": (Phase(kind="sts", data=("P",), **STILL), TrainingSet(scored=tuple((MR[i], HI[i], (i % 6) / 5) for i in range(24))), sts_loss),
    "nli": (Phase(kind="nli", data=("T",), **STILL), TrainingSet(triplets=tuple(zip(MR[:8], MR[8:16], MR[16:], strict=True))), nli_loss),
    "distill": (Phase(kind="distill", data=("U",), **STILL), TrainingSet(unlabelled=tuple(MR)), distill_loss),
}


@pytest.fixture(params=["prompt pooled", "prompt not pooled", "static"])
def model(request, tiny_base) -> SentenceTransformer:
    made = load_sentence_model(tiny_base)
    for module in made.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    made.set_pooling_include_prompt(request.param == "prompt pooled")
    return static_model(made, MR) if request.param == "static" else made


@pytest.mark.parametrize("prompt", [PROMPT, "1", ""])
@pytest.mark.parametrize("case", CASES)
def test_the_loss_is_that_of_embeddings_with_the_prompt(model, tmp_path, case, prompt):
    phase, rows, loss = CASES[case]
    set_prompt(model, prompt)
    expected = float(loss(model, prompt, rows, phase))
    other = float(loss(model, "another: ", rows, phase))
    wanted = [targets(model)] if case == "distill" else ()
    (record,) = finetune(
        model, [(phase, rows)], seed=0, bf16=False, folder=tmp_path, development=Development(), targets=wanted, progress=lambda _kind, _fraction: None
    )
    assert record["mean_loss"] == pytest.approx(expected, rel=1e-4, abs=2e-6)
    assert abs(record["mean_loss"] - other) > 1e-5


def test_the_curve_is_scored_with_the_prompt(tiny_base):
    development = Development({"mr": tuple((MR[i], MR[i + 1], float(i * 5 % 7)) for i in range(0, 24, 2))}, 1)
    written = Development({"mr": tuple((PROMPT + one, PROMPT + other, gold) for one, other, gold in development.pairs["mr"])}, 1)
    plain, prompted = load_sentence_model(tiny_base), load_sentence_model(tiny_base)
    set_prompt(prompted, PROMPT)
    assert development_score(prompted, development) == pytest.approx(development_score(plain, written), abs=1e-6)
    assert development_score(prompted, development) != pytest.approx(development_score(plain, development), abs=1e-6)


CARD = """
[suite]
name = "prompted"
tasks = ["Pairs"]

[bases.tiny]
path = "{base}"

[recipes.short]
[[recipes.short.phases]]
kind = "sts"
data = ["Pairs"]
epochs = 1

[recipes.taught]
[[recipes.taught.phases]]
kind = "distill"
data = ["Pairs"]

[recipes.none]

[[candidates]]
name = "outside"
kind = "external"
path = "{base}"
{prompt}

[[candidates]]
name = "letters"
kind = "lexical"

"""
KINDS = {
    "full": 'kind = "full"\nrecipe = "short"',
    "untrained": 'kind = "full"',
    "pruned": 'kind = "pruned"\nstrategy = "top"\nkeep = 2\nrecipe = "short"',
    "scratch": 'kind = "scratch"\nkeep = 2\nrecipe = "short"',
    "nested": 'kind = "nested"\nkeep = 2\nrecipe = "short"',
    "static": 'kind = "static"\nrecipe = "short"',
    "distilled": 'kind = "distilled"\nstrategy = "top"\nkeep = 2\nrecipe = "taught"\nteacher = "outside"',
    "trimmed": 'kind = "full"\nrecipe = "short"\nvocabulary = { corpus = ["Pairs"], size = 250 }',
}


def planner(folder: Path, *, base: str = "tiny", prompt: str = "") -> Plan:
    """A suite of every kind, each with the same line for its prompt, or with none."""
    made = [f'[[candidates]]\nname = "{name}"\nbase = "tiny"\n{fields}\n{prompt}\n' for name, fields in KINDS.items()]
    (folder / "models" / "prompted.toml").write_text(CARD.format(base=base, prompt=prompt) + "\n".join(made), encoding="utf-8")
    return plan_anew(folder, suite="prompted")


def keys(found: Plan) -> dict[str, str]:
    return {name: blueprint_of(found, name).key for name in found.candidates}


def test_a_prompt_changes_what_is_made_of_every_kind_that_it_can_change_and_of_no_other(workspace_folder):
    plain, prompted, other = (keys(planner(workspace_folder, prompt=line)) for line in ("", 'prompt = "a: "', 'prompt = "b: "'))
    for name in KINDS:
        assert len({plain[name], prompted[name], other[name]}) == 3, name
    for name in ("outside", "letters"):
        assert plain[name] == prompted[name] == other[name], name


def test_candidates_of_one_nested_training_share_it_only_under_one_prompt(workspace_folder):
    one, other = (planner(workspace_folder, prompt=line) for line in ('prompt = "a: "', 'prompt = "b: "'))
    assert blueprint_of(one, "nested").training_key != blueprint_of(other, "nested").training_key


@pytest.mark.slow
@pytest.mark.parametrize(("prompt", "expected"), [(f'prompt = "{PROMPT}"', PROMPT), ("", "आज "), ('prompt = ""', "")])
def test_what_is_made_carries_the_prompt_that_it_was_trained_with(workspace_folder, prompt, expected):
    """Of every kind; the base has a default prompt, which the card may replace, and one for STS, which training knows nothing of."""
    from bench.run.execute import execute
    from tests.run.test_run import Silent

    base = load_sentence_model(workspace_folder / "models" / "tiny")
    base.prompts, base.default_prompt_name, base.similarity_fn_name = {"usual": "आज ", "STS": "पाऊस "}, "usual", "dot"
    base.save_pretrained(str(workspace_folder / "models" / "asked"), create_model_card=False)
    (workspace_folder / "models" / "mini.toml").unlink()
    text = (workspace_folder / "models").joinpath("prompted.toml")
    found = planner(workspace_folder, base="asked", prompt=prompt)
    assert text.is_file()
    outcome = execute(found, Silent())
    assert outcome.complete, outcome
    for name in KINDS:
        folder = checkpoint_of(found, name)
        settings = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
        content = made_of(found, name)["content"]
        result = found.archive.store.get(evaluate_key(found.selection.everyone[name], content, found.tasks["Pairs"], "cpu"))
        assert result is not None
        if name == "untrained" and not prompt:  # the base as it is: mteb would use its prompt for STS, and its similarity
            assert (result["used"]["prompt"], result["used"]["similarity"]) == ("पाऊस ", "dot")
            continue
        loaded = SentenceTransformer(str(folder), device="cpu")
        assert loaded.prompts.get(loaded.default_prompt_name or "", "") == expected == result["used"]["prompt"]
        assert "STS" not in settings["prompts"]
        assert result["used"]["similarity"] == ("dot" if name == "untrained" else "cosine")


def test_a_trimmed_vocabulary_keeps_the_tokens_of_the_prompt(workspace_folder, tmp_path):
    """Also where the corpus has none of them and there is room for few more than must stay."""
    from bench.make.checkpoint import _train

    asked = "किताब स्कूल "
    (workspace_folder / "models" / "corpus.txt").write_text("नदी झाड\n" * 3, encoding="utf-8")
    whole = load_sentence_model(workspace_folder / "models" / "tiny").tokenizer
    cut = {}
    for prompt in (asked, ""):
        fields = f'kind = "full"\nbase = "tiny"\nprompt = "{prompt}"\nvocabulary = {{ corpus = ["corpus.txt"], size = 210 }}'
        (workspace_folder / "models" / "prompted.toml").write_text(
            CARD.format(base="tiny", prompt="") + f'[[candidates]]\nname = "cut"\n{fields}\n', encoding="utf-8"
        )
        cut_one = blueprint_of(plan_anew(workspace_folder, suite="prompted"), "cut")
        model, _ = _train(cut_one, tmp_path, tmp_path / "bases", None, device="cpu", progress=lambda _kind, _fraction: None)
        cut[prompt] = model.tokenizer.tokenize(asked)
    assert cut[asked] == whole.tokenize(asked) != cut[""]
