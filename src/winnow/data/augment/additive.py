"""What is added by the place and the wires: wind on the microphone, mains hum."""

from __future__ import annotations

import numpy as np

from winnow.data.augment.base import Floats, Parameters, Wide, chance, check, new_seed, power, uniform

GUSTS = 8.0  # points per second between which the strength of the wind moves


def wind(samples: Floats, rate: int, *, snr: float, seed: int, cutoff: float = 120.0, gusts: float = 1.0) -> Floats:
    """Add wind: noise that falls by 12 dB per octave above `cutoff`, hertz, swelling and ebbing.

    snr: dB, power of the input to that of the wind, both over the whole; a silent input stays silent. gusts: 0 steady, 1 in
    gusts of which the strength is log-normal with 6 dB spread, moving within about 1 s. Raises BadInput.
    """
    check(0 < cutoff < rate / 2, "cutoff", f"above 0 and below {rate / 2:g} Hz", cutoff)
    check(0 <= gusts <= 4, "gusts", "from 0 to 4", gusts)
    rng = chance(seed)
    size = samples.size
    if not size:
        return samples.copy()
    frequency = np.asarray(np.fft.rfftfreq(size, 1 / rate), np.float64)
    rumble = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * _wind_curve(frequency, cutoff), size)
    return _added(samples, rumble * _strength(rng, size, rate, gusts), snr)


def _wind_curve(frequency: Wide, cutoff: float) -> Wide:
    """Second-order low-pass, and nothing below 10 Hz, which no loudspeaker gives back."""
    low = (frequency / 10.0) ** 2
    return np.asarray(low / (1 + low) / (1 + (frequency / cutoff) ** 2))


def _strength(rng: np.random.Generator, size: int, rate: int, gusts: float) -> Wide:
    points = int(size / rate * GUSTS) + 3
    steps = rng.standard_normal(points + 8)
    slow = np.convolve(steps, np.hanning(10)[1:-1], "valid")[:points]
    slow *= 6 / 20 * np.log(10) * gusts / np.sqrt(np.sum(np.hanning(10) ** 2))
    return np.asarray(np.exp(np.interp(np.arange(size) * (GUSTS / rate), np.arange(points), slow)))


def draw_wind(rng: np.random.Generator, rate: int) -> Parameters:
    """-5 to 20 dB, from a breeze to gusts."""
    cutoff = uniform(rng, 40, 250)
    return {"snr": uniform(rng, -5, 20), "seed": new_seed(rng), "cutoff": cutoff, "gusts": uniform(rng, 0, 1.5)}


def hum(
    samples: Floats, rate: int, *, snr: float, seed: int, frequency: float = 50.0, harmonics: int = 8, tilt: float = 6.0
) -> Floats:
    """Add mains hum: `frequency`, hertz, and its multiples, `harmonics` in all below half the rate, with random phases.

    snr: dB, power of the input to that of the hum, both over the whole; a silent input stays silent. tilt: each octave is
    quieter by so many dB, give or take 6 dB at random. Raises BadInput.
    """
    check(0 < frequency < rate / 2, "frequency", f"above 0 and below {rate / 2:g} Hz", frequency)
    check(harmonics >= 1, "harmonics", "1 or more", harmonics)
    rng = chance(seed)
    time = np.arange(samples.size) / rate
    total = np.zeros(samples.size)
    for number in range(1, harmonics + 1):
        phase, extra = rng.uniform(0, 2 * np.pi), rng.uniform(-6, 6)
        if number * frequency < rate / 2:
            gain = 10 ** ((extra - tilt * np.log2(number)) / 20)
            total += gain * np.sin(2 * np.pi * number * frequency * time + phase)
    return _added(samples, total, snr)


def draw_hum(rng: np.random.Generator, rate: int) -> Parameters:
    """0 to 30 dB, of 50 or 60 Hz."""
    return {
        "snr": uniform(rng, 0, 30),
        "seed": new_seed(rng),
        "frequency": round(float(rng.choice([50.0, 60.0])) + float(rng.uniform(-0.2, 0.2)), 3),
        "harmonics": int(rng.integers(1, 25)),
        "tilt": uniform(rng, 0, 9),
    }


def _added(samples: Floats, noise: Wide, snr: float) -> Floats:
    check(bool(np.isfinite(snr)), "snr", "a number of dB", snr)
    wanted, given = power(samples) / 10 ** (snr / 10), power(noise)
    gain = np.sqrt(wanted / given) if given else 0.0
    return np.asarray(samples + gain * noise, np.float32)
