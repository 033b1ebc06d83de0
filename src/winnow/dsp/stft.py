"""Short-time Fourier transform of a whole array with a Hann window and any hop up to half of it.

For the methods that need more overlap than the streaming pair of `winnow.dsp.spectrum`. Frame t is centred on sample `t * hop`, the
recording goes on with zeros at both ends, and the result agrees with `librosa.stft(..., pad_mode="constant")`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.floating[Any]]
Spectra = npt.NDArray[np.complexfloating[Any, Any]]


def hann(window: int) -> npt.NDArray[np.float64]:
    """The periodic Hann window, `(window,)`."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)


def stft(samples: Samples, window: int, hop: int) -> Spectra:
    """`(..., time)` to `(..., T, F)`, T = time // hop + 1, F = window / 2 + 1; float32 gives complex64, float64 complex128.

    window: samples, even; hop: samples, at most window / 2.
    """
    padding = [(0, 0)] * (samples.ndim - 1) + [(window // 2, window // 2)]
    padded = np.pad(samples, padding)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1)[..., ::hop, :]
    return np.asarray(np.fft.rfft(frames * hann(window).astype(samples.dtype)))


def istft(spectra: Spectra, window: int, hop: int, length: int) -> Samples:
    """The inverse of `stft`: `(..., T, F)` to `(..., length)`.

    Overlap-add with the same window, divided by the sum of its squares (Griffin and Lim 1984, eq. 6).
    """
    shape = hann(window).astype(spectra.real.dtype)
    frames = np.fft.irfft(spectra, window) * shape
    sums = overlap_add(frames, hop)
    weight = overlap_add(np.broadcast_to(shape**2, (frames.shape[-2], window)), hop)
    whole = sums / np.maximum(weight, np.finfo(weight.dtype).tiny)
    part = whole[..., window // 2 : window // 2 + length]
    missing = length - part.shape[-1]
    return np.asarray(np.pad(part, [(0, 0)] * (part.ndim - 1) + [(0, missing)]) if missing > 0 else part)


def overlap_add(frames: Samples, hop: int) -> Samples:
    """`(..., T, window)` to `(..., (T - 1) * hop + window)`, each frame added `hop` samples after the one before."""
    count, window = frames.shape[-2:]
    pieces = -(-window // hop)
    out = np.zeros((*frames.shape[:-2], (count + pieces - 1) * hop), frames.dtype)
    for k in range(pieces):
        piece = frames[..., k * hop : (k + 1) * hop]
        rows = out[..., k * hop : (k + count) * hop].reshape(*out.shape[:-1], count, hop)
        rows[..., : piece.shape[-1]] += piece
    return out[..., : (count - 1) * hop + window]
