"""From what a card says of a model to the folder that it lies in, with the content that the card names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.cards.candidate import AS_IT_IS, Use
from bench.cards.origin import Origin
from bench.digests import file_digest, model_digest
from bench.errors import ModelError, first_line
from bench.models.converted import converted
from bench.models.packages import package_path, package_version
from bench.models.soundness import check_folder


def locate_model(
    name: str, origin: Origin, *, where: str, folder: Path, state: Path, offline: bool, say: Callable[[str], None] = lambda _: None, use: Use = AS_IT_IS
) -> Path:
    """The folder that holds a model; a file that a package carries is converted to one, once a workspace.

    Args:
        name: What the model is called, for messages.
        origin: What the card says of it.
        where: The card and the field, for the message about content that the card does not name.
        folder: Where the card stands.
        state: The workspace's folder for what a run writes.
        offline: Never ask the Hub.
        say: Told of a conversion, which takes seconds.
        use: Whether code in the folder may run.

    Raises:
        ModelError: The folder has no `config.json` or `modules.json`, the Hub cannot be reached, the package is not installed or lacks the file, the file
            cannot be read, or the content is not that which the card names by its digest.
        StorageError: What is converted cannot be stored.
    """
    if origin.package is not None and origin.file is not None:
        return _from_file(name, origin, where, state, say)
    if origin.package is not None and origin.path is not None:
        found = _model_folder(name, package_path(name, origin.package, origin.path))
    elif origin.path is not None:
        found = _model_folder(name, (folder / Path(origin.path).expanduser()).resolve())
    else:
        found = _from_hub(name, origin, offline=offline, code=use.trust_remote_code)
    if origin.sha256 is not None and (content := model_digest(found)) != origin.sha256:
        raise ModelError(f"{where}: sha256 is {origin.sha256}, but the content of {found} has {content}; get the right folder, or put its digest on the card")
    check_folder(found, trust_remote_code=use.trust_remote_code)
    return found


def _model_folder(name: str, folder: Path) -> Path:
    if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
        missing = "is not a model folder: expected config.json or modules.json in it" if folder.is_dir() else "does not exist"
        found = "is a file; a folder is needed" if folder.is_file() else missing
        raise ModelError(f"{name}: {folder} {found}")
    return folder


def _from_hub(name: str, origin: Origin, *, offline: bool, code: bool) -> Path:
    assert origin.hub is not None
    from huggingface_hub import snapshot_download

    patterns = ["README.md", "*.json", "*.safetensors", "*.bin", "*.txt", "*.model", "*/*.json", "*/*.safetensors", "*/*.bin", *(["*.py"] if code else [])]
    try:
        return Path(snapshot_download(origin.hub, revision=origin.revision, local_files_only=offline, allow_patterns=patterns))
    except Exception as error:
        hint = "run once without --offline" if offline else "check the network, the id and the revision, or give the base as a folder (path = ...)"
        raise ModelError(f"{name}: hub:{origin.hub}@{origin.revision} cannot be had: {first_line(error)}; {hint}") from error


def _from_file(name: str, origin: Origin, where: str, state: Path, say: Callable[[str], None]) -> Path:
    """The converted file of a package, which has to be the very file that the card names."""
    assert origin.package is not None
    assert origin.file is not None
    assert origin.format is not None
    file = package_path(name, origin.package, origin.file)
    if file.is_dir():
        raise ModelError(f"{where}: file is {origin.file}, which is a folder of {origin.package}; name a file in it, or give a model's folder as path")
    try:
        content = file_digest(file)
    except OSError as error:
        raise ModelError(f"{name}: {file}: cannot be read ({error.strerror})") from None
    if content != origin.sha256:
        version = package_version(name, origin.package)
        mend = f"pip install --force-reinstall the version of {origin.package} that has it, or put its digest on the card"
        raise ModelError(f"{where}: sha256 is {origin.sha256}, but {file} of {origin.package} {version} has {content}; {mend}")
    return converted(file, content, origin.format, state, say)
