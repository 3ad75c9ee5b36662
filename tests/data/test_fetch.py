"""Published files from a server of the test's own: whole, verified, taken up again, and what can go wrong."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cards.load import load_library
from bench.cards.workspace import find_workspace
from bench.cli import data as data_verb
from bench.data import fetch as fetching
from bench.data.fetch import Published, Unreachable, fetch, published_files
from bench.errors import BenchError, DataError, StorageError
from tests.builders import STS_CARD, SUITE_CARD, write_workspace
from tests.cli.command import bench

CONTENT = b"sentence1\tsentence2\tscore\n" + b"a\tb\t1\n" * 40_000
COMMIT = "0123456789" * 4


class Server(http.server.ThreadingHTTPServer):
    """Has files by path; `cut` is after how many bytes a connection breaks off, once or as often as `cuts` says. `asked` are the ranges that were asked for."""

    files: dict[str, bytes]
    cut: int | None
    cuts: int
    ranges: bool
    asked: list[str | None]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        content, wanted = self.server.files.get(self.path), self.headers.get("Range")
        self.server.asked.append(wanted)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted[6:-1]) if wanted and self.server.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content)
        if self.server.cuts > 0 and self.server.cut is not None:
            self.server.cuts -= 1
            end = start + self.server.cut
        self.wfile.write(content[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Handler)
    found.files = {f"/owner/set/{COMMIT}/some%20data/test.tsv": CONTENT}
    found.cut, found.cuts, found.ranges, found.asked = None, 0, True, []
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


FILE = Published("owner/set", COMMIT, "some data/test.tsv", hashlib.sha256(CONTENT).hexdigest())


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_comes_from_its_commit_and_lies_under_its_repository_and_a_second_time_nothing_is_asked(server, tmp_path):
    seen: list[tuple[int, int | None]] = []
    assert fetch(FILE, tmp_path, server.address, lambda *told: seen.append(told))
    assert (tmp_path / "owner" / "set" / "some data" / "test.tsv").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert not fetch(FILE, tmp_path, server.address)
    assert server.asked == [None]
    assert left(tmp_path) == ["test.tsv"]


def test_a_connection_that_breaks_off_is_taken_up_where_it_was(server, tmp_path):
    server.cut, server.cuts = 100_000, 2
    assert fetch(FILE, tmp_path, server.address)
    assert server.asked == [None, "bytes=100000-", "bytes=200000-"]
    assert FILE.place(tmp_path).read_bytes() == CONTENT


def test_a_download_that_was_given_up_keeps_what_has_come_and_the_next_one_goes_on(server, tmp_path):
    server.cut, server.cuts = 10_000, fetching.TRIES
    with pytest.raises(Unreachable, match=r"broke off after 30000 of .* goes on from what has come"):
        fetch(FILE, tmp_path, server.address)
    assert not FILE.place(tmp_path).exists()
    assert fetch(FILE, tmp_path, server.address)
    assert server.asked[-1] == "bytes=30000-"
    assert left(tmp_path) == ["test.tsv"]


def test_a_server_that_cannot_go_on_sends_it_from_the_beginning(server, tmp_path):
    server.cut, server.cuts, server.ranges = 100_000, 1, False
    assert fetch(FILE, tmp_path, server.address)
    assert FILE.place(tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("stale", [b"x" * len(CONTENT), b"x" * 100, CONTENT + b"more"])
def test_what_came_is_thrown_away_where_its_checksum_is_another(server, tmp_path, stale):
    part = FILE.place(tmp_path).with_name(".test.tsv.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(stale)
    with pytest.raises(DataError, match=rf"sha256 .* the card expects {FILE.sha256}; it was thrown away"):
        fetch(FILE, tmp_path, server.address)
    assert left(tmp_path) == []
    assert fetch(FILE, tmp_path, server.address)


def test_a_file_that_is_there_and_another_one_is_not_overwritten(server, tmp_path):
    place = FILE.place(tmp_path)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    with pytest.raises(DataError, match="remove the file to fetch it anew"):
        fetch(FILE, tmp_path, server.address)
    assert place.read_bytes() == b"mine"
    assert server.asked == []


def test_a_file_that_the_server_does_not_have_is_told_with_its_address_and_where_to_put_it(server, tmp_path):
    server.files = {}
    with pytest.raises(DataError, match=rf"{server.address}/owner/set/{COMMIT}/some%20data/test.tsv: the server says 404 .* put it at {tmp_path}"):
        fetch(FILE, tmp_path, server.address)


def test_a_server_that_nobody_answers_for_is_told(server, tmp_path):
    address = server.address
    server.shutdown()
    server.server_close()
    with pytest.raises(Unreachable, match=r"cannot be fetched .*refused.*check the network"):
        fetch(FILE, tmp_path, address)


def test_a_full_disk_is_told_with_the_file(server, small_disk):
    disk = small_disk(megabytes=0.1)
    with pytest.raises(StorageError, match=r"test\.tsv"):
        fetch(FILE, disk, server.address)


@pytest.fixture
def workspace(tmp_path, server) -> Path:
    """A workspace with one task whose test is published twice over: under two splits, and once more, not there."""
    source = f'repository = "owner/set"\ncommit = "{COMMIT}"\npath = "PATH"\nsha256 = "{FILE.sha256}"'
    card = STS_CARD.replace('file = "test.tsv"', source.replace("PATH", FILE.path)).replace('file = "train.tsv"', source.replace("PATH", "train.tsv"))
    write_workspace(tmp_path / "workspace", tasks={"sts": card}, suites={"tiny.toml": SUITE_CARD})
    return tmp_path / "workspace"


def test_the_command_prints_the_addresses_only(workspace):
    found = bench("data", "get", "tiny", "--urls", cwd=workspace)
    assert found.returncode == 0, found.stderr
    at = f"https://raw.githubusercontent.com/owner/set/{COMMIT}"
    assert found.stdout.splitlines() == [f"{at}/train.tsv", f"{at}/some%20data/test.tsv"]


def test_the_command_fetches_what_it_can_and_names_the_rest(workspace, server, tmp_path):
    env = {**os.environ, "KASAUTI_DATA_URL": server.address, "NO_PROXY": "*", "no_proxy": "*"}
    found = bench("data", "get", "tiny", "--data-dir", "data", "--json", cwd=workspace, env=env)
    assert found.returncode == 3
    assert "1 of 2 files are not here" in found.stderr
    assert "train.tsv: the server says 404" in found.stderr
    assert [one["fetched"] for one in json.loads(found.stdout)] == [False, True]
    server.files[f"/owner/set/{COMMIT}/train.tsv"] = CONTENT
    again = bench("data", "get", "tiny", "--data-dir", "data", "--from", server.address, cwd=workspace, env=env)
    assert again.returncode == 0, again.stderr
    assert [line.rpartition(": ")[2] for line in again.stdout.splitlines()] == ["fetched", "was here"]


def test_the_status_of_data_names_the_command_that_fetches_what_is_not_here_and_only_then(workspace, tmp_path):
    env = {name: value for name, value in os.environ.items() if name != "KASAUTI_DATA_DIR"}
    for words in ([], ["--suite", "tiny"]):
        found = bench("data", "status", *words, cwd=workspace, env=env)
        assert found.returncode == 3
        assert "`bench data get tiny --data-dir DATA` fetches what is published" in found.stderr
    data = tmp_path / "data"
    data.mkdir()
    assert f"`bench data get tiny --data-dir {data}` fetches" in bench("data", "status", "--data-dir", str(data), cwd=workspace).stderr
    for file in (FILE, Published("owner/set", COMMIT, "train.tsv", FILE.sha256)):
        file.place(data).parent.mkdir(parents=True, exist_ok=True)
        file.place(data).write_bytes(b"another\n")
    changed = bench("data", "status", "--data-dir", str(data), cwd=workspace)
    assert changed.returncode == 3
    assert "bench data get" not in changed.stderr


def test_a_long_download_says_how_far_it_is(workspace, server, capsys, monkeypatch):
    monkeypatch.setattr(data_verb, "STILL", 0.0)
    server.files[f"/owner/set/{COMMIT}/train.tsv"] = CONTENT
    data_verb.get("tiny", workspace / "data", urls=False, source=server.address, workspace=workspace, json=False)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"        1 of 2  owner/set/train.tsv: 0.1 MB of {len(CONTENT) / 1e6:.1f}"
    assert said[-1] == f"        2 of 2  owner/set/{FILE.path}: {len(CONTENT) / 1e6:.1f} MB of {len(CONTENT) / 1e6:.1f}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tiny"], "--data-dir"),
        (["tniy"], "no suite 'tniy'; did you mean 'tiny'?"),
        (["tiny", "--data-dir", "x", "--from", "file:///etc"], "must begin with http:// or https://"),
    ],
)
def test_a_wrong_command_is_told(workspace, words, message):
    found = bench("data", "get", *words, cwd=workspace, env={name: value for name, value in os.environ.items() if name != "KASAUTI_DATA_DIR"})
    assert found.returncode == 2
    assert message in found.stderr


def test_every_published_file_of_a_built_in_suite_has_an_address_at_a_commit():
    library = load_library(find_workspace(Path(__file__).parents[2]))
    files = published_files(library.task(name) for name in library.chosen_tasks("public"))
    assert len(files) > 10
    assert len({file.url() for file in files}) == len(files)
    assert all(file.commit in file.url() for file in files)


def test_an_address_of_another_kind_is_refused():
    with pytest.raises(BenchError, match="http"):
        fetching.check_source("ftp://somewhere")
