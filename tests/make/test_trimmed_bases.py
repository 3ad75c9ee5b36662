"""A base is trimmed once for all candidates with that vocabulary, which start from it whatever their kind; a list of tokens says what stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from transformers import AutoTokenizer

from bench.cards.tokens import read_tokens, written
from bench.errors import ModelError
from bench.make.vocabulary.trim import listed_tokens, required_by_model, select_tokens, trim_vocabulary
from bench.models.loading import load_sentence_model
from bench.models.pruning import keep_layers
from tests.builders import blueprint_of, checkpoint_of, made_of, plan_anew
from tests.conftest import WORDS_MR, sentences
from tests.make.test_vocabulary import MARATHI, base, roberta, size_for, xlm_roberta  # noqa: F401 (fixtures)
from tests.run.test_run import run

KEPT = 160
LIST = 'vocabulary = { tokens = "lists/mr.txt" }'
CORPUS = 'vocabulary = { corpus = ["Pairs"], size = 200 }'
PRUNED = 'kind = "pruned"\nstrategy = "top"\nkeep = 2\n'
KINDS = {
    "whole": 'kind = "full"\n',
    "top": PRUNED,
    "top-trained": PRUNED + 'recipe = "short"\n',
    "random": 'kind = "scratch"\nkeep = 1\nrecipe = "short"\n',
    "deep": 'kind = "nested"\nkeep = 1\nrecipe = "short"\n',
    "table": 'kind = "static"\nrecipe = "short"\n',
}


def with_candidates(folder: Path, candidates: dict[str, str], vocabulary: str) -> Path:
    """The workspace with these candidates, and a list of half the tokens of its base."""
    card = folder / "models" / "mini.toml"
    added = "".join(f'[[candidates]]\nname = "{name}"\nbase = "tiny"\n{fields}{vocabulary}\n' for name, fields in candidates.items())
    card.write_text(card.read_text(encoding="utf-8") + added, encoding="utf-8")
    write_list(folder, size=KEPT)
    return folder


def write_list(folder: Path, *, size: int) -> Path:
    tokenizer = AutoTokenizer.from_pretrained(folder / "models" / "tiny")
    path = folder / "models" / "lists" / "mr.txt"
    path.parent.mkdir(exist_ok=True)
    kept = tokenizer.convert_ids_to_tokens(select_tokens(tokenizer, sentences(WORDS_MR, 60), size))
    path.write_text(written(kept, ["an open corpus"]), encoding="utf-8")
    return path


def bases(folder: Path) -> list[Path]:
    return sorted((folder / ".bench" / "bases").glob("[!.]*"))


@pytest.mark.slow
def test_candidates_of_every_kind_start_from_one_trimmed_base(workspace_folder, monkeypatch):
    import bench.make.vocabulary.trim as trim

    trimmed = []
    real = trim.keep_tokens

    def keep(*given):
        trimmed.append(1)
        return real(*given)

    monkeypatch.setattr(trim, "keep_tokens", keep)
    planner, outcome = run(with_candidates(workspace_folder, KINDS, LIST), names=tuple(KINDS), stages=("make",))
    assert outcome.complete, outcome
    assert len(bases(workspace_folder)) == len(trimmed) == 1
    records = [made_of(planner, name)["trimming"] for name in KINDS]
    assert all(record == records[0] for record in records)
    assert records[0]["tokens_after"] == len(AutoTokenizer.from_pretrained(bases(workspace_folder)[0])) == KEPT
    assert records[0]["gate_texts"] > 0
    for name in KINDS:
        folder = checkpoint_of(planner, name)
        (rows,) = {
            value.shape[0] for tensor, value in load_file(folder / "model.safetensors").items() if "word_embeddings" in tensor or tensor == "embedding.weight"
        }
        assert rows == KEPT, name
        assert json.loads((folder / "kasauti.json").read_text(encoding="utf-8"))["trimming"] == records[0]
    assert "over training text of KasautiSTS" in (checkpoint_of(planner, "top") / "README.md").read_text(encoding="utf-8")
    assert not list((workspace_folder / ".bench").rglob("*.saving-*"))


def test_trimming_before_pruning_gives_the_weights_of_trimming_after_it(workspace_folder):
    planner, outcome = run(with_candidates(workspace_folder, {"top": PRUNED}, CORPUS), names=("top",), stages=("make",))
    assert outcome.complete, outcome
    blueprint = blueprint_of(planner, "top")
    model = load_sentence_model(blueprint.base)
    keep_layers(model[0].auto_model, blueprint.kept)
    trim_vocabulary(model, blueprint.vocabulary.texts, 200)
    found = load_file(checkpoint_of(planner, "top") / "model.safetensors")
    expected = {name: value.numpy() for name, value in model[0].auto_model.state_dict().items()}
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in found)
    assert AutoTokenizer.from_pretrained(checkpoint_of(planner, "top")).get_vocab() == model.tokenizer.get_vocab()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "digest.json"])
def test_a_trimmed_base_that_is_not_what_was_saved_is_trimmed_anew_with_a_word(workspace_folder, caplog, name):
    folder = with_candidates(workspace_folder, KINDS, LIST)
    run(folder, names=("whole",), stages=("make",))
    (kept,) = bases(folder)
    before = (kept / "model.safetensors").read_bytes()
    data = bytearray((kept / name).read_bytes())
    data[-20] ^= 1
    (kept / name).write_bytes(data)
    (kept.parent / f".{kept.name}.saving-1").mkdir()
    planner, outcome = run(folder, names=("top",), stages=("make",))
    assert outcome.complete, outcome
    said = [message for message in caplog.messages if message.startswith(f"bench: {kept}: ")]
    assert len(said) == 1
    assert said[0].endswith("it is trimmed anew")
    assert bases(folder) == [kept]
    assert (kept / "model.safetensors").read_bytes() == before
    assert not list(kept.parent.glob("*.saving-*")), "what a killed run left goes"
    assert made_of(planner, "top")["trimming"]["tokens_after"] == KEPT


@pytest.mark.slow
def test_two_workers_that_need_one_trimmed_base_at_once_share_it(workspace_folder):
    several = {f"top-{number}": PRUNED + f'recipe = "short"\nseed = {number}\n' for number in range(3)}
    planner, outcome = run(with_candidates(workspace_folder, several, LIST), names=tuple(several), stages=("make",), jobs=2)
    assert outcome.complete, outcome
    assert len(bases(workspace_folder)) == 1
    records = [made_of(planner, name)["trimming"] for name in several]
    assert records == records[:1] * 3


def test_the_key_changes_with_the_tokens_of_a_list_and_with_nothing_else_about_it(workspace_folder):
    folder = with_candidates(workspace_folder, {"top": PRUNED}, LIST)
    path = folder / "models" / "lists" / "mr.txt"

    def found():
        return blueprint_of(plan_anew(folder), "top")

    first = found()
    assert first.lineage["vocabulary"]["tokens"] == "lists/mr.txt"
    assert first.lineage["vocabulary"]["remarks"] == ["an open corpus"]
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(["# another remark", *reversed(lines[1:])]), encoding="utf-8")
    assert (found().key, found().trimmed_base_key) == (first.key, first.trimmed_base_key)
    path.write_text("\n".join(lines[:-1]), encoding="utf-8")
    assert found().key != first.key
    assert found().trimmed_base_key != first.trimmed_base_key


def test_a_whole_vocabulary_leaves_the_key_as_it_was(workspace_folder):
    assert "vocabulary" not in blueprint_of(plan_anew(workspace_folder), "tiny-top2").key_parts


def test_the_tokens_of_the_list_the_prompt_and_the_model_stay_with_the_single_characters(base, tmp_path):  # noqa: F811
    model = load_sentence_model(base)
    tokenizer, required = model.tokenizer, required_by_model(model[0].auto_model)
    chosen = select_tokens(tokenizer, MARATHI, size_for(model), required=required)
    path = tmp_path / "list.txt"
    path.write_text(written(tokenizer.convert_ids_to_tokens(chosen), []), encoding="utf-8")
    assert listed_tokens(tokenizer, read_tokens(path), required=required) == chosen, "a list is as good as the corpus that it is from"
    names = tokenizer.convert_ids_to_tokens(chosen)
    path.write_text(written(names[-1:], []), encoding="utf-8")
    prompt = "किताब स्कूल "
    few = set(listed_tokens(tokenizer, read_tokens(path), prompt=prompt, required=required))
    always = set(select_tokens(tokenizer, ["."], size_for(model), required=required))
    assert always | {chosen[-1]} | set(tokenizer(prompt, add_special_tokens=False)["input_ids"]) <= few < set(range(len(tokenizer)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["नदx"], r"list\.txt:3: the base has no token 'नदx'; did you mean '.*नद.*'\? Mend the line, or make a list of this base \(`bench vocabulary`\)"),
        (["▁qqqq", "zzz"], r"list\.txt:3: the base has no token '▁qqqq', nor 1 more of its 3 tokens; take the line out, or"),
    ],
)
def test_a_token_that_the_base_does_not_have_is_told_with_its_line_and_the_nearest(tiny_base, tmp_path, wrong, message):
    path = tmp_path / "list.txt"
    path.write_text(written(["क", *wrong], ["from elsewhere"]), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        listed_tokens(AutoTokenizer.from_pretrained(tiny_base), read_tokens(path))


def test_a_list_of_every_token_is_refused(tiny_base, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    path = tmp_path / "list.txt"
    path.write_text(written(tokenizer.get_vocab(), []), encoding="utf-8")
    with pytest.raises(ModelError, match=r"with it all \d+ tokens of the base stay; leave `vocabulary` out"):
        listed_tokens(tokenizer, read_tokens(path))


def test_no_test_text_is_among_those_that_a_list_is_compared_on(workspace_folder):
    folder = with_candidates(workspace_folder, {"top": PRUNED}, LIST)
    before = blueprint_of(plan_anew(folder), "top")
    test = folder / "tasks" / "pairs" / "test-mr.tsv"
    leaked = before.vocabulary.texts[0]
    test.write_text(test.read_text(encoding="utf-8") + f"{leaked}!\tघर\t1\n", encoding="utf-8")
    after = blueprint_of(plan_anew(folder), "top")
    assert leaked not in after.vocabulary.texts
    assert after.vocabulary.leaked == {"KasautiSTS": 1}
    assert after.key == before.key, "what is compared decides no weight"


def test_pooling_of_the_recipe_is_that_of_the_candidate_and_not_of_the_trimmed_base(workspace_folder):
    folder = with_candidates(workspace_folder, {"first": PRUNED + 'recipe = "first"\n', "mean": PRUNED + 'recipe = "short"\n'}, LIST)
    card = folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + '[recipes.first]\npooling = "cls"\n', encoding="utf-8")
    planner, outcome = run(folder, names=("first", "mean"), stages=("make",))
    assert outcome.complete, outcome
    assert len(bases(folder)) == 1
    modes = [json.loads((checkpoint_of(planner, name) / "1_Pooling" / "config.json").read_text(encoding="utf-8")) for name in ("first", "mean")]
    assert [str(mode["pooling_mode"]) for mode in modes] == ["cls", "mean"]


def test_a_base_is_not_asked_for_again_once_it_is_trimmed(workspace_folder):
    """Made from what is kept, so that the large base is loaded once."""
    folder = with_candidates(workspace_folder, KINDS, LIST)
    run(folder, names=("whole",), stages=("make",))
    planner = plan_anew(folder)
    blueprint = blueprint_of(planner, "top")
    from bench.make.checkpoint import _train

    shutil.rmtree(blueprint.base)
    model, told = _train(blueprint, folder / "state", planner.archive.bases, None, device="cpu", progress=lambda _kind, _fraction: None)
    assert told["trimming"]["tokens_after"] == len(model.tokenizer) == KEPT
    assert torch.isfinite(model[0].auto_model.get_input_embeddings().weight).all()
