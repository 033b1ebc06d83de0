"""Encoding beside the network: AAC takes as long as the network, and there is nearly always a second core."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")
ROOM = 4  # items in waiting; each is about a second of sound
PATIENCE = 10.0  # seconds for the item in work, when there is no need of it any more


class Relay(Generic[Item]):
    """Hands items to `write` in a thread of its own, in order and a few ahead at most.

    An error of `write` comes out at the next `send`, or at the end of the `with` block; items after it are dropped, as
    they are when the block ends with an exception.
    """

    def __init__(self, write: Callable[[Item], None]) -> None:
        self._write = write
        self._items: Queue[Item | None] = Queue(ROOM)
        self._error: BaseException | None = None
        self._abandoned = False
        self._thread = Thread(target=self._work, daemon=True)

    def send(self, item: Item) -> None:
        """Hand over an item; waits while too many are waiting."""
        self._raise()
        self._items.put(item)

    def _work(self) -> None:
        # The queue is emptied whatever happens, so that nobody waits for room in vain.
        while (item := self._items.get()) is not None:
            if self._error is None and not self._abandoned:
                try:
                    self._write(item)
                except BaseException as error:
                    self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Relay[Item]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._items.put(None)
            self._thread.join()
            self._raise()
        else:
            self._abandon()

    def _abandon(self) -> None:
        """End the thread, unless it waits for somebody who does not read the pipe that it writes: nothing can end that."""
        self._abandoned = True
        with suppress(Empty):
            while True:
                self._items.get_nowait()
        self._items.put(None)
        self._thread.join(PATIENCE)
