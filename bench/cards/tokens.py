"""A list of tokens in a file: which tokens of a base stay, chosen once from text that need not be at hand where the list is used.

A line is one token, written as a JSON string (`"▁घर"`), so that every token can stand there: with a quotation mark, a blank, a line break, or a character that
no editor shows. Blank lines and lines that begin with `#` are passed over; the token `#` is written `"#"`. The order says nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable
from pathlib import Path

from bench.cards.workspace import builtin_content
from bench.digests import digest, file_digest
from bench.errors import DataError

EXPECTED = 'expected a token as a JSON string, like "\\u2581a"; a line that begins with # is a remark'


@dataclasses.dataclass(frozen=True)
class TokenList:
    """The tokens of a file, by the line that each stands on, and the file's remarks: where the list comes from."""

    path: Path
    tokens: dict[str, int]
    remarks: tuple[str, ...] = ()

    @functools.cached_property
    def digest(self) -> str:
        """Digest of the tokens, whatever their order and the remarks between them."""
        return digest(sorted(self.tokens))


def token_file(folder: Path, named: str) -> Path:
    """The file that a card in `folder` names: beside it, or else the one that comes with the package (`small/marathi-hindi.txt`)."""
    own, builtin = folder / named, builtin_content() / "models" / named
    return builtin if builtin.is_file() and not own.exists() else own


def read_tokens(path: Path) -> TokenList:
    """Read a list of tokens; within a process, a file that has not changed is read once.

    Raises:
        DataError: It cannot be read, is not UTF-8, has no token, has one twice, or a line that is no token; names the line.
    """
    try:
        return _read(path, file_digest(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); mend its permissions or put the file there anew") from None


@functools.lru_cache(maxsize=64)
def _read(path: Path, _content: str) -> TokenList:
    content = path.read_bytes()
    try:
        lines = content.decode("utf-8-sig").split("\n")  # not splitlines: a token may hold what Python takes for the end of a line
    except UnicodeDecodeError as error:
        place = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{place}: expected UTF-8, found byte {content[error.start]:#04x}") from None
    tokens: dict[str, int] = {}
    remarks = []
    for number, text in enumerate(lines, 1):
        line = text.strip(" \t\r")
        if line.startswith("#"):
            remarks.append(line.removeprefix("#").strip())
        elif line:
            token = _token(path, number, line)
            if token in tokens:
                raise DataError(f"{path}:{number}: token {line} stands on line {tokens[token]} already; take one of them out")
            tokens[token] = number
    if not tokens:
        raise DataError(f"{path}: holds no token; {EXPECTED}")
    return TokenList(path, tokens, tuple(remarks))


def _token(path: Path, number: int, line: str) -> str:
    try:
        token = json.loads(line) if line.startswith('"') else None
        if isinstance(token, str) and token:
            token.encode()
            return token
    except ValueError:
        pass
    raise DataError(f"{path}:{number}: {EXPECTED}; found {line[:40]!r}")


def written(tokens: Iterable[str], remarks: Iterable[str]) -> str:
    """The text of a list of tokens, as `read_tokens` reads it; characters that cannot be seen are written as escapes."""
    lines = [f"# {remark}" for remark in remarks] + ["".join(map(_visible, json.dumps(token, ensure_ascii=False))) for token in tokens]
    return "\n".join(lines) + "\n"


def _visible(character: str) -> str:
    """A character of a JSON string, escaped where it does not print."""
    return character if character.isprintable() else json.dumps(character)[1:-1]
