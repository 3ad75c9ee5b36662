"""Measurements in the format of pytest-benchmark, which its `compare` reads, and github-action-benchmark."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import __version__
from bench.store import Result, write_through


def write_benchmark(path: Path, measured: Mapping[str, Result]) -> None:
    """Write what some models cost: for each, the seconds of a round's block, and of a round's single text (their median).

    Args:
        path: The file.
        measured: Measurements by the name of the model.

    Raises:
        StorageError: The file cannot be written.
    """
    write_through(path, json.dumps(benchmark_document(measured), indent=1, ensure_ascii=False) + "\n")


def benchmark_document(measured: Mapping[str, Result]) -> dict[str, Any]:
    """What `write_benchmark` writes. Format: https://pytest-benchmark.readthedocs.io, "Comparing past runs"; version 5."""
    first: Result = next(iter(measured.values()), {})
    return {
        "machine_info": {**first.get("machine", {}), "node": "", "cpu": {"brand_raw": first.get("machine", {}).get("cpu", "")}},
        "commit_info": {},
        "benchmarks": [one for name, result in measured.items() for one in _benchmarks(name, result)],
        "datetime": first.get("finished", ""),
        "version": f"kasauti {__version__}",
    }


def _benchmarks(name: str, result: Result) -> Iterator[dict[str, Any]]:
    for scenario, seconds in (("offline", result["offline"]["rounds"]), ("single", result["single"]["rounds"])):
        relative = (result["relative"] or {}).get(scenario)
        yield {
            "group": scenario,
            "name": f"{scenario}[{name}]",
            "fullname": f"probe/{scenario}[{name}]",
            "params": {"candidate": name},
            "param": name,
            "extra_info": {"validity": result["validity"], "relative": relative, "reference": result["reference"], "sentences": result["sentences"]},
            "options": {"disable_gc": False, "timer": "perf_counter", "min_rounds": len(seconds), "max_time": 0.0, "min_time": 0.0, "warmup": True},
            "stats": _stats(seconds),
        }


def _stats(seconds: Sequence[float]) -> dict[str, Any]:
    """What pytest-benchmark keeps of some rounds."""
    q1, median, q3 = statistics.quantiles(seconds, n=4, method="inclusive")
    mean, deviation, iqr = statistics.mean(seconds), statistics.stdev(seconds), q3 - q1
    far = sum(not q1 - 1.5 * iqr <= one <= q3 + 1.5 * iqr for one in seconds)
    wide = sum(not mean - deviation <= one <= mean + deviation for one in seconds)
    near = [one for one in seconds if q1 - 1.5 * iqr <= one <= q3 + 1.5 * iqr]
    return {
        "min": min(seconds),
        "max": max(seconds),
        "mean": mean,
        "stddev": deviation,
        "rounds": len(seconds),
        "median": median,
        "iqr": iqr,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": far,
        "stddev_outliers": wide,
        "outliers": f"{wide};{far}",
        "ld15iqr": min(near),
        "hd15iqr": max(near),
        "ops": 1 / mean,
        "total": sum(seconds),
        "iterations": 1,
        "data": list(seconds),
    }
