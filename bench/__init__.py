"""Kasauti: how small can a Marathi or Hindi sentence-embedding model get before it stops being good?

The same as the command `bench`, from Python:

    import bench

    plan = bench.make_plan("mini-top6")
    outcome = bench.execute(plan)
    table = bench.board().to_frame()

What this page lists in `__all__` is the public interface. Everything else may change from one version to the next.
"""

from bench.api import board, check, diff, execute, load, make_plan
from bench.errors import BenchError, CardError, CorpusError, DataError, Incomplete, LayerError, ModelError, Problem, SelectionError, StorageError
from bench.standings.board import Board
from bench.standings.gate.verdicts import Checked, Finding
from bench.standings.losses import Diff

__version__ = "0.1.0"

__all__ = [
    "BenchError",
    "Board",
    "CardError",
    "Checked",
    "CorpusError",
    "DataError",
    "Diff",
    "Finding",
    "Incomplete",
    "LayerError",
    "ModelError",
    "Problem",
    "SelectionError",
    "StorageError",
    "__version__",
    "board",
    "check",
    "diff",
    "execute",
    "load",
    "make_plan",
]
