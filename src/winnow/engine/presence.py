"""When a wanted voice is there: a number from 0 to 1 for each tenth of a second, from level and from likeness.

Level: how loud the estimate of the voice is beside what sounds at that moment (`audible`). Likeness: the cosine of the estimate's
voice vector and the wanted one, of stretches of 2 s with enough sound in them (`likeness`). Presence is the product of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.models.voices import VoiceEncoder

Values = npt.NDArray[np.float64]

STEP = 0.1
"""Seconds of a frame."""

PAST, AHEAD = 100, 20  # frames around a frame that tell how loud active speech is: 10 s and 2 s
QUIETEST = -70.0  # dB of full scale that speech is at least, so that noise floors are no speech
HEARD, DEEPEST = -10.0, -20.0  # dB beside the recording: clearly there; not there
PAUSE = 2  # frames: what lies between two sounds of a word belongs to it
LONG, EVERY = 20, 10  # frames: of a stretch, and from one to the next
"""Longer stretches find more of the voice, and more that is not the voice (bench/presence.py)."""

ENOUGH = 8  # frames with the voice in a stretch, so that its vector says something
MARGIN = 0.15
"""Of a cosine, to both sides of that from which a stretch is rather the wanted voice than not."""

BELOW = 0.07
"""Of a cosine: what a network leaves of a voice is less like it than an encoder expects. With one that was trained without the
people who talk, the wanted voice was missed in as many recordings as it was found in without being there.
"""

FOUND, UNTOLD = 0.5, 0.4
"""Presence from which on the voice counts as found, and likeness of a stretch too short to tell: by itself it finds nobody, or
bursts of other people's speech would.
"""


SURE, SOFTER = 0.3, 10 ** (-15 / 20)
"""Presence from which on an estimate counts, and its gain elsewhere, if nobody says how sure it must be.

Where two take turns and where the voice is absent a threshold gains much; where both speak at once presence is missed and it loses
(bench/presence.py). What is missed would be lost; 15 dB softer it can still be heard. Of voices that the encoder never heard more
is missed: chosen with one that was trained without them.
"""


def levels(samples: Samples) -> Values:
    """Mean square of frames `(channels, frames, time)`, dB of full scale, `(frames,)`."""
    return np.asarray(10 * np.log10(np.square(samples, dtype=np.float64).mean((0, 2)) + 1e-12))


def active_level(recording: Values, start: int = 0, stop: int | None = None) -> Values:
    """How loud active speech is around the frames from `start` to `stop`: the level that a tenth of the frames from 10 s before
    to 2 s after lie above, -70 dB at least. recording: its levels, dB, `(frames,)`.
    """
    frames = range(start, len(recording) if stop is None else stop)
    near = (recording[max(0, t - PAST) : t + AHEAD + 1] for t in frames)
    return np.array([max(np.partition(part, (at := 9 * len(part) // 10))[at], QUIETEST) for part in near])


def audible(voice: Values, recording: Values, active: Values) -> Values:
    """How clearly the estimate is heard, 0 to 1: 20 dB below the recording at that moment it is 0, 10 dB below it is 1.

    voice, recording: levels, active: level of active speech, all dB, `(frames,)`. Where the recording is more than 20 dB below
    active speech, that level stands in for its own, so that traces in silence are no voice.
    """
    beside = voice - np.maximum(recording, active + DEEPEST)
    return np.asarray(np.clip((beside - DEEPEST) / (HEARD - DEEPEST), 0, 1))


def bridged(values: Values, start: int = 0, stop: int | None = None) -> Values:
    """The largest value from 0.2 s before to 0.2 s after each frame: pauses in a word are part of it."""
    frames = range(start, len(values) if stop is None else stop)
    return np.array([values[max(0, t - PAUSE) : t + PAUSE + 1].max() for t in frames])


def likeness(cosine: float, alike: float) -> float:
    """Of two voices, 0 to 1: 0.5 at BELOW under `VoiceEncoder.alike`, 0 and 1 from MARGIN below and above that on."""
    return float(np.clip(0.5 + (cosine - alike + BELOW) / (2 * MARGIN), 0, 1))


@dataclass(frozen=True)
class Presence:
    """Of a voice in a recording. values: for each tenth of a second, 0 to 1."""

    values: tuple[float, ...] = ()

    @property
    def found(self) -> bool:
        """Whether the voice is there at all."""
        return self.most >= FOUND

    @property
    def most(self) -> float:
        """The largest value."""
        return max(self.values, default=0.0)

    @property
    def share(self) -> float:
        """Share of the time with the voice, 0 to 1."""
        return sum(value >= FOUND for value in self.values) / max(1, len(self.values))

    def stretches(self, least: float = FOUND) -> list[tuple[float, float]]:
        """From when to when, in seconds, it is `least` or more."""
        there = np.concatenate([[False], np.asarray(self.values) >= least, [False]])
        edges = np.flatnonzero(there[1:] != there[:-1])
        return [(round(a * STEP, 1), round(b * STEP, 1)) for a, b in edges.reshape(-1, 2).tolist()]


class Follower:
    """Finds the presence of one voice, block by block, some seconds after the sound; keeps a few numbers for each 0.1 s.

    wanted: vector of the voice, made by the encoder; rate: hertz. The result is the same in blocks of any size.
    """

    def __init__(self, wanted: npt.NDArray[np.float32], encoder: VoiceEncoder, rate: int) -> None:
        self._wanted, self._encoder, self._rate = wanted, encoder, rate
        self._kept: list[Samples] = []  # voice and recording, not yet a whole frame
        self._frames: list[Samples] = []  # of the voice, from `_first` on
        self._first = 0
        self._voice: list[float] = []  # a number for each frame, as long as they are needed together
        self._recording: list[float] = []
        self._audible: list[float] = []
        self._whole: list[float] = []
        self._likeness: list[float] = []  # of stretches
        self._given: list[float] = []

    def feed(self, voice: Samples, recording: Samples) -> list[float]:
        """Take the next samples `(channels, time)` of the estimate and of the recording; give the values that are known."""
        if not self._kept:
            self._kept = [voice[:, :0], recording[:, :0]]
        self._kept = [np.concatenate(pair, axis=1) for pair in zip(self._kept, (voice, recording), strict=True)]
        while self._kept[0].shape[1] >= (size := self._size(len(self._voice))):
            self._frame(*(part[:, :size] for part in self._kept))
            self._kept = [part[:, size:] for part in self._kept]
        return self._known(ended=False)

    def flush(self) -> list[float]:
        """The values of the rest; a last frame that is not whole counts as one."""
        if self._kept and self._kept[0].shape[1]:
            self._frame(*self._kept)
        return self._known(ended=True)

    @property
    def presence(self) -> Presence:
        """What is known so far."""
        return Presence(tuple(self._given))

    def _size(self, frame: int) -> int:
        """Samples of a frame; they differ by one where the rate is no multiple of ten."""
        return round((frame + 1) * self._rate * STEP) - round(frame * self._rate * STEP)

    def _frame(self, voice: Samples, recording: Samples) -> None:
        self._frames.append(voice)
        self._voice += levels(voice[:, None]).tolist()
        self._recording += levels(recording[:, None]).tolist()

    def _known(self, ended: bool) -> list[float]:
        count, begin = len(self._voice), len(self._audible)
        end = count if ended else max(begin, count - AHEAD)
        first = max(0, begin - PAST)
        active = active_level(np.array(self._recording[first:]), begin - first, end - first)
        pair = np.array(self._voice[begin:end]), np.array(self._recording[begin:end])
        self._audible += audible(*pair, active).tolist()
        begin = len(self._whole)
        whole, first = count if ended else max(begin, end - PAUSE), max(0, begin - PAUSE)
        self._whole += bridged(np.array(self._audible[first:]), begin - first, whole - first).tolist()
        while (start := len(self._likeness) * EVERY) + (1 if ended else LONG) <= whole:
            self._likeness.append(self._stretch(start))
        return self._combined(count if ended else min(whole, len(self._likeness) * EVERY))

    def _stretch(self, start: int) -> float:
        """Likeness of the stretch that begins with a frame, NaN where there is too little of the voice."""
        self._frames, self._first = self._frames[start - self._first :], start
        there = np.flatnonzero(np.array(self._whole[start : start + LONG]) >= FOUND)
        if len(there) < ENOUGH:
            return float("nan")
        sound = np.concatenate([self._frames[t] for t in there], axis=1)
        loudest = int(np.square(sound).sum(1).argmax())  # a mean of channels loses a voice of opposite polarities
        vector = self._encoder(sound[loudest], self._rate)
        return likeness(float(np.dot(vector, self._wanted)), self._encoder.alike)

    def _combined(self, end: int) -> list[float]:
        """Presence of the frames up to `end`: each lies in two stretches."""
        begin = len(self._given)
        for t in range(begin, end):
            stretches = self._likeness[max(0, t // EVERY - 1) : t // EVERY + 1]
            self._given.append(round(self._whole[t] * _mean(stretches), 3))
        return self._given[begin:]


def _mean(likeness: list[float]) -> float:
    told = [value for value in likeness if not math.isnan(value)]
    return sum(told) / len(told) if told else UNTOLD
