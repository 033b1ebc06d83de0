"""System 1's inference exactly as its published code does it, with the defects that can be told from outside.

Windows of 8064 samples side by side, each with decibels relative to its own loudest bin; that bin becomes 0 dB again when the
spectrum is rebuilt; the inverse transform takes 254 points for the 255 of the forward one; times ten at the end. Left out: batch
statistics at inference (an exported graph has none), and the loss of the tail (it is silent here, so that the length stays).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.models.manifest import SpectralSettings
from winnow.models.session import open_session
from winnow.models.spectral import decibels

Floats = npt.NDArray[np.float32]

WINDOW = 8064
REDUCE_RATE = 0.8
"""Share of the network's slope that is used ("noise attenuation strength")."""

LOUDER = 10.0


class PublishedUNet:
    """A `Separator` of windows of 1.008 s at 8 kHz."""

    stems: tuple[str, ...] = ("speech",)
    rate: int | None = 8000
    window = WINDOW / 8000
    overlap = 0.0
    ordered = True

    def __init__(self, graph: bytes, settings: SpectralSettings, name: str) -> None:
        self.settings = settings
        self._session = open_session(graph, name)

    def __call__(self, mix: Floats, rate: int) -> Floats:
        """`(channels, time)` to `(1, channels, time)`; a stretch shorter than a window falls silent, as the tail there does."""
        if mix.shape[1] < WINDOW:
            return np.zeros((1, *mix.shape), np.float32)
        out = np.zeros((1, *mix.shape), np.float32)
        for number, channel in enumerate(mix):
            out[0, number, :WINDOW] = self._window(channel[:WINDOW])
        return out

    def _window(self, samples: Floats) -> Floats:
        c = self.settings
        spectrum = stft(samples, c.fft, c.hop)
        level = decibels(np.abs(spectrum))
        scaled = (level - c.centre) / c.span
        out = self._session.run(None, {"spectrum": scaled[None].astype(np.float32)})[0][0]
        noise = out * (c.out_span * REDUCE_RATE) + c.out_centre
        rebuilt = 10 ** ((level - noise) / 20) * np.exp(1j * np.angle(spectrum))
        return np.asarray(istft(rebuilt, c.fft - 1, c.hop, len(samples)) * LOUDER, np.float32)


def hann(length: int) -> npt.NDArray[np.float64]:
    """The periodic Hann window, `(length,)`."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def stft(samples: Floats, fft: int, hop: int) -> npt.NDArray[np.complex128]:
    """Centred frames with zeros at the ends, as librosa's `stft` with its defaults: `(time,)` to `(T, F)`."""
    padded = np.pad(samples.astype(float), fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, fft)[::hop]
    return np.fft.rfft(frames * hann(fft))


def istft(spectrum: npt.NDArray[np.complex128], fft: int, hop: int, length: int) -> npt.NDArray[np.float64]:
    """The inverse with a transform of `fft` points, right or wrong, as librosa's `istft`: `(T, F)` to `(length,)`."""
    window = hann(fft)
    frames = np.fft.irfft(spectrum, fft) * window
    total = np.zeros(fft + hop * (len(frames) - 1))
    weight = np.zeros_like(total)
    for number, frame in enumerate(frames):
        total[number * hop : number * hop + fft] += frame
        weight[number * hop : number * hop + fft] += window**2
    whole = np.where(weight > np.finfo(np.float32).tiny, total / np.maximum(weight, 1e-30), total)[fft // 2 :]
    return np.pad(whole, (0, max(0, length - whole.size)))[:length]
