"""A response in bands of a third of an octave, and in each the decay that fits: an exponential upon a floor of noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.data.augment.filters import fast_size
from winnow.errors import MissingExtra

Wide = npt.NDArray[np.float64]

LOWEST = 100.0  # hertz, middle of the lowest band, which takes in all below: narrower bands ring longer than rooms do
POINTS = 150  # of an envelope, at most: more cost time and tell nothing
DEPTH = 70.0  # dB under the loudest below which an envelope is not looked at
PER_NEPER = 10 / math.log(10)  # dB of power for a factor of e
SHORTEST = 0.002  # seconds per point, at least


def widths(rate: int) -> Wide:
    """About how many hertz each band spans, `(bands,)`."""
    count = _count(rate)
    middle = LOWEST * 2 ** (np.arange(count) / 3)
    middle *= 2 ** (1 / 6) - 2 ** (-1 / 6)
    middle[0], middle[-1] = LOWEST, max(middle[-1], rate / 2 - LOWEST * 2 ** ((count - 1.5) / 3))
    return np.asarray(middle)


def _count(rate: int) -> int:
    return max(int(3 * math.log2(0.44 * rate / LOWEST)) + 1, 2)


def split(samples: Wide, rate: int) -> Wide:
    """`(time,)` to `(bands, time)`, without delay; the sum of the bands is the input.

    The gain of a band is a squared cosine over the logarithm of frequency that reaches to the middles of its neighbours; the
    outermost two are open towards the ends.
    """
    size = fast_size(samples.size)
    spectrum = np.fft.rfft(samples, size)
    count = _count(rate)
    frequency = np.maximum(np.fft.rfftfreq(size, 1 / rate), 1e-3)
    place = np.clip(3 * np.log2(frequency / LOWEST), 0, count - 1)
    left = np.minimum(place.astype(int), count - 2)
    upper = spectrum * np.sin(np.pi / 2 * (place - left)) ** 2
    bands = np.zeros((count, samples.size))
    for number in range(count):
        part = np.where(left == number, spectrum - upper, 0)
        part[left == number - 1] = upper[left == number - 1]
        bands[number] = np.fft.irfft(part, size)[: samples.size]
    return bands


@dataclass(frozen=True)
class Decay:
    """`power(t) = level exp(-2 t / tau) + floor`. tau: seconds, the time constant of the amplitude; the others: mean squares."""

    level: float
    tau: float
    floor: float

    @property
    def t60(self) -> float:
        """Seconds for 60 dB."""
        return self.tau * math.log(1000)

    @property
    def above(self) -> float:
        """dB by which the decay begins above the floor."""
        return 10 * math.log10(self.level / max(self.floor, 1e-30 * self.level))

    def reaches(self, above: float) -> float:
        """Seconds after which it is `above` dB above the floor; 0 where it never is."""
        return max((self.above - above) / 20 * math.log(10) * self.tau, 0.0)


def fit_decay(samples: Wide, rate: int, width: float, quantum: float = 0.0) -> Decay | None:
    """The decay that fits the power of `(time,)` best in dB (Bryan 2020, section 3.2); None where there is nothing to fit.

    width: hertz that the sound spans; the envelope is averaged over no less than its inverse. quantum: the step of the samples:
    there is no power to be told below its square. Raises MissingExtra.
    """
    try:
        from scipy.optimize import least_squares
    except ImportError:
        raise MissingExtra('altering rooms needs SciPy: pip install "winnow-audio[data]"') from None

    time, level = envelope(samples, rate, max(SHORTEST, 1 / width))
    if time.size < 6 or not np.any(samples):
        return None
    least = 10 * math.log10(quantum**2 * min(2 * width / rate, 1.0) + 1e-30)
    level = np.maximum(level, max(least, float(level.max()) - DEPTH))
    low, high = float(level.min()) - 10, float(level.max()) + 20
    bounds = ([low, -math.log(30), low], [high, -math.log(0.003), high])
    start = np.clip(_start(time, level), *bounds)
    made = least_squares(
        lambda values: _model(time, values) - level,
        start,
        jac=lambda values: _slopes(time, values),
        bounds=bounds,
        loss="soft_l1",
        f_scale=2.0,
        xtol=1e-4,
        ftol=1e-5,
    )
    top, rate_log, floor = made.x
    return Decay(10 ** (top / 10), 1 / math.exp(rate_log), 10 ** (floor / 10))


def envelope(samples: Wide, rate: int, seconds: float) -> tuple[Wide, Wide]:
    """Middles in seconds and mean powers in dB of equal pieces, of `seconds` or more."""
    piece = max(round(seconds * rate), samples.size // POINTS, 1)
    count = samples.size // piece
    power = np.mean(samples[: count * piece].reshape(count, piece) ** 2, axis=1)
    return (np.arange(count) + 0.5) * piece / rate, 10 * np.log10(np.maximum(power, 1e-30))


def _fall(time: Wide, values: Wide) -> Wide:
    return np.asarray(values[0] - 20 / math.log(10) * math.exp(values[1]) * time)


def _model(time: Wide, values: Wide) -> Wide:
    """dB of the decay and the floor together; values: dB of the decay at 0, logarithm of 1 / tau, dB of the floor."""
    return np.asarray(np.logaddexp(_fall(time, values) / PER_NEPER, values[2] / PER_NEPER) * PER_NEPER)


def _slopes(time: Wide, values: Wide) -> Wide:
    """How the model moves with its values, `(points, 3)`."""
    share = 1 / (1 + np.exp(np.clip((values[2] - _fall(time, values)) / PER_NEPER, -200, 200)))
    return np.stack([share, -share * 2 * PER_NEPER * math.exp(values[1]) * time, 1 - share], axis=1)


def _start(time: Wide, level: Wide) -> Wide:
    """Where the search begins: the line through the part above the noise."""
    floor = float(np.median(level[-max(level.size // 10, 2) :]))
    below = np.flatnonzero(level < floor + 5)
    last = max(int(below[0]) if below.size else level.size, 4)
    slope, top = np.polyfit(time[:last], level[:last], 1)
    return np.array([top, math.log(max(-slope, 6.0) / 2 / PER_NEPER), floor])
