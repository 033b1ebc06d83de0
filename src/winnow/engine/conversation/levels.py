"""How loud the stems and the recording are, frame by frame, and where that is somebody speaking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.engine.conversation.speech import Spoken

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Powers = npt.NDArray[np.float32]

FRAME = 0.05
"""Seconds of a frame: of levels, of decisions, and of the cross-fade where a stem goes on to another talker."""

LOWEST = -100.0  # dB of full scale, stands for nothing at all
RANGE = 40.0  # dB between the loudest speech of a recording and the faintest
SILENCE = -70.0  # dB of full scale
LEAK = 12.0  # dB: a stem that is fainter than another by more than this holds what is left of that other one
SHARE = 28.0  # dB that the enhancer takes away where nobody speaks; where somebody does, less
SURE, OFTEN = 7.0, 3  # dB that it takes away at most in some frames of every stretch of speech, and in how many
PAUSE = round(0.5 / FRAME)  # frames: longer pauses end such a stretch
EDGE = round(0.15 / FRAME)  # frames before and after that are soft speech
GAP, BURST = round(0.25 / FRAME), round(0.1 / FRAME)  # frames: shorter pauses are speech, shorter sounds are none


TOP = 0.75
"""Share of the band below the one whose level stands for all that the model does not hear; as in `winnow.engine.bodies`."""


class Meter:
    """Levels of what streams by, `(rows, channels, time)`, over all channels. frame: samples of a frame."""

    def __init__(self, rows: int, frame: int) -> None:
        self._frame = frame
        self._low = round((frame // 2 + 1) * TOP)
        self._energy: list[Powers] = []
        self._top: list[Powers] = []
        self._window = np.hanning(frame + 1)[:frame].astype(np.float32)
        self._rows = rows
        self._waiting: npt.NDArray[np.float32] | None = None

    def feed(self, block: npt.NDArray[np.float32]) -> None:
        """Take the next samples."""
        joined = block if self._waiting is None else np.concatenate([self._waiting, block], axis=2)
        count = joined.shape[2] // self._frame
        self._waiting = joined[:, :, count * self._frame :].copy()
        self._take(joined[:, :, : count * self._frame], count)

    def _take(self, whole: npt.NDArray[np.float32], count: int) -> None:
        frames = whole.reshape(*whole.shape[:2], count, self._frame)
        self._energy.append(np.square(frames).mean(axis=3).mean(axis=1))
        spectrum = np.fft.rfft(frames * self._window)[..., self._low :]
        self._top.append(np.square(np.abs(spectrum)).sum(axis=3).mean(axis=1).astype(np.float32))

    def finish(self) -> tuple[Doubles, Powers]:
        """Levels, dB of full scale, and the power of the upper band, both `(rows, frames)`; the last frame is filled up."""
        if self._waiting is not None and self._waiting.shape[2]:
            missing = self._frame - self._waiting.shape[2]
            self._take(np.pad(self._waiting, ((0, 0), (0, 0), (0, missing))), 1)
        none = np.zeros((self._rows, 0), np.float32)
        energy = np.concatenate([none, *self._energy], axis=1).astype(np.float64)
        levels = 10 * np.log10(np.maximum(energy, 10 ** (LOWEST / 10)))
        return np.asarray(levels), np.concatenate([none, *self._top], axis=1)


@dataclass(frozen=True)
class Levels:
    """Of all frames: streams: of the speech in the stems, `(streams, frames)`; speech: of that in the recording, mix: of the
    recording, both `(frames,)`; all dB of full scale; top, mix_top: powers of the stems and the recording in the upper band, with a
    common unit."""

    streams: Doubles
    speech: Doubles
    mix: Doubles
    top: Powers
    mix_top: Powers


class Meters:
    """The levels of a recording `(channels, time)` and of its stems `(streams, channels, time)`, which come at the same time or
    later, both at `rate` hertz."""

    def __init__(self, streams: int, channels: int, rate: int) -> None:
        frame = round(FRAME * rate)
        self._streams, self._mix = Meter(streams, frame), Meter(1, frame)
        self._spoken, self._seconds = Spoken(streams, channels, rate), frame / rate

    def mix(self, block: Samples) -> None:
        """Take the next samples of the recording."""
        self._mix.feed(block[None])
        self._spoken.mix(block)

    def stems(self, block: Samples) -> None:
        """Take the next samples of the stems."""
        self._streams.feed(block)
        self._spoken.stems(block)

    def finish(self) -> Levels:
        """What was fed to both."""
        (streams, top), (mix, mix_top) = self._streams.finish(), self._mix.finish()
        frames = min(streams.shape[1], mix.shape[1])
        speech = self._spoken.finish(self._seconds, frames)
        return Levels(speech[1:], speech[0], mix[0, :frames], top[:, :frames], mix_top[0, :frames])


def measured(stems: Samples, mix: Samples, rate: int) -> Levels:
    """Levels of stems `(streams, channels, time)` and a recording `(channels, time)` in memory; rate: hertz."""
    meters = Meters(len(stems), len(mix), rate)
    meters.mix(mix)
    meters.stems(stems)
    return meters.finish()


def active(levels: Levels) -> Flags:
    """Where each stem holds speech, `(streams, frames)`: where the recording does, and it is more than remains of another."""
    streams = levels.streams
    talking = spoken(levels)
    if not talking.any():
        return np.zeros(streams.shape, bool)
    found = talking & (streams > streams.max(axis=0) - LEAK) & (streams > SILENCE)
    return np.stack([without_short(row) for row in found])


def spoken(levels: Levels) -> Flags:
    """Where somebody speaks, `(frames,)`: the enhancer leaves something of the recording that is not far below the loudest speech.

    It leaves little of noise and of music, but not nothing: a stretch counts only where in some of its frames nearly all is left.
    """
    left = levels.speech - levels.mix
    found = (left > -SHARE) & (levels.speech > SILENCE)
    if found.any():
        found &= levels.speech > np.percentile(levels.speech[found], 95) - RANGE
    for begin, end in runs(without_short(found, PAUSE, 0)):
        if (found & (left > -SURE))[begin:end].sum() < OFTEN:
            found[begin:end] = False
    return widened(without_short(found), EDGE)


def without_short(row: Flags, gap: int = GAP, burst: int = BURST) -> Flags:
    """The same with pauses of up to `gap` frames filled, then without runs of less than `burst` frames."""
    row = row.copy()
    for begin, end in runs(~row):
        if end - begin <= gap and begin > 0 and end < row.size:
            row[begin:end] = True
    for begin, end in runs(row):
        if end - begin < burst:
            row[begin:end] = False
    return row


def widened(row: Flags, frames: int) -> Flags:
    """True also within so many frames of a true one."""
    out = row.copy()
    for begin, end in runs(row):
        out[max(0, begin - frames) : end + frames] = True
    return out


def runs(row: Flags) -> list[tuple[int, int]]:
    """Beginning and end of each stretch of true ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]
