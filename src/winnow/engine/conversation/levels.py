"""How loud the stems and the recording are, frame by frame, and where that is somebody speaking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

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


class Meter:
    """Levels of what streams by, `(rows, channels, time)`, as mean squares over all channels. frame: samples of a frame."""

    def __init__(self, rows: int, frame: int) -> None:
        self._frame = frame
        self._energy: list[npt.NDArray[np.float32]] = []
        self._waiting: npt.NDArray[np.float32] = np.zeros((rows, 0), np.float32)

    def feed(self, block: npt.NDArray[np.float32]) -> None:
        """Take the next samples."""
        power = np.square(block).mean(axis=1)
        self._waiting = np.concatenate([self._waiting, power], axis=1)
        count = self._waiting.shape[1] // self._frame
        whole, self._waiting = np.split(self._waiting, [count * self._frame], axis=1)
        self._energy.append(whole.reshape(len(whole), count, self._frame).mean(axis=2))

    def levels(self) -> Doubles:
        """dB of full scale, `(rows, frames)`; the last frame may be shorter than the others."""
        rest = [self._waiting.mean(axis=1, keepdims=True)] if self._waiting.shape[1] else []
        energy = np.concatenate([*self._energy, *rest], axis=1).astype(np.float64)
        return np.asarray(10 * np.log10(np.maximum(energy, 10 ** (LOWEST / 10))))


@dataclass(frozen=True)
class Levels:
    """streams: of the stems, `(streams, frames)`; mix: of the recording, `(frames,)`; both dB of full scale."""

    streams: Doubles
    mix: Doubles

    @property
    def frames(self) -> int:
        """How many."""
        return int(self.mix.size)


def measured(stems: Samples, mix: Samples, frame: int) -> Levels:
    """Levels of stems `(streams, channels, time)` and a recording `(channels, time)` in memory."""
    meters = Meter(len(stems), frame), Meter(1, frame)
    meters[0].feed(stems)
    meters[1].feed(mix[None])
    return Levels(meters[0].levels(), meters[1].levels()[0])


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
