"""The Devanagari gate and `bench doctor`: what a tokenizer loses is told, with the setting that loses it."""

from __future__ import annotations

import json

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, BertTokenizerFast, PreTrainedTokenizerFast

from bench.cards.workspace import builtin_content
from bench.make.vocabulary.devanagari import SIGNS, inspect_tokenizer
from tests.cli.command import bench

LETTERS = sorted({character for pairs in SIGNS.values() for pair in pairs for word in pair for character in word})


def tokenizer_of_letters(normalizer: normalizers.Normalizer | None, letters: list[str] = LETTERS) -> PreTrainedTokenizerFast:
    """Every character a token; what a normalizer does shows at once."""
    vocabulary = {token: index for index, token in enumerate(["[UNK]", *letters, *(f"##{letter}" for letter in letters)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")


def statuses(tokenizer: PreTrainedTokenizerFast) -> dict[str, str]:
    return {finding.check: finding.status for finding in inspect_tokenizer(tokenizer, {})}


def test_a_tokenizer_that_changes_nothing_passes():
    assert set(statuses(tokenizer_of_letters(None)).values()) == {"ok"}


@pytest.mark.parametrize(
    ("normalizer", "setting"),
    [
        (normalizers.BertNormalizer(clean_text=False, lowercase=True), "do_lower_case=True"),
        (normalizers.BertNormalizer(clean_text=False, lowercase=False, strip_accents=True), "strip_accents=True"),
        (normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]), "StripAccents"),
    ],
)
def test_a_tokenizer_that_strips_accents_fails_and_the_setting_is_named(normalizer, setting):
    found = {finding.check: finding for finding in inspect_tokenizer(tokenizer_of_letters(normalizer), {})}
    for check in ("vowel signs", "anusvara and chandrabindu", "virama", "nukta"):
        assert found[check].status == "failed"
        assert setting in found[check].mend


def test_lower_case_with_accents_kept_passes():
    assert set(statuses(tokenizer_of_letters(normalizers.BertNormalizer(clean_text=False, lowercase=True, strip_accents=False))).values()) == {"ok"}


def test_lost_joiners_are_a_warning_that_names_clean_text():
    found = {finding.check: finding for finding in inspect_tokenizer(tokenizer_of_letters(normalizers.BertNormalizer(lowercase=False)), {})}
    assert found["ZWJ and ZWNJ"].status == "warning"
    assert "clean_text=True" in found["ZWJ and ZWNJ"].mend
    assert {one.status for check, one in found.items() if check != "ZWJ and ZWNJ"} == {"ok"}


def test_joiners_that_become_spaces_are_a_warning_that_names_the_words_cut_in_two():
    spaces = normalizers.Replace(Regex("[\u200c\u200d]"), " ")
    found = {finding.check: finding for finding in inspect_tokenizer(tokenizer_of_letters(spaces), {})}
    assert found["ZWJ and ZWNJ"].status == "warning"
    assert found["ZWJ and ZWNJ"].found.startswith("2 of 2 become a space (सुर्\u200dया")
    assert "cut in two" in found["ZWJ and ZWNJ"].mend
    assert {one.status for check, one in found.items() if check != "ZWJ and ZWNJ"} == {"ok"}


def test_signs_that_are_missing_from_the_vocabulary_fail_as_unknown():
    found = {finding.check: finding for finding in inspect_tokenizer(tokenizer_of_letters(None, [letter for letter in LETTERS if letter != "ृ"]), {})}
    assert found["vowel signs"].status == "failed"
    assert found["vowel signs"].found == "1 of 12 are unknown (कृ)"
    assert found["nukta"].status == "ok"


@pytest.mark.parametrize(("words", "status"), [(["क"] * 100, "ok"), (["क"] * 99 + ["Q"], "warning"), (["क"] * 90 + ["Q"] * 10, "failed")])
def test_the_rate_of_unknown_tokens_decides(words, status):
    found = inspect_tokenizer(tokenizer_of_letters(None), {"mr": [" ".join(words)]})
    assert next(one.status for one in found if one.check == "unknown tokens, mr") == status


def test_tokens_per_word_are_counted_over_words_between_blanks():
    found = inspect_tokenizer(tokenizer_of_letters(None), {"hi": ["क कक", "ककक"]})
    assert next(one.found for one in found if one.check == "tokens per word, hi") == "2.00"


def test_the_shipped_bases_pass_every_check():
    for folder in sorted((builtin_content() / "models" / "mini").iterdir()):
        assert set(statuses(AutoTokenizer.from_pretrained(folder)).values()) == {"ok"}, folder.name


def test_an_uncased_bert_fails_and_doctor_exits_2_with_the_setting(minilm):
    assert isinstance(AutoTokenizer.from_pretrained(minilm), BertTokenizerFast)
    found = bench("doctor", str(minilm))
    assert found.returncode == 2
    assert "do_lower_case=True" in found.stdout
    assert found.stderr.strip() == f"bench: not fit: {minilm}"


@pytest.mark.slow
def test_doctor_finds_bases_and_candidates_by_name(workspace_folder):
    for name in ("tiny", "tiny-top2"):
        found = bench("doctor", name, "--json", "--workspace", str(workspace_folder))
        findings = {one["check"]: one for one in json.loads(found.stdout)[name]}
        assert findings["virama"]["status"] == "ok"
        assert float(findings["tokens per word, mr"]["found"]) > 1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("letters", "letters is a lexical candidate; it has no tokenizer"),
        ("owner/model", "no base, candidate or folder 'owner/model'; a Hub id needs a revision: owner/model@REVISION"),
    ],
)
def test_doctor_says_why_a_model_has_no_tokenizer(workspace_folder, model, message):
    found = bench("doctor", model, "--offline", "--workspace", str(workspace_folder))
    assert (found.returncode, found.stderr.strip()) == (2, f"bench: {message}")


def test_doctor_without_a_model_checks_machine_and_workspace(workspace_folder):
    found = bench("doctor", "--workspace", str(workspace_folder))
    assert found.returncode == 0
    assert "suite small: 3 candidates, 4 tasks" in found.stdout
    assert "libraries: torch" in found.stdout


def test_doctor_tells_a_broken_card_with_its_file(workspace_folder):
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('kind = "lexical"', 'kind = "lexicla"'), encoding="utf-8")
    found = bench("doctor", "--workspace", str(workspace_folder))
    assert found.returncode == 2
    assert f"{card}:" in found.stdout
