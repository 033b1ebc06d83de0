"""Stems led to the tracks of their talkers, with cross-fades of one frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.engine.bodies import Finished
from winnow.engine.conversation.follow import Labels
from winnow.engine.conversation.levels import Levels
from winnow.engine.conversation.voices import Read

Floats = npt.NDArray[np.float32]

CHUNK = 1 << 16  # samples that are led at a time, so that many talkers need no more memory than few
NOTHING = 1e-6  # of a frame's power in the upper band, relative to full scale: silence has no gain


class RoutedBody:
    """One recording on its second way: its stems are known, and where each goes.

    read: the stems; route: `(streams, frames)`; frame: samples of a frame; levels: of the first way.
    """

    def __init__(self, read: Read, route: Labels, talkers: int, frame: int, levels: Levels) -> None:
        self._read, self._route, self._talkers, self._frame = read, route, talkers, frame
        self._gains = upper_gains(route, talkers, levels)
        self._at = 0

    def feed(self, block: Samples) -> Finished:
        """Take the next samples, `(channels, time)`."""
        parts = [self._led(block[:, k : k + CHUNK]) for k in range(0, block.shape[1], CHUNK)]
        if not parts:
            return Finished(
                np.zeros((self._talkers, len(block), 0), np.float32), np.zeros((self._talkers, 1, 0), np.float32)
            )
        return Finished(*(np.concatenate(pair, axis=2) for pair in zip(*parts, strict=True)))

    def flush(self) -> Finished:
        """Nothing is left: what went in has come out."""
        return self.feed(np.zeros((self._read(0, 0).shape[1], 0), np.float32))

    def _led(self, block: Samples) -> Finished:
        begin, end = self._at, self._at + block.shape[1]
        self._at = end
        stems = self._read(begin, end)
        stems = np.pad(stems, ((0, 0), (0, 0), (0, end - begin - stems.shape[2])))
        shares = weights(self._route, self._talkers, self._frame, begin, end)
        first, second, rise = between(self._gains.shape[1], self._frame, begin, end)
        gains = self._gains[:, first] * (1 - rise) + self._gains[:, second] * rise
        return Finished(led(stems, shares), gains[:, None].astype(np.float32))


def led(stems: Floats, shares: Floats) -> Floats:
    """Tracks `(talkers, channels, time)` of stems `(streams, channels, time)` and `weights`."""
    tracks = [sum(share * stem for share, stem in zip(row, stems, strict=True)) for row in shares.swapaxes(0, 1)]
    return np.asarray(tracks, np.float32).reshape(shares.shape[1], *stems.shape[1:])


def weights(route: Labels, talkers: int, frame: int, begin: int, end: int) -> Floats:
    """Share of each stem that goes to each talker, for samples from `begin` to before `end`: `(streams, talkers, time)`.

    route: `(streams, frames)`; frame: samples of a frame. Linear between the middles of the frames, so that where a stem goes from
    one talker to another their sum stays what it was.
    """
    first, second, rise = between(route.shape[1], frame, begin, end)
    talker = np.arange(talkers)[:, None]
    return np.stack([(row[first] == talker) * (1 - rise) + (row[second] == talker) * rise for row in route])


def between(
    frames: int, frame: int, begin: int, end: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """The frames whose middles are before and after each sample, and how far it is from the one to the other, 0 to 1."""
    place = np.clip((np.arange(begin, end) + 0.5) / frame - 0.5, 0, frames - 1)
    first = np.floor(place).astype(np.int64)
    return first, np.minimum(first + 1, frames - 1), (place - first).astype(np.float32)


def upper_gains(route: Labels, talkers: int, levels: Levels) -> Floats:
    """Gains for the band above the model's, `(talkers, frames)`: those of the talkers in the upper part of its own band.

    Of power, as for one stem; together they are 1 at most.
    """
    power = np.stack([(levels.top * (route == talker)).sum(axis=0) for talker in range(talkers)])
    gains = np.sqrt(power / (levels.mix_top + NOTHING))
    return np.asarray(gains / np.maximum(gains.sum(axis=0), 1), np.float32)
