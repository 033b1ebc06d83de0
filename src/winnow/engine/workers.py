"""Several processes, one job at a time in each: recordings to clean, or to score.

Written out rather than taken from concurrent.futures because its pool breaks as a whole when one process is killed
(out of memory), and a shared queue may stay locked by the dead. Here each worker has its own pipe, which ends with it.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from winnow.engine.trade import Trade
from winnow.errors import WinnowError

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

PATIENCE = 10.0  # seconds for a worker to remove its half-written file before it is killed

J = TypeVar("J")
R = TypeVar("R")


class WorkerLostError(WinnowError):
    """A worker process ended in the middle of a job."""


class Progress(NamedTuple):
    """A message on the way: seconds done, and seconds in all or None."""

    seconds: float
    whole: float | None


class Worker(Generic[J, R]):
    """A process that does jobs, and this end of its pipe."""

    def __init__(self, trade: Trade[J, R]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.job: J | None = None
        self._trade = trade
        self.process: SpawnProcess = context.Process(target=_serve, args=(theirs, trade), daemon=True)
        with _deaf_to_interrupts():
            self.process.start()
        theirs.close()

    def begin(self, job: J) -> None:
        """Hand a job over."""
        self.job = job
        with suppress(OSError):  # a dead worker: its pipe has ended, which `receive` reports
            self.pipe.send(job)

    def receive(self) -> R | Progress:
        """The next message: progress, or the result of the job; a worker that died gives a failure."""
        try:
            message = cast("R | Progress", self.pipe.recv())
        except (EOFError, OSError):
            message = self._lost()
        return message

    def _lost(self) -> R:
        assert self.job is not None
        self.process.join()
        self._sweep()
        return self._trade.lost(self.job, WorkerLostError(_cause(self.process.exitcode)))

    @property
    def alive(self) -> bool:
        """Whether it can take another job."""
        return self.process.is_alive()

    def stop(self) -> None:
        """Ask the process to leave; one that is busy removes its half-written file first."""
        self.process.terminate()

    def bury(self) -> None:
        """Wait until the process is gone."""
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self._sweep()
        # Only now: a pipe that ends while the worker cleans up would send it down two paths at a time.
        self.pipe.close()

    def _sweep(self) -> None:
        """Remove what a process that was killed could not."""
        if self.job is not None and self.process.pid is not None:
            self._trade.sweep(self.job, self.process.pid)


def _cause(exitcode: int | None) -> str:
    if exitcode == -getattr(signal, "SIGKILL", 9):
        return "its process was killed, most likely because memory ran out; try again with fewer --jobs"
    return f"its process ended without a word (exit code {exitcode}); try again with --jobs 1"


def run_in_processes(
    jobs: Sequence[J],
    trade: Trade[J, R],
    count: int,
    on_progress: Callable[[J, float, float | None], None] | None = None,
) -> Iterator[R]:
    """Yield results as they are ready; a worker that dies fails its own job only, and is replaced."""
    waiting = deque(jobs)
    workers = [Worker(trade) for _ in range(count)]
    try:
        for worker in workers:
            worker.begin(waiting.popleft())
        while busy := {worker.pipe: worker for worker in workers if worker.job is not None}:
            for pipe in wait(list(busy)):
                worker = busy[cast(Connection, pipe)]
                message = worker.receive()
                if isinstance(message, Progress):
                    if on_progress is not None and worker.job is not None:
                        on_progress(worker.job, *message)
                    continue
                worker.job = None
                if waiting:
                    _give_next(workers, worker, waiting.popleft(), trade)
                yield message
    finally:
        _stop(workers)


def _give_next(workers: list[Worker[J, R]], worker: Worker[J, R], job: J, trade: Trade[J, R]) -> None:
    if not worker.alive:
        workers.remove(worker)
        worker.bury()
        worker = Worker(trade)
        workers.append(worker)
    worker.begin(job)


def _stop(workers: list[Worker[J, R]]) -> None:
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.bury()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: the terminal sends it to all, the parent alone shall answer."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(signum: int, _: object) -> None:
    """Unwind, so that half-written files go; once, since a second signal would interrupt that."""
    signal.signal(signum, signal.SIG_IGN)
    sys.exit(128 + signum)


def _serve(pipe: Connection, trade: Trade[Any, Any]) -> None:
    """What runs in the worker: jobs until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)

    def tell(seconds: float, whole: float | None) -> None:
        pipe.send(Progress(seconds, whole))

    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            pipe.send(trade.do(pipe.recv(), tell))
