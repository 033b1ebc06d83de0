"""Spectrograms in decibels as the published systems scale them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]


def amplitude_to_db(size: Floats, reference: float | None = None, top: float | None = 80.0) -> Floats:
    """Magnitudes in dB over a reference, None: over their own maximum; at most `top` dB below the loudest, as librosa does.

    System 1 takes each window's and each signal's own maximum, so that the level between windows, and between the noisy
    and the clean one, is lost. Magnitudes below 1e-5 count as 1e-5.
    """
    low = 1e-10  # squared
    over = float(np.max(size)) if reference is None else reference
    decibels = 10 * np.log10(np.maximum(low, np.square(size))) - 10 * np.log10(max(low, over**2))
    return np.asarray(decibels if top is None else np.maximum(decibels, decibels.max() - top))


def db_to_amplitude(decibels: Floats, reference: float = 1.0) -> Floats:
    """The inverse of `amplitude_to_db`, but for what was cut."""
    return np.asarray(reference * 10 ** (np.asarray(decibels) / 20))


SPAN, LEVEL = 100.0, 20.0
"""System 4: its spectrograms reach from -80 to 20 dB."""


def normalised_db(size: Floats, level: float = LEVEL, span: float = SPAN) -> Floats:
    """System 4: magnitudes as `clip((dB - level) / span, -1, 0) + 1`, dB of at least 1e-5.

    As published 0 is -80 dB or less, 1 is 20 dB or more.
    """
    decibels = 20 * np.log10(np.maximum(1e-5, size)) - level
    return np.asarray(np.clip(decibels / span, -1, 0) + 1)


def denormalised_db(values: Floats, level: float = LEVEL, span: float = SPAN) -> Floats:
    """The inverse of `normalised_db` within its range; values are clipped to [0, 1] first."""
    return np.asarray(10 ** (((np.clip(values, 0, 1) - 1) * span + level) / 20))
