"""What separates whole stretches of samples: the common interface, and how one window goes on with the one before."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from winnow.models.blind.order import order

Floats = npt.NDArray[np.float32]

OPPOSED = -0.5
"""Correlation with the first channel below which a channel is taken to be wired the wrong way round."""


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


def cross_fade(before: Floats, after: Floats) -> Floats:
    """Linear from one to the other along the last axis; what adds up to the mix in both still does."""
    rise = (np.arange(before.shape[-1], dtype=np.float32) + 0.5) / before.shape[-1]
    return np.asarray(before * (1 - rise) + after * rise, np.float32)


def arranged(separator: Separator, before: Floats, now: Floats) -> Floats:
    """The stems of a window in the order of the one before; a rest stays last."""
    if separator.ordered:
        return now.copy()
    sources = [k for k, name in enumerate(separator.stems) if name != "rest"]
    places = order(before[sources], now[sources][..., : before.shape[-1]])
    rest = [k for k in range(len(now)) if k not in sources]
    return now[[*places, *rest]]


def downmix(mix: Floats) -> Floats:
    """`(channels, time)` to the mean `(time,)` of the channels, each turned to the polarity of the first."""
    power = np.einsum("ct,ct->c", mix, mix)
    opposed = mix @ mix[0] < OPPOSED * np.sqrt(power * power[0])
    return np.asarray(np.where(opposed, -1, 1).astype(np.float32) @ mix / len(mix), np.float32)
