"""Wanted voices, each by itself, by a network that takes any two talkers apart: whose a stem is, its voice vectors tell.

As in whole conversations (`winnow.engine.conversation.talkers`), but with the vectors of the wanted voices in place of clusters,
and with one talker more who is everybody else: so far away that a voice which is not much like any wanted one is nearer to him.
What was found so then tells how the wanted voices sound in this recording, and how the others do: with that all is heard again.
A recording streams through in blocks that are decided with some seconds before and after them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.engine.bodies import Finished, Stack, WindowBody, upper_gains
from winnow.engine.conversation.count import k_means, unlike
from winnow.engine.conversation.follow import CERTAINTY, chances, nearness
from winnow.engine.conversation.levels import FRAME, LEAK, RANGE, SILENCE, Doubles, Flags, Meter, without_short
from winnow.engine.conversation.passes import Network
from winnow.engine.conversation.route import between
from winnow.engine.conversation.talkers import MARGIN
from winnow.engine.conversation.voices import Voices, heard
from winnow.models.separator import cross_fade
from winnow.models.voices import VoiceEncoder

Vectors = npt.NDArray[np.float32]

PAST, BLOCK, AHEAD = 10.0, 40.0, 10.0  # seconds before a block, of a block, and after it
LATENCY = BLOCK + AHEAD
"""Seconds of sound that are needed before the first comes out."""

LESS = 0.05
"""Of a cosine: the vectors here are of shorter stretches than those for which an encoder says from when on voices are alike."""

ENDS = (10, 90)
"""Percentiles of the likeness of all stretches: a voice is rather the wanted one than another's from the middle between them on.
In a room, in noise or by another microphone even the wanted one is not as like itself as an encoder expects.
"""


OTHERS, ROUNDS = 2, 2  # voices that are told apart among everybody else; how often all is heard again
ENOUGH = 10.0  # stretches without which a recording says nothing about how its voices sound
AGAIN, COUNTS, REFERENCE = 0.4, 0.42, 5.0
"""When all is heard again: what a stretch says, what it counts for where a voice is made of many, and stretches that the reference
counts for. These and the ones above were chosen on training voices, with a network that was trained without them.
"""


def tracks(
    stems: Stack, rate: int, wanted: Vectors, encoder: VoiceEncoder, ends: Vectors | None = None
) -> tuple[Stack, Vectors]:
    """The wanted voices in a recording in memory, `(voices, channels, time)`, and the ends of their likeness.

    stems: what a network took apart, `(streams, channels, time)`; rate: hertz; wanted: unit vectors, `(voices, size)`;
    ends: what was returned for another part of the recording: the least and the most likeness with each voice, `(2, voices)`.
    """
    frame = round(FRAME * rate)
    meter = Meter(len(stems), frame)
    meter.feed(stems)
    levels = meter.finish()[0]
    loud = _loud(levels)
    voices = heard(levels, loud, lambda begin, end: stems[:, :, begin:end], frame, rate, encoder)
    likeness = voices.vectors @ wanted.T
    ends = np.stack([np.ones(len(wanted)), -np.ones(len(wanted))]).astype(np.float32) if ends is None else ends
    if len(likeness):
        low, high = np.percentile(likeness, ENDS, axis=0).astype(np.float32)
        ends = np.stack([np.minimum(ends[0], low), np.maximum(ends[1], high)])
    least = np.minimum(ends.mean(axis=0), encoder.alike - LESS)
    level = least.mean()
    # Everybody else comes first, since what cannot be told is nobody's.
    others = np.full((len(likeness), 1), level, np.float32)
    gains = nearness(1 - np.concatenate([others, likeness - least + level], axis=1))
    found = _again(voices, levels, loud, gains, wanted, chances(voices, levels, loud, gains))
    shares = _shares(found, levels, loud)
    first, second, rise = between(levels.shape[1], frame, 0, stems.shape[2])
    return np.stack(
        [_led(stems, row[:, first] * (1 - rise) + row[:, second] * rise) for row in shares.swapaxes(0, 1)]
    ), ends


def _again(voices: Voices, levels: Doubles, loud: Flags, gains: Vectors, wanted: Vectors, found: Doubles) -> Doubles:
    """Chances of the wanted voices in the stems, `(streams, voices, frames)`, by what they sound like where they were found.

    The more stretches there are, the more that counts. The others are several voices, each with a sound of its own
    (the model of VBx: Landini et al. 2022).

    gains: of the stretches for everybody else and each wanted voice; found: the chances by them, `(streams, 1 + voices, frames)`.
    """
    lengths = voices.lengths
    trusted = max(0.0, 1 - ENOUGH / max(lengths.sum(), 1e-9))
    if not trusted:
        return found[:, 1:]
    vectors = np.concatenate([voices.vectors, wanted]).astype(np.float64)
    references = REFERENCE * np.eye(len(wanted), OTHERS + len(wanted), OTHERS)
    group = k_means(vectors[: len(lengths)], OTHERS)
    found = np.concatenate([found[:, :1]] * OTHERS + [found[:, 1:]], axis=1)
    gains = np.concatenate([gains[:, :1]] * OTHERS + [gains[:, 1:]], axis=1)
    for turn in range(ROUNDS):
        weights = _weights(voices, found)
        if not turn:
            weights[:, :OTHERS] *= np.eye(OTHERS)[group]
        far = unlike(vectors, np.concatenate([weights * lengths[:, None], references]), COUNTS)[: len(lengths)]
        both = (1 - trusted) * gains - trusted * AGAIN / CERTAINTY * far
        found = chances(voices, levels, loud, both.astype(np.float32))
    return found[:, OTHERS:]


def _weights(voices: Voices, found: Doubles) -> Doubles:
    """Mean chances of each stretch, `(stretches, talkers)`."""
    return np.array([found[s.stream, :, s.begin : s.end].mean(axis=1) for s in voices.stretches])


def _led(stems: Stack, shares: Doubles) -> Samples:
    """The sum of the stems by their shares, `(streams, time)`: `(channels, time)`."""
    return np.asarray(sum(share * stem for share, stem in zip(shares, stems, strict=True)), np.float32)


def _shares(likely: Doubles, levels: Doubles, loud: Flags) -> Doubles:
    """What goes of each stem to each wanted voice, `(streams, voices, frames)`: by the chance that it is that one's.

    What is left of the louder voice in another stem goes where that one goes; what is soft goes with the speech around it.
    """
    out = likely.copy()
    loudest = np.where(loud, levels, -np.inf).argmax(axis=0)
    main = np.take_along_axis(likely, loudest[None, None], axis=0)[0]
    for stream, row in enumerate(loud):
        out[stream][:, ~row] = main[:, ~row]
    known = np.flatnonzero(loud.any(axis=0))
    if known.size:
        places = np.arange(loud.shape[1])
        after = known[np.clip(np.searchsorted(known, places), 0, known.size - 1)]
        before = known[np.clip(np.searchsorted(known, places, side="right") - 1, 0, known.size - 1)]
        nearest = np.where(np.abs(after - places) < np.abs(before - places), after, before)
        out = out[:, :, nearest] * (np.abs(nearest - places) <= MARGIN)
    return out


def _loud(levels: Doubles) -> Flags:
    """Where a stem holds more than what is left of another one, `(streams, frames)`; levels: dB of full scale.

    Unlike in a conversation, of which nothing is known, what an enhancer thinks of it does not matter: in a hall it takes away
    much of the wanted voice too.
    """
    loudest = levels.max(axis=0)
    found = (levels > loudest - LEAK) & (loudest > max(SILENCE, np.percentile(loudest, 95) - RANGE))
    return np.stack([without_short(row) for row in found])


class WantedBody:
    """One recording on its way through the network, in constant memory; its stems are the wanted voices.

    channels: of the recording, all taken apart together; wanted, encoder: see `tracks`.
    """

    def __init__(self, network: Network, channels: int, wanted: Vectors, encoder: VoiceEncoder) -> None:
        self._network, self._wanted, self._encoder = network, wanted, encoder
        self._body = WindowBody(network.separator, channels, network.rate, True, 0.0)
        self._mix: Samples = np.zeros((channels, 0), np.float32)
        self._stems: Stack = np.zeros((network.talkers, channels, 0), np.float32)
        self._ends: Vectors | None = None
        self._past = 0  # samples of both that have come out already
        self._tail: Stack | None = None  # what the last block said of the beginning of the next

    def feed(self, block: Samples) -> Finished:
        """Take the next samples, `(channels, time)`."""
        self._take(block, self._body.feed(block).stems)
        size, ahead = (round(seconds * self._network.rate) for seconds in (BLOCK, AHEAD))
        done = []
        while self._stems.shape[2] - self._past >= size + ahead:
            done.append(self._next(size, size + ahead))
        return self._joined(done)

    def flush(self) -> Finished:
        """The rest: altogether as many samples as went in."""
        self._take(self._mix[:, :0], self._body.flush().stems)
        left = self._stems.shape[2] - self._past
        return self._joined([self._next(left, left)] if left else [])

    def _take(self, block: Samples, stems: Stack) -> None:
        self._mix = np.concatenate([self._mix, block], axis=1)
        self._stems = np.concatenate([self._stems, stems[: self._network.talkers]], axis=2)

    def _next(self, size: int, known: int) -> Finished:
        """The next `size` samples, of which `known` are there, cross-faded with what was said of them before."""
        rate, begin, fade = self._network.rate, self._past, round(FRAME * self._network.rate)
        mix = self._mix[:, : begin + known]
        stems = self._stems[:, :, : begin + known]
        found, self._ends = tracks(stems, rate, self._wanted, self._encoder, self._ends)
        gains = np.stack([upper_gains(track, mix, rate, True) for track in found])[:, :, begin : begin + size]
        out = found[:, :, begin : begin + size].copy()
        if self._tail is not None:
            shared = min(fade, size)
            out[:, :, :shared] = cross_fade(self._tail[:, :, :shared], out[:, :, :shared])
        self._tail = found[:, :, begin + size : begin + size + fade].copy()
        old = max(0, begin + size - round(PAST * rate))
        self._mix, self._stems, self._past = self._mix[:, old:], self._stems[:, :, old:], begin + size - old
        return Finished(out, np.asarray(gains / np.maximum(gains.sum(axis=0), 1), np.float32))

    def _joined(self, done: list[Finished]) -> Finished:
        nothing = np.zeros((len(self._wanted), len(self._mix), 0), np.float32)
        return Finished(
            *(np.concatenate(p, axis=2) for p in zip(Finished(nothing, nothing[:, :1]), *done, strict=True))
        )
