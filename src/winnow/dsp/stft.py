"""The short-time Fourier transform of a whole array, and its inverse: `Analysis` and `Synthesis` in one go."""

from __future__ import annotations

import numpy as np

from winnow.dsp.spectrum import Analysis, Floats, Spectrum, Synthesis, Transform


def stft(samples: Floats, transform: Transform) -> Spectrum:
    """`(channels, time)` to `(channels, T, F)`, T = (time + window - hop) // hop + 1: every sample lies in all its frames."""
    padded = np.pad(samples, ((0, 0), (0, transform.window)))
    return Analysis(transform, len(samples)).feed(padded)


def istft(spectra: Spectrum, transform: Transform, length: int) -> Floats:
    """The inverse of `stft`: `(channels, T, F)` to `(channels, length)`."""
    samples = Synthesis(transform, len(spectra)).feed(spectra)
    return samples[:, transform.early : transform.early + length]
