"""Progress within one window, of separators that may take a minute over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

Tell = Callable[[float], object]
"""Takes the share of the work that is done, 0 to 1."""


def ignore(share: float) -> None:
    """Nobody wants to know."""


@runtime_checkable
class Telling(Protocol):
    """A `Separator` that calls `tell` while it works on a window; whoever wants to know sets it."""

    tell: Tell
