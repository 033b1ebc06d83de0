"""Levels and faults of one recording: RMS, peak, clipping, dropouts, bandwidth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from winnow.metrics.stream import Framer, Signals

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


class Clipping:
    """Share of clipped samples, block by block: the third and later samples of a flat top at the recording's own extremes."""

    def __init__(self, rate: int) -> None:
        self._past: Floats | None = None
        self._count, self._tops, self._found = 0, np.zeros(0), np.zeros(0)

    def feed(self, signals: Signals) -> None:
        """Take `(channels, time)` of "estimate"."""
        samples = np.asarray(signals["estimate"], np.float32)
        both = np.concatenate([samples, -samples])  # upper and lower extremes may differ
        if self._past is None:
            self._past, self._tops, self._found = np.zeros((len(both), 2)), np.zeros(len(both)), np.zeros(len(both))
        joined = np.concatenate([self._past, both], axis=1)
        tops = np.maximum(self._tops, both.max(axis=1, initial=0.0))
        self._found[tops > self._tops * (1 + _FLAT)] = 0  # what was taken for the top was not
        self._tops = tops
        flat = joined >= np.maximum(tops * (1 - _FLAT), 1e-3)[:, None]
        self._found += np.count_nonzero(flat[:, 2:] & flat[:, 1:-1] & flat[:, :-2], axis=1)
        self._past, self._count = joined[:, -2:], self._count + samples.size

    def result(self) -> Values:
        """Percent."""
        return {"clipping": 100 * float(self._found.sum()) / max(1, self._count)}


_FLAT = 1e-5  # how equal the samples of a flat top are: below half a 16-bit step


def clipping(samples: Floats) -> float:
    """Share of the samples of `(channels, time)` that are the third or later of a flat top at the extremes, percent."""
    meter = Clipping(0)
    meter.feed({"estimate": np.atleast_2d(samples)})
    return meter.result()["clipping"] or 0.0


class Dropouts:
    """Holes of digital silence in all channels, 5 ms to 2 s long, with sound above -60 dBFS in the 10 ms on both sides."""

    _SHORTEST, _LONGEST, _BESIDE, _LOUD = 5, 2000, 10, 1e-6  # steps of 1 ms; mean square

    def __init__(self, rate: int) -> None:
        self._step = max(1, round(rate / 1000))
        self._kept: Floats | None = None
        self._gap, self._before, self._count = 0, 0.0, 0

    def feed(self, signals: Signals) -> None:
        """Take `(channels, time)` of "estimate"."""
        power = np.square(signals["estimate"], dtype=np.float64).mean(axis=0)
        joined = power if self._kept is None else np.concatenate([self._kept, power])
        count = len(joined) // self._step
        self._kept = joined[count * self._step :]
        steps = joined[: count * self._step].reshape(count, self._step).mean(axis=1)
        edges = np.flatnonzero(np.diff(steps == 0)) + 1
        for run in np.split(steps, edges) if len(steps) else ():
            self._run(run)

    def _run(self, run: Floats) -> None:
        if run[0] == 0:
            self._gap += len(run)
            return
        if self._SHORTEST <= self._gap <= self._LONGEST and self._before > self._LOUD < run[: self._BESIDE].mean():
            self._count += 1
        self._gap, self._before = 0, float(run[-self._BESIDE :].mean())

    def result(self) -> Values:
        """Their number."""
        return {"dropouts": float(self._count)}


def dropouts(samples: Floats, rate: int) -> int:
    """Number of holes in `(channels, time)`, see `Dropouts`. rate: hertz. Zeros at the start and the end are none."""
    meter = Dropouts(rate)
    meter.feed({"estimate": np.atleast_2d(samples)})
    return int(meter.result()["dropouts"] or 0)


class Bandwidth:
    """Effective bandwidth, block by block, from the mean spectrum of all channels."""

    _WINDOW, _BELOW = 2048, 1e-7

    def __init__(self, rate: int) -> None:
        self._rate, self._framer = rate, Framer(self._WINDOW, self._WINDOW)
        self._shape = np.kaiser(self._WINDOW, 12.0)  # side lobes 90 dB down, so that nothing seems to lie above the end
        self._power = np.zeros(self._WINDOW // 2 + 1)

    def feed(self, signals: Signals) -> None:
        """Take `(channels, time)` of "estimate"."""
        self._add(self._framer.feed(signals["estimate"]))

    def _add(self, frames: Floats) -> None:
        self._power += (np.abs(np.fft.rfft(frames * self._shape)) ** 2).sum(axis=(0, 1))

    def result(self) -> Values:
        """Hertz; None for silence and for less than a frame of 2048 samples."""
        highest = self._power.max()
        if highest <= 0:
            return {"bandwidth": None}
        last = int(np.flatnonzero(self._power >= highest * self._BELOW)[-1])
        return {"bandwidth": last * self._rate / self._WINDOW}


def bandwidth(samples: Floats, rate: int) -> float | None:
    """Highest frequency whose mean power is within 70 dB of the strongest one's, hertz, of `(channels, time)`."""
    meter = Bandwidth(rate)
    meter.feed({"estimate": np.atleast_2d(samples)})
    return meter.result()["bandwidth"]
