"""What a room impulse response measures; the terms are those of ISO 3382-1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.data.decay import decay_time, energy_curve
from winnow.errors import BadInput

Wide = npt.NDArray[np.float64]

DIRECT = 0.0025
"""Seconds on either side of its peak that count as the direct sound (Bryan 2020, section 2.1)."""


@dataclass(frozen=True)
class Acoustics:
    """What a response measures, over its whole band.

    t60: seconds in which the reverberation decays by 60 dB, from its slope; nan where the response holds less than 10 dB of
    decay. edt: the same from the first 10 dB of the whole response, direct sound included; nan likewise. drr: dB, the direct
    sound (2.5 ms about its peak) to all the rest. c50: dB, the first 50 ms to all after. onset: sample of the direct sound's peak.
    """

    t60: float
    drr: float
    c50: float
    edt: float
    onset: int


def measure(h: npt.ArrayLike, rate: int) -> Acoustics:
    """Measure a response. Background noise at its end is told apart from the decay. Raises BadInput for silence."""
    response = checked(h)
    peak = direct_path(response)
    late = response[min(peak + half_window(rate) + 1, response.size) :]
    direct, rest = direct_and_rest(response, rate)
    after = float(np.sum(response[peak + round(0.05 * rate) :] ** 2))
    before = float(np.sum(response[: peak + round(0.05 * rate)] ** 2))
    return Acoustics(
        t60=decay_time(late, rate),
        drr=_decibels(direct, rest),
        c50=_decibels(before, after),
        edt=_early_decay_time(response[peak:], rate),
        onset=peak,
    )


def direct_path(h: npt.ArrayLike) -> int:
    """The sample of the largest magnitude, which counts as the direct sound (Bryan 2020). Raises BadInput for silence.

    Where a reflection is louder than what came first, it is the reflection; what comes before counts as reverberation.
    """
    return int(np.argmax(np.abs(checked(h))))


def direct_slice(response: Wide, rate: int) -> slice:
    """Where the direct sound lies."""
    peak = direct_path(response)
    return slice(max(peak - half_window(rate), 0), min(peak + half_window(rate) + 1, response.size))


def direct_and_rest(response: Wide, rate: int) -> tuple[float, float]:
    """Energy of the direct sound, and of all the rest."""
    inside = direct_slice(response, rate)
    direct = float(np.sum(response[inside] ** 2))
    return direct, float(np.sum(response[: inside.start] ** 2) + np.sum(response[inside.stop :] ** 2))


def _early_decay_time(response: Wide, rate: int) -> float:
    curve = energy_curve(response**2)
    below = np.flatnonzero(curve <= -10)
    if not below.size or below[0] < 2:
        return math.nan
    time = np.arange(below[0] + 1) / rate
    slope = np.polyfit(time, curve[: below[0] + 1], 1)[0]
    return float(-60 / slope)


def half_window(rate: int) -> int:
    """`DIRECT` in samples."""
    return round(DIRECT * rate)


def _decibels(this: float, that: float) -> float:
    if that <= 0:
        return math.inf
    return 10 * math.log10(this / that) if this > 0 else -math.inf


def checked(h: Any) -> Wide:
    """A response as float64, without the constant that a recorder may have left under it. Raises BadInput."""
    response = np.asarray(h, np.float64)
    if response.ndim != 1 or response.size < 2:
        raise BadInput(f"a response has shape (time,) and two samples or more, not {response.shape}.")
    if not np.all(np.isfinite(response)) or not np.any(response):
        raise BadInput("this response is silent, or holds values that are no numbers.")
    end = response[-max(response.size // 10, 1) :]
    offset = float(end.mean())
    return response - offset if abs(offset) > 2 * float(end.std()) > 0 else response
