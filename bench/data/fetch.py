"""Published files to the data folder: at the commits that cards pin, verified by their checksums, taken up again where a download broke off.

By the standard library: pooch verifies checksums too, but begins a broken download anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.cards.tasks import TaskCard
from bench.digests import file_digest
from bench.errors import BenchError, DataError, first_line
from bench.faults import storage

GITHUB = "https://raw.githubusercontent.com"
TRIES = 3
"""How often a connection may break off before a download is given up; what has come is kept."""
TIMEOUT = 60
"""Seconds without a byte."""
CHUNK = 1 << 16

Progress = Callable[[int, int | None], None]
"""Told of the bytes that are there, and of all, where the server says how many."""


class Unreachable(DataError):
    """Nobody answers, or the connection breaks off again and again: other files of the same server will fare no better."""


@dataclasses.dataclass(frozen=True)
class Published:
    """A file of a repository at a commit."""

    repository: str
    commit: str
    path: str
    sha256: str

    def url(self, source: str = GITHUB) -> str:
        """Where it is fetched from."""
        return "/".join([source.rstrip("/"), *(urllib.parse.quote(part) for part in (self.repository, self.commit, self.path))])

    def place(self, data_dir: Path) -> Path:
        """Where it belongs."""
        return data_dir / self.repository / self.path


def published_files(cards: Iterable[TaskCard]) -> list[Published]:
    """The published files of some data sets, each once; files beside cards and Hub data sets are none."""
    sources = (source for card in cards for subset in card.subsets.values() for source in subset.sources)
    return list(
        dict.fromkeys(
            Published(one.repository, one.commit, one.path, one.sha256) for one in sources if one.repository and one.commit and one.path and one.sha256
        )
    )


def check_source(source: str) -> str:
    """The address, if files can be fetched from it.

    Raises:
        BenchError: It is not one of http or https.
    """
    if urllib.parse.urlsplit(source).scheme not in {"http", "https"}:
        raise BenchError(f"--from must begin with http:// or https:// (got {source!r})")
    return source


def fetch(file: Published, data_dir: Path, source: str = GITHUB, progress: Progress = lambda *_: None) -> bool:
    """Put a file where it belongs. It appears under its name only when it is whole and has its checksum.

    Args:
        file: Which.
        data_dir: Folder of published data.
        source: Address that has files as `<owner>/<repository>/<commit>/<path>`.
        progress: Told of the bytes that have come.

    Returns:
        False where it was there already.

    Raises:
        Unreachable: Nobody answers, or the connection breaks off; what has come is kept for the next time.
        DataError: There is no such file, or it has another checksum.
        StorageError: It cannot be written.
    """
    place = file.place(data_dir)
    if place.is_file():
        if (found := file_digest(place)) != file.sha256:
            raise DataError(f"{place}: its sha256 is {found}, the card expects {file.sha256}; remove the file to fetch it anew")
        return False
    part = place.with_name(f".{place.name}.part")
    with storage(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, TRIES + 1):
        try:
            _download(file.url(source), place, part, progress)
            break
        except urllib.error.HTTPError as error:
            raise DataError(f"{file.url(source)}: the server says {error.code} {error.reason}; {_by_hand(file, place)}") from None
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            if attempt == TRIES:
                reason = getattr(error, "reason", None) or first_line(error)
                again = "the same command goes on from what has come" if part.is_file() else "check the network"
                raise Unreachable(f"{file.url(source)}: cannot be fetched ({reason}); {again}, or {_by_hand(file, place)}") from None
    found = _sha256(part)
    if found != file.sha256:
        with storage(part):
            part.unlink()
        raise DataError(f"{file.url(source)}: what came has sha256 {found}, the card expects {file.sha256}; it was thrown away; {_by_hand(file, place)}")
    with storage(place):
        part.replace(place)
    return True


def _by_hand(file: Published, place: Path) -> str:
    return f"get {file.path} of {file.repository} at commit {file.commit} and put it at {place}"


def _download(url: str, place: Path, part: Path, progress: Progress) -> None:
    """Add to what has come what is missing."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "kasauti", **({"Range": f"bytes={have}-"} if have else {})})
    try:
        answer: Any = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        return  # all of it has come; its checksum says whether it is the file
    with answer:
        if have and not str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
            have = 0  # the server sends it from the beginning
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        with storage(place), part.open("ab" if have else "wb") as handle:
            for chunk in _chunks(answer):
                handle.write(chunk)
                have += len(chunk)
                progress(have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection broke off after {have} of {total} bytes")


def _chunks(answer: Any) -> Iterator[bytes]:
    """What the server sends; an end before the announced one ends it too."""
    while True:
        try:
            chunk = answer.read(CHUNK)
        except http.client.IncompleteRead as cut:
            chunk = cut.partial
        if not chunk:
            return
        yield chunk


def _sha256(part: Path) -> str:
    with storage(part), part.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
