"""Signals wait while FFmpeg calls back into Python.

An exception that a signal's handler raises there, such as KeyboardInterrupt, is lost, for PyAV takes back plain errors only: FFmpeg
goes on as if nothing had been read or written, and a spoilt file would pass for a whole one.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
NUMBERS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))
LOOK_EVERY = 0.2  # seconds


class Held:
    """`with Held():` around what calls back; the handlers of signals that came meanwhile are called at its end.

    Outside of the main thread, where no handler is ever called, it does nothing.
    """

    def __init__(self) -> None:
        self._signals: list[tuple[int, FrameType | None]] = []
        self._error: BaseException | None = None
        self._before: dict[int, Any] = {}
        self._holding = False

    def __enter__(self) -> Held:
        self._signals, self._error, self._holding = [], None, True
        if threading.current_thread() is threading.main_thread():
            self._before = {number: old for number in NUMBERS if callable(old := signal.getsignal(number))}
            for number in self._before:
                signal.signal(number, self._note)
        return self

    def _note(self, signum: int, frame: FrameType | None) -> None:
        # A handler may raise before all are put back: those that are not pass signals on from then.
        if self._holding:
            self._signals.append((signum, frame))
        else:
            self._before[signum](signum, frame)

    def leaving(self) -> bool:
        """Whether a handler of what came so far raises, which the end of the block then does."""
        while self._signals and self._error is None:
            signum, frame = self._signals.pop(0)
            try:
                self._before[signum](signum, frame)
            except BaseException as error:
                self._error = error
        return self._error is not None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._holding = False
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.leaving() and self._error is not None:
            raise self._error


class Pipe:
    """Standard input as FFmpeg is handed it: what blocks is Python, which hears of signals, and not FFmpeg, which reads on.

    held: within which it is read.
    """

    name = "standard input"

    def __init__(self, number: int, held: Held) -> None:
        self._number, self._held = number, held

    def read(self, size: int) -> bytes:
        """At most so many bytes, as soon as there are any, none at the end. Raises InterruptedError where a signal ends it."""
        while not self._held.leaving():
            # Windows cannot wait for a pipe, and ends a read at Ctrl-C.
            if sys.platform == "win32" or select.select([self._number], [], [], LOOK_EVERY)[0]:
                return os.read(self._number, size)
        raise InterruptedError("a signal came")
