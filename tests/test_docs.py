"""What the documents show is what the code takes."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydantic import TypeAdapter

from bench.cards.suites import Suite
from bench.cards.tasks import TaskCard
from bench.publish.document import load, read
from bench.publish.files import FORMATS
from bench.publish.tables import full, summary, themes
from tests.builders import plan_anew

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "cards.md").read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_card_in_the_documents_is_valid(block):
    document = tomllib.loads(block)
    card = TypeAdapter(Suite if "suite" in document else TaskCard).validate_python(document)
    assert card.name


def test_the_card_of_the_readme_can_be_run_as_it_stands_in_an_own_workspace(tmp_path, tiny_base):
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    card = tmp_path / re.findall(r"# (models/[\w.]+)", block)[0]
    card.parent.mkdir()
    card.write_text(block.replace("keep = 6 ", "keep = 3 "), encoding="utf-8")  # the base of the test has four layers
    for name in re.findall(r'path = "\.\./([\w-]+)"', block):
        shutil.copytree(tiny_base, tmp_path / name)
    cells = plan_anew(tmp_path).cells
    assert {cell.cell.candidate for cell in cells} == {"my-bert-top6", "my-model"}
    assert [(str(cell.cell), cell.reason) for cell in cells if cell.status != "to do"] == []


def test_the_documents_show_a_suite_a_task_and_a_rewritten_task():
    assert len(BLOCKS) == 5


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_every_verb_and_option_that_a_page_names_exists(page):
    from typer.core import TyperGroup
    from typer.main import get_command

    from bench.cli import app

    command = get_command(app)
    assert isinstance(command, TyperGroup)
    for line in re.findall(r"^\s*(?:\S*/)?bench ([^\n#]+)", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE):
        words = line.replace("`", " ").split()
        verb = command.commands.get(words[0])
        if verb is not None and hasattr(verb, "commands"):
            verb = verb.commands.get(words[1])
        assert verb is not None, f"{page}: bench {line}"
        known = {option for parameter in verb.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, f"{page}: bench {line}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_every_relative_link_leads_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "tasks/DATA.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_every_file_of_ours_that_a_page_names_in_code_exists(page):
    named = re.findall(r"`((?:bench|tests|models|tasks|docs|leaderboard|\.ci)/[\w./-]*\w)`", (ROOT / page).read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_arithmetic_of_a_trimmed_vocabulary_is_that_of_the_model():
    """The snippet's numbers are the table's, and those of a BERT built without storage."""
    import torch
    from transformers import BertConfig, BertModel

    text = (ROOT / "docs" / "vocabulary.md").read_text(encoding="utf-8")
    scope: dict[str, object] = {}
    exec(re.search(r"```python\n(.*?)```", text, flags=re.DOTALL)[1], scope)
    rows = re.findall(r"^\| ([\d,]+)[^|]*\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", text, flags=re.MULTILINE)
    assert len(rows) == 3
    for vocabulary, *totals in ([int(cell.replace(",", "")) for cell in row] for row in rows):
        for layers, total in zip((12, 6, 2), totals, strict=True):
            with torch.device("meta"):
                model = BertModel(BertConfig(vocab_size=vocabulary, num_hidden_layers=layers), add_pooling_layer=False)
            assert total == scope["parameters"](layers, vocabulary) == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("page", ["findings", "which-model"])
def test_every_number_in_the_tables_of_the_findings_stands_on_the_published_board(page):
    """A row of a candidate or a method has cells of one row of a table of the board, under the same titles."""
    skip_an_own_board("leaderboard/public", f"docs/{page}.md")
    published = published_rows("leaderboard/public")
    quoted = [row for row in table_rows((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")) if row.keys() & {"candidate", "method"}]
    assert quoted
    assert [row for row in quoted if not any(row.items() <= one.items() for one in published)] == []


def skip_an_own_board(folder: str, page: str) -> None:
    """A run, as that of the README's first command, puts its board in the place of the one that the pages quote; a clean checkout is never skipped."""
    changed = [
        subprocess.run(["git", "-C", str(ROOT), "diff", "--quiet", "HEAD", "--", path], capture_output=True, check=False).returncode == 1
        for path in (f"{folder}/leaderboard.json", page)
    ]
    if changed == [True, False]:
        pytest.skip(f"{folder} has the board of a run of your own, which {page} does not quote: git checkout {folder}")


def published_rows(folder: str) -> list[dict[str, str]]:
    """The rows of every table of a published board, by column title, as Markdown shows them."""
    document = read(load(ROOT / folder / "leaderboard.json"))
    tables = (full(document), summary(document), *themes(document))
    shown = [[f"**{cell.text}**" if cell.strong else cell.text for cell in row] for table in tables for row in table.rows]
    titles = [[column.title for column in table.columns] for table in tables for _ in table.rows]
    return [dict(zip(title, cells, strict=True)) for title, cells in zip(titles, shown, strict=True)]


@pytest.mark.parametrize("folder", ["leaderboard", *(f"leaderboard/{suite}" for suite in ("mini", "public", "robustness"))])
def test_the_published_files_are_what_the_json_beside_them_gives(folder):
    values = load(ROOT / folder / "leaderboard.json")
    for name, render in (FORMATS[form] for form in ("md", "csv")):
        assert (ROOT / folder / name).read_text(encoding="utf-8") == render(values), f"bench leaderboard --from {folder}/leaderboard.json"
    page = (ROOT / folder / "index.html").read_text(encoding="utf-8")
    for row in summary(read(values)).rows:
        assert f">{row[1].text}</a>" in page
        assert all((ROOT / folder / link).is_file() for link in re.findall(r'href="((?:candidates|tasks)/[^"]+)"', page))


@pytest.mark.parametrize("folder", ["leaderboard", *(f"leaderboard/{suite}" for suite in ("mini", "public", "robustness"))])
def test_the_costs_of_a_published_board_are_of_one_machine(folder):
    assert len(load(ROOT / folder / "leaderboard.json")["machines"]) == 1


def test_the_readme_begins_with_what_a_newcomer_needs():
    """The picture before any table; clone, Python, disk, minutes, PyTorch without CUDA and activation before the first result."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    begin, _, _ = text.partition("\n## What comes out")
    assert "pictures/size.svg" in begin
    assert "| " not in begin
    for needed in ("git clone ", "Python 3.11", "GB of disk", "minutes", "CUDA", "source .venv/bin/activate"):
        assert needed in begin, needed
    assert "on a CPU with two cores" in text
    assert [riddle for riddle in ("not what was made", "does not hold zero", "with one reserve", "judges them with the full model") if riddle in text] == []


@pytest.mark.slow
def test_the_python_that_the_documents_show_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    """On the built-in suite; only the lexical candidate is made."""
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in ("docs/python.md", "README.md")]
    blocks = [block for page in pages for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)]
    assert len(blocks) == 10
    shutil.copytree(ROOT / "leaderboard", tmp_path / "leaderboard")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {"__name__": "__main__"}
    for block in blocks:
        exec(block, scope)
    shown = capsys.readouterr().out
    assert "2 cells computed, 0 reused" in shown
    assert "rows worse" in shown
    assert "did you mean 'char-3gram'?" in shown


def test_a_published_board_is_read_compared_and_drawn_as_the_page_shows(tmp_path, monkeypatch, capsys):
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8").partition("## A published board")[2]
    read, draw = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[:2]
    shutil.copytree(ROOT / "leaderboard", tmp_path / "leaderboard")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    exec(read + draw, scope)
    assert re.search(r"e5-top6 keeps \d+\.\d% of e5 with \d+% of the numbers", capsys.readouterr().out)
    picture = ElementTree.parse(tmp_path / "quality-against-size.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    dots = {(float(dot.get("cx")), float(dot.get("cy"))) for dot in picture.iter(f"{space}circle")}
    assert len(dots) > 10
    assert all(0 < x < 640 and 0 < y < 440 for x, y in dots)
    assert {"e5", "e5-top6"} <= {label.text for label in picture.iter(f"{space}text")}


NOTEBOOK = json.loads((ROOT / "docs" / "python.ipynb").read_text(encoding="utf-8"))


@pytest.mark.filterwarnings("error")
def test_the_notebook_loads_a_board_compares_two_models_and_draws_them_without_a_network(tmp_path, monkeypatch, capsys):
    """Its cells in turn, each ended by what a notebook shows of it."""
    board = json.loads((ROOT / "leaderboard" / "public" / "leaderboard.json").read_text(encoding="utf-8"))
    shutil.copytree(ROOT / "leaderboard" / "public", tmp_path / "leaderboard" / "public")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the notebook wants a network"))
    scope, shown = {}, []
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            *before, last = ast.parse("".join(cell["source"])).body
            exec(compile(ast.Module([*before, *([] if isinstance(last, ast.Expr) else [last])], []), "cell", "exec"), scope)
            if isinstance(last, ast.Expr):
                shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), scope))
    wide, summary, compared, _, picture = shown
    assert wide.shape == (len(board["rows"]), len(board["columns"]))
    assert summary.loc["e5-distilled6", "parameters"] > 0
    assert {"e5", "e5-distilled6"} <= set(compared["score"].columns)
    row = next(row for row in board["rows"] if row["candidate"] == "e5-distilled6")
    assert f"e5-distilled6 keeps {row['of_parent']:.1%} of e5" in capsys.readouterr().out
    svg = ElementTree.fromstring(picture._repr_svg_())
    names = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {row["candidate"] for row in board["rows"] if row["parameters_body"]} <= names


def test_the_notebook_is_stored_without_what_it_shows_and_links_to_pages_that_are_there():
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code")
    text = "".join(line for cell in NOTEBOOK["cells"] if cell["cell_type"] == "markdown" for line in cell["source"])
    assert [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not (ROOT / "docs" / link).exists()] == []


def test_the_documents_list_the_columns_that_a_board_has_as_a_table():
    from bench.standings.board import LONG_COLUMNS

    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \| (string|Int64|float64) \|", text, flags=re.MULTILINE)
    assert {name: kind for names, kind in rows for name in re.findall(r"`(\w+)`", names)} == LONG_COLUMNS


def table_rows(text: str) -> list[dict[str, str]]:
    """The rows of the tables of a page, by column title."""
    rows, titles = [], None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            titles = None
        elif titles is None:
            titles = cells
        elif not set(line) <= set("|-: "):
            rows.append(dict(zip(titles, cells, strict=True)))
    return rows


def test_the_answer_at_the_head_of_the_readme_is_that_of_the_published_boards():
    skip_an_own_board("leaderboard/public", "README.md")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    smaller, cut, whole, kept, left, mean, pairs, faster, of_published = re.search(
        r"([\d.]+) times smaller \(([\d.]+) of (\d+) million parameters\) and keeps ([\d.]+) % of its mean.*?"
        r"full model \(([\d.]+) million\), keep (\d+) % of that one's mean and (\d+) % of its STSb, at ([\d.]+) times the speed. "
        r"Of the published model that is (\d+) % of the mean",
        text,
        flags=re.DOTALL,
    ).groups()
    board = json.loads((ROOT / "leaderboard" / "public" / "leaderboard.json").read_text(encoding="utf-8"))
    rows = {row["candidate"]: row for row in board["rows"]}
    small, full, trimmed, published = (rows[name] for name in ("e5-distilled6", "e5", "e5-untuned", "e5-whole-untuned"))
    millions = [sum(row[f"parameters_{part}"] for part in ("embeddings", "body")) / 1e6 for row in (trimmed, published, small)]
    assert (float(cut), float(whole), float(left)) == (round(millions[0], 1), round(millions[1]), round(millions[2], 1))
    assert float(smaller) == round(millions[1] / millions[0], 1)
    assert float(kept) == round(100 * trimmed["mean"] / published["mean"], 1)
    assert int(mean) == round(100 * small["of_parent"])
    assert {int(pairs)} == {round(100 * small["scores"][f"STSb {language}"] / full["scores"][f"STSb {language}"]) for language in ("mr", "hi")}
    assert int(of_published) == round(100 * small["mean"] / published["mean"])
    assert float(faster) == round(small["relative_speed"] / full["relative_speed"], 1)


def test_every_row_of_the_board_in_the_readme_stands_on_the_published_board():
    skip_an_own_board("leaderboard", "README.md")
    board = (ROOT / "README.md").read_text(encoding="utf-8").partition("<!-- board -->")[2].partition("<!-- /board -->")[0]
    quoted = table_rows(board)
    published = {row["candidate"]: row for row in reversed(published_rows("leaderboard")) if "#" in row}
    assert len(quoted) >= 5
    for row in quoted:
        assert {title: published[row["candidate"]][title] for title in row} == row
