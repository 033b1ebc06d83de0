"""How fast sound decays: the backward integral of Schroeder (1965), cut where the decay meets the noise (Lundeby et al. 1995)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Wide = npt.NDArray[np.float64]

RANGES = ((-5.0, -35.0), (-5.0, -25.0), (-5.0, -15.0))
"""dB between which the slope is taken: T30 where the response holds as much above its noise, else T20, else T10."""
HEADROOM = 8.0  # dB by which the lowest point of the fit stays above the noise in the integrated curve
BLOCK = 0.01  # seconds over which the envelope is averaged at first


def decay_time(h: Wide, rate: int) -> float:
    """Seconds for 60 dB of decay, from the slope of the integrated curve; nan where there are not 10 dB to measure.

    h: `(time,)`, from the reverberation's beginning on. The energy lost by cutting at the noise is added from the slope found.
    """
    knee, floor = knee_of(h, rate)
    if knee < round(0.005 * rate):
        return math.nan
    part = np.maximum(h[:knee] ** 2 - floor, -np.inf)
    found = math.nan
    tail = 0.0
    for _ in range(4):
        found = slope_time(energy_curve(part, tail), rate)
        if math.isnan(found):
            break
        tail = _tail_energy(h, knee, rate, floor, found)
    return found


def energy_curve(energy: Wide, tail: float = 0.0) -> Wide:
    """The energy still to come, dB re the whole, `(time,)`. tail: energy after the end that is to be added."""
    left = np.cumsum(energy[::-1])[::-1] + tail
    return np.asarray(10 * np.log10(np.maximum(left, 1e-12 * left[0]) / left[0])) if left[0] > 0 else np.zeros(1)


def slope_time(curve: Wide, rate: int) -> float:
    """60 dB over the least-squares slope in the widest range that the curve reaches."""
    for high, low in RANGES:
        if curve.min() > low - HEADROOM:
            continue
        first, last = (int(np.argmax(curve <= level)) for level in (high, low))
        if last - first >= 4:
            slope = np.polyfit(np.arange(first, last + 1) / rate, curve[first : last + 1], 1)[0]
            return float(-60 / slope) if slope < 0 else math.nan
    return math.nan


def _tail_energy(h: Wide, knee: int, rate: int, floor: float, seconds: float) -> float:
    """What an exponential decay from the knee on would still hold: its power there times its time constant."""
    span = max(round(0.1 * seconds * rate), 8)
    at_knee = max(float(np.mean(h[max(knee - span, 0) : knee] ** 2)) - floor, 0.0)
    # The mean lies half a span before the knee.
    fall = 10 ** (-6 * (span / 2 / rate) / seconds)
    return at_knee * fall * seconds * rate / math.log(1e6)


def knee_of(h: Wide, rate: int) -> tuple[int, float]:
    """Where the decay meets the background noise, and the noise's power; `(len, 0)` where the response ends before that.

    The iteration of Lundeby, Vigran, Bietz, Vorlaender, "Uncertainties of measurements in room acoustics", Acustica 81 (1995).
    """
    block = max(round(BLOCK * rate), 1)
    least = quantum(h) ** 2
    floor = max(float(np.mean(h[-max(h.size // 10, 1) :] ** 2)), least)
    knee = h.size
    for _ in range(8):
        level = _levels(h, block)
        line = _line(level, floor)
        if line is None:
            return h.size, 0.0
        start, slope = line
        crossing = (10 * math.log10(max(floor, 1e-300)) - start) / slope * block
        new = int(min(max(crossing, block), h.size))
        begin = min(int(new - 10 / slope * block), int(0.9 * h.size))
        floor = max(float(np.mean(h[max(begin, 0) :] ** 2)), least)
        if abs(new - knee) < block:
            break
        knee = new
        block = max(min(round(-10 / slope * block / 5), round(0.05 * rate)), 8)
    return (knee, floor) if knee < 0.98 * h.size else (h.size, 0.0)


def _levels(h: Wide, block: int) -> Wide:
    count = max(h.size // block, 1)
    blocks = h[: count * block].reshape(count, -1) if h.size >= block else h[None]
    energy = np.mean(blocks**2, axis=1)
    return np.asarray(10 * np.log10(np.maximum(energy, 1e-300)))


def _line(level: Wide, floor: float) -> tuple[float, float] | None:
    """Least-squares line through the levels from the loudest down to 7 dB above the noise: dB at 0, dB per block."""
    noise = 10 * math.log10(max(floor, 1e-300)) + 7
    first = int(np.argmax(level))
    below = np.flatnonzero(level[first:] < noise)
    last = first + (int(below[0]) if below.size else level.size - first)
    if last - first < 3:
        return None
    slope, start = np.polyfit(np.arange(first, last) + 0.5, level[first:last], 1)
    return (float(start), float(slope)) if slope < 0 else None


def quantum(h: Wide) -> float:
    """The smallest step of the samples: that of the file for few bits, next to nothing for floating point."""
    size = np.abs(h)
    return float(np.min(size[size > 0], initial=size.max(initial=0)))
