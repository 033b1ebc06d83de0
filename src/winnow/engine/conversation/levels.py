"""How loud the stems and the recording are, frame by frame, and where that is somebody speaking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Powers = npt.NDArray[np.float32]

FRAME = 0.05
"""Seconds of a frame: of levels, of decisions, and of the cross-fade where a stem goes on to another talker."""

LOWEST = -100.0  # dB of full scale, stands for nothing at all
BLOCK = round(20 / FRAME)  # frames of which the noise floor is taken
ABOVE = 6.0  # dB that speech is above the floor
RANGE = 45.0  # dB between the loudest speech of a recording and the faintest
SILENCE = -70.0  # dB of full scale
LEAK = 18.0  # dB: a stem that is fainter than another by more than this holds what is left of that other one
SHARE = 20.0  # dB below the recording's level at which a stem holds remains of what is no speech
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
    """Of all frames: streams: of the stems, `(streams, frames)`; mix: of the recording, `(frames,)`; both dB of full scale; top,
    mix_top: their powers in the upper band, with a common unit."""

    streams: Doubles
    mix: Doubles
    top: Powers
    mix_top: Powers


class Meters:
    """The levels of a recording `(channels, time)` and of its stems `(streams, channels, time)`."""

    def __init__(self, streams: int, frame: int) -> None:
        self.streams, self.mix = Meter(streams, frame), Meter(1, frame)

    def finish(self) -> Levels:
        """What was fed to both."""
        (streams, top), (mix, mix_top) = self.streams.finish(), self.mix.finish()
        frames = min(streams.shape[1], mix.shape[1])
        return Levels(streams[:, :frames], mix[0, :frames], top[:, :frames], mix_top[0, :frames])


def measured(stems: Samples, mix: Samples, frame: int) -> Levels:
    """Levels of stems `(streams, channels, time)` and a recording `(channels, time)` in memory."""
    meters = Meters(len(stems), frame)
    meters.streams.feed(stems)
    meters.mix.feed(mix[None])
    return meters.finish()


def active(levels: Levels) -> Flags:
    """Where each stem holds speech, `(streams, frames)`.

    It stands out from the stem's own noise floor, from the remains of the other stems, and from those of the recording.
    """
    streams = levels.streams
    if streams.size == 0:
        return np.zeros(streams.shape, bool)
    least = max(SILENCE, np.percentile(streams.max(axis=0), 95) - RANGE)
    floor = np.stack([_floor(level) for level in streams])
    found = (streams > np.maximum(floor + ABOVE, least)) & (streams > levels.mix - SHARE)
    found &= streams > streams.max(axis=0) - LEAK
    return np.stack([without_short(row) for row in found])


def _floor(level: Doubles) -> Doubles:
    """The level that a tenth of the frames of 20 s lie below, the least of three such blocks, by frame; 25 dB below the loud
    frames at most, since somebody may speak without a pause."""
    edges = range(0, level.size, BLOCK)
    blocks = [level[begin : begin + BLOCK] for begin in edges]
    if len(blocks) > 1 and blocks[-1].size < BLOCK // 2:
        blocks[-2:] = [np.concatenate(blocks[-2:])]
    low = np.array([min(np.percentile(block, 10), np.percentile(block, 95) - 25) for block in blocks])
    padded = np.pad(low, 1, mode="edge")
    least = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
    return np.repeat(least, [block.size for block in blocks])


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
