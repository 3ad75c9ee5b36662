"""Vocabulary trimming: what stays keeps its place and its vector, text whose tokens all stay is read as before, and the rest falls back to smaller pieces."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, RobertaConfig, RobertaModel, RobertaTokenizer, XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizer

from bench.errors import ModelError
from bench.make.verify import reload_gate
from bench.make.vocabulary.trim import compare_segmentation, select_tokens, trim_tokenizer, trim_vocabulary
from bench.models.encoders import SentenceEncoder
from bench.models.loading import load_sentence_model
from bench.models.pruning import keep_layers
from tests.conftest import WORDS_HI, WORDS_MR, sentences

with (Path(__file__).parents[2] / "tasks" / "kasauti-sts" / "train.tsv").open(encoding="utf-8") as table:
    ROWS = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))[:200]
MARATHI = [*sentences(WORDS_MR, 60), *(row["mr1"] for row in ROWS)]
HINDI = [*sentences(WORDS_HI, 60), *(row["hi1"] for row in ROWS)]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 66}


def write_model(folder, kind, config, tokenizer):
    torch.manual_seed(0)
    kind(config(vocab_size=len(tokenizer), pad_token_id=1, bos_token_id=0, eos_token_id=2, **SHAPE), add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def xlm_roberta(tmp_path_factory):
    """A Unigram vocabulary, with the mask token added behind it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    learned = Tokenizer(models.Unigram())
    learned.pre_tokenizer = pre_tokenizers.Metaspace()
    learned.train_from_iterator(MARATHI + HINDI, trainers.UnigramTrainer(vocab_size=800, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False))
    vocabulary = [tuple(entry) for entry in json.loads(learned.to_str())["model"]["vocab"]]
    tokenizer = XLMRobertaTokenizer(vocab=vocabulary, model_max_length=64)
    return write_model(tmp_path_factory.mktemp("unigram"), XLMRobertaModel, XLMRobertaConfig, tokenizer)


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    """A byte-level BPE vocabulary."""
    from tokenizers import ByteLevelBPETokenizer

    learned = ByteLevelBPETokenizer()
    learned.train_from_iterator(MARATHI + HINDI, vocab_size=800, special_tokens=[*SPECIAL, "<mask>"], show_progress=False)
    model = json.loads(learned._tokenizer.to_str())["model"]
    tokenizer = RobertaTokenizer(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]], model_max_length=64)
    return write_model(tmp_path_factory.mktemp("bpe"), RobertaModel, RobertaConfig, tokenizer)


@pytest.fixture(params=["tiny_base", "xlm_roberta", "roberta"])
def base(request):
    """WordPiece, Unigram, and byte-level BPE."""
    return request.getfixturevalue(request.param)


SIZES = {"bert": 200, "xlm-roberta": 500, "roberta": 500}


def size_for(model) -> int:
    """A size at which some Hindi tokens stay and some go."""
    return SIZES[model[0].auto_model.config.model_type]


def test_tokens_that_stay_keep_their_order_and_their_vectors(base):
    model = load_sentence_model(base)
    old = model[0].auto_model.get_input_embeddings().weight.detach().clone()
    names = model.tokenizer.convert_ids_to_tokens(list(range(len(model.tokenizer))))
    found = trim_vocabulary(model, MARATHI, size_for(model))
    new = model[0].auto_model.get_input_embeddings().weight
    kept = [names.index(token) for token in model.tokenizer.convert_ids_to_tokens(list(range(len(model.tokenizer))))]
    assert kept == sorted(kept)
    assert torch.equal(new, old[kept])
    assert found["tokens_before"] == len(old)
    assert found["tokens_after"] == len(new) == len(model.tokenizer) == model[0].auto_model.config.vocab_size <= size_for(model)


def test_text_whose_tokens_all_stay_is_cut_and_embedded_as_before(base):
    old, new = load_sentence_model(base), load_sentence_model(base)
    found = trim_vocabulary(new, MARATHI, size_for(new))
    assert found["gate_texts"] > 0
    assert found["gate_difference"] <= 1e-6
    kept = set(new.tokenizer.get_vocab())
    whole = [text for text in MARATHI + HINDI if set(old.tokenizer.tokenize(text)) <= kept]
    assert 0 < len(whole) < len(MARATHI + HINDI)
    assert [new.tokenizer.tokenize(text) for text in whole] == [old.tokenizer.tokenize(text) for text in whole]
    assert np.abs(SentenceEncoder(new).encode(whole) - SentenceEncoder(old).encode(whole)).max() <= 1e-6


def test_pruned_and_trimmed_together_pass_the_reload_gate(base, tmp_path):
    model = load_sentence_model(base)
    keep_layers(model[0].auto_model, [0])
    trim_vocabulary(model, MARATHI, size_for(model))
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    found = reload_gate(tmp_path / "saved", SentenceEncoder(model))
    assert found["reload_difference"] <= 1e-5
    assert found["layers"] == 1
    config = model[0].auto_model.config
    others = sum(value.numel() for name, value in model.named_parameters() if ".embeddings." in name and "word_embeddings" not in name)
    assert found["parameters"]["embeddings"] == config.vocab_size * config.hidden_size + others


def test_special_tokens_are_renumbered_everywhere(base):
    model = load_sentence_model(base)
    before = {name: model.tokenizer.convert_ids_to_tokens(value) for name, value in ids(model).items()}
    around = model.tokenizer.convert_ids_to_tokens(model.tokenizer("मी")["input_ids"])
    trim_vocabulary(model, MARATHI, size_for(model))
    assert {name: model.tokenizer.convert_ids_to_tokens(value) for name, value in ids(model).items()} == before
    assert model.tokenizer.convert_ids_to_tokens(model.tokenizer("मी")["input_ids"])[:: len(around) - 1] == around[:: len(around) - 1]
    assert model[0].auto_model.get_input_embeddings().padding_idx == model.tokenizer.pad_token_id


def ids(model) -> dict[str, int]:
    """Every token id that the configuration names, and the tokenizer's own."""
    config = {name: value for name, value in model[0].auto_model.config.to_dict().items() if name.endswith("_token_id") and value is not None}
    return config | {name: getattr(model.tokenizer, f"{name}_token_id") for name in ("pad", "unk", "cls", "sep", "mask")}


def test_a_padding_token_in_front_of_which_tokens_go_is_renumbered_in_a_model_that_does_not_number_positions_from_it(tiny_base):
    """BERT with its special tokens last."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["घर", "नदी", "पाणी", "शाळा", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend = Tokenizer(models.WordPiece({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 7), ("[CLS]", 6))
    names = {name: f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{name}_token": token for name, token in names.items()})
    trimmed = trim_tokenizer(tokenizer, select_tokens(tokenizer, ["नदी"], 6))
    assert trimmed("नदी घर")["input_ids"] == [trimmed.cls_token_id, 0, trimmed.unk_token_id, trimmed.sep_token_id] == [3, 0, 2, 4]
    assert trimmed.pad_token_id == 1


@pytest.mark.parametrize("characters", ["अ", "कखगज", "मिल", "a", "Z9", "?!", "१२"])
def test_single_characters_of_the_base_always_stay(base, characters):
    model = load_sentence_model(base)
    old = model.tokenizer
    ids = select_tokens(old, [MARATHI[0]], size_for(model))
    new = trim_tokenizer(old, ids)
    if old.unk_token_id not in old(characters)["input_ids"]:
        assert new.unk_token_id not in new(characters)["input_ids"]
        assert new.decode(new(characters)["input_ids"], skip_special_tokens=True) == old.decode(old(characters)["input_ids"], skip_special_tokens=True)


def test_both_forms_of_a_character_stay_in_a_wordpiece_vocabulary(tiny_base):
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    kept = set(tokenizer.convert_ids_to_tokens(select_tokens(tokenizer, [MARATHI[0]], 200)))
    forms = {token for token in tokenizer.get_vocab() if len(token.removeprefix("##")) == 1}
    assert {"क", "##क", "##ा"} <= forms <= kept


def test_all_bytes_stay_in_a_byte_level_vocabulary(roberta):
    from tokenizers.pre_tokenizers import ByteLevel

    tokenizer = AutoTokenizer.from_pretrained(roberta)
    kept = tokenizer.convert_ids_to_tokens(select_tokens(tokenizer, ["घर"], 300))
    assert set(ByteLevel.alphabet()) <= set(kept)
    new = trim_tokenizer(tokenizer, select_tokens(tokenizer, ["घर"], 300))
    assert new.decode(new("ಕನ್ನಡ 😀")["input_ids"], skip_special_tokens=True) == "ಕನ್ನಡ 😀"


def test_a_bpe_token_stays_with_everything_that_it_is_merged_from(roberta):
    tokenizer = AutoTokenizer.from_pretrained(roberta)
    ids = select_tokens(tokenizer, MARATHI, 400)
    new = json.loads(trim_tokenizer(tokenizer, ids).backend_tokenizer.to_str())["model"]
    old = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    merged = {"".join(merge) for merge in old["merges"]}
    reachable = {"".join(merge) for merge in new["merges"]}
    assert {token for token in new["vocab"] if token in merged} == reachable
    assert len(new["merges"]) < len(old["merges"])
    assert all(part in new["vocab"] for merge in new["merges"] for part in merge)


def test_an_unknown_character_costs_as_much_as_before_in_a_unigram_vocabulary(xlm_roberta):
    """The cost is the lowest score of all less 10: the piece that has it stays."""
    tokenizer = AutoTokenizer.from_pretrained(xlm_roberta)
    trimmed = trim_tokenizer(tokenizer, select_tokens(tokenizer, [MARATHI[0]], 300))
    old, new = (min(score for _, score in json.loads(one.backend_tokenizer.to_str())["model"]["vocab"]) for one in (tokenizer, trimmed))
    assert new == old


def test_the_most_frequent_tokens_stay_and_ties_go_to_the_lower_id(tiny_base):
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    words = [word for word in WORDS_MR if len(tokenizer.tokenize(word)) == 1 and len(word) > 1][:6]
    ranked = sorted(words[2:], key=tokenizer.convert_tokens_to_ids)
    always = select_tokens(tokenizer, ["."], 260)
    ids = select_tokens(tokenizer, [" ".join(words * 2), words[0], words[1]], len(always) + 3)
    assert set(tokenizer.convert_ids_to_tokens(ids)) - set(tokenizer.convert_ids_to_tokens(always)) == {words[0], words[1], ranked[0]}


def test_how_often_text_falls_back_is_counted(tiny_base):
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    words = [word for word in WORDS_MR if len(tokenizer.tokenize(word)) == 1 and len(word) > 1][:3]
    always = select_tokens(tokenizer, ["."], 260)
    ids = select_tokens(tokenizer, [words[0]], len(always) + 1)
    found = compare_segmentation(tokenizer, trim_tokenizer(tokenizer, ids), ids, [words[0], f"{words[0]} {words[1]}", f"{words[0]} {words[2]} 1"])
    assert found.whole == (0,)
    assert found.record() == {"texts": 3, "texts_changed": 2 / 3, "tokens": 6, "tokens_changed": 2 / 6, "unknown_before": 0, "unknown_after": 0}


def test_a_tokenizer_that_cuts_kept_text_in_another_way_is_refused(tiny_base):
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    ids = select_tokens(tokenizer, MARATHI, 250)
    other = trim_tokenizer(tokenizer, select_tokens(tokenizer, MARATHI[:1], 200))
    with pytest.raises(ModelError, match="though all its tokens stay"):
        compare_segmentation(tokenizer, other, ids, MARATHI)


def test_english_embeddings_of_minilm_survive_half_its_vocabulary(minilm):
    old, new = load_sentence_model(minilm), load_sentence_model(minilm)
    english = [
        "A man is playing a guitar on the street.",
        "The children are walking home from school in the rain.",
        "Prices rose by 3.5% in the second quarter, the bank said.",
        "Where can I buy a ticket for tomorrow's train?",
    ]
    words = sorted(token for token in old.tokenizer.get_vocab() if token.isascii() and token.isalpha())
    half = len(old.tokenizer) // 2
    found = trim_vocabulary(new, [*english * 2, *(" ".join(words[start : start + 100]) for start in range(0, len(words), 100))], half)
    assert found["tokens_after"] == len(new.tokenizer) == half
    before = SentenceEncoder(old).encode(english)
    assert [new.tokenizer.tokenize(text) for text in english] == [old.tokenizer.tokenize(text) for text in english]
    assert np.abs(SentenceEncoder(new).encode(english) - before).max() <= 1e-6


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [
        ([], 200, r"'vocabulary\.corpus' must hold text \(got none\)"),
        (MARATHI, 20, r"'vocabulary\.size' must be at least \d+: special tokens and single characters always stay \(got 20\)"),
        (MARATHI, 300, r"'vocabulary\.size' must be below the base's \d+ tokens \(got 300\)"),
    ],
)
def test_a_corpus_or_size_that_does_not_fit_is_refused(tiny_base, texts, size, message):
    with pytest.raises(ModelError, match=message):
        select_tokens(AutoTokenizer.from_pretrained(tiny_base), texts, size)


def test_the_size_that_is_asked_for_is_enough(tiny_base):
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    with pytest.raises(ModelError, match="at least") as refused:
        select_tokens(tokenizer, MARATHI, 20)
    needed = int(str(refused.value).split("at least ")[1].split(":")[0])
    assert len(select_tokens(tokenizer, MARATHI, needed)) == needed


def test_a_slow_tokenizer_is_refused():
    from transformers import PreTrainedTokenizer

    with pytest.raises(ModelError, match=r"is a slow tokenizer; .*tokenizer\.json"):
        select_tokens(PreTrainedTokenizer.__new__(PreTrainedTokenizer), MARATHI, 100)


def test_a_vocabulary_of_whole_words_is_refused():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"घर": 0, "नदी": 1}, unk_token="घर")))
    with pytest.raises(ModelError, match="WordLevel vocabulary cannot be trimmed; expected WordPiece, Unigram or BPE"):
        select_tokens(tokenizer, MARATHI, 1)
