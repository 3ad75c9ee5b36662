"""Functions in processes of their own: what they return and raise arrives, how they die is said, and what interrupts the parent ends them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from multiprocessing.connection import Connection

import pytest

from bench.children import ChildError, context, in_child, start_child
from bench.errors import DataError, ModelError, Stopped
from bench.faults import ended


class Awkward(Exception):
    """Cannot be pickled: its arguments are not those of its constructor."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def work(how: str) -> object:
    if how == "ours":
        raise DataError("row 3: no label")
    if how == "plain":
        raise ValueError("odd")
    if how == "awkward":
        raise Awkward(1, 2)
    if how == "exit":
        raise SystemExit(3)
    if how == "unpicklable":
        return lambda: None
    if how == "leave":
        os._exit(7)
    if how == "sleep":
        time.sleep(60)
    if how.isdigit():
        os.kill(os.getpid(), int(how))
    return how


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("ours", DataError, "^row 3: no label$"),
        ("plain", ValueError, "^odd$"),
        ("awkward", ChildError, "^Awkward: 1 and 2$"),
        ("exit", ChildError, "^SystemExit: 3$"),
        ("unpicklable", Exception, "pickle"),
        ("leave", ModelError, "tests.test_children.work ended with exit code 7$"),
        (str(int(signal.SIGKILL)), ModelError, r"work was killed \(SIGKILL\), possibly for want of memory: try fewer --jobs$"),
        (str(int(signal.SIGSEGV)), ModelError, r"work crashed in native code \(SIGSEGV\)$"),
        (str(int(signal.SIGTERM)), ModelError, "work was ended by SIGTERM$"),
    ],
)
def test_what_happens_in_a_child_is_raised_here_in_true_words(how, kind, words):
    with pytest.raises(kind, match=words):
        in_child(work, how)
    assert multiprocessing.active_children() == []


def test_a_child_ignores_ctrl_c_which_is_its_parents_affair():
    assert in_child(work, str(int(signal.SIGINT))) == str(int(signal.SIGINT))


def test_the_traceback_of_a_child_is_shown():
    with pytest.raises(ValueError, match="odd") as raised:
        in_child(work, "plain")
    assert 'raise ValueError("odd")' in str(raised.value.__cause__)


def test_what_interrupts_the_parent_ends_the_child():
    def stop(number: int, _: object) -> None:
        raise Stopped(number)

    before = signal.signal(signal.SIGALRM, stop)
    in_child(work, "warm")
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    start = time.monotonic()
    try:
        with pytest.raises(Stopped):
            in_child(work, "sleep")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - start < 30
    assert multiprocessing.active_children() == []


LEAN = "from bench.children import context\ncontext().set_forkserver_preload([])\n"
"""For a script of which what the fork server imports is no part: nothing, instead of the heavy libraries for seconds."""


def tell(connection: Connection) -> None:
    connection.send("here I am")


def test_a_child_whose_parent_no_longer_listens_ends_without_a_word():
    code = LEAN + (
        "from bench.children import context, start_child\nfrom tests.test_children import tell\n"
        "ours, theirs = context().Pipe()\nours.close()\nchild = start_child(tell, theirs, daemon=True)\nchild.join()\nprint(child.exitcode)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert (found.stdout, found.stderr) == ("1\n", "")


def lock_and_die() -> None:
    lock = context().Lock()
    lock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_child_leaves_behind_is_removed_without_a_word():
    """By itself the resource tracker warns of leaked semaphores, after the last line that is ours."""
    code = LEAN + (
        "from bench.children import start_child\nfrom tests.test_children import lock_and_die\n"
        "child = start_child(lock_and_die, daemon=True)\nchild.join()\nprint(child.exitcode)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert (found.stdout, found.stderr) == ("-9\n", "")


@pytest.mark.slow
@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="children are not forked here")
def test_the_fork_server_ends_at_once_and_its_children_as_processes_do():
    """What Python does at the end of all that it has imported takes two seconds, for which whoever reads our output through a pipe would wait."""
    code = (
        "import atexit, os, sys\natexit.register(print, 'an orderly end', flush=True)\nimport bench.preload\n"
        "child = os.fork()\nif child:\n    os.waitpid(child, 0)\n    print('the server', flush=True)\nelse:\n    print('a child', flush=True)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout == "a child\nan orderly end\nthe server\n"


def talk() -> None:
    logging.getLogger("chatty").warning("a word of a library")
    warnings.warn("a warning of a library", stacklevel=1)


@pytest.mark.parametrize("quiet", [True, False])
def test_children_are_as_quiet_as_their_parent(quiet, tmp_path):
    said = "logging.getLogger('chatty').setLevel(logging.ERROR)\nwarnings.filterwarnings('ignore')\n" if quiet else ""
    code = f"{LEAN}import logging, warnings\nfrom bench.children import in_child\nfrom tests.test_children import talk\n{said}in_child(talk)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert [word in found.stderr for word in ("a word of a library", "a warning of a library")] == [not quiet] * 2


def server(connection: Connection, depth: int) -> None:
    """Tell which process each of `depth` generations was forked from."""
    connection.send(os.getppid())
    if depth > 1:
        start_child(server, connection, depth - 1, daemon=False).join()


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="children are not forked here")
def test_children_of_children_come_from_the_same_fork_server_so_that_nothing_is_imported_twice():
    ours, theirs = context().Pipe()
    start_child(server, theirs, 3, daemon=False).join()
    told = [ours.recv() for _ in range(3)]
    assert len(set(told)) == 1
    assert told[0] != os.getpid()


@pytest.mark.parametrize(("code", "words"), [(0, "ended with exit code 0"), (-6, "crashed in native code (SIGABRT)"), (-63, "was ended by signal 63")])
def test_every_end_of_a_process_has_words(code, words):
    assert ended(code) == words


@pytest.mark.parametrize("name", ["bench.py", "bench/__init__.py", "psutil.py"])
def test_a_file_of_the_current_folder_is_not_taken_for_a_module(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise SystemExit('this was imported')", encoding="utf-8")
    code = "from bench.children import context, in_child\ncontext().set_forkserver_preload(['bench.orphans', 'psutil'])\nprint(in_child(len, 'four'))"
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert (found.stdout, found.stderr) == ("4\n", "")


def test_python_without_docstrings_is_refused_before_any_work_with_what_to_do():
    code = (
        LEAN
        + "from bench.children import warm_up\nfrom bench.errors import SelectionError\ntry:\n    warm_up()\nexcept SelectionError as error:\n    print(error)"
    )
    found = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout == "Python leaves docstrings out (-OO or PYTHONOPTIMIZE), without which transformers loads no model; use -O at most\n"


def test_a_folder_for_temporary_files_whose_path_is_too_long_is_named(tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    code = LEAN + (
        "from bench.children import warm_up\nfrom bench.errors import StorageError\ntry:\n    warm_up()\nexcept StorageError as error:\n    print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env={**os.environ, "TMPDIR": str(folder)})
    assert (found.stdout, found.stderr) == (f"{folder}: this path is too long for the sockets of our processes; set TMPDIR to a shorter one\n", "")
