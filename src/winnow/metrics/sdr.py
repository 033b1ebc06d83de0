"""Ratios of energies: SI-SDR, SNR, segmental SNR, and SDR, SIR, SAR of BSS Eval.

Signals are `(time,)`, the reference always comes first. Ratios are in dB and limited to -100 ... 100: two equal signals
have 100, an estimate without a trace of the reference has -100. Where the reference is silent there is no ratio: None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.errors import BadInput
from winnow.metrics.stream import Framer, Signals

Floats = npt.NDArray[np.floating]
Values = dict[str, float | None]

LIMIT = 100.0
"""Decibels beyond which a ratio says no more than "equal" or "nothing left"; also the reach of float32 sums."""

TAPS = 512
_SEGMENT_LOW, _SEGMENT_HIGH = -10.0, 35.0


def decibels(wanted: float, other: float) -> float | None:
    """`10 log10(wanted / other)` within the limits; None for 0 / 0."""
    if wanted <= 0:
        return None if other <= 0 else -LIMIT
    return LIMIT if other <= 0 else min(LIMIT, max(-LIMIT, 10 * math.log10(wanted / other)))


@dataclass
class Moments:
    """Sums over two signals that give SI-SDR, SNR and the best gain, whatever their length."""

    count: int = 0
    reference: float = 0.0
    estimate: float = 0.0
    reference_energy: float = 0.0
    estimate_energy: float = 0.0
    product: float = 0.0
    difference_energy: float = 0.0

    def add(self, reference: Floats, estimate: Floats) -> None:
        """Take `(time,)` of both."""
        ref, est = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
        self.count += len(ref)
        self.reference += float(ref.sum())
        self.estimate += float(est.sum())
        self.reference_energy += float(ref @ ref)
        self.estimate_energy += float(est @ est)
        self.product += float(ref @ est)
        self.difference_energy += float((ref - est) @ (ref - est))

    def si_sdr(self) -> float | None:
        """SI-SDR of what was added, means removed."""
        if self.count == 0:
            return None
        reference = self.reference_energy - self.reference**2 / self.count
        estimate = self.estimate_energy - self.estimate**2 / self.count
        product = self.product - self.reference * self.estimate / self.count
        if reference <= 1e-12 * self.reference_energy:
            return None
        if estimate <= 1e-12 * self.estimate_energy:
            return -LIMIT
        return decibels(product**2, reference * estimate - product**2)

    def snr(self) -> float | None:
        """SNR of what was added."""
        return decibels(self.reference_energy, self.difference_energy) if self.reference_energy > 0 else None


def si_sdr(reference: Floats, estimate: Floats) -> float | None:
    """Scale-invariant signal-to-distortion ratio, dB (Le Roux et al. 2019), both `(time,)`; means are removed.

    None for a silent reference. Raises BadInput where the lengths differ.
    """
    return _moments(reference, estimate).si_sdr()


def si_sdr_improvement(reference: Floats, estimate: Floats, mixture: Floats) -> float | None:
    """SI-SDR of the estimate minus SI-SDR of the mixture, dB, all `(time,)`. None for a silent reference."""
    after, before = si_sdr(reference, estimate), si_sdr(reference, mixture)
    return None if after is None or before is None else after - before


def snr(reference: Floats, estimate: Floats) -> float | None:
    """Energy of the reference over energy of the difference, dB, both `(time,)`. None for a silent reference."""
    return _moments(reference, estimate).snr()


def _moments(reference: Floats, estimate: Floats) -> Moments:
    same_length(reference, estimate)
    moments = Moments()
    moments.add(reference, estimate)
    return moments


def same_length(reference: Floats, *others: Floats) -> None:
    """Raises BadInput, with the numbers, where shapes differ."""
    for other in others:
        if np.shape(reference) != np.shape(other):
            raise BadInput(f"the signals have different shapes, {np.shape(reference)} and {np.shape(other)}.")


class Ratios:
    """SI-SDR and SNR, block by block."""

    def __init__(self, rate: int) -> None:
        self._moments = Moments()

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of "reference" and "estimate"."""
        self._moments.add(signals["reference"], signals["estimate"])

    def result(self) -> Values:
        """Both measures."""
        return {"si_sdr": self._moments.si_sdr(), "snr": self._moments.snr()}


class Segments:
    """Segmental SNR, block by block."""

    def __init__(self, rate: int) -> None:
        window = round(0.03 * rate)
        self._framer = Framer(window, window // 4)
        self._shape = symmetric_hann(window)
        self._sum, self._count, self._silent = 0.0, 0, True

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of "reference" and "estimate"."""
        reference, estimate = self._framer.feed(np.stack([signals["reference"], signals["estimate"]])) * self._shape
        self.add(reference, estimate)

    def add(self, reference: Floats, estimate: Floats) -> None:
        """Take windowed frames `(frames, window)` of both."""
        tiny = np.finfo(np.float64).eps
        wanted = np.square(reference, dtype=np.float64).sum(axis=1)
        noise = np.square(reference - estimate, dtype=np.float64).sum(axis=1)
        values = 10 * np.log10(wanted / (noise + tiny) + tiny)
        self._sum += float(np.clip(values, _SEGMENT_LOW, _SEGMENT_HIGH).sum())
        self._count += len(values)
        self._silent = self._silent and not wanted.any()

    def result(self) -> Values:
        """The mean over frames; None for a silent reference and for less than one frame."""
        return {"segmental_snr": None if self._silent else self._sum / self._count}


def symmetric_hann(window: int) -> Floats:
    """`(window,)`, its zeros left out, as in the published scripts of Hu and Loizou."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, window + 1) / (window + 1)))


def segmental_snr(reference: Floats, estimate: Floats, rate: int) -> float | None:
    """Mean SNR of 30 ms Hann frames, 75 % overlap, each limited to -10 ... 35 dB (Hansen and Pellom 1998), both `(time,)`.

    rate: hertz. Frames in which the reference is silent count with the limit. None where all are, or for less than one.
    """
    same_length(reference, estimate)
    segments = Segments(rate)
    segments.feed({"reference": reference, "estimate": estimate})
    return segments.result()["segmental_snr"]


def best_order(values: Floats) -> list[int]:
    """For each row (reference) the column (estimate), each used once, so that the sum is the highest; `(n, n)`, n <= 16.

    Raises BadInput for more talkers or a table that is not square.
    """
    count = len(values)
    if np.shape(values) != (count, count) or not 1 <= count <= 16:
        raise BadInput(f"as many estimates as references, 1 to 16, not a table of {np.shape(values)}.")
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for row in values:
        following: dict[int, tuple[float, list[int]]] = {}
        for used, (total, order) in best.items():
            for column in range(count):
                if used >> column & 1:
                    continue
                key, candidate = used | 1 << column, (total + float(row[column]), [*order, column])
                if key not in following or candidate[0] > following[key][0]:
                    following[key] = candidate
        best = following
    return best[(1 << count) - 1][1]
