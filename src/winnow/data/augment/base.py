"""What the effects share: their types, how a parameter is checked, where chance comes from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.errors import BadInput

Floats = npt.NDArray[np.float32]
Wide = npt.NDArray[np.float64]
Parameters = dict[str, Any]
"""Of one effect: plain numbers, strings and lists, as JSON holds them."""


def check(good: bool, name: str, wanted: str, value: object) -> None:
    """Raise BadInput with one line unless a parameter is good."""
    if not good:
        raise BadInput(f"{name} is {wanted}, not {value!r}.")


def chance(seed: int) -> np.random.Generator:
    """The random numbers of a seed that stands in a record."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))


def new_seed(rng: np.random.Generator) -> int:
    """A seed for a record."""
    return int(rng.integers(2**31))


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number to four digits behind the point: records stay readable."""
    return round(float(rng.uniform(low, high)), 4)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number of which the logarithm is uniform, such as a frequency."""
    return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))), 1)


def power(samples: npt.NDArray[Any]) -> float:
    """Mean square; 0 of nothing."""
    return float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0
