"""Whether a model's folder says about itself what can be used, before anything is loaded from it.

The libraries pass over some nonsense (a similarity that there is not), and end on other in the middle of a run (a prompt that is a number).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from bench.cards.candidate import Similarity
from bench.digests import folder_files, is_lfs_pointer
from bench.errors import ModelError, first_line

SETTINGS = "config_sentence_transformers.json"
LONGEST_POINTER = 1024
"""Bytes: no pointer of Git LFS is longer."""
OWN_MODULES = "sentence_transformers."


def check_folder(folder: Path, *, trust_remote_code: bool = False) -> None:
    """Refuse a folder that holds pointers in place of files, or whose settings are no settings.

    Args:
        folder: A model's.
        trust_remote_code: Whether modules may be of other packages than sentence-transformers, or of the folder's own code.

    Raises:
        ModelError: Names the file, the field, and what was expected and found.
    """
    for path in folder_files(folder):
        try:
            if path.stat().st_size <= LONGEST_POINTER and is_lfs_pointer(path):
                raise ModelError(f"{path}: is the pointer that Git LFS leaves in place of a file; get the file itself (git lfs pull)")
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    if (path := folder / SETTINGS).is_file():
        for field, expected, found in _wrong_settings(read_json(path)):
            raise ModelError(f"{path}: {field} must be {expected} (got {found!r}); mend it or leave it out")
    if (path := folder / "modules.json").is_file():
        _check_modules(path, read_json(path), trusted=trust_remote_code)


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        ModelError: It cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ModelError(f"{path}:{error.lineno}: not JSON ({error.msg})") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be read ({first_line(error)})") from None


def _wrong_settings(settings: Any) -> Iterator[tuple[str, str, Any]]:
    """What cannot be used of how a folder wants to be used: the field, what was expected, what was found."""
    if not isinstance(settings, dict):
        yield "the file", "a JSON object", settings
        return
    prompts = settings.get("prompts", {})
    if not isinstance(prompts, dict) or not all(isinstance(prompt, str | None) for prompt in prompts.values()):
        yield "prompts", "an object of texts by name", prompts
        return
    default = settings.get("default_prompt_name")
    if default is not None and default not in ("query", "document", *prompts):
        yield "default_prompt_name", f"null or one of {', '.join(sorted({'query', 'document', *prompts}))}", default
    similarity = settings.get("similarity_fn_name")
    if similarity is not None and similarity not in get_args(Similarity):
        yield "similarity_fn_name", f"null or one of {', '.join(get_args(Similarity))}", similarity
    if not isinstance(settings.get("__version__", {}), dict):
        yield "__version__", "an object of versions by library", settings["__version__"]


def _check_modules(path: Path, modules: Any, *, trusted: bool) -> None:
    """Refuse a list of modules that is none, or that names code which nobody has said may run."""
    if not isinstance(modules, list) or not modules or not all(isinstance(one, dict) and isinstance(one.get("path"), str) for one in modules):
        raise ModelError(f"{path}: expected a JSON list of modules with their paths")
    for module in modules:
        kind = module.get("type")
        if not isinstance(kind, str) or "." not in kind:
            raise ModelError(f"{path}: type must be the class of a module, like sentence_transformers.models.Pooling (got {kind!r})")
        if not kind.startswith(OWN_MODULES) and not trusted:
            mend = "get a model without it, or, if you trust that code, say trust_remote_code = true on the candidate"
            raise ModelError(f"{path}: {kind} is no module of sentence-transformers, so that other code would run; {mend}")
