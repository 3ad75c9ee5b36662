"""The store: a cell is done when its file is there, whole, and of this very key."""

import errno
import json
import math
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.digests import digest
from bench.errors import StorageError
from bench.store import (
    FOLDER_SEAL,
    Store,
    Unsound,
    read_sealed_folder,
    replacing,
    replacing_folder,
    require_writable,
    seal_folder,
    write_atomic,
    write_through,
)

KEY, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def test_what_is_put_is_got_back_with_its_key(store):
    store.put(KEY, {"status": "done", "main": {"mr": 0.5}, "नाव": "कसोटी"})
    assert store.get(KEY) == {"key": KEY, "status": "done", "main": {"mr": 0.5}, "नाव": "कसोटी"}
    assert store.done(KEY)


def test_what_was_never_put_is_not_there(store):
    assert store.get(KEY) is None
    assert not store.done(KEY)


def test_a_failed_cell_is_stored_with_its_error_and_is_not_done(store):
    store.put(KEY, {"status": "failed", "error": "out of memory"})
    assert store.get(KEY)["error"] == "out of memory"
    assert not store.done(KEY)


def test_a_failed_cell_becomes_done_when_it_is_put_again(store):
    store.put(KEY, {"status": "failed", "error": "out of memory"})
    store.put(KEY, {"status": "done"})
    assert store.get(KEY) == {"key": KEY, "status": "done"}
    assert store.done(KEY)


@pytest.mark.parametrize(
    "content",
    [b"", b'{"key": "abab', b'{"status": "done"}', b"[]", b"null", b'"done"', b"\xff\xfe", json.dumps({"key": OTHER, "status": "done"}).encode()],
    ids=["empty", "torn", "no-key", "list", "null", "text", "not-utf-8", "other-key"],
)
def test_a_file_that_is_torn_or_holds_another_key_counts_as_not_there_and_is_written_anew(store, content):
    store.path(KEY).parent.mkdir(parents=True)
    store.path(KEY).write_bytes(content)
    assert store.get(KEY) is None
    assert not store.done(KEY)
    store.put(KEY, {"status": "done"})
    assert store.done(KEY)


def test_results_of_different_keys_lie_in_different_files(store):
    store.put(KEY, {"status": "done", "score": 1})
    store.put(OTHER, {"status": "done", "score": 2})
    assert (store.get(KEY)["score"], store.get(OTHER)["score"]) == (1, 2)
    assert sorted(path.stem for path in store.folder.rglob("*.json")) == [KEY, OTHER]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_have_becomes_null_wherever_it_stands(store, value):
    store.put(KEY, {"status": "done", "score": value, "deep": {"list": [1.0, (value, 2)]}})
    text = store.path(KEY).read_text(encoding="utf-8")
    found = json.loads(text, parse_constant=pytest.fail)
    assert len(found.pop("digest")) == 64
    assert found == {"key": KEY, "status": "done", "score": None, "deep": {"list": [1.0, [None, 2]]}}


def test_a_result_that_is_put_under_another_key_is_found_there(store):
    store.put(KEY, {"status": "done"})
    store.put(OTHER, store.get(KEY))
    assert store.done(OTHER)


def test_writing_leaves_one_whole_file_and_nothing_beside_it(store):
    for score in range(3):
        store.put(KEY, {"status": "done", "score": score})
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == [f"{KEY}.json"]


def test_what_a_killed_writer_left_behind_is_no_result(store):
    store.path(KEY).parent.mkdir(parents=True)
    store.path(KEY).with_name(f".{KEY}.json.123.tmp").write_text('{"key": "ab', encoding="utf-8")
    assert store.get(KEY) is None


def test_a_write_that_fails_halfway_leaves_the_old_content(tmp_path):
    path = tmp_path / "page.md"
    write_atomic(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "new " * 10_000 + "\ud800")
    assert path.read_text(encoding="utf-8") == "old"


def test_a_result_that_json_cannot_hold_leaves_the_old_one(store):
    store.put(KEY, {"status": "done"})
    with pytest.raises(TypeError):
        store.put(KEY, {"status": "done", "model": object()})
    assert store.get(KEY) == {"key": KEY, "status": "done"}


def test_a_reader_sees_the_old_result_or_the_new_one_and_never_a_part(store):
    store.put(KEY, {"status": "done", "round": 0, "filler": "अ" * 50_000})
    finished = threading.Event()
    seen = []

    def read():
        while not finished.is_set():
            seen.append(store.get(KEY))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 25):
        store.put(KEY, {"status": "done", "round": number, "filler": "अ" * 50_000})
    finished.set()
    reader.join()
    assert seen
    assert all(result is not None and len(result["filler"]) == 50_000 for result in seen)
    rounds = [result["round"] for result in seen]
    assert rounds == sorted(rounds)


RESULT = {"status": "done", "main": {"mr": 0.8125}, "examples": {"mr": {"correct": ["0110"]}}, "replicates": {"mr": [0.75, 0.875]}, "नाव": "कसोटी"}


def edit(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode(), 1)

    return change


def flip(place: float) -> Callable[[bytes], bytes]:
    """Change one bit of the byte at this share of the file."""

    def change(data: bytes) -> bytes:
        at = int(place * (len(data) - 1))
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return change


CHANGES = {
    "another score": edit("0.8125", "0.9125"),
    "another example": edit('"0110"', '"1111"'),
    "another replicate": edit("0.875", "0.975"),
    "failed made done": edit('"done"', '"Done"'),
    "another digit of the digest": lambda data: data.replace(data[12:13], b"0" if data[12:13] != b"0" else b"1", 1),
    "a member more": edit('"main"', '"more": 1, "main"'),
    "a line more": lambda data: data + b"\n",
    "other layout": lambda data: json.dumps(json.loads(data), indent=1).encode(),
    "truncated": lambda data: data[:-3],
    "half": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "nested too deeply": lambda _: b"[" * 100_000,
    **{f"a bit at {place}": flip(place) for place in (0, 0.03, 0.2, 0.45, 0.7, 0.95, 1)},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_result_that_is_not_what_was_written_is_not_used_and_one_line_names_its_file(store, caplog, change):
    store.put(KEY, RESULT)
    store.put(OTHER, RESULT)
    path = store.path(KEY)
    path.write_bytes(change(path.read_bytes()))
    assert [store.get(KEY), store.done(KEY), store.get(OTHER)] == [None, False, {**RESULT, "key": OTHER}]
    (word,) = caplog.messages
    assert word == f"bench: {path}: its content does not match its digest; it is not used, a run computes it anew"
    store.put(KEY, RESULT)
    assert store.get(KEY) == {**RESULT, "key": KEY}


def test_a_result_under_the_name_of_another_is_not_used(store, caplog):
    store.put(OTHER, RESULT)
    store.path(KEY).parent.mkdir(parents=True)
    shutil.copy(store.path(OTHER), store.path(KEY))
    assert store.get(KEY) is None
    assert caplog.messages == [f"bench: {store.path(KEY)}: it holds the result of another key; it is not used, a run computes it anew"]


def test_a_result_whose_parts_are_not_those_of_its_key_is_not_used(store, caplog):
    parts = {"content": "0" * 64, "device": "cpu", "layers": (0, 1), "rate": 1e-5}
    key = digest(parts)
    store.put(key, {**RESULT, "key_parts": parts})
    assert store.done(key)
    store.put(key, {**RESULT, "key_parts": {**parts, "device": "cuda"}})
    assert store.get(key) is None
    assert caplog.messages == [f"bench: {store.path(key)}: its key is not that of the parts that it tells; it is not used, a run computes it anew"]


def test_results_from_before_there_were_digests_are_not_used_and_that_is_said_once(store, caplog):
    for key in (KEY, OTHER):
        store.path(key).parent.mkdir(parents=True)
        store.path(key).write_text(json.dumps({"key": key, "status": "done"}), encoding="utf-8")
    assert [store.get(KEY), store.get(OTHER)] == [None, None]
    (word,) = caplog.messages
    assert word.startswith(f"bench: {store.folder}: files of an earlier version")


def test_what_was_said_is_not_said_again_by_another_process_that_is_given_the_store(store, caplog):
    store.put(KEY, RESULT)
    store.path(KEY).write_bytes(b"{")
    store.get(KEY)
    pickle.loads(pickle.dumps(store)).get(KEY)
    assert len(caplog.messages) == 1


@pytest.fixture
def sealed_folder(tmp_path):
    folder = tmp_path / "model"
    (folder / "pooling").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"\x00" * 64)
    (folder / "pooling" / "config.json").write_text("{}", encoding="utf-8")
    seal_folder(folder, "this", told=[1])
    return folder


def test_a_sealed_folder_tells_what_it_was_sealed_with(sealed_folder):
    assert read_sealed_folder(sealed_folder, "this")["told"] == [1]


FOLDER_CHANGES = {
    "a flipped bit": lambda folder: (folder / "weights.bin").write_bytes(b"\x00" * 63 + b"\x01"),
    "a file cut off": lambda folder: (folder / "weights.bin").write_bytes(b"\x00" * 63),
    "a file gone": lambda folder: (folder / "pooling" / "config.json").unlink(),
    "a file more": lambda folder: (folder / "pooling" / "more.json").write_text("{}", encoding="utf-8"),
    "a file renamed": lambda folder: (folder / "weights.bin").rename(folder / "weight.bin"),
    "the seal edited": lambda folder: (folder / FOLDER_SEAL).write_bytes(flip(0.5)((folder / FOLDER_SEAL).read_bytes())),
    "the seal torn": lambda folder: (folder / FOLDER_SEAL).write_bytes(b'{"dig'),
}


@pytest.mark.parametrize("change", FOLDER_CHANGES.values(), ids=FOLDER_CHANGES)
def test_a_sealed_folder_that_is_not_what_was_written_is_told_apart(sealed_folder, change):
    change(sealed_folder)
    with pytest.raises(Unsound):
        read_sealed_folder(sealed_folder, "this")


def test_a_sealed_folder_of_another_thing_is_told_apart(sealed_folder):
    with pytest.raises(Unsound, match="another thing"):
        read_sealed_folder(sealed_folder, "that")
    (sealed_folder / FOLDER_SEAL).unlink()
    assert read_sealed_folder(sealed_folder, "this") is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space is left on the disk; free some"),
        (errno.EDQUOT, "quota is used up"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EROFS, "read-only; make it writable"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, "input/output error"),
    ],
)
@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_what_cannot_be_written_is_one_line_and_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call, number, words):
    path = tmp_path / "board.json"
    write_atomic(path, "old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*{"open": ("pathlib.Path.open", fail), "fsync": ("os.fsync", fail), "replace": ("pathlib.Path.replace", fail)}[call])
    with pytest.raises(StorageError) as raised:
        write_atomic(path, "new")
    monkeypatch.undo()
    assert str(raised.value).startswith(f"{path}: ")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("odd")])
def test_a_file_whose_writing_is_interrupted_leaves_nothing(tmp_path, error):
    def interrupted() -> None:
        with replacing(tmp_path / "deep" / "x.npy") as handle:
            handle.write(b"half")
            raise error

    with pytest.raises(type(error)):
        interrupted()
    assert list(tmp_path.rglob("*.*")) == []


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_file_in_place_of_a_folder_is_named(tmp_path, depth):
    blocked = tmp_path.joinpath(*("a", "b", "c")[: depth + 1])
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.touch()
    wanted = blocked / "results"
    words = f"^{blocked}: a file lies where a folder is needed; move it away$"
    with pytest.raises(StorageError, match=words):
        Store(wanted).put(KEY, {"status": "done"})
    with pytest.raises(StorageError, match=words):
        Store(wanted).get(KEY)
    with pytest.raises(StorageError, match=words):
        require_writable(wanted)


@pytest.mark.parametrize(("target", "words"), [("nowhere", "this symbolic link leads to nothing"), ("link", "this symbolic link leads to nothing")])
@pytest.mark.parametrize("below", [".", "results"])
def test_a_link_that_leads_nowhere_is_named(tmp_path, target, words, below):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / target)
    with pytest.raises(StorageError, match=f"^{link}: {words}; mend or remove it"):
        require_writable(link / below)


def test_a_link_that_leads_back_to_itself_is_named_when_it_is_read(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(link)
    with pytest.raises(StorageError, match="leads back to itself; mend or remove it"):
        Store(link).get(KEY)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc here")
def test_a_file_system_that_takes_no_files_is_named():
    with pytest.raises(StorageError, match=r"^/proc/boards: /proc takes no files; use another folder$"):
        require_writable(Path("/proc/boards"))


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_a_folder_takes_the_place_of_whatever_was_there_and_a_link_leads_on_to_what_it_did(tmp_path, kind):
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    {"file": folder.touch, "link": lambda: folder.symlink_to(elsewhere), "folder": folder.mkdir}[kind]()
    with replacing_folder(folder) as temporary:
        temporary.mkdir()
        (temporary / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert not folder.is_symlink()
    assert (elsewhere / "kept").exists()


def test_asking_whether_a_folder_can_be_written_makes_nothing(tmp_path):
    require_writable(tmp_path / "not" / "there")
    assert list(tmp_path.iterdir()) == []


WRITE = """
import sys
from pathlib import Path
from bench.store import require_writable_file, write_through

print("first")
require_writable_file(Path(sys.argv[1]))
write_through(Path(sys.argv[1]), "told\\n")
print("last")
"""


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="there is no /dev/stdout here")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "link"])
def test_what_this_process_has_open_is_written_to_and_never_replaced(tmp_path, name):
    """As where a file is appended to: what was there before stays."""
    (tmp_path / "link").symlink_to("/dev/stdout")
    kept = tmp_path / "kept.txt"
    kept.write_text("precious\n", encoding="utf-8")
    with kept.open("a", encoding="utf-8") as out:
        subprocess.run([sys.executable, "-c", WRITE, str(tmp_path / name)], stdout=out, check=True)
    assert kept.read_text(encoding="utf-8").split() == ["precious", "first", "told", "last"]
    piped = subprocess.run([sys.executable, "-c", WRITE, str(tmp_path / name)], capture_output=True, text=True, check=True)
    assert piped.stdout.split() == ["first", "told", "last"]


def test_a_descriptor_that_is_not_open_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"^/proc/self/fd/977: this process has nothing open under this number; name a file$"):
        write_through(Path("/proc/self/fd/977"), "told")
