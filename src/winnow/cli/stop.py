"""Being stopped from outside: a termination signal unwinds like Ctrl-C, so that nothing half-written stays.

An exception that a signal raises may be lost. It comes up wherever the main thread happens to be, and there are places that let
none pass: an `except:` around an import, a finaliser, a function that C code calls back. So it is kept in mind: who reports
progress asks `Stop.check`, and at the latest the end of `stoppable` raises it again. Nor does Python answer a signal before a
function of C returns. Another signal is therefore seen by a thread, which ends the process.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")

SAME = 0.3
"""Seconds in which signals count as one: a terminal, a shell and `timeout` tell the group of processes and each of them."""


class Stopped(KeyboardInterrupt):
    """The process was asked to end."""

    def __init__(self, signum: int) -> None:
        super().__init__()
        self.signum = signum


class Stop:
    """What answers the signals: the first one raises Stopped, see `_watched` for what another one does.

    signum: of the signal that came, else None. hasty: what is done before the process ends at once, such as removing files.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.hasty: Callable[[], object] = _nothing
        self._arrived = False  # at the end of the innermost `stoppable`: whoever is outside of it knows

    def __call__(self, signum: int, _: FrameType | None) -> None:
        """Raise Stopped once: what follows must not disturb the cleaning up."""
        if self.signum is None:
            self.signum = signum
            raise Stopped(signum)

    def check(self, *_: object) -> None:
        """Raises Stopped where it was raised before and did not get through; takes, and ignores, what progress is told."""
        if self.signum is not None and not self._arrived:
            raise Stopped(self.signum)

    def arrive(self, error: BaseException | None) -> None:
        """Called at the end of what can be stopped; raises Stopped where another error, or none, comes out in its place."""
        if isinstance(error, KeyboardInterrupt):
            self._arrived = True
        elif self.signum is not None and not self._arrived:
            self._arrived = True
            raise Stopped(self.signum) from error

    def end(self, signum: int) -> None:
        """End the process, whatever the main thread is at."""
        processes = sys.modules.get("multiprocessing")
        for child in processes.active_children() if processes is not None else ():
            child.terminate()  # it cleans up after itself
        with suppress(Exception):
            self.hasty()
        os._exit(128 + signum)


def _nothing() -> None:
    """Nothing is to be done."""


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Ctrl-C, SIGTERM and SIGHUP raise Stopped in the main thread, once, and `stoppable` never ends as if they had not come.

    A signal that is ignored already (nohup, a job in the background) stays so. Within another one, both are the same; outside of
    the main thread, where Python handles no signals, nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Stop()
        return
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    outer = next((handler for handler in before.values() if isinstance(handler, Stop)), None)
    with _ended(outer) if outer is not None else _installed(before) as stop:
        yield stop


@contextmanager
def _ended(stop: Stop) -> Iterator[Stop]:
    """`Stop.arrive` at the end of the block."""
    try:
        yield stop
    except BaseException as error:
        stop.arrive(error)
        raise
    stop.arrive(None)


@contextmanager
def _installed(before: dict[int, Any]) -> Iterator[Stop]:
    """A Stop for the signals that are not ignored, and what was there before put back at the end."""
    stop, unraisable = Stop(), sys.unraisablehook
    answered = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}

    def lost(said: Any) -> None:
        if not isinstance(said.exc_value, Stopped):  # it is raised again, and needs no traceback on the screen
            unraisable(said)

    sys.unraisablehook = lost
    try:
        with _watched(stop, set(answered)), _ended(stop):
            for number in answered:
                signal.signal(number, stop)
            yield stop
    finally:
        for number, handler in answered.items():
            signal.signal(number, handler)
        sys.unraisablehook = unraisable


@contextmanager
def _watched(stop: Stop, numbers: set[int]) -> Iterator[None]:
    """A signal after the first one, other than its echo, ends the process at once: a thread hears of all from C.

    Processes are spawned here and never forked: a child would share the socket.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    def watch() -> None:
        first: float | None = None
        while heard := ours.recv(1):
            now = time.monotonic()
            if heard[0] in numbers:
                first = now if first is None else first
                if now - first > SAME:
                    stop.end(heard[0])
        ours.close()

    threading.Thread(target=watch, name="stop", daemon=True).start()
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        theirs.close()
