"""What separates without a network: the common interface, and a whole recording in memory through its windows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from winnow.errors import NotSeparable
from winnow.models.blind import order, unseparated

Floats = npt.NDArray[np.float32]


class Separator(Protocol):
    """Separates one window of a recording; pure.

    stems: names of what comes out; rate: hertz that it works at, None for the recording's own; window, overlap: seconds;
    ordered: False where the stems of two windows may come in different orders.
    """

    rate: int | None
    window: float
    overlap: float
    ordered: bool

    @property
    def stems(self) -> tuple[str, ...]:
        """Names in the order of the output."""

    def __call__(self, mix: Floats, rate: int) -> Floats:
        """`(channels, time)` to `(stems, channels, time)`."""


def separate(separator: Separator, mix: Floats, rate: int) -> Floats:
    """A recording of any length in memory, `(channels, time)` to `(stems, channels, time)`, window by window.

    Windows are cross-faded over their overlap, stems that may change places brought into order by `order`. Windows that cannot be
    separated go to the first stem; raises NotSeparable only where that is so for every one of them.
    """
    out = np.zeros((len(separator.stems), *mix.shape), np.float32)
    size, overlap = round(separator.window * rate), round(separator.overlap * rate)
    failure, done, before = None, False, None
    for start, stop in spans(mix.shape[1], size, overlap):
        part = mix[:, start:stop]
        try:
            now, done = separator(part, rate), True
        except NotSeparable as error:
            now, failure = unseparated(part, len(out)), error
        if before is not None:
            now = _arranged(separator, before, now)
            now[..., :overlap] = cross_fade(before, now[..., :overlap])
        out[..., start:stop] = now
        before = now[..., size - overlap :].copy()
    if failure and not done:
        raise failure
    return out


def spans(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """First and last-plus-one sample of each window; the last one may be shorter, yet is longer than the overlap."""
    last = max(0, length - overlap - 1) // (size - overlap)
    return [(k * (size - overlap), min(length, k * (size - overlap) + size)) for k in range(last + 1)]


def cross_fade(before: Floats, after: Floats) -> Floats:
    """Linear from one to the other along the last axis; what adds up to the mix in both still does."""
    rise = (np.arange(before.shape[-1], dtype=np.float32) + 0.5) / before.shape[-1]
    return np.asarray(before * (1 - rise) + after * rise, np.float32)


def _arranged(separator: Separator, before: Floats, now: Floats) -> Floats:
    """The stems of a window in the order of the one before; a rest stays last."""
    if separator.ordered:
        return now.copy()
    sources = [k for k, name in enumerate(separator.stems) if name != "rest"]
    places = order(before[sources], now[sources][..., : before.shape[-1]])
    rest = [k for k in range(len(now)) if k not in sources]
    return now[[*places, *rest]]
