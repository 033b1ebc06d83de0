"""What separates without a network, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from winnow.models.blind import NAMES, Blind
from winnow.models.dereverberate import Dereverberate
from winnow.models.neighbour import Neighbour
from winnow.models.separator import Separator

METHODS: dict[str, Callable[[int, int | None], Separator]] = {
    "neighbour": lambda channels, sources: Neighbour(),
    "wpe": lambda channels, sources: Dereverberate(),
    **{name: partial(Blind, name) for name in NAMES},
}
"""From the number of channels, and of sources for the blind ones, to a separator."""

BLIND = NAMES
"""Those that tell sources apart by several microphones."""
