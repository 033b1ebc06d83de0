"""Short-time Fourier transform with a root-Hann window, block by block, and the compression of its magnitudes.

Frame t is centred on sample `t * hop`; window = 2 * hop, so that analysis and synthesis windows add up to one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]

EPSILON = 1e-8
"""Added to squared magnitudes before a power is taken: -80 dB below one digital full-scale step of the spectrum."""


def root_hann(window: int) -> Floats:
    """Square root of the periodic Hann window, `(window,)`."""
    return np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)


class Analysis:
    """Waveform to spectrum, block by block.

    `feed` takes `(channels, time)` of any length and returns the complete frames, complex64 `(channels, T, F)`, F = window / 2 + 1.
    A recording of n samples gives ceil(n / hop) + 1 frames once it is flushed with zeros.
    """

    def __init__(self, window: int, channels: int) -> None:
        self.window, self.hop = window, window // 2
        self._shape = root_hann(window)
        self._kept: Floats = np.zeros((channels, self.hop), np.float32)

    def feed(self, block: Floats) -> Spectrum:
        """All frames that the samples so far complete, `(channels, T, F)`."""
        samples = np.concatenate([self._kept, block], axis=1)
        count = max(0, samples.shape[1] // self.hop - 1)
        self._kept = samples[:, count * self.hop :]
        if count == 0:
            return np.zeros((samples.shape[0], 0, self.hop + 1), np.complex64)
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.window, axis=1)[:, :: self.hop][:, :count]
        return np.asarray(np.fft.rfft(frames * self._shape), np.complex64)


class Synthesis:
    """Spectrum to waveform by overlap-add, the inverse of `Analysis`: the first hop that comes out belongs before the recording."""

    def __init__(self, window: int, channels: int) -> None:
        self.window, self.hop = window, window // 2
        self._shape = root_hann(window)
        self._tail: Floats = np.zeros((channels, self.hop), np.float32)

    def feed(self, spectrum: Spectrum) -> Floats:
        """`(channels, T, F)` to the finished samples `(channels, T * hop)`."""
        channels, count, _ = spectrum.shape
        if count == 0:
            return np.zeros((channels, 0), np.float32)
        frames = np.asarray(np.fft.irfft(spectrum, self.window), np.float32) * self._shape
        first, second = frames[..., : self.hop], frames[..., self.hop :]
        out = first.copy()
        out[:, 0] += self._tail
        out[:, 1:] += second[:, :-1]
        self._tail = second[:, -1].copy()
        return out.reshape(channels, count * self.hop)


def compress(spectrum: Spectrum, power: float) -> Floats:
    """Magnitudes to the given power, phases kept: complex `(..., F)` to real and imaginary parts `(..., F, 2)`."""
    parts = np.ascontiguousarray(spectrum).view(np.float32).reshape(*spectrum.shape, 2)
    size = parts[..., 0] ** 2 + parts[..., 1] ** 2 + np.float32(EPSILON)
    return np.asarray(parts * np.power(size, np.float32((power - 1) / 2))[..., None], np.float32)
