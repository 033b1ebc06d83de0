"""Progress through steps of which each reports by itself."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[float], None]
"""Takes the share that is done, 0 to 1."""


def nobody(share: float) -> None:
    """Where nobody wants to know."""


def part(tell: Tell, begin: float, end: float) -> Tell:
    """What a step reports to that takes from one share of the whole to another."""
    return lambda share: tell(begin + share * (end - begin))
