"""Voice vectors of short stretches of the stems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.engine.conversation.levels import FRAME, Doubles, Flags, runs
from winnow.engine.conversation.progress import Tell, nobody
from winnow.models.voices import VoiceEncoder

Stems = npt.NDArray[np.float32]
Read = Callable[[int, int], Stems]
"""From the first sample and the one after the last to the stems `(streams, channels, time)`."""

LENGTH, STEP = round(1.5 / FRAME), round(0.75 / FRAME)  # frames of a stretch, and to the next one
SHORTEST = round(0.4 / FRAME)
APART = 10.0  # dB that the other stems are fainter by where a stretch counts as one voice alone


class Stretch(NamedTuple):
    """Frames `begin` to `end` of a stem; run: which stretch without a pause it is part of."""

    stream: int
    begin: int
    end: int
    run: int


@dataclass(frozen=True)
class Voices:
    """stretches: in order of time, thousands in an hour; vectors: `(stretches, size)`, unit; alone: share of each stretch in
    which no other stem is near, 0 to 1; loudest: whether no other stem is louder over a stretch."""

    stretches: list[Stretch]
    vectors: npt.NDArray[np.float32]
    alone: Doubles
    loudest: Flags

    @property
    def lengths(self) -> Doubles:
        """Of each stretch, in stretches of full length."""
        return np.array([(s.end - s.begin) / LENGTH for s in self.stretches])

    def chosen(self, which: npt.NDArray[np.intp]) -> Voices:
        """The stretches of these numbers, in their order."""
        some = [self.stretches[number] for number in which]
        return Voices(some, self.vectors[which], self.alone[which], self.loudest[which])

    def followed_by(self, later: Voices) -> Voices:
        """With those of a later part, whose runs are other ones."""
        runs = 1 + max((stretch.run for stretch in self.stretches), default=-1)
        return Voices(
            self.stretches + [stretch._replace(run=stretch.run + runs) for stretch in later.stretches],
            np.concatenate([self.vectors, later.vectors]),
            np.concatenate([self.alone, later.alone]),
            np.concatenate([self.loudest, later.loudest]),
        )


def no_voices(size: int) -> Voices:
    """Of no stretches; size: of a vector."""
    return Voices([], np.zeros((0, size), np.float32), np.zeros(0), np.zeros(0, bool))


def heard(
    streams: Doubles,
    active: Flags,
    read: Read,
    frame: int,
    rate: int,
    encoder: VoiceEncoder,
    tell: Tell = nobody,
) -> Voices:
    """The voices of all active stretches. streams, active: `(streams, frames)`; frame: samples of a frame."""
    stretches, vectors = [], []
    for stretch in sorted(cut(active), key=lambda stretch: stretch.begin):  # so that a file is read from begin to end
        tell(stretch.begin / active.shape[1])
        sound = read(stretch.begin * frame, stretch.end * frame)[stretch.stream]
        loudest = sound[int(np.square(sound).sum(axis=1).argmax())]
        vector = np.asarray(encoder(np.ascontiguousarray(loudest), rate), np.float64)
        if np.isfinite(vector).all() and np.linalg.norm(vector) > 0.5:  # zeros: nothing to hear
            stretches.append(stretch)
            vectors.append((vector / np.linalg.norm(vector)).astype(np.float32))
    near = _near(streams, active)
    alone = [1 - near[s.stream, s.begin : s.end].mean() for s in stretches]
    loudest = [_energy(streams, s).argmax() == s.stream for s in stretches]
    found = np.array(vectors, np.float32).reshape(len(vectors), encoder.size)
    return Voices(stretches, found, np.array(alone), np.array(loudest, bool))


def _energy(streams: Doubles, stretch: Stretch) -> Doubles:
    """Of all stems, `(streams,)`."""
    return np.asarray((10 ** (streams[:, stretch.begin : stretch.end] / 10)).sum(axis=1))


def _near(streams: Doubles, active: Flags) -> Flags:
    """Where another stem is active and not much fainter, `(streams, frames)`."""
    found = np.zeros(active.shape, bool)
    for stream, level in enumerate(streams):
        others = active & (streams > level - APART)
        others[stream] = False
        found[stream] = others.any(axis=0)
    return found


def cut(active: Flags) -> list[Stretch]:
    """Stretches of equal length over every run; one for a short run, none for a very short one."""
    stretches, number = [], 0
    for stream, row in enumerate(active):
        for begin, end in runs(row):
            if end - begin >= SHORTEST:
                stretches += [Stretch(stream, b, e, number) for b, e in _over(begin, end)]
                number += 1
    return stretches


def _over(begin: int, end: int) -> list[tuple[int, int]]:
    last = max(begin, end - LENGTH)
    places = [*range(begin, last, STEP), last]
    return [(place, min(place + LENGTH, end)) for place in places]
