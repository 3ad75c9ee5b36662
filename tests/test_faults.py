"""Errors of the system and of libraries as words: each library's way to say that the disk is full is known."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bench.errors import DataError, StorageError
from bench.faults import explain, storage, storage_error


def save_with_torch(path: Path) -> None:
    torch.save({"weight": torch.zeros(1_000_000)}, path)


def save_with_safetensors(path: Path) -> None:
    save_file({"weight": torch.zeros(1_000_000)}, path)


def save_with_numpy(path: Path) -> None:
    np.save(path, np.zeros(1_000_000))


def copy_with_shutil(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "large").write_bytes(bytes(4_000_000))
        shutil.copytree(folder, path)


WRITERS = [save_with_torch, save_with_safetensors, save_with_numpy, copy_with_shutil, lambda path: path.write_bytes(bytes(4_000_000))]


@pytest.mark.parametrize("write", WRITERS, ids=["torch", "safetensors", "numpy", "shutil", "python"])
def test_a_full_disk_is_recognised_whoever_writes(small_disk, write):
    folder = small_disk(megabytes=1)
    with pytest.raises(StorageError, match=f"^{folder}/x: no space is left on the disk"), storage(folder / "x"):
        write(folder / "x")


@pytest.mark.parametrize("write", WRITERS, ids=["torch", "safetensors", "numpy", "shutil", "python"])
def test_a_read_only_disk_is_recognised_whoever_writes(small_disk, write):
    folder = small_disk(megabytes=1, read_only=True)
    with pytest.raises(StorageError, match=f"^{folder}/x: the file system is read-only"), storage(folder / "x"):
        write(folder / "x")


@pytest.mark.parametrize(
    "error",
    [ValueError("odd"), FileNotFoundError(errno.ENOENT, "no such file", "x"), ConnectionRefusedError(errno.ECONNREFUSED, "refused"), OSError("no model here")],
)
def test_other_errors_are_left_as_they_are(tmp_path, error):
    assert storage_error(error, tmp_path) is None
    with pytest.raises(type(error)), storage(tmp_path):
        raise error


def test_a_file_that_is_there_already_is_no_folder_in_the_way(tmp_path):
    (tmp_path / "x").mkdir()
    assert storage_error(FileExistsError(errno.EEXIST, "exists", str(tmp_path / "x"))) is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DataError("a.tsv:3: no label"), "a.tsv:3: no label"),
        (MemoryError(), "there is not enough memory; try fewer --jobs or smaller batches (MemoryError)"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"), "there is not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "there is not enough memory"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/y"), "/x/y: no space is left on the disk"),
    ],
)
def test_what_a_user_can_mend_is_one_line(error, words):
    assert explain(error).startswith(words)
    assert "\n" not in explain(error)


def test_a_bug_keeps_its_traceback():
    try:
        raise KeyError("label")
    except KeyError as error:
        found = explain(error)
    assert found.startswith("unexpected error, please report it:\nTraceback")
    assert 'raise KeyError("label")' in found
