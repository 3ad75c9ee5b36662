"""Keep the libraries' progress bars, warnings and hub chatter out of our own display. Errors still raise."""

from __future__ import annotations

import logging
import os
import warnings


def quiet_libraries() -> None:
    """Set what the libraries read when they are imported (tqdm, the Hub client, transformers), here and in child processes."""
    os.environ["TQDM_DISABLE"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    warnings.filterwarnings("ignore")
    for name in ("mteb", "sentence_transformers", "transformers", "datasets"):
        logging.getLogger(name).setLevel(logging.ERROR)
