"""Keep the libraries' progress bars, warnings and hub chatter out of our own display, and their caches out of a home that cannot be written.

Errors still raise.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from pathlib import Path


def quiet_libraries() -> None:
    """Set what the libraries read when they are imported (tqdm, the Hub client, transformers), here and in child processes."""
    os.environ["TQDM_DISABLE"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    warnings.filterwarnings("ignore")
    for name in ("mteb", "sentence_transformers", "transformers", "datasets"):
        logging.getLogger(name).setLevel(logging.ERROR)


def cache_where_it_can_be_written() -> None:
    """Give mteb, which makes its cache folder when it is imported, one among the temporary files where the home folder cannot be written.

    A cache that the user names is left alone.
    """
    if os.environ.get("MTEB_CACHE"):
        return
    try:
        usual = Path.home() / ".cache" / "mteb"
        if usual.is_dir():
            return
        with tempfile.TemporaryFile(dir=next(folder for folder in usual.parents if folder.exists())):
            return
    except (OSError, RuntimeError):  # it cannot be written; there is no home
        os.environ["MTEB_CACHE"] = str(Path(tempfile.gettempdir()) / "kasauti-mteb-cache")
