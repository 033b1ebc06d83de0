"""What is done with each of many jobs, in this process or in others: an error of one is a part of its result."""

from __future__ import annotations

import errno
import os
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from winnow.engine.jobs import DEBUG, PIPE, Job, Result, failure
from winnow.errors import WinnowError

J = TypeVar("J")
R = TypeVar("R")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)
Tell = Callable[[float, "float | None"], None]
"""Takes progress: seconds done, and seconds in all or None."""

REPORT_EVERY = 0.1  # seconds of wall clock between two reports of progress
LEFT_ALONE = "already there, left alone (--force replaces it)"


class Trade(Protocol[In_contra, Out_co]):
    """What a worker does with each job; sent to its process once, so it is plain data."""

    def do(self, job: In_contra, tell: Tell) -> Out_co:
        """Do a job; its errors become part of the result."""

    def lost(self, job: In_contra, error: WinnowError) -> Out_co:
        """The result of a job whose process died."""

    def sweep(self, job: In_contra, process: int) -> None:
        """Remove what a process that was killed left half-written."""


class JobTrade(ABC):
    """A trade whose jobs are recordings that become files."""

    @abstractmethod
    def done(self, job: Job, tell: Tell) -> Result:
        """What became of a job, but for the time that it took; raises what goes wrong. tell: may be called often."""

    def do(self, job: Job, tell: Tell) -> Result:
        """Do a job; every error becomes part of the result, so that one bad file does not stop the others.

        An interrupt passes through, and so does a reader of standard output that went away (BrokenPipeError).
        """
        started = time.monotonic()
        try:
            if job.problem is not None:
                raise job.problem
            result = self.done(job, throttled(tell))
        except (KeyboardInterrupt, SystemExit):
            self.sweep(job, os.getpid())  # a signal may come between a file's creation and what would remove it
            raise
        except BrokenPipeError:
            raise
        except Exception as error:
            if PIPE in job.outputs and getattr(error.__cause__, "errno", None) == errno.EPIPE:
                raise BrokenPipeError(errno.EPIPE, "whoever read standard output has left") from error
            return failure(job.source, for_people(error), time.monotonic() - started)
        return result if result.skipped else replace(result, elapsed=time.monotonic() - started)

    def lost(self, job: Job, error: WinnowError) -> Result:
        """A failure of this job only."""
        return failure(job.source, error)

    def sweep(self, job: Job, process: int) -> None:
        """Remove half-written outputs."""
        from winnow.engine.sinks import sweep

        sweep(job, process)


def for_people(error: Exception) -> Exception:
    """The error as it is, or one that says it is a bug; with WINNOW_DEBUG its traceback is printed."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if isinstance(error, (WinnowError, MemoryError)):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}; this is a bug in winnow, {DEBUG}=1 shows where")


def throttled(tell: Tell) -> Tell:
    """Passes on one call in `REPORT_EVERY` seconds."""
    last = 0.0

    def report(seconds: float, whole: float | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY:
            last = now
            tell(seconds, whole)

    return report


def unheard(*_: object) -> None:
    """Takes progress that nobody wants to see."""


def results_of(
    jobs: Sequence[J],
    trade: Trade[J, R],
    workers: int,
    on_progress: Callable[[J, float, float | None], None] = unheard,
) -> Generator[R, None, None]:
    """Yield each result when it is ready: in order with one worker, as they finish with several processes.

    Closing the iterator, or an exception in the caller, stops the workers and removes what they had half written.
    """
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield trade.do(job, partial(on_progress, job))
        return
    from winnow.engine.workers import run_in_processes

    yield from run_in_processes(jobs, trade, min(workers, len(jobs)), on_progress)
