"""Signals that wait: a step of training is done completely or not at all, whenever Ctrl-C comes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def whole() -> Iterator[None]:
    """What is inside is not cut in two: a signal that comes meanwhile is handled after it, by whoever handled it before.

    Without it a stop could fall between moving the weights and counting the step, and a resumed run would do that step twice.
    """
    came: list[tuple[int, FrameType | None]] = []
    before = {number: handler for number in _numbers() if callable(handler := signal.getsignal(number))}
    for each in before:
        signal.signal(each, lambda *of: came.append(of))
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    for number, frame in came[:1]:
        before[signal.Signals(number)](number, frame)


def _numbers() -> list[signal.Signals]:
    """Only the main thread may handle signals."""
    if threading.current_thread() is not threading.main_thread():
        return []
    return [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
