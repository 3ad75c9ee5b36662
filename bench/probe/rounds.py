"""Models measured in turns: each in a process of its own, with a reference model in every round."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bench.children import context, end_children, start_child
from bench.errors import STOPS, ModelError, last_line
from bench.faults import ended, explain
from bench.probe import energy, noise
from bench.probe.cold import cold_starts
from bench.probe.profiles import Profile
from bench.probe.texts import Bucket, block
from bench.probe.worker import Subject, serve
from bench.statistics.latency import middle_interval

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess


LOOK_EVERY = 5
"""After how many rounds more it is looked whether these are enough, where no process ends before."""


@dataclasses.dataclass
class Taken:
    """What was measured of one model.

    `loaded`, `settled`, `memory` and `work` are what its process said, the last one where it had several (`bench.probe.worker`). `parts` (by batch size and
    bucket) and `singles` are seconds by round, `joules` those of encoding each part once, by batch size; `fitted` is the least that fitted into memory of each
    batch size; `cold` is what fresh interpreters said (`bench.probe.cold`).
    """

    subject: Subject
    loaded: dict[str, Any] = dataclasses.field(default_factory=dict)
    settled: dict[str, Any] = dataclasses.field(default_factory=dict)
    parts: dict[int, dict[Bucket, list[float]]] = dataclasses.field(default_factory=dict)
    singles: list[list[float]] = dataclasses.field(default_factory=list)
    memory: dict[str, Any] = dataclasses.field(default_factory=dict)
    work: dict[str, Any] = dataclasses.field(default_factory=dict)
    cold: dict[str, Any] | None = None
    joules: dict[int, list[float | None]] = dataclasses.field(default_factory=dict)
    fitted: dict[int, int] = dataclasses.field(default_factory=dict)

    @property
    def best(self) -> int:
        """The batch size at which the rounds went quickest."""
        return min(self.parts, key=lambda size: statistics.median(self.blocks_of(size)))

    @property
    def batch_size(self) -> int:
        """The best one, or what of it fits into memory."""
        return self.fitted.get(self.best, self.best)

    @property
    def blocks(self) -> list[float]:
        """Seconds of the whole blocks at the best batch size, by round."""
        return self.blocks_of(self.best)

    def blocks_of(self, size: int) -> list[float]:
        """Seconds of the whole blocks at a batch size, by round."""
        return [sum(parts) for parts in zip(*self.parts[size].values(), strict=True)]


@dataclasses.dataclass(frozen=True)
class Turn:
    """What came of measuring some models together.

    `taken` has those that were measured, `failed` the errors of the others. `reference` is what the reference did in the same rounds; None where there was
    none, for which `missing` says why. `noise` is what else the machine did before and during the rounds.
    """

    taken: dict[str, Taken]
    failed: dict[str, BaseException]
    reference: Taken | None
    missing: str
    noise: dict[str, dict[str, float]]
    foreign: list[str]


def by_process(values: Sequence[float], profile: Profile) -> list[float]:
    """The middle of every process's rounds, or the rounds as they are where all are of one process: what an interval is made of."""
    count = profile.rounds_a_process or 1
    return [statistics.median(values[start : start + count]) for start in range(0, len(values), count)]


def ratios(own: Sequence[float], reference: Sequence[float], profile: Profile) -> list[float]:
    """How many times as fast as the reference a model was, by process or round, from the seconds of each round; the reference may have had more of them."""
    return by_process([other / seconds for other, seconds in zip(reference, own, strict=False)], profile)


def spread(taken: Taken, reference: Taken | None, profile: Profile) -> float:
    """How wide the 95 % interval of the ratio to the reference is, as a share of it; without a reference, that of the speed."""
    speeds = by_process([1 / seconds for seconds in taken.blocks], profile)
    middle, low, high = middle_interval(speeds if reference is None else ratios(taken.blocks, reference.blocks, profile))
    return (high - low) / middle


class Lab:
    """Measures models, always the same reference beside them, whose process lives as long as the lab.

    While one process works, the others sleep: each waits for its next command in the kernel.

    Args:
        reference: None for none; `missing` then says why.
        profile: How much to measure.
        missing: Why there is no reference.
    """

    def __init__(self, reference: Subject | None, profile: Profile, missing: str = "") -> None:
        self.profile, self.missing = profile, missing
        self._wanted = reference
        self._reference: _Meter | None = None

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        if self._reference is not None:
            self._reference.end()

    def measure(self, subjects: Sequence[Subject], progress: Callable[[float], None] = lambda _: None) -> Turn:
        """Measure some models together; what goes wrong with one is its own failure.

        Args:
            subjects: What to measure.
            progress: Told the share of the planned rounds that are done; above 1 where there are more.
        """
        failed: dict[_Meter, BaseException] = {}
        meters = [_Meter(subject, self.profile) for subject in subjects]
        try:
            reference = self._ready_reference()
            going = [meter for meter in meters if _without_fault(meter, failed, meter.prepare)]
            seen = {"before": noise.before()}
            company = [*([] if reference is None else [reference]), *going]
            watch, begun, own = noise.Watch(), time.process_time(), {meter: meter.cpu_seconds for meter in company}
            foreign = noise.foreign_processes(subjects[0].device, [meter.number for meter in company])
            company = self._take_turns(company, failed, progress)
            spent = sum(meter.cpu_seconds - before for meter, before in own.items())  # also what those used that failed
            seen["during"] = watch.seen(spent + time.process_time() - begun)
            going = [meter for meter in company if meter is not reference and _without_fault(meter, failed, meter.finish)]
            beside = reference.taken if reference is not None and reference in company else None
            missing = self.missing
            if reference is not None and beside is None:
                missing = f"the reference {reference.subject.name} failed: {last_line(explain(failed[reference]))}"
            errors = {meter.subject.name: error for meter, error in failed.items() if meter is not reference}
            return Turn({meter.subject.name: meter.taken for meter in going}, errors, beside, missing, seen, foreign)
        finally:
            for meter in meters:
                meter.end()

    def _take_turns(self, company: list[_Meter], failed: dict[_Meter, BaseException], progress: Callable[[float], None]) -> list[_Meter]:
        """The rounds, and more of those models whose intervals are too wide, as where the machine wanders. Returns the models that nothing went wrong with."""
        enough: list[_Meter] = []
        renewed = self.profile.rounds_a_process
        for number in range(max(self.profile.rounds, self.profile.most_rounds)):
            if number >= self.profile.rounds and number % (renewed or LOOK_EVERY) == 0:
                wide = self._wide(company)
                enough += [meter for meter in company if meter not in wide and meter is not self._reference]
                company = [meter for meter in company if meter in wide or meter is self._reference]
            if all(meter is self._reference for meter in company):
                break
            progress(number / self.profile.rounds)
            if renewed and number and number % renewed == 0:
                company = [meter for meter in company if _without_fault(meter, failed, meter.renew)]
            for size, bucket in itertools.product(self.profile.batch_sizes, self.profile.block):  # short turns: what slows the machine down meets all of them
                company = [meter for meter in [*company[1:], *company[:1]] if _without_fault(meter, failed, meter.part, bucket, number, size)]
            company = [meter for meter in company if _without_fault(meter, failed, meter.singles, number)]
        return [*enough, *company]

    def _wide(self, company: Sequence[_Meter]) -> list[_Meter]:
        """The models whose speed the rounds so far tell too badly to be trusted."""
        beside = self._reference.taken if self._reference is not None and self._reference in company else None
        return [meter for meter in company if meter is not self._reference and spread(meter.taken, beside, self.profile) > noise.SPREAD_LIMIT]

    def _ready_reference(self) -> _Meter | None:
        """The reference, warm, with nothing measured yet; None where there is none."""
        if self._reference is not None and not self._reference.alive:
            self._reference = None
        if self._reference is None and self._wanted is not None:
            self._reference = _Meter(self._wanted, self.profile)
            try:
                self._reference.prepare()
            except STOPS:
                raise
            except BaseException as error:
                self.missing = f"the reference {self._wanted.name} cannot be measured: {last_line(explain(error))}"
                self._reference.end()
                self._reference = self._wanted = None
        if self._reference is not None:  # its process is there, and warm
            old = self._reference.taken
            self._reference.taken = Taken(old.subject, old.loaded, old.settled)
        return self._reference


class _Meter:
    """A measuring process, and what it has measured."""

    def __init__(self, subject: Subject, profile: Profile) -> None:
        self.subject, self.profile, self.taken = subject, profile, Taken(subject)
        self._connection: Any = None
        self._process: BaseProcess | None = None
        self._earlier, self._told = 0.0, 0.0  # CPU seconds of the processes before, and of this one at its last answer

    @property
    def number(self) -> int:
        """That of the process."""
        return (self._process.pid if self._process is not None else None) or 0

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.is_alive()

    @property
    def cpu_seconds(self) -> float:
        """What its processes had used at their last answers; in between they sleep."""
        return self._earlier + self._told

    def prepare(self) -> None:
        """Start, load, warm up. A process that cannot do that is ended."""
        self._connection, theirs = context().Pipe()
        self._process = start_child(serve, theirs, self.subject, self.profile, daemon=True)
        theirs.close()
        try:
            self.taken.loaded = self._ask("load")
            self.taken.settled = self._ask("settle")
        except BaseException:
            self.end()
            raise

    def renew(self) -> None:
        """Go on in a new process."""
        self.end()
        self._earlier, self._told = self.cpu_seconds, 0.0
        self.prepare()

    def part(self, bucket: Bucket, number: int, size: int) -> None:
        """One bucket of a round's block at a batch size."""
        earlier = energy.counters(self.subject.device)
        seconds, fitted = self._ask("part", bucket, number, size)
        self.taken.parts.setdefault(size, {}).setdefault(bucket, []).append(seconds)
        self.taken.fitted[size] = min(fitted, self.taken.fitted.get(size, size))
        joules, passes = energy.used(earlier, energy.counters(self.subject.device)), self.profile.untimed + self.taken.settled["repeats"][size]
        self.taken.joules.setdefault(size, []).append(None if joules is None else joules / passes)

    def singles(self, number: int) -> None:
        """A round's single texts."""
        self.taken.singles.append(self._ask("singles", number))

    def finish(self) -> None:
        """What is measured once, after the rounds."""
        self.taken.memory = self._ask("memory", self.taken.best)
        self.taken.work = self._ask("work")
        if self.profile.cold:
            self.taken.cold = cold_starts(self.subject, block(self.profile.block, 0), self.taken.batch_size, self.profile.cold)

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            end_children([self._process])
            self._connection.close()

    def _ask(self, name: str, *args: Any) -> Any:
        try:
            self._connection.send((name, args))
            self._connection.poll(None)  # as in `bench.children.in_child`
            value, error, self._told = self._connection.recv()
        except (EOFError, ConnectionResetError, BrokenPipeError):
            assert self._process is not None
            self._process.join()
            raise ModelError(f"the process that measured {self.subject.name} {ended(self._process.exitcode)}") from None
        if error is not None:
            raise error
        return value


def _without_fault(meter: _Meter, failed: dict[_Meter, BaseException], step: Any, *args: Any) -> bool:
    """Take a step of one model; what it raises is kept as the model's failure."""
    try:
        step(*args)
    except STOPS:
        raise
    except BaseException as error:
        failed[meter] = error
        return False
    return True
