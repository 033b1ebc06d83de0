"""Room impulse responses: what they measure, their direct-to-reverberant ratio altered, their early part alone.

All functions are pure and take one channel, `(time,)` at `rate` hertz; they work in float64. Terms are those of ISO 3382-1. The
alterations are those of N. J. Bryan, "Impulse response data augmentation and deep neural networks for blind room acoustic
parameter estimation", ICASSP 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.data.decay import decay_time, schroeder
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
    response = _checked(h)
    peak = direct_path(response)
    late = response[min(peak + _half(rate) + 1, response.size) :]
    direct, rest = _energies(response, rate)
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
    return int(np.argmax(np.abs(_checked(h))))


def trim(h: npt.ArrayLike, rate: int) -> Wide:
    """The response from the peak of its direct sound on, so that convolving with it delays nothing.

    What rises before the peak is lost; to keep it convolve with `h` and drop the first `direct_path(h)` samples instead.
    """
    response = _checked(h)
    return response[direct_path(response) :].copy()


def early(h: npt.ArrayLike, rate: int, seconds: float = 0.05, fade: float = 0.01) -> Wide:
    """The response up to `seconds` after the direct sound, silent thereafter, of equal length: the target of dereverberation.

    The last `fade` seconds before that sink to nothing along half a cosine. Raises BadInput for silence or a negative time.
    """
    response = _checked(h)
    if not 0 <= fade <= seconds:
        raise BadInput(f"fade is from 0 to {seconds:g} s, not {fade!r}.")
    end = direct_path(response) + round(seconds * rate) + 1
    ramp = round(fade * rate)
    window = np.zeros(max(response.size, end))
    window[:end] = 1
    window[end - ramp : end] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(ramp) + 1) / (ramp + 1))
    return response * window[: response.size]


def with_drr(h: npt.ArrayLike, rate: int, drr_db: float) -> Wide:
    """The response with its direct sound made louder or softer, so that the direct-to-reverberant ratio is `drr_db`.

    The direct sound is scaled through a Hann window of 5 ms: `a w h + (1 - w) h`, `a` the larger root of the quadratic equation
    of Bryan 2020, section 3.1. `a` is not made so small that the direct sound would peak below the reverberation: then the ratio
    stays above `drr_db`; `measure` tells. Raises BadInput for silence, or for a response without reverberation.
    """
    response = _checked(h)
    if not math.isfinite(drr_db):
        raise BadInput(f"the direct-to-reverberant ratio is a number of dB, not {drr_db!r}.")
    _, late = _energies(response, rate)
    if late <= 0:
        raise BadInput("this response has no reverberation, so it has no direct-to-reverberant ratio to alter.")
    inside = _direct_slice(response, rate)
    part = response[inside]
    place = np.arange(inside.start, inside.stop) - direct_path(response)
    window = 0.5 + 0.5 * np.cos(np.pi * place / (_half(rate) + 1))
    scale = max(_scale(part, window, 10 ** (drr_db / 10) * late), _least_scale(response, rate))
    altered = response.copy()
    altered[inside] = scale * window * part + (1 - window) * part
    return altered


def _scale(part: Wide, window: Wide, wanted: float) -> float:
    """The larger `a` with `sum((a w h + (1 - w) h)^2) = wanted`; 0 where no `a` makes it as small."""
    square = float(np.sum((window * part) ** 2))
    middle = 2 * float(np.sum((1 - window) * window * part**2))
    rest = float(np.sum(((1 - window) * part) ** 2)) - wanted
    under = middle**2 - 4 * square * rest
    return (-middle + math.sqrt(under)) / (2 * square) if under >= 0 else 0.0


def _least_scale(response: Wide, rate: int) -> float:
    """The `a` at which the direct sound peaks as high as the loudest of the reverberation."""
    inside = _direct_slice(response, rate)
    late = np.concatenate([response[: inside.start], response[inside.stop :]])
    return float(np.max(np.abs(late), initial=0) / abs(response[direct_path(response)]))


def _direct_slice(response: Wide, rate: int) -> slice:
    peak = direct_path(response)
    return slice(max(peak - _half(rate), 0), min(peak + _half(rate) + 1, response.size))


def _energies(response: Wide, rate: int) -> tuple[float, float]:
    """Energy of the direct sound, and of all the rest."""
    inside = _direct_slice(response, rate)
    direct = float(np.sum(response[inside] ** 2))
    return direct, float(np.sum(response[: inside.start] ** 2) + np.sum(response[inside.stop :] ** 2))


def _early_decay_time(response: Wide, rate: int) -> float:
    curve = schroeder(response)
    below = np.flatnonzero(curve <= -10)
    if not below.size or below[0] < 2:
        return math.nan
    time = np.arange(below[0] + 1) / rate
    slope = np.polyfit(time, curve[: below[0] + 1], 1)[0]
    return float(-60 / slope)


def _half(rate: int) -> int:
    return round(DIRECT * rate)


def _decibels(this: float, that: float) -> float:
    if that <= 0:
        return math.inf
    return 10 * math.log10(this / that) if this > 0 else -math.inf


def _checked(h: Any) -> Wide:
    response = np.asarray(h, np.float64)
    if response.ndim != 1 or response.size < 2:
        raise BadInput(f"a response has shape (time,) and two samples or more, not {response.shape}.")
    if not np.all(np.isfinite(response)) or not np.any(response):
        raise BadInput("this response is silent, or holds values that are no numbers.")
    return response
