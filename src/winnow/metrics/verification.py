"""How well scores tell same from different: the equal error rate of a verification."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


class EqualError(NamedTuple):
    """rate: 0 to 1; threshold: the score at which as many same pairs are refused as others accepted."""

    rate: float
    threshold: float


def equal_error_rate(same: Floats, other: Floats) -> EqualError:
    """Where the rates of false refusals and of false acceptances are equal, on the straight line between two thresholds.

    same: scores of pairs that belong together, other: of those that do not, any lengths above 0; a pair is accepted where
    its score is the threshold or more. Ties count at their common threshold.
    """
    values = np.unique(np.concatenate([same, other]).astype(np.float64))
    refused = np.searchsorted(np.sort(same), values) / len(same)
    accepted = 1 - np.searchsorted(np.sort(other), values) / len(other)
    values = np.append(values, np.nextafter(values[-1], np.inf))  # above all: everything is refused
    gap = np.append(refused, 1.0) - np.append(accepted, 0.0)
    refused = np.append(refused, 1.0)
    after = int(np.argmax(gap >= 0))
    before = max(0, after - 1)
    step = gap[after] - gap[before]
    part = -gap[before] / step if step > 0 else 0.0
    rate = refused[before] + part * (refused[after] - refused[before])
    return EqualError(float(rate), float(values[before] + part * (values[after] - values[before])))


def trials(vectors: Floats, who: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Cosines of all pairs of unit vectors `(N, D)`: those of one person, and those of two; who: `(N,)`."""
    alike = vectors @ vectors.T
    one, two = np.triu_indices(len(vectors), 1)
    same = who[one] == who[two]
    return alike[one, two][same], alike[one, two][~same]
