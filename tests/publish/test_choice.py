"""Which model is named where memory was not measured, and which names a dense picture has."""

from __future__ import annotations

import html
import re
from typing import Any

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


def test_without_a_speed_that_counts_it_is_said_why_no_model_is_named():
    values = made_board(NAMES)
    assert "None is named" not in " ".join(choice.sentences(read(values)))
    for row in values["rows"]:
        row["cost_validity"] = "INVALID"
        row["validity"] = {"verdict": "INVALID", "reasons": ["other processes were busy"]}
    document = read(values)
    assert choice.picks(document) == []
    assert "None is named: no speed was measured that counts (bench run --all --reprobe" in " ".join(choice.sentences(document))


def test_where_a_tier_says_that_a_model_is_better_than_letters_the_advice_does_not_deny_it():
    """Tiers compare row by row, and so tell apart what two intervals beside each other do not."""
    values = made_board(NAMES[:6])
    for row in values["rows"]:
        row |= {"mean": 0.5, "mean_low": 0.2, "mean_high": 0.8, "rank": 1}
    letters = next(row for row in values["rows"] if row["kind"] == "lexical")
    assert "No model here is surely above" in " ".join(choice.sentences(read(values)))
    letters["rank"] = 2
    assert "No model here is surely above" not in " ".join(choice.sentences(read(values)))


def code_of(page: str) -> str:
    return html.unescape(page.partition('<pre tabindex="0"><code>')[2].partition("</code></pre>")[0])


@pytest.mark.parametrize(
    ("kind", "precision", "stored"), [("pruned", "fp32", "fp32"), ("external", "fp32", "fp16"), *[("pruned", one, "fp32") for one in ("bf16", "fp16", "int8")]]
)
def test_the_lines_of_a_page_load_the_precision_of_its_row(kind, precision, stored, tiny_base, tmp_path):
    from sentence_transformers import SentenceTransformer

    from bench.models.loading import load_sentence_model
    from bench.models.precision import held_in

    model = load_sentence_model(tiny_base)
    (model if stored == "fp32" else model.half()).save(str(tmp_path / "model"))
    values = made_board(NAMES)
    values["rows"][1]["kind"] = kind
    values["rows"][1]["about"]["precision"] = precision
    page = candidate_pages(read(values))["candidates/top-a.html"]
    names: dict[str, Any] = {"FOLDER": str(tmp_path / "model")}
    exec(code_of(page), names)
    assert isinstance(names["model"], SentenceTransformer)
    assert precision in held_in(names["model"])
    assert precision == "int8" or len(held_in(names["model"])) == 1
    assert names["vectors"].shape == (2, 32)
    assert (f"these lines make {precision} of them" in page) == (precision != stored)


def test_the_page_of_several_seeds_and_published_data_says_what_its_command_needs_and_prints():
    values = made_board(NAMES)
    plain = candidate_pages(read(values))["candidates/top-a.html"]
    assert "bench make top-a --suite made</code>" in plain
    values["rows"][1]["seeds"] = 3
    values["tasks"]["Task0"]["published"] = True
    values["rows"][1]["about"]["backend"] = "onnx"
    page = candidate_pages(read(values))["candidates/top-a.html"]
    assert "bench make top-a --suite made --data-dir DATA</code>" in page
    for words in ("a folder for each of the 3 seeds", "bench data get made --data-dir DATA", "compute in PyTorch; the row is of onnx"):
        assert words in page
        assert words not in plain
