"""Independent component analysis of instantaneous mixtures (every source reaches all channels at the same moment)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

ITERATIONS = 200
TOLERANCE = 1e-7


def fast_ica(signals: Matrix, sources: int) -> Matrix:
    """Demixing matrix `(sources, channels)` for `(channels, time)` without mean.

    Whitening by the `sources` strongest principal components, then symmetric fixed-point iterations with tanh (Hyvarinen 1999,
    Fast and robust fixed-point algorithms for independent component analysis, eq. 20 with symmetric decorrelation).
    """
    whitening = whiten(signals, sources)
    white = whitening @ signals
    rotation = orthogonal(np.random.default_rng(0).standard_normal((sources, sources)))
    for _ in range(ITERATIONS):
        bent = np.tanh(rotation @ white)
        slope = 1 - np.mean(bent**2, axis=1)
        turned = orthogonal(bent @ white.T / white.shape[1] - slope[:, None] * rotation)
        change = np.max(np.abs(np.abs(np.sum(turned * rotation, axis=1)) - 1))
        rotation = turned
        if change < TOLERANCE:
            break
    return rotation @ whitening


def whiten(signals: Matrix, sources: int) -> Matrix:
    """`(sources, channels)`: the strongest principal components, brought to unit power."""
    values, vectors = np.linalg.eigh(signals @ signals.T / signals.shape[1])
    values, vectors = values[-sources:], vectors[:, -sources:]
    return np.asarray((vectors / np.sqrt(np.maximum(values, 1e-12 * values[-1]))).T)


def orthogonal(matrix: Matrix) -> Matrix:
    """The orthogonal matrix nearest to a square one."""
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)
