"""What a gate found as a table for people, as Markdown, as JUnit XML, and as annotations of GitHub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from rich.table import Table
from tabulate import tabulate

from bench.publish.gate.cells import HEADERS, cells, sentence, summary, what
from bench.publish.terminal import verbatim
from bench.standings.gate.verdicts import Checked, Finding

if TYPE_CHECKING:
    from rich.console import Console

LEFT = ("candidate", "what", "verdict", "code")
NAMED = 3
"""How many candidates a line names."""
LEVELS = {"REGRESSION": "error", "MISSING": "error", "INCONCLUSIVE": "warning"}
"""GitHub's levels of an annotation; other verdicts stand in the summary only."""


def show(checked: Checked, console: Console, *, everything: bool) -> None:
    """Print what did not pass as a table, with what more there is to say of it, and one line that sums up.

    Args:
        checked: What was found.
        console: Where.
        everything: What passed stands in the table too.
    """
    shown = _shown(checked, everything=everything)
    table = Table(title=verbatim(f"{checked.suite} on {checked.device}; scores in points of 100, costs in %"), title_justify="left")
    for header in HEADERS:
        table.add_column(header, justify="left" if header in LEFT else "right", overflow="fold")
    for finding in shown:
        table.add_row(*map(verbatim, cells(finding)))
    if shown:
        console.print(table, crop=console.is_terminal)
    told = _told(checked)
    for line in [*_lines(told), *_pages(told), summary(checked)]:
        console.print(verbatim(line), highlight=False, soft_wrap=True)


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    """What there is to say of each verdict, those that say the same in one line."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        grouped.setdefault((finding.code, what(finding), sentence(finding)), []).append(finding.candidate)
    for (code, about, text), names in grouped.items():
        yield f"{code} {about}, {_few(names)}: {text}"


def _few(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _told(checked: Checked) -> list[Finding]:
    """What there is a line for: costs that cannot be compared too, since of many candidates they share one."""
    return [one for one in checked.findings if one.verdict == "NOT-COMPARABLE" or not _folded(one, checked)]


def _pages(findings: Sequence[Finding]) -> Iterator[str]:
    codes = sorted({finding.code for finding in findings})
    if codes:
        yield f"What to do: `bench check --explain CODE` says it of {', '.join(codes)}"


def markdown(checked: Checked) -> str:
    """The same table in Markdown, with what passed folded."""
    shown, passed = _shown(checked, everything=False), [finding for finding in checked.findings if finding.verdict == "PASS"]
    parts = ["## bench check", "", summary(checked), ""]
    if shown:
        parts += [_table(shown), ""]
    if told := _told(checked):
        parts += [*(f"- {line}" for line in (*_lines(told), *_pages(told))), ""]
    if passed:
        parts += [f"<details><summary>{len(passed)} passed</summary>", "", _table(passed), "", "</details>", ""]
    return "\n".join(parts)


def junit(checked: Checked) -> str:
    """The verdicts as JUnit XML: a case each.

    A regression is a failure, a missing cell an error; what cannot be said or compared, and what is diagnosis only, is skipped.
    """
    root = ElementTree.Element("testsuites", name="bench check")
    suite = ElementTree.SubElement(root, "testsuite", name=f"{checked.suite} on {checked.device}")
    counts = dict.fromkeys(("failures", "errors", "skipped"), 0)
    for finding in checked.findings:
        case = ElementTree.SubElement(suite, "testcase", classname=finding.candidate, name=f"{what(finding)} ({finding.code})")
        kind = _junit_kind(finding)
        if kind is not None:
            counts[{"failure": "failures", "error": "errors", "skipped": "skipped"}[kind]] += 1
            ElementTree.SubElement(case, kind, {"message": f"{finding.verdict}: {sentence(finding)}"} | ({} if kind == "skipped" else {"type": finding.code}))
        elif finding.verdict != "PASS":
            ElementTree.SubElement(case, "system-out").text = f"{finding.verdict}: {sentence(finding)}"
    for element in (root, suite):
        element.attrib.update({"tests": str(len(checked.findings)), **{name: str(number) for name, number in counts.items()}})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def github_annotations(checked: Checked) -> Iterator[str]:
    """Workflow commands by which GitHub shows what did not pass beside a run (docs.github.com, "Workflow commands for GitHub Actions")."""
    for finding in checked.findings:
        if finding.gates and finding.verdict in LEVELS:
            title = _property(f"{finding.code} {finding.candidate}, {what(finding)}")
            yield f"::{LEVELS[finding.verdict]} title={title}::{_data(f'{finding.verdict}: {sentence(finding)}')}"


def _shown(checked: Checked, *, everything: bool) -> list[Finding]:
    """What stands in a table: all, or what one has to look at."""
    return [one for one in checked.findings if everything or not _folded(one, checked)]


def _folded(finding: Finding, checked: Checked) -> bool:
    """Whether a verdict is told by a count or a line alone."""
    if finding.code == "K112":  # a task that says nothing, of a candidate whose mean holds
        return any(one.code == "K100" and one.candidate == finding.candidate for one in checked.findings)
    return finding.verdict == "PASS" or (finding.verdict == "NOT-COMPARABLE" and finding.what in {"speed", "memory", "size"})


def _junit_kind(finding: Finding) -> str | None:
    if finding.gates and finding.verdict == "REGRESSION":
        return "failure"
    if finding.verdict == "MISSING":
        return "error"
    return "skipped" if finding.verdict in {"INCONCLUSIVE", "NOT-COMPARABLE"} or (not finding.gates and finding.verdict != "PASS") else None


def _table(findings: Sequence[Finding]) -> str:
    rows = [[_escaped(cell) for cell in cells(finding)] for finding in findings]
    return str(
        tabulate(rows, headers=HEADERS, tablefmt="github", colalign=["left" if header in LEFT else "right" for header in HEADERS], disable_numparse=True)
    )


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
