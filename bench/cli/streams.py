"""Standard output and error, whatever characters they can print and whether or not anybody still reads them."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from pathlib import Path

PLAIN = {
    "±": "+-",
    "–": "-",
    "—": "-",
    "…": "...",
    "→": "->",
    "×": "x",
    "≤": "<=",
    "≥": ">=",
    "’": "'",
    "“": '"',
    "”": '"',
    "•": "*",
    "│": "|",
    "─": "-",
    "━": "-",
}
"""What stands for a sign that an output cannot print; letters of other scripts are shown by their number, like \\u0915."""


def print_anything() -> None:
    """Let no output fail for a character that its encoding lacks, nor because standard error is closed."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (for as long as the process lives)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="bench.plain")


def print_json(wanted: bool) -> bool:
    """Let what standard output cannot print be escaped as JSON does it, so that no text changes. The callback of `--json`."""
    if wanted and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="bench.json")
    return wanted


def abandon_output() -> None:
    """Nobody reads any more: send what is still buffered nowhere, so that Python does not complain when it ends."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAIN.get(sign) or _number(sign) for sign in error.object[error.start : error.end]), error.end


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_number, error.object[error.start : error.end])), error.end


def _number(sign: str) -> str:
    """The character as JSON escapes it: one or two UTF-16 units."""
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


codecs.register_error("bench.plain", _plain)
codecs.register_error("bench.json", _escaped)
