"""Filters on the mel scale, as Slaney's Auditory Toolbox (1998) has them and most programs since."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_STEP = 200 / 3  # hertz per mel below 1 kHz
_LOG = np.log(6.4) / 27  # above it, per mel


def to_mel(hertz: Floats) -> Floats:
    """Linear below 1 kHz, logarithmic above."""
    return np.where(hertz < 1000, hertz / _STEP, 15 + np.log(np.maximum(hertz, 1000) / 1000) / _LOG)


def to_hertz(mel: Floats) -> Floats:
    """The inverse of `to_mel`."""
    return np.where(mel < 15, mel * _STEP, 1000 * np.exp(_LOG * (mel - 15)))


def mel_bank(rate: int, window: int, bands: int, highest: float) -> Floats:
    """Triangles of equal area from 0 to `highest` hertz, `(bands, window // 2 + 1)`."""
    bins = np.arange(window // 2 + 1) * rate / window
    edges = to_hertz(np.linspace(0.0, float(to_mel(np.array(highest))), bands + 2))
    slopes = edges[:, None] - bins[None, :]
    widths = np.diff(edges)[:, None]
    rising, falling = -slopes[:-2] / widths[:-1], slopes[2:] / widths[1:]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None])
