"""Recordings in, files out: what the command line, the web service and Spark call.

    for result in run_jobs(plan(["talk.mp4", "lectures/"], "clean/"), Settings()):
        print(result.input, result.output, result.error)

Outputs are written aside and renamed when complete, so a file under its final name is a finished one: that is how a
second run of the same command goes on where the first was stopped.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from winnow.engine.jobs import PIPE, Job, Result, Task
from winnow.engine.plan import plan
from winnow.engine.trade import LEFT_ALONE, JobTrade, Tell, results_of, unheard
from winnow.errors import NoAudio

if TYPE_CHECKING:
    from winnow.audio import Samples
    from winnow.engine.chosen import Chosen
    from winnow.engine.presence import Presence
    from winnow.engine.run import Separation, Settings
    from winnow.media import Reader

__all__ = ["Job", "Result", "Task", "plan", "run_job", "run_jobs"]

OnProgress = Callable[[Job, float, "float | None"], None]


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


def run_job(job: Job, settings: Settings, on_progress: OnProgress = unheard) -> Result:
    """Do one job; errors become part of the result, see `JobTrade.do`.

    on_progress: called as `(job, seconds done, seconds in all or None)`, about ten times a second.
    """
    return Cleaning(settings).do(job, partial(on_progress, job))


def run_jobs(
    jobs: Sequence[Job], settings: Settings, *, workers: int = 1, on_progress: OnProgress = unheard
) -> Generator[Result, None, None]:
    """Do all jobs; yield each result when it is ready, see `results_of`."""
    return results_of(jobs, Cleaning(settings), workers, on_progress)


@dataclass(frozen=True)
class Cleaning(JobTrade):
    """Speech and the rest apart; what is wanted of them is written."""

    settings: Settings

    def done(self, job: Job, tell: Tell) -> Result:
        """See `JobTrade.done`."""
        missing = [path for path in job.outputs if job.force or path == PIPE or not os.path.exists(path)]
        wanting = [pair for pair in job.papers if job.force or not os.path.exists(pair[1])]
        outputs = (*job.outputs, *(path for _, path in job.papers))
        if not missing and not wanting:
            return Result(job.source, outputs, skipped=True, note=LEFT_ALONE)
        meter, separation, notes = _separate(replace(job, papers=tuple(wanting)), self.settings, missing, tell)
        return Result(
            input=job.source,
            output=outputs,
            seconds=meter.seconds,
            model=separation.model,
            removed=meter.removed,
            level=meter.level,
            levels=meter.levels if job.task == "separate" else {},
            presence=_presence(separation),
            note=_note(job, missing, [*_left_whole(job, meter), *notes]),
        )


def _left_whole(job: Job, meter: Meter) -> list[str]:
    """What to say of a recording in which there was too little for several microphones' filters to be found from."""
    loud = [name for name, level in meter.levels.items() if level is not None]
    if job.task != "separate" or loud != list(meter.levels)[:1]:
        return []
    return [f"too short to be separated, all of it is in {loud[0]}"]


def _separate(
    job: Job, settings: Settings, missing: list[str], tell: Tell
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
        report = watching(reader, tell)
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


def watching(reader: Reader, tell: Tell) -> Callable[[float], None]:
    """Tells the seconds done, and those of the whole recording if they are known."""
    whole = reader.samples / reader.rate if reader.samples else None
    return lambda seconds: tell(seconds, whole)


def _note(job: Job, missing: list[str], damage: list[str]) -> str:
    notes = [job.note, *(note.removeprefix(f"{job.source}: ") for note in damage)]
    notes += [f"{path} was there and is left alone" for path in job.outputs if path not in missing]
    return "; ".join(note for note in notes if note)
