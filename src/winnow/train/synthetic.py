"""Sounds that need no recording: coloured, humming, ticking and swelling noise, and decaying rooms.

Recorded noise is scarce, unseen noise is what enhancers fail on: these widen the range of what training hears.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def smooth_gain(curve: Tensor, bins: int, rate: int, low: float = 60.0) -> Tensor:
    """A gain over frequency from a few points in dB at log-spaced frequencies.

    curve: `(N, points)` dB, from `low` hertz to half the rate, linear in between on a log axis. Returns `(N, bins)`, linear.
    """
    points = curve.shape[1]
    frequency = torch.linspace(0, rate / 2, bins, device=curve.device).clamp(min=low)
    place = torch.log(frequency / low) / np.log(rate / 2 / low) * (points - 1)
    left = place.floor().long().clamp(max=points - 2)
    part = (place - left)[None]
    decibel = curve[:, left] * (1 - part) + curve[:, left + 1] * part
    return torch.pow(10.0, decibel / 20)


def coloured(count: int, length: int, rate: int, chance: torch.Generator) -> Tensor:
    """Gaussian noise with a random slope of -9..+3 dB per octave and random bumps, `(count, length)`."""
    white = torch.fft.rfft(torch.randn(count, length, generator=chance))
    points = torch.arange(10)[None]
    slope = torch.rand(count, 1, generator=chance) * -12 + 3
    bumps = torch.randn(count, 10, generator=chance) * 6
    octaves = np.log2(rate / 2 / 60) / 9
    return torch.fft.irfft(white * smooth_gain(points * slope * octaves + bumps, white.shape[-1], rate), length)


def swell(count: int, length: int, rate: int, chance: torch.Generator) -> Tensor:
    """A slowly moving gain of +-6 dB with 1-8 movements a second, `(count, length)`."""
    knots = 4 + int(torch.randint(0, 14, (1,), generator=chance))
    walk = torch.randn(count, 1, knots, generator=chance) * 6
    decibel = torch.nn.functional.interpolate(walk, size=length, mode="linear", align_corners=True)[:, 0]
    return torch.pow(10.0, decibel / 20)


def hum(count: int, length: int, rate: int, chance: torch.Generator) -> Tensor:
    """Harmonics of a tone of 45-600 Hz with falling, random levels and a little drift: mains, fans, engines, alarms."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=chance)

    time = torch.arange(length)[None] / rate
    base = 45 * torch.pow(torch.tensor(13.0), uniform(count, 1))
    drift = 1 + (uniform(count, 1) - 0.5) * 0.15 * uniform(count, 1) * time
    phase = 2 * np.pi * base * drift * time
    total = torch.zeros(count, length)
    fall = uniform(count, 1) * 1.5 + 0.2
    for k in range(1, 17):
        below = (base * k * 1.2 < rate / 2).float()
        level = uniform(count, 1) * below / float(k) ** fall
        total += level * torch.sin(k * phase + 6.283 * uniform(count, 1))
    return total


def ticks(count: int, length: int, rate: int, chance: torch.Generator) -> Tensor:
    """Coloured bursts that decay within 5-150 ms, 1-12 a second, now and then regular: keys, steps, knocks, rattle."""
    pulses = torch.rand(count, length, generator=chance)
    per_second = 1 + 11 * torch.rand(count, 1, generator=chance)
    level = torch.rand(count, length, generator=chance) + 0.1
    train = (pulses < per_second / rate).float() * level
    taps = round(0.3 * rate)
    decay = 0.005 * torch.pow(torch.tensor(30.0), torch.rand(count, 1, generator=chance))
    time = torch.arange(taps)[None] / rate
    burst = coloured(count, taps, rate, chance) * torch.exp(-time / decay)
    size = length + taps
    return torch.fft.irfft(torch.fft.rfft(train, size) * torch.fft.rfft(burst, size), size)[:, :length]


def synthetic_noise(count: int, length: int, rate: int, chance: torch.Generator) -> Tensor:
    """A random blend of coloured noise, hum and ticks under a slow swell, `(count, length)`."""
    total = torch.zeros(count, length)
    weights = torch.rand(count, 3, generator=chance) ** 3 + 1e-3
    for i, make in enumerate((coloured, hum, ticks)):
        part = make(count, length, rate, chance)
        part = part / part.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-5)
        total += part * weights[:, i : i + 1]
    return total * swell(count, length, rate, chance)


def decaying_rooms(count: int, taps: int, rate: int, chance: torch.Generator) -> Tensor:
    """Simulated room responses: a direct path, a few early reflections, a tail of exponentially decaying noise.

    T60 0.12-1.1 s at low frequencies and half of it at the top, direct-to-reverberant ratio -3..15 dB, the direct path at 0 with
    unit height (Polack's statistical model, Habets 2006, section 2.4). Returns `(count, taps)`.
    """
    time = torch.arange(taps)[None] / rate
    t60 = 0.12 * torch.pow(torch.tensor(9.0), torch.rand(count, 1, generator=chance))
    direct = torch.rand(count, 1, generator=chance) * 18 - 3
    low = coloured(count, taps, rate, chance) * torch.exp(-6.91 * time / t60)
    high = torch.randn(count, taps, generator=chance) * torch.exp(-6.91 * time / (t60 * 0.5))
    gap = 0.002 + 0.01 * torch.rand(count, 1, generator=chance)
    tail = low / low.square().mean(-1, keepdim=True).sqrt() + high / high.square().mean(-1, keepdim=True).sqrt()
    sparse = (torch.rand(count, taps, generator=chance) < 400 / rate) * (time < 0.05)
    tail = tail * (time > gap) * (1 + 4 * sparse)
    tail = tail / tail.square().sum(-1, keepdim=True).sqrt().clamp(min=1e-6)
    response = tail * torch.pow(10.0, -direct / 20)
    response[:, 0] = 1.0
    return response
