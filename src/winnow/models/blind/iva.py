"""Independent vector analysis: demixing filters for all frequencies together, which keeps a source's frequencies together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from winnow.models.telling import Tell

Spectra = npt.NDArray[np.complex128]
Powers = npt.NDArray[np.float64]

BINS = 64
"""Frequencies at a time: few enough that what is computed of them stays in the processor's cache. Results do not depend on it."""

LEAST = 1e-15
"""Of a source's level in a frame."""


def iva(mix: Spectra, sources: int, iterations: int, tell: Tell) -> Spectra:
    """Demixing filters `(F, sources, channels)` for spectra `(T, F, channels)`.

    AuxIVA (Ono 2011: Stable and fast update rules for independent vector analysis, Laplace model), with fewer sources than channels
    OverIVA (Scheibler and Ono 2019). The numbers of pyroomacoustics' `auxiva`, in a third of its time: that one goes over all
    frequencies at every step, through arrays as large as the recording.
    """
    signals = np.ascontiguousarray(np.transpose(mix, (1, 2, 0)))
    filters = start(signals, sources)
    power = powers(signals[:, :sources])
    for done in range(iterations):
        weights = 1 / np.maximum(2 * np.sqrt(power), LEAST) / len(mix)
        power = np.zeros_like(power)
        for part in _parts(len(signals)):
            update(signals[part], filters[part], weights)
            power += powers(filters[part, :sources] @ signals[part])
        tell((done + 1) / iterations)
    return filters[:, :sources]


def _parts(count: int) -> Iterator[slice]:
    return (slice(first, first + BINS) for first in range(0, count, BINS))


def powers(signals: Spectra) -> Powers:
    """Of each source in each frame over all frequencies, `(F, sources, T)` to `(sources, T)`."""
    return np.asarray(
        np.einsum("fst,fst->st", signals.real, signals.real) + np.einsum("fst,fst->st", signals.imag, signals.imag)
    )


def start(signals: Spectra, sources: int) -> Spectra:
    """Filters `(F, channels, channels)` that pass each channel on."""
    count, channels, _ = signals.shape
    filters = np.zeros((count, channels, channels), signals.dtype)
    filters[:, range(channels), range(channels)] = 1.0
    if sources < channels:
        filters[:, range(sources, channels), range(sources, channels)] = -1.0
        for part in _parts(count):
            keep_apart(filters[part], covariance(signals[part]), sources)
    return filters


def update(signals: Spectra, filters: Spectra, weights: Powers) -> None:
    """One step of the filters of some frequencies, in place, source by source (iterative projection).

    signals: `(F, channels, T)`; filters: `(F, channels, channels)`; weights: `(sources, T)`.
    """
    sources, turned = len(weights), np.conj(np.swapaxes(signals, 1, 2))
    whole = covariance(signals) if sources < filters.shape[1] else None
    units = np.broadcast_to(np.eye(filters.shape[1]), filters.shape)
    for s, weight in enumerate(weights):
        weighted = (signals * weight) @ turned
        row = np.conj(np.linalg.solve(filters @ weighted, units[:, :, [s]]))[..., 0]
        size = np.einsum("fc,fcd,fd->f", row, weighted, np.conj(row))
        filters[:, s] = row / np.sqrt(size)[:, None]
        if whole is not None:
            keep_apart(filters, whole, sources)


def covariance(signals: Spectra) -> Spectra:
    """`(F, channels, T)` to `(F, channels, channels)`."""
    return np.asarray(signals @ np.conj(np.swapaxes(signals, 1, 2)) / signals.shape[2])


def keep_apart(filters: Spectra, whole: Spectra, sources: int) -> None:
    """Make the rows beyond the sources hear nothing that goes with a source (OverIVA's orthogonal constraint), in place."""
    heard = filters[:, :sources] @ whole
    shared = np.linalg.solve(heard[:, :, :sources], heard[:, :, sources:])
    filters[:, sources:, :sources] = np.conj(np.swapaxes(shared, 1, 2))
