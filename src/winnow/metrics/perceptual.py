"""PESQ, STOI, ESTOI and the composite opinions. Long recordings are scored in windows, whose mean counts.

PESQ's model holds for 8 to 20 s, and both keep everything in memory; up to one and a half windows are scored as a whole.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np

from winnow.errors import MissingExtra
from winnow.metrics.composite import composite
from winnow.metrics.sdr import Floats, Values, same_length
from winnow.metrics.stream import Signals, Windows

PESQ_WINDOW, STOI_WINDOW = 20.0, 60.0
"""Seconds."""


def pesq_wb(reference: Floats, estimate: Floats, rate: int = 16000) -> float | None:
    """PESQ wide band, MOS-LQO 1.04 to 4.64 (ITU-T P.862.2), `(time,)` both at 16 kHz; of at least 0.25 s.

    None where there is no speech in either. Raises MissingExtra.
    """
    return _pesq(reference, estimate, rate, "wb")


def pesq_nb(reference: Floats, estimate: Floats, rate: int = 8000) -> float | None:
    """PESQ narrow band, MOS-LQO 1.02 to 4.55 (ITU-T P.862, mapped by P.862.1), `(time,)` both at 8 or 16 kHz. As pesq_wb."""
    return _pesq(reference, estimate, rate, "nb")


def _pesq(reference: Floats, estimate: Floats, rate: int, mode: str) -> float | None:
    same_length(reference, estimate)
    try:
        from pesq import PesqError, pesq
    except ImportError:
        raise MissingExtra('PESQ needs pesq, which is not installed: pip install "winnow-audio[score,pesq]"') from None
    if not np.any(reference) or not np.any(estimate):
        return None  # the library divides by their power
    try:
        value = float(pesq(rate, np.asarray(reference, np.float32), np.asarray(estimate, np.float32), mode))
    except PesqError:
        return None
    return value if math.isfinite(value) else None


def stoi(reference: Floats, estimate: Floats, rate: int) -> float | None:
    """Short-time objective intelligibility, 0 to 1 (Taal et al. 2011), by pystoi, `(time,)` both.

    rate: hertz, resampled to 10 kHz within. None where the reference is silent or has less than 0.4 s of speech.
    """
    return _stoi(reference, estimate, rate, extended=False)


def estoi(reference: Floats, estimate: Floats, rate: int) -> float | None:
    """Extended STOI (Jensen and Taal 2016), as `stoi`."""
    return _stoi(reference, estimate, rate, extended=True)


def _stoi(reference: Floats, estimate: Floats, rate: int, extended: bool) -> float | None:
    same_length(reference, estimate)
    try:
        from pystoi import stoi as measure
    except ImportError:
        raise MissingExtra('STOI needs pystoi, which is not installed: pip install "winnow-audio[score]"') from None
    if not np.any(reference) or not np.any(estimate):
        return 0.0 if np.any(reference) else None
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # how pystoi tells that too little speech is left
        try:
            value = float(measure(np.asarray(reference, np.float64), np.asarray(estimate, np.float64), rate, extended))
        except (RuntimeWarning, ValueError, IndexError):
            return None
    return value if math.isfinite(value) else None


class _Mean:
    """Means of measures over windows, weighted by their length; windows without a value do not count."""

    def __init__(self) -> None:
        self.windows = 0
        self._sums: dict[str, float] = {}
        self._weights: dict[str, float] = {}

    def add(self, values: Values, weight: int) -> None:
        self.windows += 1
        for name, value in values.items():
            self._sums.setdefault(name, 0.0)
            self._weights.setdefault(name, 0.0)
            if value is not None:
                self._sums[name] += value * weight
                self._weights[name] += weight

    def result(self) -> Values:
        return {name: self._sums[name] / weight if weight else None for name, weight in self._weights.items()}


class Windowed:
    """A measure of whole signals, window by window. Takes `(time,)` of "reference" and "estimate"."""

    label = ""

    def __init__(self, rate: int, seconds: float, measure: Callable[[Floats, Floats], Values]) -> None:
        self.notes: list[str] = []
        self._seconds, self._windows = seconds, Windows(round(seconds * rate))
        self._measure, self._mean = measure, _Mean()

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of both."""
        for window in self._windows.feed({role: signals[role] for role in ("reference", "estimate")}):
            self._add(window)

    def _add(self, window: Signals) -> None:
        self._mean.add(self._measure(window["reference"], window["estimate"]), len(window["reference"]))

    def result(self) -> Values:
        """The mean over windows."""
        for window in self._windows.flush():
            self._add(window)
        if self._mean.windows > 1:
            self.notes.append(f"{self.label}: mean of {self._mean.windows} windows of {self._seconds:.0f} s")
        return self._mean.result()


class Wide(Windowed):
    """PESQ wide band and the composite opinions at 16 kHz."""

    label = "PESQ wide band, CSIG, CBAK, COVL"

    def __init__(self, rate: int) -> None:
        super().__init__(rate, PESQ_WINDOW, self._values)

    def _values(self, reference: Floats, estimate: Floats) -> Values:
        opinion = pesq_wb(reference, estimate)
        names = ("csig", "cbak", "covl")
        if opinion is None:
            return {"pesq_wb": None, **dict.fromkeys(names)}
        return {"pesq_wb": opinion, **dict(zip(names, composite(reference, estimate, opinion), strict=True))}


class Narrow(Windowed):
    """PESQ narrow band at 8 kHz."""

    label = "PESQ narrow band"

    def __init__(self, rate: int) -> None:
        super().__init__(rate, PESQ_WINDOW, lambda reference, estimate: {"pesq_nb": pesq_nb(reference, estimate)})


class Intelligibility(Windowed):
    """STOI and ESTOI."""

    label = "STOI, ESTOI"

    def __init__(self, rate: int) -> None:
        super().__init__(rate, STOI_WINDOW, self._values)
        self._rate = rate

    def _values(self, reference: Floats, estimate: Floats) -> Values:
        return {
            "stoi": stoi(reference, estimate, self._rate),
            "estoi": estoi(reference, estimate, self._rate),
        }
