"""Mask algebra: what is done between a network's output and the spectrum it is applied to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.complex64]


def expand_mask(parts: Floats, power: float, exponent: float = 1.0) -> Mask:
    """A mask for compressed magnitudes as a mask for the spectrum itself: `M |M|^(exponent/power - 1)`.

    parts: `(..., F, 2)`, real and imaginary; power: the compression that the network works in, 1 for none; exponent: to
    which the gains are raised, below 1 takes less away. Returns complex64 `(..., F)`.
    """
    if power != exponent:
        size = parts[..., 0] ** 2 + parts[..., 1] ** 2 + np.float32(1e-12)
        parts = parts * np.power(size, np.float32((exponent / power - 1) / 2))[..., None]
    return np.ascontiguousarray(parts, np.float32).view(np.complex64)[..., 0]


def moderate(mask: Mask, strength: float, max_attenuation: float | None) -> Mask:
    """Do less than the network wants, in any shape of mask.

    max_attenuation: dB, what the network takes away more than this is put back with the input's own phase, so that it adds
    up over the frames (None: no limit); then strength: 0 returns the input, 1 the network's result, in between a linear
    blend of both.
    """
    if max_attenuation is not None:
        floor = np.float32(10 ** (-max_attenuation / 20))
        mask = mask + np.maximum(floor - np.abs(mask), np.float32(0))
    if strength < 1:
        mask = np.float32(strength) * mask + np.float32(1 - strength)
    return np.asarray(mask, np.complex64)


def least_gain(strength: float, max_attenuation: float | None) -> float:
    """What `moderate` leaves of a bin that a network would take away altogether, 0 to 1."""
    floor = 0.0 if max_attenuation is None else 10 ** (-max_attenuation / 20)
    return 1 - strength * (1 - floor)


def limit(mask: Mask, most: float) -> Mask:
    """No bin is raised above `most` (linear): what is not there is not invented."""
    size = np.abs(mask)
    return np.asarray(mask * (most / np.maximum(size, np.float32(most))), np.complex64)
