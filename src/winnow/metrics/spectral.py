"""Distances between spectra: LSD in both axis orders, log-spectral and mel distance, IoU of noise masks. 0 is equal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.metrics.mel import mel_bank
from winnow.metrics.sdr import Floats, Values, same_length
from winnow.metrics.stream import Framer, Signals

FLOOR = 1e-10
"""Least power of a bin (full scale 1, window not normalised): two silences are equal, not NaN."""

_LSD_WINDOW, _LSD_HOP, _KULESHOV_MOST = 2048, 512, 10.0


def periodic_hann(window: int) -> npt.NDArray[np.float64]:
    """`(window,)`."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window))


class CentredFrames:
    """Power spectra of frames centred on multiples of the hop, the ends mirrored, block by block."""

    def __init__(self, window: int, hop: int) -> None:
        self._half = window // 2
        self._framer, self._shape = Framer(window, hop), periodic_hann(window)
        self._start: Floats | None = np.zeros((2, 0))
        self._end: Floats = np.zeros((2, 0))

    def feed(self, signals: Floats) -> Floats:
        """`(signals, time)` to powers `(signals, frames, bins)`."""
        if self._start is not None:
            signals = np.concatenate([np.zeros((len(signals), 0)), self._start[: len(signals)], signals], axis=1)
            if signals.shape[1] <= self._half:
                self._start = signals
                return self._power(np.zeros((len(signals), 0)))
            self._start = None
            signals = np.concatenate([signals[:, self._half : 0 : -1], signals], axis=1)
        self._end = np.concatenate([self._end, signals], axis=1)[:, -self._half - 1 :]
        return self._power(signals)

    def flush(self) -> Floats:
        """The last frames; zeros instead of a mirror for signals shorter than half a window."""
        if self._start is not None:
            return self._power(np.pad(self._start, ((0, 0), (self._half, self._half))))
        return self._power(self._end[:, -2::-1])

    def _power(self, signals: Floats) -> Floats:
        frames = self._framer.feed(signals)
        spectrum = np.fft.rfft(frames * self._shape)
        return np.asarray(spectrum.real**2 + spectrum.imag**2)


class LogSpectra:
    """LSD in both orders of averaging, block by block."""

    def __init__(self, rate: int) -> None:
        self._frames = CentredFrames(_LSD_WINDOW, _LSD_HOP)
        self._by_time, self._count = 0.0, 0
        self._by_frequency = np.zeros(_LSD_WINDOW // 2 + 1)

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of "reference" and "estimate"."""
        self._add(self._frames.feed(np.stack([signals["reference"], signals["estimate"]]).astype(np.float64)))

    def _add(self, powers: Floats) -> None:
        reference, estimate = np.log10(np.maximum(powers, FLOOR))
        squares = np.square(reference - estimate)
        self._by_time += float(np.sqrt(squares.mean(axis=1)).sum())
        self._by_frequency += squares.sum(axis=0)
        self._count += len(squares)

    def result(self) -> Values:
        """Both distances."""
        self._add(self._frames.flush())
        other = float(np.sqrt(self._by_frequency / self._count).mean() * np.log(10))
        return {"lsd": self._by_time / self._count, "lsd_other_axis": min(_KULESHOV_MOST, other)}


def lsd(reference: Floats, estimate: Floats) -> float:
    """Mean over time of the root mean square over frequency of the difference of log10 power spectra, `(time,)` both.

    Hann window of 2048, hop 512, centred. Powers below FLOOR count as FLOOR.
    """
    return _log_spectra(reference, estimate)["lsd"] or 0.0


def lsd_other_axis(reference: Floats, estimate: Floats) -> float:
    """Mean over frequency of the root mean square over time, natural logarithm, at most 10, `(time,)` both.

    The order in which published code of audio super-resolution averages, and so its tables.
    """
    return _log_spectra(reference, estimate)["lsd_other_axis"] or 0.0


def _log_spectra(reference: Floats, estimate: Floats) -> Values:
    same_length(reference, estimate)
    meter = LogSpectra(0)
    meter.feed({"reference": reference, "estimate": estimate})
    return meter.result()


class Distances:
    """Log-spectral and mel distance at 16 kHz, block by block."""

    def __init__(self, rate: int) -> None:
        window = round(0.032 * rate)
        self._short, self._long = Framer(window, window // 4), Framer(1024, 256)
        self._shape, self._long_shape = periodic_hann(window), periodic_hann(1024)
        self._level = (0.5 * window / 2) ** 2  # power of a full-scale sine in its bin
        self._bank = mel_bank(rate, 1024, 80, rate / 2).T
        self._sums, self._counts = [0.0, 0.0], [0, 0]

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of "reference" and "estimate"."""
        pair = np.stack([signals["reference"], signals["estimate"]]).astype(np.float64)
        power = np.abs(np.fft.rfft(self._short.feed(pair) * self._shape)) ** 2 / self._level
        reference, estimate = 10 * np.log10(np.maximum(power, 1e-8))
        self._add(0, np.sqrt(np.square(reference - estimate).mean(axis=1)))
        mel = np.abs(np.fft.rfft(self._long.feed(pair) * self._long_shape)) @ self._bank
        reference, estimate = np.log(np.maximum(mel, 1e-5))
        self._add(1, np.abs(reference - estimate).mean(axis=1))

    def _add(self, which: int, values: Floats) -> None:
        self._sums[which] += float(values.sum())
        self._counts[which] += len(values)

    def result(self) -> Values:
        """Both distances; None for less than a frame."""
        means = [total / count if count else None for total, count in zip(self._sums, self._counts, strict=True)]
        return dict(zip(("log_spectral_distance", "mel_distance"), means, strict=True))


def _distances(reference: Floats, estimate: Floats, rate: int) -> Values:
    same_length(reference, estimate)
    meter = Distances(rate)
    meter.feed({"reference": reference, "estimate": estimate})
    return meter.result()


def log_spectral_distance(reference: Floats, estimate: Floats, rate: int = 16000) -> float | None:
    """Mean over 32 ms frames (75 % overlap) of the root mean square difference of power spectra in dB, `(time,)` both.

    Bins below -80 dB re a full-scale sine count as -80 dB. None for less than one frame.
    """
    return _distances(reference, estimate, rate)["log_spectral_distance"]


def mel_distance(reference: Floats, estimate: Floats, rate: int = 16000) -> float | None:
    """Mean absolute difference of log mel magnitudes (ln, 80 bands, window 1024, hop 256, floor 1e-5), `(time,)` both."""
    return _distances(reference, estimate, rate)["mel_distance"]


_IOU_LENGTH, _IOU_WINDOW, _IOU_HOP, _IOU_NOISE = 8064, 255, 63, 6.0


def mask_iou(reference: Floats, estimate: Floats, mixture: Floats) -> float:
    """Agreement of removed with true noise, intersection over union, in one window of 8064 samples at 8 kHz, `(8064,)` each.

    As nmd2k/speech-enhancement computes it: spectra of 128 x 128 in dB relative to each signal's own maximum, at least
    -80 dB; noise is where the mixture is at least 6 dB above the clean speech (or the estimate).
    """
    noisy = _scaled_spectrum(mixture)
    there, found = (noisy - _scaled_spectrum(x) >= _IOU_NOISE for x in (reference, estimate))
    return float((np.sum(there & found) + 1e-6) / (np.sum(there | found) + 1e-6))


def _scaled_spectrum(signal: Floats) -> Floats:
    padded = np.pad(np.asarray(signal, np.float64), _IOU_WINDOW // 2, mode="reflect")[None]
    frames = Framer(_IOU_WINDOW, _IOU_HOP).feed(padded)[0]
    power = np.maximum(np.abs(np.fft.rfft(frames * periodic_hann(_IOU_WINDOW))) ** 2, 1e-10)
    level = 10 * np.log10(power / power.max())
    return np.asarray(np.maximum(level, -80.0))


class MaskOverlap:
    """Mean IoU of noise masks over whole windows of 1.008 s at 8 kHz; what is left at the end is not counted, as coded."""

    def __init__(self, rate: int) -> None:
        self._values: list[float] = []
        self._kept: dict[str, Floats] = {}

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of "reference", "estimate" and "mixture"."""
        self._kept = {role: np.concatenate([self._kept.get(role, x[:0]), x]) for role, x in signals.items()}
        while len(self._kept["mixture"]) >= _IOU_LENGTH:
            now = {role: x[:_IOU_LENGTH] for role, x in self._kept.items()}
            self._values.append(mask_iou(now["reference"], now["estimate"], now["mixture"]))
            self._kept = {role: x[_IOU_LENGTH:] for role, x in self._kept.items()}

    def result(self) -> Values:
        """The mean; None for less than one window."""
        return {"mask_iou": float(np.mean(self._values)) if self._values else None}
