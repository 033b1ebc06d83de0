"""Linear effects of frequency: equalisation, band limits, a detour through a lower rate. All without delay (zero phase)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from winnow.data.augment.base import Floats, Parameters, Wide, check, log_uniform

SPREAD = 0.1  # seconds of zeros against wrapping round: longer than the response of any of these filters
LOWEST = 50.0  # hertz of the first point of a curve


def equalise(samples: Floats, rate: int, *, gains: Sequence[float], low: float = LOWEST, high: float = 0.0) -> Floats:
    """A smooth curve through `gains`, dB, at frequencies with equal ratios from `low` to `high`, hertz (0: half the rate).

    Between the points the dB follow half a period of a cosine over the logarithm of frequency; outside they stay as at
    the ends. Raises BadInput for fewer than two points or an empty range.
    """
    high = high or rate / 2
    check(len(gains) >= 2 and bool(np.all(np.isfinite(gains))), "gains", "two numbers of dB or more", list(gains))
    check(0 < low < high, "low", f"above 0 and below {high:g} Hz", low)

    def gain(frequency: Wide) -> Wide:
        place = np.log(np.maximum(frequency, low) / low) / np.log(high / low) * (len(gains) - 1)
        left = np.clip(place.astype(int), 0, len(gains) - 2)
        blend = 0.5 - 0.5 * np.cos(np.pi * np.clip(place - left, 0, 1))
        points = np.asarray(gains, np.float64)
        return np.asarray(10 ** ((points[left] * (1 - blend) + points[left + 1] * blend) / 20))

    return filtered(samples, rate, gain)


def draw_equalise(rng: np.random.Generator, rate: int) -> Parameters:
    """Eight points, normally distributed with a spread drawn from 1 to 5 dB, within 15 dB."""
    spread = rng.uniform(1, 5)
    return {"gains": [round(float(g), 2) for g in np.clip(rng.normal(0, spread, 8), -15, 15)]}


def band_limit(samples: Floats, rate: int, *, low: float = 0.0, high: float = 0.0, order: int = 8) -> Floats:
    """Cut below `low` and above `high`, hertz; 0: no cut on that side. The magnitude is that of a Butterworth filter.

    -3 dB at the cut, 6 dB times `order` per octave beyond it. Raises BadInput where nothing would be left.
    """
    check(order >= 1, "order", "1 or more", order)
    check(0 <= low < (high or rate / 2), "low", "0 or more and below high", low)
    check(high >= 0, "high", "0 or more", high)

    def gain(frequency: Wide) -> Wide:
        made = np.ones_like(frequency)
        if high:
            made /= np.sqrt(1 + (frequency / high) ** (2 * order))
        if low:
            ratio = (frequency / low) ** order
            made *= ratio / np.sqrt(1 + ratio * ratio)
        return made

    return filtered(samples, rate, gain)


def draw_band_limit(rng: np.random.Generator, rate: int) -> Parameters:
    """From a telephone to a little dull: a low cut at 20 to 400 Hz, a high cut from 0.3 of half the rate on."""
    return {
        "low": log_uniform(rng, 20, 400),
        "high": log_uniform(rng, 0.15 * rate, 0.48 * rate),
        "order": int(rng.integers(2, 13)),
    }


def resample(samples: Floats, rate: int, *, lower: int) -> Floats:
    """Through the rate `lower`, hertz, and back (soxr): nothing above half of it is left. Raises BadInput unless it is lower."""
    from winnow.dsp.resample import fit
    from winnow.dsp.resample import resample as convert

    check(0 < lower < rate, "lower", f"a rate above 0 and below {rate} Hz", lower)
    there = convert(samples[None], rate, lower)
    return np.ascontiguousarray(fit(convert(there, lower, rate), samples.size)[0])


def draw_resample(rng: np.random.Generator, rate: int) -> Parameters:
    """One of the usual lower rates; below the lowest of them, half the rate."""
    lower = [
        each for each in (4000, 6000, 8000, 11025, 12000, 16000, 22050, 24000, 32000) if 0.25 * rate <= each < rate
    ]
    return {"lower": int(rng.choice(lower)) if lower else rate // 2}


def filtered(samples: Floats, rate: int, gain: Callable[[Wide], Wide]) -> Floats:
    """Multiply the spectrum of the whole by `gain(frequency in hertz)`."""
    size = fast_size(samples.size + round(SPREAD * rate))
    spectrum = np.fft.rfft(samples, size)
    frequency = np.asarray(np.fft.rfftfreq(size, 1 / rate), np.float64)
    spectrum *= gain(frequency).astype(np.float32)
    return np.asarray(np.fft.irfft(spectrum, size)[: samples.size], np.float32)


def fast_size(least: int) -> int:
    """The smallest product of twos, threes and fives that is not below `least`: Fourier transforms of it are fast."""
    best = 1 << max(least - 1, 1).bit_length()
    fives = 1
    while fives < best:
        odd = fives
        while odd < best:
            twos = max(-(-least // odd) - 1, 0).bit_length()
            best = min(best, odd << twos)
            odd *= 3
        fives *= 5
    return best
