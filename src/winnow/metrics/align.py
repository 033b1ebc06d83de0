"""Delay and gain of an estimate against its reference."""

from __future__ import annotations

import math

import numpy as np

from winnow.metrics.sdr import Floats, Values, same_length
from winnow.metrics.stream import Signals

MOST = 0.5
"""Seconds that a delay may have to be found."""


class Alignment:
    """Delay and gain, block by block, from the cross-correlation at lags of up to MOST seconds either way."""

    def __init__(self, rate: int) -> None:
        self.rate, self._most = rate, round(MOST * rate)
        # `_sums[k]` belongs to an estimate that lags by k - _most samples.
        self._sums = np.zeros(2 * self._most + 1)
        self._reference_energy, self._estimate_energy = 0.0, 0.0
        self._past = np.zeros((2, self._most))

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of "reference" and "estimate"."""
        block = np.stack([signals["reference"], signals["estimate"]]).astype(np.float64)
        joined = np.concatenate([self._past, block], axis=1)
        size = 1 << (joined.shape[1] + self._most).bit_length()
        now = np.fft.rfft(np.pad(block, ((0, 0), (self._most, 0))), size)
        with_past = np.fft.rfft(joined, size).conj()
        # The estimate now against the reference's past: it lags. The other way round: it leads.
        self._sums[self._most :] += np.fft.irfft(now[1] * with_past[0], size)[: self._most + 1]
        self._sums[: self._most] += np.fft.irfft(now[0] * with_past[1], size)[self._most : 0 : -1]
        self._reference_energy += float(block[0] @ block[0])
        self._estimate_energy += float(block[1] @ block[1])
        self._past = joined[:, joined.shape[1] - self._most :]

    def find(self) -> tuple[int, float] | None:
        """Samples by which the estimate lags, and its gain (negative if it is inverted); None if either is silent."""
        if self._reference_energy <= 0 or self._estimate_energy <= 0:
            return None
        at = int(np.argmax(np.abs(self._sums)))
        gain = float(self._sums[at]) / self._reference_energy
        return (at - self._most, gain) if gain else None

    def result(self) -> Values:
        """Delay in ms, gain in dB."""
        found = self.find()
        if found is None:
            return {"delay": None, "gain": None}
        return {"delay": 1000 * found[0] / self.rate, "gain": 20 * math.log10(abs(found[1]))}


def alignment(reference: Floats, estimate: Floats, rate: int) -> tuple[int, float] | None:
    """Samples by which the estimate lags the reference and its gain as a factor, both `(time,)`, at most half a second.

    The delay is the lag of the greatest absolute cross-correlation, the gain the least-squares factor there, so noise in
    the estimate does not count. None where either is silent.
    """
    same_length(reference, estimate)
    meter = Alignment(rate)
    meter.feed({"reference": reference, "estimate": estimate})
    return meter.find()


def delay(reference: Floats, estimate: Floats, rate: int) -> float | None:
    """By how many milliseconds the estimate lags, see `alignment`."""
    found = alignment(reference, estimate, rate)
    return None if found is None else 1000 * found[0] / rate


def gain(reference: Floats, estimate: Floats, rate: int) -> float | None:
    """By how many dB the estimate's share of the reference is louder, see `alignment`."""
    found = alignment(reference, estimate, rate)
    return None if found is None else 20 * math.log10(abs(found[1]))
