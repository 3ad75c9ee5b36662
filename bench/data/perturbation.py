"""Rules that write a Devanagari text as people also write it: a robustness task is an STS test whose pairs are rewritten by one of them.

Every rule is a pure function of the text. All but `digits` leave the first sentence of a pair alone, so that the two spellings meet.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Callable

VIRAMA, NUKTA, ANUSVARA, CHANDRABINDU = "\u094d", "\u093c", "\u0902", "\u0901"
_JOINERS = "\u200c\u200d"
_EYELASH_RA = ("\u0931\u094d", "\u0930\u094d\u200d")
"""The Marathi half letter of दुसऱ्या in the two ways that Unicode has for it (chapter 12, Devanagari): RRA and virama; RA, virama and ZWJ. They look the same."""
_STOPS = {"ङ": "कखगघ", "ञ": "चछजझ", "ण": "टठडढ", "न": "तथदध", "म": "पफबभ"}
"""Each nasal consonant and the stops of its own class (Sanskrit grammar's varga)."""
_NASAL_OF = {stop: nasal for nasal, stops in _STOPS.items() for stop in stops}
_ANUSVARA_SPELLING = re.compile(f"{ANUSVARA}(?=([{''.join(_NASAL_OF)}]))|" + "|".join(f"{nasal}{VIRAMA}(?=[{stops}])" for nasal, stops in _STOPS.items()))
_TO_DEVANAGARI = str.maketrans("0123456789", "०१२३४५६७८९")
_TO_LATIN = {after: chr(before) for before, after in _TO_DEVANAGARI.items()}
_NUMBER_WORDS = {
    word: number
    for number, words in {
        2: "दोन",
        3: "तीन",
        4: "चार",
        5: "पाच पाँच पांच",
        6: "सहा छह छः",
        7: "सात",
        8: "आठ",
        9: "नऊ नौ",
        10: "दहा दस",
        11: "अकरा ग्यारह",
        12: "बारा बारह",
        13: "तेरह",
        14: "चौदा चौदह",
        15: "पंधरा पंद्रह",
        16: "सोळा सोलह",
        17: "सतरा सत्रह",
        18: "अठरा अठारह",
        20: "वीस बीस",
        25: "पंचवीस पच्चीस",
        30: "तीस",
        40: "चाळीस चालीस",
        50: "पन्नास पचास",
        60: "साठ",
        70: "सत्तर",
        80: "ऐंशी अस्सी",
        90: "नव्वद नब्बे",
    }.items()
    for word in words.split()
}
"""Marathi and Hindi; left out are words that mostly mean something else (एक: a; दो: give; तेरा: yours)."""
_VOWEL_LENGTH = str.maketrans("िीुू", "ीिूु")


def nasal_spelling(text: str) -> str:
    """Anusvara before a stop becomes the nasal consonant of its class and the other way round (हिंदी, हिन्दी); chandrabindu becomes anusvara (पाँच, पांच)."""

    def swap(found: re.Match[str]) -> str:
        return _NASAL_OF[found[1]] + VIRAMA if found[1] else ANUSVARA

    return _ANUSVARA_SPELLING.sub(swap, text).replace(CHANDRABINDU, ANUSVARA)


def toggle_nukta(text: str) -> str:
    """Nuktas are left out (ज़रूर, जरूर; सड़क, सडक); a text without one gets them on its ज and फ, a common hypercorrection (फिर, फ़िर)."""
    decomposed = unicodedata.normalize("NFD", text)
    if NUKTA in decomposed:
        return unicodedata.normalize("NFC", decomposed.replace(NUKTA, ""))
    return re.sub(f"[जफ](?!{VIRAMA}ञ)", lambda found: found[0] + NUKTA, text)  # ज्ञ is a letter of its own


def other_eyelash_ra(text: str) -> str:
    """The eyelash ra in its other encoding, which looks the same and is other characters (RRA, virama; RA, virama, ZWJ)."""
    first, second = _EYELASH_RA
    return re.sub("|".join(_EYELASH_RA), lambda found: second if found[0] == first else first, text)


def devanagari_digits(text: str) -> str:
    """Number words and Latin digits become Devanagari digits (पंद्रह, 15: १५)."""
    return _in_digits(text).translate(_TO_DEVANAGARI)


def latin_digits(text: str) -> str:
    """Number words and Devanagari digits become Latin digits (पंद्रह, १५: 15)."""
    return _in_digits(text).translate(_TO_LATIN)


def _in_digits(text: str) -> str:
    return re.sub("[\u0900-\u0963\u0970-\u097f]+", lambda found: str(_NUMBER_WORDS.get(found[0], found[0])), text)


def slip(text: str) -> str:
    """A typing slip in one word of five, at least in one: a vowel sign of the other length, a vowel sign left out, or two neighbouring letters exchanged.

    Which words and slips is drawn from the text itself. Only words of two letters and more are touched.
    """
    rng = random.Random(hashlib.sha256(text.encode()).digest())
    words = text.split(" ")
    possible = {index: slips for index, word in enumerate(words) if (slips := _slips(word, rng))}
    for index in rng.sample(sorted(possible), min(len(possible), max(1, len(words) // 5))):
        words[index] = rng.choice(possible[index])
    return " ".join(words)


def _slips(word: str, rng: random.Random) -> list[str]:
    """One slip of each kind that the word allows; none for a word of one letter."""
    letters = _letters(word)
    written = [unicodedata.category(letter[0])[0] == "L" for letter in letters]
    if sum(written) < 2:
        return []
    found = []
    if pairs := [at for at in range(len(letters) - 1) if written[at] and written[at + 1] and letters[at] != letters[at + 1]]:
        at = rng.choice(pairs)
        found.append("".join([*letters[:at], letters[at + 1], letters[at], *letters[at + 2 :]]))
    if signs := [at for at, character in enumerate(word) if character in _SIGNS]:
        at = rng.choice(signs)
        found.append(word[:at] + word[at + 1 :])
        found.append(word[:at] + word[at].translate(_VOWEL_LENGTH) + word[at + 1 :])
    return [changed for changed in found if changed != word]


def _letters(word: str) -> list[str]:
    """A word's written letters: a base with its marks, conjuncts held together."""
    found: list[str] = []
    for character in word:
        kind = unicodedata.category(character)[0]
        if found and (kind == "M" or character in _JOINERS or (kind == "L" and found[-1][-1] in VIRAMA + _JOINERS)):
            found[-1] += character
        else:
            found.append(character)
    return found


def _latin(letters: str, spellings: str) -> dict[str, str]:
    return dict(zip(letters, spellings.split(), strict=True))


_CONSONANTS = _latin("कखगघङचछजझञटठडढणतथदधनपफबभमयरऱलळवशषसह", "k kh g gh n ch chh j jh n t th d dh n t th d dh n p ph b bh m y r r l l v sh sh s h")
_WITH_NUKTA = _latin("कखगजडढफय", "q kh g z r rh f y")
_VOWELS = _latin("अआइईउऊऋएऐओऔऑऍॲ", "a a i i u u ri e ai o au o a a")
_SIGNS = _latin("ािीुूृेैोौॉॅ", "a i i u u ri e ai o au o a")
_OTHER = {"ः": "h", "ॐ": "om"}
_SIGNS_BETWEEN_WORDS = _TO_LATIN | {ord(sign): "." for sign in "।॥॰"}


def romanise(text: str) -> str:
    """Everyday Latin spelling without diacritics, as in chats (मुझे पानी चाहिए, mujhe pani chahie).

    Inherent vowels are left out at the end of a word and between two voiced syllables (Ohala 1983, rule 1: V C _ C V).
    """
    letters = "\u0900-\u0963\u0971-\u097f"
    return re.sub(f"[{letters}][{letters}{_JOINERS}]*", lambda found: _roman_word(found[0]), text).translate(_SIGNS_BETWEEN_WORDS)


def _roman_word(word: str) -> str:
    sounds: list[list[str]] = []  # [consonant, vowel] a syllable; "A" is an inherent vowel that may be left out, "M" and "N" are signs of nasality
    decomposed = unicodedata.normalize("NFD", word)
    for index, character in enumerate(decomposed):
        if character in _CONSONANTS:
            nukta = decomposed[index + 1 : index + 2] == NUKTA
            sounds.append([_WITH_NUKTA.get(character, _CONSONANTS[character]) if nukta else _CONSONANTS[character], "A"])
        elif character in _VOWELS:
            sounds.append(["", _VOWELS[character]])
        elif character in _SIGNS and sounds:
            sounds[-1][1] = _SIGNS[character]
        elif character == VIRAMA and sounds:
            sounds[-1][1] = ""
        elif character in {ANUSVARA, CHANDRABINDU} and sounds:
            sounds[-1][1] = sounds[-1][1].replace("A", "a")
            sounds.append(["M" if decomposed[index + 1 : index + 2] in set(_STOPS["म"]) else "N", ""])
        elif character in _OTHER:
            sounds.append([_OTHER[character], ""])
    _drop_schwas(sounds)
    return "".join(consonant + vowel for consonant, vowel in sounds).lower()


def _drop_schwas(sounds: list[list[str]]) -> None:
    """Leave out silent inherent vowels, from the end of the word to its beginning."""
    for index in range(len(sounds) - 1, 0, -1):
        vowel, before, after = sounds[index][1], sounds[index - 1][1], sounds[index + 1] if index + 1 < len(sounds) else None
        heavy = not before and sounds[index - 1][0] not in {"M", "N"} and sounds[index][0] in {"y", "r", "l", "v"}  # राज्य keeps it; खर्च, गाँव do not
        if vowel == "A" and ((after is None and not heavy) or (before and after and after[0] and after[1])):
            sounds[index][1] = ""


def _unchanged(text: str) -> str:
    return text


PERTURBATIONS: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "nasal-spelling": (_unchanged, nasal_spelling),
    "nukta": (_unchanged, toggle_nukta),
    "typing-slips": (_unchanged, slip),
    "digits": (devanagari_digits, latin_digits),
    "romanised": (_unchanged, romanise),
    "eyelash-ra": (_unchanged, other_eyelash_ra),
}
"""What each rule does to the first and to the second sentence of a pair."""


def perturb(rule: str, first: str, second: str) -> tuple[str, str]:
    """Rewrite a pair by the named rule of `PERTURBATIONS`; texts come out in NFC."""
    rewrite_first, rewrite_second = PERTURBATIONS[rule]
    return _composed(rewrite_first, first), _composed(rewrite_second, second)


def _composed(rewrite: Callable[[str], str], text: str) -> str:
    return unicodedata.normalize("NFC", rewrite(unicodedata.normalize("NFC", text)))
