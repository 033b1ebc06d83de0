"""Level, offset, and playing faster or slower."""

from __future__ import annotations

import math

import numpy as np

from winnow.data.augment.base import Floats, Parameters, check, uniform


def level(samples: Floats, rate: int, *, gain: float) -> Floats:
    """Louder by `gain` dB."""
    check(math.isfinite(gain), "gain", "a number of dB", gain)
    return samples * np.float32(10 ** (gain / 20))


def draw_level(rng: np.random.Generator, rate: int) -> Parameters:
    """-20 to 6 dB."""
    return {"gain": uniform(rng, -20, 6)}


def dc(samples: Floats, rate: int, *, offset: float) -> Floats:
    """Add a constant; full scale = 1."""
    check(math.isfinite(offset), "offset", "a number, full scale = 1", offset)
    return samples + np.float32(offset)


def draw_dc(rng: np.random.Generator, rate: int) -> Parameters:
    """Up to 5 % of full scale, either sign."""
    return {"offset": uniform(rng, -0.05, 0.05)}


def speed(samples: Floats, rate: int, *, factor: float) -> Floats:
    """Play `factor` times as fast, pitch and all (soxr): `(time,)` to `(round(time / factor),)`.

    The only effect that changes the length; to end with `length` samples give it `speed_span(length, factor)`.
    Raises BadInput for a factor outside 0.25 to 4.
    """
    import soxr

    _check_factor(factor)
    length = round(samples.size / factor)
    if factor == 1 or not samples.size:
        return samples.copy()
    made = np.asarray(soxr.resample(samples, factor * 1e6, 1e6), np.float32)[:length]
    return np.pad(made, (0, length - made.size))


def speed_span(length: int, factor: float) -> int:
    """The number of samples from which `speed` makes `length` or one more: cut what is over. Raises BadInput as `speed`."""
    _check_factor(factor)
    return length if factor == 1 else math.ceil((length + 0.5) * factor)


def draw_speed(rng: np.random.Generator, rate: int) -> Parameters:
    """0.9 to 1.1."""
    return {"factor": uniform(rng, 0.9, 1.1)}


def _check_factor(factor: float) -> None:
    check(0.25 <= factor <= 4, "factor", "from 0.25 to 4", factor)
