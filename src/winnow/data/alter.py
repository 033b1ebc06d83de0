"""Room impulse responses altered: their direct-to-reverberant ratio, and the time in which they decay.

The method is that of N. J. Bryan, "Impulse response data augmentation and deep neural networks for blind room acoustic parameter
estimation", ICASSP 2020. Responses are one channel, `(time,)` at `rate` hertz, float64 inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from winnow.data.acoustics import Wide, checked, direct_and_rest, direct_path, direct_slice, half_window
from winnow.data.bands import Decay, fit_decay, split, widths
from winnow.data.decay import energy_curve, quantum, slope_time
from winnow.errors import BadInput

LEAST_RANGE = 15.0
"""dB above the noise at which the decay of a band must begin, and by which it must fall, to go by it."""
FADE = (12.0, 5.0)  # dB above the noise between which the measured decay gives way to the modelled one
HEARD = (
    50.0  # dB under the beginning of a decay from which on it counts as noise: what is lengthened would lift the rest
)
LEAD = 0.05  # seconds of silence about the reverberation: the bands ring on either side
FIRST = 0.03  # seconds in which a band without a decay of its own is heard
ROUNDS = 12  # of finding the factor; some three suffice
CLOSE = 0.005  # share of the wanted time within which that ends ...
GOOD = 0.03  # ... and within which it has to be then: single reflections make the slope jump
MOST = 300.0  # nepers by which anything is lifted: the exponential function ends at 709
HELD = 75.0  # dB of decay that an altered response is long enough for


def with_drr(h: npt.ArrayLike, rate: int, drr_db: float) -> Wide:
    """The response with its direct sound made louder or softer, so that the direct-to-reverberant ratio is `drr_db`.

    The direct sound is scaled through a Hann window of 5 ms: `a w h + (1 - w) h`, `a` the larger root of the quadratic equation
    of Bryan 2020, section 3.1. `a` is not made so small that the direct sound would peak below the reverberation: then the ratio
    stays above `drr_db`; `measure` tells. Raises BadInput for silence, or for a response without reverberation.
    """
    response = checked(h)
    if not math.isfinite(drr_db):
        raise BadInput(f"the direct-to-reverberant ratio is a number of dB, not {drr_db!r}.")
    _, late = direct_and_rest(response, rate)
    if late <= 0:
        raise BadInput("this response has no reverberation, so it has no direct-to-reverberant ratio to alter.")
    inside = direct_slice(response, rate)
    part = response[inside]
    place = np.arange(inside.start, inside.stop) - direct_path(response)
    window = 0.5 + 0.5 * np.cos(np.pi * place / (half_window(rate) + 1))
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
    inside = direct_slice(response, rate)
    late = np.concatenate([response[: inside.start], response[inside.stop :]])
    return float(np.max(np.abs(late), initial=0) / abs(response[direct_path(response)]))


def with_t60(h: npt.ArrayLike, rate: int, t60: float, seed: int = 0) -> Wide:
    """The response with its reverberation made to decay by 60 dB in `t60` seconds, by the slope from -5 to -35 dB of what follows
    the direct sound.

    In bands of a third of an octave a decay upon noise is fitted; the noise gives way to the decay going on (noise from `seed`
    under the fitted envelope); each band is multiplied by an exponential, so that the time constants of all of them scale
    by the same factor (Bryan 2020, section 3.2). That factor is first the ratio of the wanted time to the present one, and is then
    corrected until that slope is the wanted one, since decays are seldom one exponential. What comes up to 2.5 ms after the
    direct sound stays. The length becomes what 75 dB of decay take. Raises BadInput where the response holds no decay that
    could be altered, or the wanted time cannot be reached; MissingExtra without SciPy.
    """
    response = checked(h)
    if not 0.02 <= t60 <= 20:
        raise BadInput(f"the decay time is from 0.02 to 20 s, not {t60!r}.")
    begin = direct_path(response) + half_window(rate) + 1
    length = round(HELD / 60 * t60 * rate)
    bands, taus = without_noise(response[begin:], rate, length, seed)
    begun = t60 / (math.log(1000) * float(np.median(taus)))
    made = _reaching(lambda scale: _scaled(bands, taus, scale, rate)[:length], begun, t60, rate)
    made[-(length // 20) :] *= np.cos(np.linspace(0, np.pi / 2, length // 20))
    return np.concatenate([response[:begin], made])


def _reaching(scaled: Callable[[float], Wide], scale: float, t60: float, rate: int) -> Wide:
    """The reverberation at the scale at which it measures `t60`, sought from both sides. Raises BadInput where there is none."""
    low, high = 0.0, math.inf
    best = (math.inf, np.zeros(0))
    for _ in range(ROUNDS):
        made = scaled(scale)
        found = slope_time(energy_curve(made**2), rate)
        if math.isnan(found):  # it does not fall by 35 dB in the length there is
            found = 2 * t60
        off = abs(found / t60 - 1)
        if off < best[0]:
            best = (off, made)
        if off < CLOSE:
            break
        low, high = (max(low, scale), high) if found < t60 else (low, min(high, scale))
        scale *= t60 / found
        if not low < scale < high:
            scale = math.sqrt(low * high) if low > 0 and high < math.inf else scale
    if best[0] > GOOD:
        raise BadInput(f"this response does not decay evenly enough to be made to decay in {t60:g} s.")
    return best[1]


def without_noise(late: Wide, rate: int, length: int, seed: int) -> tuple[Wide, Wide]:
    """Bands of the reverberation, `(bands, LEAD and length)`, their decays going on where the noise was, and their taus.

    Raises BadInput where the response holds too little of a decay.
    """
    lead = round(LEAD * rate)
    size = lead + max(late.size, length) + lead
    padded = np.zeros(size)
    padded[lead : lead + late.size] = late
    bands = split(padded, rate)
    decays = _decays(bands[:, lead : lead + late.size], rate, quantum(late))
    size = lead + length
    bands = bands[:, :size]
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    noise = split(rng.standard_normal(size), rate)
    noise /= np.sqrt(np.mean(noise**2, axis=1, keepdims=True))
    time = (np.arange(size) - lead) / rate
    for number, decay in enumerate(decays):
        turn = _passed(time, decay, late.size / rate)
        bands[number] *= np.where(turn < 1, np.cos(np.pi / 2 * turn), 0)  # nothing may be left for the scaling to lift
        model = math.sqrt(decay.level) * np.exp(-np.maximum(time, 0) / decay.tau)
        bands[number] += np.sin(np.pi / 2 * turn) * noise[number] * model
    return bands, np.array([decay.tau for decay in decays])


def _decays(bands: Wide, rate: int, step: float) -> list[Decay]:
    """The decay of each band. A band without one has that of the others, from what its first moments hold above its noise."""
    found = [fit_decay(band, rate, width, step) for band, width in zip(bands, widths(rate), strict=True)]
    end = bands.shape[1] / rate
    own = [d for d in found if d is not None and _plain(d, end)]
    if len(own) < max(len(found) // 3, 2):
        raise BadInput(
            f"this response holds too little of a decay: {len(own)} of {len(found)} bands fall by {LEAST_RANGE:.0f} dB before "
            "their noise or their end."
        )
    tau = float(np.median([d.tau for d in own]))
    return [
        d if d is not None and _plain(d, end) and 0.25 < d.tau / tau < 3 else _noise(band, rate, tau)
        for d, band in zip(found, bands, strict=True)
    ]


def _plain(decay: Decay, end: float) -> bool:
    return min(decay.above, 60 / decay.t60 * end) >= LEAST_RANGE


def _noise(band: Wide, rate: int, tau: float) -> Decay:
    first = round(FIRST * rate)
    floor = float(np.mean(band[first:] ** 2)) if band.size > first else 0.0
    level = max(float(np.mean(band[:first] ** 2)) - floor, 0.0)
    return Decay(level, tau, max(level, floor))


def _passed(time: Wide, decay: Decay, end: float) -> Wide:
    """0 where the measured decay holds, 1 where the modelled one does, in between between: `FADE`, or before the end."""
    noise = Decay(decay.level, decay.tau, max(decay.floor, decay.level * 10 ** (-HEARD / 10)))
    stop = min(max(noise.reaches(FADE[1]), FIRST), 0.97 * end)
    start = min(noise.reaches(FADE[0]), 0.9 * stop)
    return np.clip((time - start) / (stop - start), 0, 1)


def _scaled(bands: Wide, taus: Wide, scale: float, rate: int) -> Wide:
    """The sum of the bands, their time constants multiplied by `scale`, without the lead."""
    lead = round(LEAD * rate)
    time = np.arange(bands.shape[1] - lead) / rate
    total = np.zeros(time.size)
    for band, tau in zip(bands, taus, strict=True):
        total += band[lead:] * np.exp(np.minimum(-time * (1 / (scale * tau) - 1 / tau), MOST))
    return total
