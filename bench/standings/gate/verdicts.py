"""What a gate can say, under which code, and with which exit code it ends."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Literal, get_args

from bench.errors import EXIT_INCOMPLETE

Verdict = Literal["REGRESSION", "MISSING", "INCONCLUSIVE", "NOT-COMPARABLE", "NEW", "PASS"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""The gravest first."""
What = Literal["quality", "task", "reproduction", "cell", "speed", "memory", "size"]
EXIT_REGRESSION = 1
EXIT_INCONCLUSIVE = 4

CODES: dict[str, tuple[What, Verdict, str]] = {
    "K100": ("quality", "PASS", "the mean over tasks holds"),
    "K101": ("quality", "REGRESSION", "the mean over tasks fell"),
    "K102": ("quality", "INCONCLUSIVE", "the mean over tasks may have fallen"),
    "K103": ("quality", "NOT-COMPARABLE", "the tests are other ones"),
    "K104": ("quality", "NOT-COMPARABLE", "the variation of a score is not known"),
    "K110": ("task", "PASS", "a task holds"),
    "K111": ("task", "REGRESSION", "a task fell"),
    "K112": ("task", "INCONCLUSIVE", "a task may have fallen"),
    "K200": ("reproduction", "PASS", "an unchanged model has its score again"),
    "K201": ("reproduction", "REGRESSION", "an unchanged model has another score"),
    "K301": ("cell", "MISSING", "a score is not there any more"),
    "K302": ("cell", "MISSING", "a measurement is not there any more"),
    "K303": ("cell", "NEW", "the baseline does not have this yet"),
    "K400": ("speed", "PASS", "the speed holds"),
    "K401": ("speed", "REGRESSION", "the model became slower"),
    "K402": ("speed", "INCONCLUSIVE", "the model may have become slower"),
    "K403": ("speed", "NOT-COMPARABLE", "the speed was measured in another way or place"),
    "K500": ("memory", "PASS", "the memory holds"),
    "K501": ("memory", "REGRESSION", "the model needs more memory"),
    "K502": ("memory", "INCONCLUSIVE", "the model may need more memory"),
    "K503": ("memory", "NOT-COMPARABLE", "the memory was measured in another way or place"),
    "K600": ("size", "PASS", "the size holds"),
    "K601": ("size", "REGRESSION", "the model grew"),
    "K603": ("size", "NOT-COMPARABLE", "one of the two sizes is not known"),
}
"""Each code: what was checked, the verdict, and its title. `docs/checks/` has a page for each."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One verdict.

    Attributes:
        candidate: Its name.
        target: The task, the scenario of a speed, or what of a size; `mean` for that over tasks.
        code: One of `CODES`, which says what was checked and the verdict.
        difference: Now minus the baseline: of a score between 0 and 1, or of a cost as a share of what it was.
        interval: 95 %, of the difference.
        smallest: The smallest difference that would be seen in 80 of 100 cases.
        n: Test examples, or rounds of a measurement.
        limit: The difference that is let pass: a margin or a tolerance, as the difference is.
        reason: What more there is to say.
    """

    candidate: str
    target: str
    code: str
    difference: float | None = None
    interval: tuple[float, float] | None = None
    smallest: float | None = None
    n: int | None = None
    limit: float | None = None
    reason: str = ""

    @property
    def what(self) -> What:
        """What was checked."""
        return CODES[self.code][0]

    @property
    def verdict(self) -> Verdict:
        """What came out."""
        return CODES[self.code][1]

    @property
    def title(self) -> str:
        """The verdict in words."""
        return CODES[self.code][2]

    @property
    def gates(self) -> bool:
        """False for the diagnosis of single tasks, which decides nothing: the mean does."""
        return self.what != "task"


@dataclasses.dataclass(frozen=True)
class Checked:
    """What a gate found: first what is grave.

    Attributes:
        suite: The suite's name.
        device: The type of device.
        baseline: What the cells were compared with.
        findings: Every verdict.
    """

    suite: str
    device: str
    baseline: str
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many verdicts there are of each kind, the diagnosis of single tasks apart."""
        found = Counter(finding.verdict for finding in self.findings if finding.gates)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def nothing_compared(self) -> bool:
        """True where no score could be compared: then nothing was checked, whatever the verdicts."""
        return not any(finding.what in {"quality", "reproduction"} and finding.verdict != "NOT-COMPARABLE" for finding in self.findings)

    def exit_code(self, *, strict: bool = False) -> int:
        """0 done; 1 a regression; 3 a cell is missing, or nothing could be compared; with `strict` 4 where the quality of something cannot be judged."""
        if self.counts["REGRESSION"]:
            return EXIT_REGRESSION
        if self.counts["MISSING"] or self.nothing_compared:
            return EXIT_INCOMPLETE
        unclear = self.counts["INCONCLUSIVE"] or any(finding.what == "quality" and finding.verdict == "NOT-COMPARABLE" for finding in self.findings)
        return EXIT_INCONCLUSIVE if strict and unclear else 0


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What decides and did not pass comes first, the gravest before others; then the diagnosis of tasks, then what passed."""
    return tuple(sorted(findings, key=lambda finding: (finding.verdict == "PASS", not finding.gates, VERDICTS.index(finding.verdict))))
