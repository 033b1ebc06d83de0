"""Estimates of noise, speech and room from one recording alone. Rough by nature: nothing here knows what was said."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.metrics.level import SILENCE
from winnow.metrics.sdr import Floats, Values
from winnow.metrics.stream import Signals

_FRAME = 0.02  # seconds
_HANGOVER = 0.2  # a pause shorter than this belongs to the speech around it

# Kim and Stern 2008: ln E|x| - E ln|x| of speech (amplitudes gamma distributed, shape 0.4) in Gaussian noise grows with the
# ratio. Computed by numerical integration for -10, -5 ... 50 dB; tests/test_metrics_single.py draws such signals.
_WADA_RATIOS = np.arange(-10.0, 51.0, 5.0)
_WADA = np.array(
    [0.4121, 0.4238, 0.4618, 0.5436, 0.6673, 0.8123, 0.9558, 1.0847, 1.1941, 1.2842, 1.3573, 1.4159, 1.4628]
)
_LEAST = 1e-5  # an amplitude below half a 16-bit step says nothing


class Frames:
    """Noise floor, speech share, estimated SNR and reverberation, block by block; keeps one number for each 20 ms."""

    def __init__(self, rate: int) -> None:
        self.notes: list[str] = []
        self._step = round(_FRAME * rate)
        self._kept: npt.NDArray[np.float64] = np.zeros(0)
        self._powers: list[npt.NDArray[np.float32]] = []
        self._sum, self._logs, self._count = 0.0, 0.0, 0

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of "estimate"."""
        samples = np.asarray(signals["estimate"], np.float64)
        size = np.abs(samples[samples != 0])
        self._sum += float(size.sum())
        self._logs += float(np.log(np.maximum(size, _LEAST)).sum())
        self._count += len(size)
        joined = np.concatenate([self._kept, samples])
        count = len(joined) // self._step
        frames = joined[: count * self._step].reshape(count, self._step)
        self._powers.append(np.square(frames).mean(axis=1).astype(np.float32))
        self._kept = joined[count * self._step :]

    def result(self) -> Values:
        """All four, None where they cannot be told."""
        levels = _levels(np.concatenate([*self._powers, np.zeros(0, np.float32)]))
        values = {
            "noise_floor": _floor(levels),
            "speech_share": _share(levels),
            "snr_estimate": self._ratio(),
            "reverberation": _decay(levels),
        }
        if values["reverberation"] is None:
            self.notes.append("reverberation cannot be told: too few sounds die away undisturbed")
        return values

    def _ratio(self) -> float | None:
        if self._count == 0:
            return None
        statistic = np.log(self._sum / self._count) - self._logs / self._count
        return float(np.interp(statistic, _WADA, _WADA_RATIOS))


def _levels(powers: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.maximum(powers.astype(np.float64), 10 ** (SILENCE / 10))))


def _floor(levels: Floats) -> float | None:
    if not len(levels):
        return None
    quietest = np.sort(levels)[: max(1, len(levels) // 10)]
    return float(10 * np.log10(np.mean(10 ** (quietest / 10))))


def _share(levels: Floats) -> float | None:
    if not len(levels):
        return None
    # Only what is well above the floor and not too far below the loud parts is speech; digital silence has no floor.
    quiet, loud = (float(level) for level in np.percentile(levels, [10, 95]))
    active = np.asarray(levels > max(quiet + 6, loud - 40, SILENCE + 20))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    pauses = starts[1:] - ends[:-1]
    filled = int(pauses[pauses <= _HANGOVER / _FRAME].sum())
    return 100 * (int(active.sum()) + filled) / len(levels)


def _decay(levels: Floats) -> float | None:
    """From sounds that die away: falls by 8 dB or more of the smoothed level, straight to 1.5 dB; their 33rd percentile.

    A voice fades more slowly than the room, never faster, hence a low percentile.
    """
    if len(levels) < 5:
        return None
    smooth = np.convolve(levels, np.full(3, 1 / 3), "same")
    falling = np.diff(smooth) < 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], falling.astype(np.int8), [0]])))
    bend = max(float(np.percentile(levels, 10)) + 3, SILENCE + 20)  # where noise bends the decay
    times = [_fall(smooth[start + 1 : end + 1], bend) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    known = [time for time in times if time is not None]
    return float(np.percentile(known, 33)) if len(known) >= 3 else None


def _fall(levels: Floats, bend: float) -> float | None:
    """Time for 60 dB at the slope of one fall, seconds; None where it is too small or not straight."""
    fall = levels[levels > bend]
    if len(fall) < 5 or fall[0] - fall[-1] < 8:
        return None
    time = np.arange(len(fall)) * _FRAME
    slope, offset = np.polyfit(time, fall, 1)
    straight = np.sqrt(np.mean((fall - slope * time - offset) ** 2)) < 1.5
    return float(-60 / slope) if straight else None


def _whole(samples: Floats, rate: int) -> Values:
    meter = Frames(rate)
    meter.feed({"estimate": samples})
    return meter.result()


def noise_floor(samples: Floats, rate: int) -> float | None:
    """Mean level of the quietest tenth of all 20 ms frames of `(time,)`, dBFS. rate: hertz. None for less than a frame."""
    return _whole(samples, rate)["noise_floor"]


def speech_share(samples: Floats, rate: int) -> float | None:
    """Share of 20 ms frames of `(time,)` at least 6 dB above the floor (10th percentile), pauses below 0.2 s filled, percent.

    Told by level alone: music and bangs count too.
    """
    return _whole(samples, rate)["speech_share"]


def snr_estimate(samples: Floats, rate: int) -> float | None:
    """Speech over steady noise from the distribution of amplitudes of `(time,)`, dB, -10 to 50 (WADA-SNR, Kim and Stern 2008).

    None for silence. Errors of 3 dB are usual.
    """
    return _whole(samples, rate)["snr_estimate"]


def reverberation(samples: Floats, rate: int) -> float | None:
    """Decay by 60 dB, seconds, from sounds that die away undisturbed in `(time,)`; None where there are fewer than three.

    Voices themselves do not stop at once, so values below 0.5 s mean no more than "dry"; above that expect errors of 30 %.
    """
    return _whole(samples, rate)["reverberation"]
