"""Which model is named where memory was not measured, and which names a dense picture has."""

from __future__ import annotations

import re

import pytest

from bench.publish import choice
from bench.publish.document import read
from bench.publish.labels import place
from bench.publish.page import render
from bench.publish.pages import candidate_pages
from bench.publish.pictures import ALL_NAMED, against_size, pareto
from bench.publish.tables import COST_HINTS
from tests.publish.made import made_board

NAMES = ["whole", "top-a", "middle-b", "taught-c", "scratch-d", "letters", "whole-e", "top-f"]


def without_memory(names):
    """A board as a machine leaves it that cannot measure memory."""
    values = made_board(names)
    for row in values["rows"]:
        row["peak_bytes"] = None
    return read(values)


def test_without_memory_size_on_disk_takes_its_place_and_that_is_said():
    document = without_memory(NAMES)
    assert choice.front(document)
    assert choice.smallness(document)[0] == "on disk"
    told = " ".join(choice.sentences(document))
    assert "Memory was not measured on this machine" in told
    assert "smaller on disk at once" in told
    picture = pareto(document)
    assert picture is not None
    assert picture.table.columns[-1].title == "MiB on disk"


def test_with_memory_nothing_is_said_of_disks():
    told = " ".join(choice.sentences(read(made_board(NAMES))))
    assert "smaller in memory at once" in told
    assert "not measured" not in told


def test_of_two_as_good_and_as_fast_the_smaller_one_on_disk_is_on_the_front():
    values = made_board(NAMES)
    for row in values["rows"]:
        row["peak_bytes"] = None
    first, second = values["rows"][1:3]
    second |= {name: first[name] for name in ("mean", "sentences_per_second", "latency_p50_seconds")}
    first["bytes_on_disk"], second["bytes_on_disk"] = 10_000_000, 90_000_000
    names = [row.name for row in choice.front(read(values))]
    assert second["candidate"] not in names


@pytest.mark.parametrize("count", [ALL_NAMED, 40])
def test_a_dense_picture_names_the_front_and_the_ends_of_families_and_says_so(count):
    document = read(made_board([f"model-{number}" for number in range(count)]))
    picture = against_size(document)
    assert picture is not None
    named = set(re.findall(r">(model-[0-9]+)<", picture.svg))
    assert ("Named are the Pareto front" in picture.told) == (count > ALL_NAMED)
    assert 0 < len(named) < (count if count > ALL_NAMED else count + 1)
    assert {row[0].text for row in picture.table.rows} == {row.name for row in document.rows if row.mean is not None and row.costs["bytes_on_disk"] > 1e5}


def test_a_licence_is_said_to_be_that_of_the_base_and_speed_beside_the_reference_is_explained():
    values = made_board(NAMES)
    for number, row in enumerate(values["rows"]):
        row["about"]["license"] = ("mit", "apache-2.0")[number % 2]
        row |= {"relative_speed": 1.5, "relative_speed_low": 1.4, "relative_speed_high": 1.6}
    text = render(read(values), [])
    assert ">Base&#39;s licence <select" in text
    assert "1.50 ± 0.10" in text
    assert COST_HINTS["× reference"].split(",")[0].replace("'", "&#39;") in text
    assert "Licence of the base" in candidate_pages(read(values))["candidates/top-a.html"]


def test_a_name_covers_no_bar():
    points = [("first", 100.0, 100.0)]
    assert place(points, ["first"], 300, 300)["first"].align == "left"
    assert place(points, ["first"], 300, 300, [(120.0, 0.0, 122.0, 300.0)])["first"].align == "right"
