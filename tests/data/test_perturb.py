"""Rules that rewrite the pairs of an STS test: each as another person would write them, the same way every time."""

from __future__ import annotations

import csv
import math
import string
import typing
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.cards.tasks import Perturbation
from bench.data.perturbation import (
    ANUSVARA,
    NUKTA,
    PERTURBATIONS,
    devanagari_digits,
    latin_digits,
    nasal_spelling,
    other_eyelash_ra,
    perturb,
    romanise,
    slip,
    toggle_nukta,
)

quickly = settings(max_examples=60, deadline=None, database=None)
RULES = sorted(PERTURBATIONS)
WORDS = ["घर", "शाळा", "पाऊस", "नदी", "पुस्तक", "मुंबई", "ज़रूर", "किताब", "संध्याकाळी", "गर्भगृह", "राष्ट्र", "काढणार", "और", "mobile"]
ZWNJ, ZWJ = "\u200c", "\u200d"
DEVANAGARI = st.text(st.characters(min_codepoint=0x0900, max_codepoint=0x097F) | st.sampled_from(f" .{ZWNJ}{ZWJ}"), max_size=40)
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=25).map(" ".join)
LATIN_LETTERS = string.ascii_letters + string.punctuation + " éöñçŽ"

each_rule = pytest.mark.parametrize("rule", RULES)


def rewritten(rule: str, text: str) -> str:
    """What a rule makes of the second sentence of a pair."""
    return perturb(rule, "", text)[1]


def has_nukta(text: str) -> bool:
    return NUKTA in unicodedata.normalize("NFD", text)


def test_a_card_may_name_every_rule_and_no_other():
    assert set(typing.get_args(Perturbation)) == set(PERTURBATIONS)


@pytest.mark.parametrize(
    ("anusvara", "nasal"),
    [
        ("गंगा", "गङ्गा"),
        ("पंखा", "पङ्खा"),
        ("पंचायत", "पञ्चायत"),
        ("चिरंजीव", "चिरञ्जीव"),
        ("घंटा", "घण्टा"),
        ("दंड", "दण्ड"),
        ("शांत", "शान्त"),
        ("हिंदी", "हिन्दी"),
        ("अंधार", "अन्धार"),
        ("चंद्रग्रहण", "चन्द्रग्रहण"),
        ("कंपनी", "कम्पनी"),
        ("मुंबई", "मुम्बई"),
        ("संबंध", "सम्बन्ध"),
        ("मंज़ूर", "मञ्ज़ूर"),
    ],
)
def test_an_anusvara_before_a_stop_and_the_nasal_of_its_class_stand_for_each_other(anusvara, nasal):
    assert (nasal_spelling(anusvara), nasal_spelling(nasal)) == (nasal, anusvara)


@pytest.mark.parametrize("text", ["में", "नहीं", "शिकवलं.", "में कल", "हैं, पर", "संसद", "हंस", "संयम", "सिंह", "संमती"])
def test_an_anusvara_at_the_end_of_a_word_or_before_no_stop_stays(text):
    assert nasal_spelling(text) == text


@pytest.mark.parametrize("text", ["अन्न", "उन्हें", "निम्न", "जन्म", "वाङ्मय", "सन्मान", "पुण्य", "न्याय", "अम्मा"])
def test_a_nasal_consonant_before_no_stop_of_its_own_class_stays(text):
    assert nasal_spelling(text) == text


@pytest.mark.parametrize(("text", "expected"), [("पाँच", "पांच"), ("चाँद", "चांद"), ("हूँ।", "हूं।"), ("टँकर", "टंकर"), ("गाँव में हिन्दी", "गांव में हिंदी")])
def test_a_chandrabindu_becomes_an_anusvara_and_no_nasal_consonant(text, expected):
    assert nasal_spelling(text) == expected


@given(DEVANAGARI.map(lambda text: unicodedata.normalize("NFC", text.replace("\u0901", ANUSVARA))))
@quickly
def test_exchanging_the_nasal_spelling_twice_gives_a_text_without_chandrabindu_back(text):
    assert nasal_spelling(nasal_spelling(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ज़रूर", "जरूर"),
        ("सड़क", "सडक"),
        ("पढ़ाई", "पढाई"),
        ("क़लम और ख़बर", "कलम और खबर"),
        ("फ़िल्म", "फिल्म"),
        ("ग़ज़ल जब", "गजल जब"),
        ("दुसऱ्या", "दुसर्या"),
        ("गाभाऱ्यात जा", "गाभार्यात जा"),
    ],
)
def test_a_text_with_nuktas_loses_all_of_them_and_gets_none(text, expected):
    assert toggle_nukta(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("फिर", "फ़िर"), ("जब आज", "ज़ब आज़"), ("राज्य", "राज़्य"), ("ज्ञान", "ज्ञान"), ("विज्ञान जग", "विज्ञान ज़ग")])
def test_a_text_without_nuktas_gets_them_on_ja_and_pha_but_not_within_jnya(text, expected):
    assert toggle_nukta(text) == unicodedata.normalize("NFC", expected)


@pytest.mark.parametrize("text", ["नदी", "घर", "", "OK"])
def test_a_text_without_nuktas_ja_and_pha_keeps_its_spelling(text):
    assert toggle_nukta(text) == text


@pytest.mark.parametrize(
    ("composed", "decomposed"), [("\u095b\u0930\u0942\u0930", "\u091c\u093c\u0930\u0942\u0930"), ("\u0931\u094d\u092f", "\u0930\u093c\u094d\u092f")]
)
def test_a_nukta_is_found_whether_it_is_a_character_of_its_own_or_not(composed, decomposed):
    assert not has_nukta(toggle_nukta(composed))
    assert toggle_nukta(composed) == toggle_nukta(decomposed)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("दुस\u0931\u094dया वेळी", "दुस\u0930\u094d\u200dया वेळी"),
        ("वा\u0931\u094dयाव\u0930\u094d\u200dही", "वा\u0930\u094d\u200dयाव\u0931\u094dही"),
        ("सूर्य", "सूर्य"),
        ("क्\u200dष", "क्\u200dष"),
    ],
)
def test_the_eyelash_ra_changes_its_encoding_and_nothing_else_does(text, other):
    assert other_eyelash_ra(text) == other
    assert other_eyelash_ra(other) == text


@pytest.mark.parametrize(
    ("text", "devanagari", "latin"),
    [
        ("15", "१५", "15"),
        ("१५", "१५", "15"),
        ("पंद्रह", "१५", "15"),
        ("पंधरा", "१५", "15"),
        ("पाँच", "५", "5"),
        ("पांच", "५", "5"),
        ("पाच जण", "५ जण", "5 जण"),
        ("दोन, तीन.", "२, ३.", "2, 3."),
        ("दस-बारह लोग", "१०-१२ लोग", "10-12 लोग"),
        ("छह।", "६।", "6।"),
        ("छः बजे", "६ बजे", "6 बजे"),
        ("नव्वद आणि नब्बे", "९० आणि ९०", "90 आणि 90"),
        ("बस 7 से १२", "बस ७ से १२", "बस 7 से 12"),
    ],
)
def test_numbers_are_written_in_the_digits_of_either_script(text, devanagari, latin):
    assert (devanagari_digits(text), latin_digits(text)) == (devanagari, latin)


@pytest.mark.parametrize("text", ["दो", "एक", "सौ", "शंभर", "तेरा", "तीनों", "दोघे", "चारही", "पाचशे", "सातवाँ", "दसवीं", "हज़ार", "B.Ed"])
def test_words_that_mean_something_else_or_are_more_than_a_number_are_left_alone(text):
    assert (devanagari_digits(text), latin_digits(text)) == (text, text)


@given(DEVANAGARI)
@quickly
def test_the_first_sentence_keeps_no_latin_digit_and_the_second_no_devanagari_one(text):
    first, second = perturb("digits", text + "7", text + "7")
    assert set(first) & set(string.digits) == set()
    assert set(second) & set("०१२३४५६७८९") == set()


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("मुझे पानी चाहिए", "mujhe pani chahie"),  # vowels that stand alone
        ("कल", "kal"),  # no vowel at the end of a word
        ("पुस्तक", "pustak"),
        ("पाऊस", "paus"),
        ("न", "na"),  # but a word keeps its only one
        ("समझना", "samajhna"),  # nor between two syllables
        ("बचपन", "bachpan"),
        ("सरकार", "sarkar"),
        ("चमकना", "chamakna"),
        ("करतो", "karto"),
        ("मुलगी", "mulgi"),
        ("भरायला", "bharayla"),
        ("नमस्ते", "namaste"),  # a conjunct keeps its vowels apart
        ("राज्य", "rajya"),
        ("मित्र", "mitra"),
        ("महाराष्ट्र", "maharashtra"),
        ("खर्च", "kharch"),
        ("क्षमा", "kshama"),
        ("जगत्", "jagat"),
        ("कृपा", "kripa"),
        ("ऋषि", "rishi"),
        ("शाळा", "shala"),
        ("दुःख", "duhkh"),
        ("मुंबई", "mumbai"),  # an anusvara is m before labials
        ("संपर्क", "sampark"),
        ("संबंध", "sambandh"),
        ("अंक", "ank"),  # and n elsewhere
        ("नहीं", "nahin"),
        ("गाँव", "ganv"),
        ("ज़रूर", "zarur"),  # letters with nukta
        ("फ़िल्म", "film"),
        ("ख़बर", "khabar"),
        ("सड़क", "sarak"),
        ("पढ़ाई", "parhai"),
        ("दुसऱ्या", "dusarya"),
        (f"दुसर्{ZWJ}या", "dusarya"),  # joiners have no sound
        (f"घर{ZWJ}", "ghar"),
        ("सोऽहम्", "soham"),
        ("गॅस", "gas"),  # vowels of English words
        ("ॲसिड", "asid"),
        ("ऑटो", "oto"),
        ("ॐ", "om"),
        ("१५ जून", "15 jun"),  # digits
        ("२०वाँ", "20van"),
        ("चल घर।", "chal ghar."),  # a danda ends a word
        ("चल घर॥", "chal ghar."),
        ("SMS आला, OK!", "SMS ala, OK!"),
    ],
)
def test_a_text_is_romanised_as_people_chat(text, latin):
    assert romanise(text) == latin


@given(DEVANAGARI)
@quickly
def test_no_devanagari_is_left_in_a_romanised_text(text):
    assert [character for character in romanise(text) if "\u0900" <= character <= "\u097f"] == []


def test_joiners_between_other_signs_stay_in_a_romanised_text():
    assert romanise(f"👨{ZWJ}👩") == f"👨{ZWJ}👩"


def changed_words(before: str, after: str) -> int:
    return sum(one != other for one, other in zip(before.split(" "), after.split(" "), strict=True))


@given(SENTENCES)
@quickly
def test_a_slip_changes_one_word_of_five_and_at_least_one(text):
    assert changed_words(text, slip(text)) == max(1, len(text.split(" ")) // 5) <= math.ceil(len(text.split(" ")) / 5)


@given(SENTENCES)
@quickly
def test_the_same_text_always_has_the_same_slip(text):
    assert slip(text) == slip(text)


def test_the_slips_of_a_sentence_are_the_same_in_every_process():
    assert slip("आता सोबतीला कुणी नसले तरी काही वाटत नाही.") == "आता सोबतीला कुणी सनले तरी काही वाटत नाही."


@pytest.mark.parametrize(
    ("word", "slips"),
    [
        ("घर", {"रघ"}),
        ("नदी", {"दीन", "नद", "नदि"}),
        ("शाळा", {"ळाशा", "शळा", "शाळ"}),
        ("मूल", {"लमू", "मल", "मुल"}),
        ("किताब", {"ताकिब", "किबता", "कताब", "कितब", "कीताब"}),
        ("क्ष्मन", {"नक्ष्म"}),
        ("राष्ट्र", {"ष्ट्ररा", "रष्ट्र"}),
    ],
)
def test_a_slip_is_a_vowel_of_the_other_length_a_vowel_sign_left_out_or_two_letters_exchanged(word, slips):
    assert {slip(f"{word}{' न' * times}").split(" ")[0] for times in range(60)} == slips


@pytest.mark.parametrize("text", ["", " ", "है", "है।", "में तो।", "न व", "२०२४", "15 20!", "ममम", "...", "क्या?"])
def test_a_text_without_a_word_of_two_letters_that_can_slip_is_unchanged(text):
    assert slip(text) == text


@pytest.mark.parametrize("other", ["है।", "२०२४", "—", "न"])
@pytest.mark.parametrize("word", ["कमल", "घर,", "शाळा।", "«नदी»"])
def test_a_slip_falls_on_a_word_of_two_letters_wherever_there_is_one(word, other):
    slipped = slip(f"{other} {word} {other}").split(" ")
    assert (slipped[0], slipped[2]) == (other, other)
    assert slipped[1] != word


@pytest.mark.parametrize(("before", "word", "after"), [("", "घर", "।"), ("", "नदी", ","), ("", "जगत्", "।"), ("«", "शाळा", "»"), ("(", "कमल", "?)")])
def test_a_slip_leaves_punctuation_where_it_stands(before, word, after):
    slipped = slip(before + word + after)
    assert slipped != before + word + after
    assert (slipped[: len(before)], slipped[-len(after) :]) == (before, after)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "digits"])
@given(st.text(max_size=30) | DEVANAGARI | SENTENCES)
@quickly
def test_only_digits_are_written_anew_in_the_first_sentence(rule, text):
    assert perturb(rule, text, "घर")[0] == unicodedata.normalize("NFC", text)


@each_rule
@given(st.text(max_size=30) | DEVANAGARI | SENTENCES)
@quickly
def test_a_rewritten_text_is_in_nfc_and_the_same_every_time(rule, text):
    first, second = perturb(rule, text, text)
    assert (unicodedata.normalize("NFC", first), unicodedata.normalize("NFC", second)) == (first, second)
    assert perturb(rule, text, text) == (first, second)


@each_rule
@given(DEVANAGARI | SENTENCES)
@quickly
def test_a_text_is_rewritten_alike_composed_or_decomposed(rule, text):
    assert rewritten(rule, unicodedata.normalize("NFD", text)) == rewritten(rule, text)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "typing-slips"])
@given(st.text(LATIN_LETTERS, max_size=40))
@quickly
def test_latin_text_without_digits_is_unchanged_but_for_typing_slips(rule, text):
    assert perturb(rule, text, text) == (text, text)


def test_a_typing_slip_may_fall_on_a_latin_word():
    assert rewritten("typing-slips", "ab") == "ba"


@each_rule
@pytest.mark.parametrize("language", ["mr", "hi"])
def test_a_rule_changes_half_of_the_pairs_of_the_shipped_test_or_the_share_that_has_its_subject(rule, language):
    path = Path(__file__).parents[2] / "tasks" / "kasauti-sts" / "test.tsv"
    with path.open(encoding="utf-8", newline="") as handle:
        pairs = [(row[f"{language}1"], row[f"{language}2"]) for row in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)]
    changed = sum(perturb(rule, *pair) != pair for pair in pairs)
    assert changed >= {("digits", "mr"): 0.15, ("digits", "hi"): 0.15, ("eyelash-ra", "mr"): 0.05, ("eyelash-ra", "hi"): 0}.get((rule, language), 0.5) * len(
        pairs
    )
