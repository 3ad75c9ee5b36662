"""Find the file behind a source, verify it, and read its rows. Every error names the file, and the line and column where it has one."""

from __future__ import annotations

import collections
import csv
import dataclasses
import functools
import gzip
import json
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from bench.cards.tasks import Source
from bench.digests import file_digest, is_lfs_pointer
from bench.errors import DataError, first_line

LFS_POINTER = "is the pointer that Git LFS leaves in place of a file; get the file itself (git lfs pull)"
NEEDS_A_FILE = "a corpus is read more than once: put its text into a file (plain, or .gz)"
WIDEST = csv.field_size_limit()
"""Characters that a cell may have."""
RawRow = dict[str, str]
"""A row as its file has it: the names of columns are those of the file, and every value is text. (`bench.data.rows.Record` is what it becomes.)"""


class NoText(str):
    """A list or an object where a cell of text could be. A row may have one in a column that no task reads."""


@dataclasses.dataclass(frozen=True)
class Located:
    """A source's file on this machine, or why it cannot be had."""

    source: Source
    path: Path | None
    problem: str | None = None


def locate_source(source: Source, folder: Path, data_dir: Path | None) -> Located:
    """Where a source's file lies: beside the card, or under `data_dir/<owner>/<repository>/<path>`. Hub sources have no path."""
    if source.remote:
        return Located(source, None)
    if source.file:
        path = folder / source.file
        wrong = "is no file" if path.exists() else "no such file"
        return Located(source, path, None if path.is_file() else f"{path}: {wrong}, named by {folder / 'task.toml'}")
    assert source.repository is not None
    assert source.path is not None
    where = Path(source.repository, source.path)
    if data_dir is None:
        return Located(source, None, f"{where}: published data; give its folder with --data-dir")
    path = data_dir / where
    if not path.is_file():
        return Located(
            source, None, f"{path}: no such file; get commit {source.commit} of {source.repository} and put its {source.path} there, as `bench data get` does"
        )
    return Located(source, path)


def source_digest(source: Source, folder: Path, data_dir: Path | None) -> str:
    """sha256 of the source's file, or its pinned revision for a Hub source.

    Raises:
        DataError: The file is missing, cannot be read, or differs from the card's sha256.
    """
    if source.hub:
        return f"{source.hub}@{source.revision}/{source.config}/{source.hub_split}"
    if source.mteb:
        return f"mteb:{source.mteb}@{source.revision}/{source.config}/{source.hub_split or source.split}"
    located = locate_source(source, folder, data_dir)
    if located.problem or located.path is None:
        raise DataError(located.problem or f"{source.label}: not found")
    try:
        found = file_digest(located.path)
    except OSError as error:
        raise _unreadable(located.path, error) from None
    if source.sha256 and found != source.sha256:
        raise DataError(
            f"{located.path}: its sha256 is {found}, {folder / 'task.toml'} expects {source.sha256}; "
            f"restore the file{'' if source.repository else ', or put the new sha256 into the card'}"
        )
    return found


def read_rows(source: Source, folder: Path, data_dir: Path | None, *, offline: bool = True) -> Iterator[tuple[str, RawRow]]:
    """The raw rows of a source, each with a place like `file:line` for error messages.

    Raises:
        DataError: The file is missing, is not UTF-8, or a line has another number of cells than the header.
    """
    if source.hub:
        yield from _hub_rows(source, offline=offline)
        return
    if source.mteb:
        from bench.data.mteb_rows import mteb_rows

        yield from ((place, as_text(row, place)) for place, row in mteb_rows(source, offline=offline))
        return
    source_digest(source, folder, data_dir)
    path = locate_source(source, folder, data_dir).path
    assert path is not None
    readers: dict[str, Callable[[Path, Source], Iterator[tuple[str, RawRow]]]] = {
        "tsv": functools.partial(_delimited, tabs=True),
        "csv": functools.partial(_delimited, tabs=False),
        "jsonl": _json_lines,
        "txt": _text_lines,
    }
    suffix = source.format or path.suffix.lower().removeprefix(".")
    if suffix not in readers:
        known = ", ".join(f".{name}" for name in readers)
        raise DataError(f'{path}: cannot read {path.suffix!r} files; expected one of {known}, or a source with format, like format = "tsv"')
    try:
        if is_lfs_pointer(path):
            raise DataError(f"{path}: {LFS_POINTER}")
        yield from readers[suffix](path, source)
    except UnicodeDecodeError:
        raise DataError(_not_utf8(path)) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path}: cannot be read ({error.strerror or first_line(error)}); mend its permissions or put the file there anew")


def _not_utf8(path: Path) -> str:
    """Which byte of which line is not UTF-8; the error of a buffered reader only knows its place in the buffer."""
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"{path}:{line}: expected UTF-8, found byte {content[error.start]:#04x} at offset {error.start}"
    return f"{path}: changed while it was being read"


def _delimited(path: Path, source: Source, *, tabs: bool) -> Iterator[tuple[str, RawRow]]:
    """CSV with quotes, or TSV where a quotation mark is a character like any other."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(handle, strict=True)
        header = source.header
        try:
            for cells in reader:
                if header is None:
                    header = tuple(cells)
                    if repeated := repeats([name for name in header if name]):
                        raise DataError(f"{path}:{reader.line_num}: the header has the column {repeated[0]!r} more than once; give each a name of its own")
                elif cells:
                    if len(cells) != len(header):
                        raise DataError(f"{path}:{reader.line_num}: expected {len(header)} cells ({', '.join(header)}), found {len(cells)}")
                    yield f"{path}:{reader.line_num}", dict(zip(header, cells, strict=True))
        except csv.Error as error:
            hint = f" ({WIDEST:,} characters); is a quotation mark never closed, or a line end missing?" if "field limit" in str(error) else ""
            raise DataError(f"{path}:{reader.line_num}: {error}{hint}") from None


def _json_lines(path: Path, _: Source) -> Iterator[tuple[str, RawRow]]:
    with path.open(encoding="utf-8-sig") as handle:
        for number, line in enumerate(handle, 1):
            if line.strip():
                try:
                    row = json.loads(line, object_pairs_hook=lambda pairs: _object(pairs, f"{path}:{number}"))  # noqa: B023 (called at once)
                except (ValueError, RecursionError) as error:  # the second: nested too deeply
                    raise DataError(f"{path}:{number}: expected a JSON object, found {line[:40]!r} ({getattr(error, 'msg', first_line(error))})") from None
                if not isinstance(row, dict):
                    raise DataError(f"{path}:{number}: expected a JSON object, found {line[:40]!r}")
                yield f"{path}:{number}", as_text(row, f"{path}:{number}")


def _object(pairs: list[tuple[str, object]], place: str) -> dict[str, object]:
    """A JSON object each of whose names stands there once."""
    if repeated := repeats([name for name, _ in pairs]):
        raise DataError(f"{place}: {repeated[0]!r} stands there more than once; leave it out but for once")
    return dict(pairs)


def repeats(names: Sequence[str]) -> list[str]:
    """The names that stand there more than once."""
    return [name for name, count in collections.Counter(names).items() if count > 1]


def _text_lines(path: Path, source: Source) -> Iterator[tuple[str, RawRow]]:
    if source.column is None:
        raise DataError(f"{path}: a .txt source needs `column`, the name that its lines get")
    with path.open(encoding="utf-8-sig") as handle:
        for number, line in enumerate(handle, 1):
            yield f"{path}:{number}", {source.column: line.strip()}


def _hub_rows(source: Source, *, offline: bool) -> Iterator[tuple[str, RawRow]]:
    """Rows of a Hub data set; offline only where an earlier run has put them into the local cache."""
    from datasets import DownloadConfig, load_dataset

    config = DownloadConfig(local_files_only=offline)
    try:
        rows = load_dataset(source.hub, source.config, revision=source.revision, split=source.hub_split or source.split, download_config=config)
    except Exception as error:
        hint = "; run once without --offline" if offline else ""
        raise DataError(f"hub:{source.hub}@{source.revision}: cannot be loaded: {first_line(error)}{hint}") from error
    for number, row in enumerate(rows):
        yield f"hub:{source.hub}#{number}", as_text(row, f"hub:{source.hub}#{number}")


def as_text(row: dict[str, object], place: str) -> RawRow:
    """A row's values as the other formats have them: what is null is an empty cell."""
    texts = {str(key): "" if value is None else NoText(value) if isinstance(value, list | dict) else str(value) for key, value in row.items()}
    for key, text in texts.items():
        if half := re.search("[\ud800-\udfff]", key + text):
            where = f"half of a surrogate pair (\\u{ord(half[0]):04x}), which is no character"
            raise DataError(f"{place}: {key.encode('ascii', 'backslashreplace').decode()} holds {where}; write the whole character")
    return texts


def read_corpus(files: Iterable[Path]) -> Iterable[str]:
    """Yield the non-empty lines of text files, plain or gzip-compressed, in order.

    Raises:
        DataError: A file cannot be read, is given twice or is a pipe, is not UTF-8, or not the gzip file that its name says.
    """
    seen: dict[tuple[int, int], Path] = {}
    for path in files:
        opener = gzip.open if path.suffix.lower() == ".gz" else open
        number = 0
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise DataError(f"{path}: {'is a folder' if stat.S_ISDIR(found.st_mode) else 'is a pipe or a device'}; {NEEDS_A_FILE}")
            if (other := seen.setdefault((found.st_dev, found.st_ino), path)) is not path:
                raise DataError(f"{path}: is given twice{f' (also as {other})' if other != path else ''}; its text would count twice: leave it out once")
            if is_lfs_pointer(path):
                raise DataError(f"{path}: {LFS_POINTER}")
            with opener(path, "rt", encoding="utf-8-sig") as handle:
                for number, line in enumerate(handle, start=1):  # noqa: B007 (the error below tells it)
                    if text := line.strip():
                        yield text
        except (UnicodeDecodeError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DataError(f"{path}: cannot be read after line {number}: {error}; expected UTF-8 text, gzip-compressed if named .gz") from None
        except OSError as error:
            raise _unreadable(path, error) from None
