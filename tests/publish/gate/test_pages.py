"""Every code has a page that says what it is, why it matters and what to do; and every page has its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.errors import SelectionError
from bench.publish.gate.explained import explained
from bench.standings.gate.verdicts import CODES

PAGES = Path(__file__).parents[3] / "docs" / "checks"


def test_every_code_has_its_page_and_every_page_its_code():
    assert {path.stem for path in PAGES.glob("K*.md")} == CODES.keys()
    assert {path.name for path in PAGES.iterdir()} == {f"{code}.md" for code in CODES} | {"README.md"}


@pytest.mark.parametrize("code", ["K301", "k301"])
def test_a_code_is_explained_by_its_page(code):
    assert explained(code) == (PAGES / "K301.md").read_text(encoding="utf-8")


def test_a_code_that_there_is_not_is_refused_with_the_nearest():
    with pytest.raises(SelectionError, match=r"^--explain: no code 'K310'; did you mean 'K[0-9]+'\?$"):
        explained("K310")


@pytest.mark.parametrize("code", CODES)
def test_a_page_is_headed_by_code_verdict_and_title_and_says_what_why_and_what_to_do(code):
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    what, verdict, title = CODES[code]
    assert text.startswith(f"# {code}: {title}\n\n`{what}` · {verdict}\n\n")
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == ["What", "Why it matters", "What to do"]
    assert len(text.splitlines()) < 40


def test_the_list_of_the_pages_has_every_code_with_its_verdict_and_title():
    rows = re.findall(
        r"^\| \[(K\d+)\]\((K\d+)\.md\) \| `(\w+)` \| ([A-Z-]+) \| (.*) \|$", (PAGES / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert {(code, what, verdict, title) for code, _, what, verdict, title in rows} == {(code, *told) for code, told in CODES.items()}
    assert all(code == link for code, link, *_ in rows)


@pytest.mark.parametrize("page", ["README.md", *(f"{code}.md" for code in CODES)])
def test_every_link_of_a_page_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (PAGES / page).read_text(encoding="utf-8")):
        assert (PAGES / target).exists(), target
