"""SDR, SIR and SAR of BSS Eval 3 (Vincent et al. 2006), from correlations alone and so block by block.

The estimate is split into what a filter of 512 taps makes of the wanted source, what such filters make of the other
sources, and the rest. Energies of such projections need only the correlations of the signals at 511 lags, as in Scheibler,
SDR - medium rare with fast computations, 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.metrics.sdr import TAPS, Floats, Values, decibels, same_length
from winnow.metrics.stream import Signals

Matrix = npt.NDArray[np.float64]


class Correlations:
    """Correlations of all pairs of signals at lags 0 ... taps - 1: `[i, j, k] = sum over n of x_i[n] x_j[n - k]`."""

    def __init__(self, signals: int, taps: int = TAPS) -> None:
        self.taps = taps
        self.sums: Matrix = np.zeros((signals, signals, taps))
        self._past: Matrix = np.zeros((signals, taps - 1))

    def add(self, block: npt.NDArray[Any]) -> None:
        """Take `(signals, time)`."""
        present = np.asarray(block, np.float64)
        joined = np.concatenate([self._past, present], axis=1)
        size = 1 << (joined.shape[1] + self.taps - 2).bit_length()
        now = np.fft.rfft(np.pad(present, ((0, 0), (self.taps - 1, 0))), size)
        with_past = np.fft.rfft(joined, size).conj()
        for i, spectrum in enumerate(now):
            self.sums[i] += np.fft.irfft(spectrum * with_past, size)[:, : self.taps]
        self._past = joined[:, joined.shape[1] - (self.taps - 1) :]


def projection_energy(sums: Matrix, estimate: int, sources: Sequence[int]) -> float:
    """Energy of the best approximation of signal `estimate` by filtered `sources`, from `Correlations.sums`."""
    rows = [[_toeplitz(sums[i, j], sums[j, i]) for j in sources] for i in sources]
    matrix = np.block(rows)
    right = np.concatenate([sums[estimate, i] for i in sources])
    # Band-limited signals make the matrix all but singular; this load is 120 dB below the signal.
    matrix[np.diag_indices_from(matrix)] += 1e-12 * matrix.diagonal().max()
    return float(right @ np.linalg.solve(matrix, right))


def _toeplitz(later: Matrix, earlier: Matrix) -> Matrix:
    """`[k, l] = sum over n of x_i[n - k] x_j[n - l]`: lags l - k of j behind i."""
    taps = len(later)
    lags = np.concatenate([earlier[:0:-1], later])  # lag 1 - taps ... taps - 1
    index = np.arange(taps)
    return np.asarray(lags[index[None, :] - index[:, None] + taps - 1])


def ratios(sums: Matrix, estimate: int, wanted: int, sources: Sequence[int]) -> tuple[float | None, ...]:
    """SDR, SIR, SAR in dB of one estimate; None for all where the wanted source is silent, SIR and SAR without others."""
    energy = float(sums[estimate, estimate, 0])
    sounding = [i for i in sources if sums[i, i, 0] > 0]
    if wanted not in sounding:
        return None, None, None
    target = min(energy, projection_energy(sums, estimate, [wanted]))
    sdr_value = decibels(target, energy - target) if energy > 0 else decibels(0, 1)
    if len(sounding) < 2 or energy <= 0:
        return sdr_value, None, None
    explained = min(energy, max(target, projection_energy(sums, estimate, sounding)))
    return sdr_value, decibels(target, explained - target), decibels(explained, energy - explained)


def sdr(reference: Floats, estimate: Floats) -> float | None:
    """Signal-to-distortion ratio of BSS Eval, dB, both `(time,)`: filters of 512 taps on the reference are forgiven.

    None for a silent reference.
    """
    same_length(reference, estimate)
    correlations = Correlations(2)
    correlations.add(np.stack([reference, estimate]))
    return ratios(correlations.sums, 1, 0, [0])[0]


def bss_eval(references: Floats, estimate: Floats, wanted: int = 0) -> tuple[float | None, ...]:
    """SDR, SIR and SAR in dB of one estimate `(time,)` of source number `wanted` of `(sources, time)`."""
    same_length(references[0], estimate)
    count = len(references)
    correlations = Correlations(count + 1)
    correlations.add(np.concatenate([references, estimate[None]]))
    return ratios(correlations.sums, count, wanted, range(count))


class Separation:
    """SDR, and where the mixture is given SIR and SAR, block by block: the sources are the reference and the noise."""

    def __init__(self, rate: int) -> None:
        self._correlations: Correlations | None = None

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of "reference", "estimate" and perhaps "mixture"."""
        rows = [signals["estimate"], signals["reference"]]
        if "mixture" in signals:
            rows.append(signals["mixture"] - signals["reference"])
        if self._correlations is None:
            self._correlations = Correlations(len(rows))
        self._correlations.add(np.stack(rows))

    def result(self) -> Values:
        """The three ratios."""
        if self._correlations is None:
            return {}
        sums = self._correlations.sums
        return dict(zip(("sdr", "sir", "sar"), ratios(sums, 0, 1, range(1, len(sums))), strict=True))
