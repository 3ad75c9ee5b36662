"""Everything that `bench` raises on purpose, and the exit code that each class stands for.

    BenchError                exit code 2 unless a subclass says otherwise
    +-- CardError             a model or task card is wrong; carries every problem found
    +-- DataError             a data file is missing, changed or malformed
    |   +-- CorpusError       a card asks for a corpus in which there is no text
    +-- ModelError            a base or checkpoint is missing, unsupported or broken
    |   +-- LayerError        a card asks for layers, or for pruning an architecture, that cannot be had
    +-- SelectionError        a name on the command line matches nothing
    +-- StorageError          a file or folder cannot be written or read: disk full, read-only, a file in the way
    +-- Incomplete            exit code 3: cells failed or are missing
    Stopped                   exit code 128 + the signal: Ctrl-C (130), SIGTERM (143), output that nobody reads any more (141)

Anything else that escapes is a bug of ours and keeps its traceback. How errors of other libraries are put into words: `bench.faults`.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
NEAR = 0.6
"""How alike two names are, from 0 to 1 (`difflib`), for one to be offered in place of the other."""
SHORTEST = 3
"""How many letters say which names begin with them."""
MEANT = 3
"""How many names that begin so are offered at most."""
LISTED = 10
"""How many valid names a message lists."""
NEAREST = 5
"""How many it lists of more than that: the most alike ones."""


class BenchError(Exception):
    """An error that a user can cause and mend; its text is one or two lines."""

    exit_code = EXIT_USAGE


class DataError(BenchError):
    """A data file is missing, differs from its checksum, or holds a row that cannot be used."""


class CorpusError(DataError):
    """A card asks for a corpus that is there and in which no text is left."""


class ModelError(BenchError):
    """A base or checkpoint is missing, of an unsupported kind, or gives unusable embeddings."""


class LayerError(ModelError):
    """A card asks for what its base cannot give.

    A depth, a layer, the pruning of an architecture that has no layers to remove, or a student wider than its teacher.
    """


class SelectionError(BenchError):
    """A candidate, task or suite name matches nothing."""


class StorageError(BenchError):
    """A file or folder of ours cannot be written or read: the disk is full or read-only, permission is missing, a file lies where a folder is needed."""


class Incomplete(BenchError):
    """Some cells failed or could not run."""

    exit_code = EXIT_INCOMPLETE


class Stopped(BaseException):
    """A signal asks the process to end. It is no `Exception`, so that no cell takes it for its own fault."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.anew = False  # the same command does not go on from here
        super().__init__(number)

    @property
    def exit_code(self) -> int:
        """What a shell shows for a process that this signal ended."""
        return 128 + self.number

    def __str__(self) -> str:
        return "interrupted" if self.number == signal.SIGINT else f"ended by {signal.Signals(self.number).name}"


STOPS = (KeyboardInterrupt, GeneratorExit, Stopped)
"""What ends a whole run. Everything else that is raised while a cell is worked on is that cell's fault, also what is no `Exception`: `sys.exit` in a library,
a panic in Rust."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a card: where it stands, what was expected and what was found."""

    file: Path
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}"


class CardError(BenchError):
    """One or more cards are wrong. `problems` lists all of them, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, or its class where it has none: enough to put into a message of ours."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def last_line(text: str) -> str:
    """The last line of a stored error: of a traceback, the one that says what happened."""
    return text.strip().splitlines()[-1]


def nearest(name: str, valid: Iterable[str]) -> str:
    """A suffix like "; did you mean 'top'?", or a list of the valid names where none is near, for the end of an error message. Of many it lists a few."""
    names = sorted(valid)
    if len(names) > LISTED:
        few = difflib.get_close_matches(name, names, n=NEAREST, cutoff=0.0)
        listed = f"{', '.join(few)} and {len(names) - len(few)} more"
    else:
        listed = ", ".join(names)
    return did_you_mean(name, names) or (f"; valid: {listed}" if names else "")


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """A suffix like "; did you mean 'top'?"; empty where no name is near. Case does not count, nor do the dashes of options.

    Where none is near, the names of which a part begins so are meant, where these are few: `dis` is `mini-distilled6`.
    """
    plain = {one.lstrip("-").casefold(): one for one in sorted(valid)}
    wanted = name.lstrip("-").casefold()
    close = difflib.get_close_matches(wanted, plain, n=1, cutoff=NEAR)
    begun = [one for one in plain if re.search(rf"(?:^|[-/_.: ]){re.escape(wanted)}", one)] if len(wanted) >= SHORTEST else []
    meant = close or (begun if len(begun) <= MEANT else [])
    return f"; did you mean {' or '.join(repr(plain[one]) for one in meant)}?" if meant else ""
