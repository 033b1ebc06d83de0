"""Recordings in, files out: what the command line, the web service and Spark call.

    for result in run_jobs(plan(["talk.mp4", "lectures/"], "clean/"), Settings()):
        print(result.input, result.output, result.error)

Outputs are written aside and renamed when complete, so a file under its final name is a finished one: that is how a
second run of the same command goes on where the first was stopped.
"""

from __future__ import annotations

import errno
import math
import os
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from winnow.engine.jobs import DEBUG, PIPE, Job, Result, Task, failure
from winnow.engine.plan import plan
from winnow.errors import NoAudio, WinnowError

if TYPE_CHECKING:
    from winnow.audio import Samples
    from winnow.engine.chosen import Chosen
    from winnow.engine.presence import Presence
    from winnow.engine.run import Separation, Settings
    from winnow.media import Reader

__all__ = ["Job", "Result", "Task", "plan", "run_job", "run_jobs"]

OnProgress = Callable[[Job, float, "float | None"], None]
REPORT_EVERY = 0.1  # seconds of wall clock between two reports of progress


class Meter:
    """Running sums over the stems: length, what was removed, how loud the parts are."""

    def __init__(self, rate: int, kept: str = "speech") -> None:
        self.rate, self.kept = rate, kept
        self.samples = 0
        self.values = 0
        self.total = 0.0
        self.energy: dict[str, float] = {}

    def add(self, stems: dict[str, Samples]) -> None:
        """Take in the stems of one block, each `(channels, time)`."""
        first = next(iter(stems.values()))
        self.samples += first.shape[1]
        self.values += first.size
        self.total += _energy(sum(stems.values(), start=np.zeros_like(first)))
        for name, part in stems.items():
            self.energy[name] = self.energy.get(name, 0.0) + _energy(part)

    @property
    def seconds(self) -> float:
        """Length of what was taken in so far."""
        return self.samples / self.rate

    @property
    def removed(self) -> float | None:
        """Energy of all that is not kept, relative to the input, dB."""
        return _decibels(sum(energy for name, energy in self.energy.items() if name != self.kept), self.total)

    @property
    def level(self) -> float | None:
        """RMS of what is kept, dB of full scale."""
        return _decibels(self.energy.get(self.kept, 0.0), self.values)

    @property
    def levels(self) -> dict[str, float | None]:
        """RMS of each part, dB of full scale."""
        return {name: _decibels(energy, self.values) for name, energy in self.energy.items()}


def _energy(samples: Samples) -> float:
    flat = samples.ravel()
    return float(np.dot(flat, flat))


def _decibels(part: float, whole: float) -> float | None:
    return 10 * math.log10(part / whole) if part > 0 and whole > 0 else None


def run_job(job: Job, settings: Settings, on_progress: OnProgress | None = None) -> Result:
    """Do one job; every error becomes part of the result, so that one bad file does not stop the others.

    on_progress: called as `(job, seconds done, seconds in all or None)`, about ten times a second.
    An interrupt passes through, and so does a reader of standard output that went away (BrokenPipeError).
    """
    started = time.monotonic()
    try:
        return _run(job, settings, on_progress, started)
    except (KeyboardInterrupt, SystemExit):
        from winnow.engine.sinks import sweep

        sweep(job, os.getpid())  # a signal may come between a file's creation and the statement that would remove it
        raise
    except Exception as error:
        if PIPE in job.outputs and getattr(error.__cause__, "errno", None) == errno.EPIPE:
            raise BrokenPipeError(errno.EPIPE, "whoever read standard output has left") from error
        if os.environ.get(DEBUG):
            traceback.print_exc()
        return failure(job.source, for_people(error), time.monotonic() - started)


def for_people(error: Exception) -> Exception:
    """The error as it is, or one that says it is a bug."""
    if isinstance(error, (WinnowError, MemoryError)):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}; this is a bug in winnow, {DEBUG}=1 shows where")


def run_jobs(
    jobs: Sequence[Job], settings: Settings, *, workers: int = 1, on_progress: OnProgress | None = None
) -> Generator[Result, None, None]:
    """Do all jobs; yield each result when it is ready: in order with one worker, as they finish with several processes.

    Closing the iterator, or an exception in the caller, stops the workers and removes what they had half written.
    """
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield run_job(job, settings, on_progress)
        return
    from winnow.engine.workers import run_in_processes

    yield from run_in_processes(jobs, Cleaning(settings), min(workers, len(jobs)), on_progress)


@dataclass(frozen=True)
class Cleaning:
    """The trade of the worker processes."""

    settings: Settings

    def do(self, job: Job, tell: Callable[[float, float | None], None]) -> Result:
        """See `run_job`."""
        return run_job(job, self.settings, lambda _, seconds, whole: tell(seconds, whole))

    def lost(self, job: Job, error: WinnowError) -> Result:
        """A failure of this job only."""
        return failure(job.source, error)

    def sweep(self, job: Job, process: int) -> None:
        """Remove half-written outputs."""
        from winnow.engine.sinks import sweep

        sweep(job, process)


def _run(job: Job, settings: Settings, on_progress: OnProgress | None, started: float) -> Result:
    if job.problem is not None:
        raise job.problem
    missing = [path for path in job.outputs if job.force or path == PIPE or not os.path.exists(path)]
    wanting = [pair for pair in job.papers if job.force or not os.path.exists(pair[1])]
    outputs = (*job.outputs, *(path for _, path in job.papers))
    if not missing and not wanting:
        return Result(job.source, outputs, skipped=True, note="already there, left alone (--force replaces it)")
    meter, separation, notes = _separate(replace(job, papers=tuple(wanting)), settings, missing, on_progress)
    return Result(
        input=job.source,
        output=outputs,
        seconds=meter.seconds,
        elapsed=time.monotonic() - started,
        model=separation.model,
        removed=meter.removed,
        level=meter.level,
        levels=meter.levels if job.task == "separate" else {},
        presence=_presence(separation),
        note=_note(job, missing, notes),
    )


def _separate(
    job: Job, settings: Settings, missing: list[str], on_progress: OnProgress | None
) -> tuple[Meter, Separation | Chosen, list[str]]:
    """Reader -> network -> outputs, block by block; the outputs get their names when the stack closes well."""
    from winnow.engine.papers import Papers
    from winnow.engine.relay import Relay
    from winnow.engine.sinks import open_sink
    from winnow.media import open_reader, probe

    info = None if job.source == PIPE else probe(job.source)
    with ExitStack() as stack:
        reader = stack.enter_context(open_reader(job.source, job.track))
        separation = _opened(reader, settings)
        papers = Papers(job, reader.rate)
        sink = open_sink(job, info, reader, missing, stack)
        relay = stack.enter_context(Relay(sink.write))
        meter = Meter(reader.rate, job.kept)
        report = throttled(job, reader, on_progress)
        separation.watch(report)
        for stems in _stems(reader, separation):
            relay.send(stems)
            papers.add(stems)
            meter.add(stems)
            report(meter.seconds)
        if meter.samples == 0:
            raise NoAudio(f"{job.source}: no sound could be decoded. Give a recording that is not empty.")
    if job.papers:
        papers.write(_presence(separation), {"model": separation.model})
    return meter, separation, [*damage_of(reader), *sink.notes]


def _opened(reader: Reader, settings: Settings) -> Separation | Chosen:
    from winnow.engine.chosen import Chosen, ChosenSettings
    from winnow.engine.run import Separation

    if isinstance(settings, ChosenSettings):
        return Chosen(reader.rate, reader.channels, settings)
    return Separation(reader.rate, reader.channels, settings)


def damage_of(reader: Reader) -> list[str]:
    """What the person should know about a recording that could not be read as it should be."""
    silent = (
        f"{reader.repaired} samples were no numbers (NaN or infinite) and are silent now" if reader.repaired else ""
    )
    return [note for note in (reader.warning or "", silent) if note]


def _presence(separation: Separation | Chosen) -> dict[str, Presence]:
    from winnow.engine.chosen import Chosen

    return dict(separation.presence) if isinstance(separation, Chosen) else {}


def _stems(blocks: Iterable[Samples], separation: Separation | Chosen) -> Iterator[dict[str, Samples]]:
    for block in blocks:
        yield separation.feed(block)
    yield separation.flush()


def throttled(job: Job, reader: Reader, on_progress: OnProgress | None) -> Callable[[float], None]:
    """A reporter that passes on one call in `REPORT_EVERY` seconds."""
    whole = reader.samples / reader.rate if reader.samples else None
    last = 0.0

    def report(seconds: float) -> None:
        nonlocal last
        now = time.monotonic()
        if on_progress is not None and now - last >= REPORT_EVERY:
            last = now
            on_progress(job, seconds, whole)

    return report


def _note(job: Job, missing: list[str], damage: list[str]) -> str:
    notes = [job.note, *(note.removeprefix(f"{job.source}: ") for note in damage)]
    notes += [f"{path} was there and is left alone" for path in job.outputs if path not in missing]
    return "; ".join(note for note in notes if note)
