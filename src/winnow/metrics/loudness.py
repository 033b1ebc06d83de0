"""Loudness and true peak of ITU-R BS.1770-4, block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.errors import MissingExtra
from winnow.metrics.level import to_dbfs
from winnow.metrics.sdr import Floats, Values
from winnow.metrics.stream import Signals

Matrix = npt.NDArray[np.float64]
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0  # LUFS, LU
_OFFSET = -0.691


def k_weighting(rate: int) -> Matrix:
    """The two filters before the measurement as second-order sections `(2, 6)`: a head's shelf, then a high-pass.

    BS.1770 lists coefficients for 48 kHz; these are the analogue filters behind them, for any rate, by the bilinear transform.
    """
    return np.array([_shelf(rate), _high_pass(rate)])


def _shelf(rate: int) -> list[float]:
    frequency, gain, quality = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k, high = math.tan(math.pi * frequency / rate), 10 ** (gain / 20)
    band = high**0.4996667741545416
    norm = 1 + k / quality + k * k
    numerator = [high + band * k / quality + k * k, 2 * (k * k - high), high - band * k / quality + k * k]
    return [*(x / norm for x in numerator), 1.0, 2 * (k * k - 1) / norm, (1 - k / quality + k * k) / norm]


def _high_pass(rate: int) -> list[float]:
    frequency, quality = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * frequency / rate)
    norm = 1 + k / quality + k * k
    return [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / norm, (1 - k / quality + k * k) / norm]


def channel_weights(channels: int) -> Matrix:
    """Weights of BS.1770 `(channels,)`: surrounds 1.41, the sixth channel's LFE is left out (FL FR FC LFE and surrounds)."""
    if channels == 5:
        return np.array([1, 1, 1, 1.41, 1.41])
    if channels in (6, 8):
        return np.array([1, 1, 1, 0] + [1.41] * (channels - 4))
    return np.ones(channels)


class Loudness:
    """Integrated loudness. Takes `(channels, time)` of "estimate"; keeps one number for each 100 ms."""

    def __init__(self, rate: int) -> None:
        try:
            from scipy.signal import sosfilt
        except ImportError:
            raise MissingExtra(
                'loudness needs scipy, which is not installed: pip install "winnow-audio[score]"'
            ) from None
        self.notes: list[str] = []
        self._filter, self._sections, self._state = sosfilt, k_weighting(rate), np.zeros((0, 0, 0))
        self._step = round(rate / 10)
        self._kept: Matrix = np.zeros(0)
        self._energies: list[Matrix] = []

    def feed(self, signals: Signals) -> None:
        """Take a block."""
        samples = np.asarray(signals["estimate"], np.float64)
        if not self._state.size:
            self._state = np.zeros((2, len(samples), 2))
        filtered, self._state = self._filter(self._sections, samples, axis=1, zi=self._state)
        power = channel_weights(len(samples)) @ np.square(filtered)
        joined = np.concatenate([self._kept, power])
        count = len(joined) // self._step
        self._energies.append(joined[: count * self._step].reshape(count, self._step).mean(axis=1))
        self._kept = joined[count * self._step :]

    def result(self) -> Values:
        """LUFS; None where nothing is louder than -70 LUFS, or for less than 0.4 s."""
        steps = np.concatenate([*self._energies, np.zeros(0)])
        blocks = np.convolve(steps, np.full(4, 0.25), "valid") if len(steps) >= 4 else np.zeros(0)
        gated = blocks[_lufs(blocks) > _ABSOLUTE_GATE]
        if not len(gated):
            self.notes.append("loudness is not defined: less than 0.4 s, or all below -70 LUFS")
            return {"lufs": None}
        gated = gated[_lufs(gated) > float(_lufs(gated.mean())) + _RELATIVE_GATE]
        return {"lufs": float(_lufs(gated.mean()))}


def _lufs(power: Floats | np.floating) -> Matrix:
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(power, 1e-30)))


def integrated(samples: Floats, rate: int) -> float | None:
    """Integrated loudness of `(channels, time)`, LUFS, gated as in BS.1770-4 (400 ms, 75 % overlap, -70 LUFS, -10 LU).

    None where nothing is loud enough. Raises MissingExtra without scipy.
    """
    meter = Loudness(rate)
    meter.feed({"estimate": np.atleast_2d(samples)})
    return meter.result()["lufs"]


class TruePeak:
    """Highest peak of the signal between samples too, at four times the rate (twice from 96 kHz on)."""

    def __init__(self, rate: int) -> None:
        self._rate, self._factor = rate, 4 if rate < 96000 else 2 if rate < 192000 else 1
        self._stream: Any = None
        self._channels, self._peak = 1, 0.0

    def feed(self, signals: Signals) -> None:
        """Take `(channels, time)` of "estimate"."""
        self._pass(signals["estimate"], last=False)

    def _pass(self, samples: Floats, last: bool) -> None:
        if self._factor == 1:
            self._peak = max(self._peak, float(np.abs(samples).max(initial=0.0)))
            return
        if self._stream is None:
            import soxr

            self._stream = soxr.ResampleStream(self._rate, self._rate * self._factor, len(samples), dtype="float32")
        block = np.ascontiguousarray(samples.T, np.float32)
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        made = self._stream.resample_chunk(block, last=last)
        self._peak = max(self._peak, float(np.abs(made).max(initial=0.0)))
        self._channels = len(samples)

    def result(self) -> Values:
        """dBTP; SILENCE for digital silence."""
        if self._stream is not None:
            self._pass(np.zeros((self._channels, 0), np.float32), last=True)
        return {"true_peak_dbtp": to_dbfs(self._peak**2)}


def true_peak(samples: Floats, rate: int) -> float | None:
    """Highest true peak of `(channels, time)`, dB re full scale (BS.1770-4 annex 2), never below the highest sample."""
    meter = TruePeak(rate)
    meter.feed({"estimate": np.atleast_2d(samples)})
    return meter.result()["true_peak_dbtp"]
