"""Short-time Fourier transform, block by block, and the compression of magnitudes.

Synthesis windows are the analysis window divided by the sum of its squares over the frames, so that both together return the
input exactly for any window and hop (Griffin & Lim 1984, equation 6, with what is constant over time taken out).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]

EPSILON = 1e-8
"""Added to squared magnitudes before a power is taken: -80 dB below one digital full-scale step of the spectrum."""


def root_hann(window: int) -> Floats:
    """Square root of the periodic Hann window, `(window,)`."""
    return np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)


@dataclass(frozen=True)
class Transform:
    """How a spectrum is made: fft, window and hop in samples, window <= fft; shape: "root-hann" or "hann", periodic.

    Frame t begins at sample `t * hop - (window - hop)`, so that every sample of a recording lies in as many frames as any other.
    """

    window: int
    hop: int
    fft: int
    shape: Literal["root-hann", "hann"] = "root-hann"

    @classmethod
    def halves(cls, window: int) -> Transform:
        """Root-Hann windows at half overlap, which add up to one: frame t is centred on sample `t * hop`."""
        return cls(window, window // 2, window)

    @property
    def bins(self) -> int:
        """Frequency bins of a frame."""
        return self.fft // 2 + 1

    @property
    def early(self) -> int:
        """Samples that synthesis gives before the recording begins."""
        return self.window - self.hop

    @property
    def analysis(self) -> Floats:
        """The analysis window, `(window,)`."""
        root = root_hann(self.window)
        return root if self.shape == "root-hann" else root * root

    @property
    def synthesis(self) -> Floats:
        """The synthesis window, `(window,)`."""
        parts = -(-self.window // self.hop)
        shape = np.pad(self.analysis.astype(float), (0, parts * self.hop - self.window)).reshape(parts, self.hop)
        return np.asarray((shape / (shape**2).sum(0)).reshape(-1)[: self.window], np.float32)


class Analysis:
    """Waveform to spectrum, block by block.

    `feed` takes `(channels, time)` of any length and returns the complete frames, complex64 `(channels, T, F)`. With
    `transform.window` zeros more, every sample of a recording has been in all its frames.
    """

    def __init__(self, transform: Transform, channels: int) -> None:
        self.transform = transform
        self._shape = transform.analysis
        self._kept: Floats = np.zeros((channels, transform.early), np.float32)

    def feed(self, block: Floats) -> Spectrum:
        """All frames that the samples so far complete, `(channels, T, F)`."""
        c = self.transform
        samples = np.concatenate([self._kept, block], axis=1)
        count = max(0, (samples.shape[1] - c.window) // c.hop + 1)
        self._kept = samples[:, count * c.hop :]
        if count == 0:
            return np.zeros((samples.shape[0], 0, c.bins), np.complex64)
        frames = np.lib.stride_tricks.sliding_window_view(samples, c.window, axis=1)[:, :: c.hop][:, :count]
        return np.asarray(np.fft.rfft(frames * self._shape, c.fft), np.complex64)


class Synthesis:
    """Spectrum to waveform by overlap-add, the inverse of `Analysis`: what comes out begins `transform.early` samples early."""

    def __init__(self, transform: Transform, channels: int) -> None:
        self.transform = transform
        self._parts = -(-transform.window // transform.hop)
        spare = self._parts * transform.hop - transform.window
        self._shape = np.pad(transform.synthesis, (0, spare))
        self._tail: Floats = np.zeros((channels, self._parts - 1, transform.hop), np.float32)

    def feed(self, spectrum: Spectrum) -> Floats:
        """`(channels, T, F)` to the finished samples `(channels, T * hop)`."""
        c = self.transform
        channels, count, _ = spectrum.shape
        if count == 0:
            return np.zeros((channels, 0), np.float32)
        frames = np.zeros((channels, count, self._parts * c.hop), np.float32)
        frames[..., : c.window] = np.fft.irfft(spectrum, c.fft)[..., : c.window]
        parts = (frames * self._shape).reshape(channels, count, self._parts, c.hop)
        out = np.zeros((channels, count + self._parts - 1, c.hop), np.float32)
        out[:, : self._parts - 1] = self._tail
        for part in range(self._parts):
            out[:, part : part + count] += parts[:, :, part]
        self._tail = out[:, count:].copy()
        return out[:, :count].reshape(channels, count * c.hop)


def compress(spectrum: Spectrum, power: float) -> Floats:
    """Magnitudes to the given power, phases kept: complex `(..., F)` to real and imaginary parts `(..., F, 2)`."""
    parts = np.ascontiguousarray(spectrum).view(np.float32).reshape(*spectrum.shape, 2)
    size = parts[..., 0] ** 2 + parts[..., 1] ** 2 + np.float32(EPSILON)
    return np.asarray(parts * np.power(size, np.float32((power - 1) / 2))[..., None], np.float32)
