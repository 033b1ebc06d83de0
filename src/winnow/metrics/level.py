"""Levels and faults of one recording: RMS, peak, clipping, dropouts, bandwidth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from winnow.metrics.stream import Signals

Floats = npt.NDArray[np.floating]
Values = dict[str, float | None]

SILENCE = -120.0
"""Level in dBFS that digital silence is given."""


def to_dbfs(power: float) -> float:
    """A mean square to dB below full scale, never less than SILENCE."""
    return max(SILENCE, 10 * math.log10(power)) if power > 0 else SILENCE


class Levels:
    """RMS and peak, block by block."""

    def __init__(self, rate: int) -> None:
        self._energy, self._count, self._peak = 0.0, 0, 0.0

    def feed(self, signals: Signals) -> None:
        """Take `(channels, time)` of "estimate"."""
        samples = np.asarray(signals["estimate"], np.float64)
        self._energy += float(np.vdot(samples, samples))
        self._count += samples.size
        self._peak = max(self._peak, float(np.abs(samples).max(initial=0.0)))

    def result(self) -> Values:
        """Both levels."""
        return {"rms": to_dbfs(self._energy / max(1, self._count)), "peak": to_dbfs(self._peak**2)}


def rms(samples: Floats) -> float:
    """Root mean square over all channels of `(channels, time)`, dBFS: a full-scale sine has -3."""
    return to_dbfs(float(np.mean(np.square(samples, dtype=np.float64))) if np.size(samples) else 0.0)


def peak(samples: Floats) -> float:
    """Highest absolute sample of `(channels, time)`, dBFS."""
    return to_dbfs(float(np.abs(samples).max(initial=0.0)) ** 2)
