"""Wanted voices, each by itself, by a network that takes any two talkers apart: whose a stem is, its voice vectors tell.

As in whole conversations (`winnow.engine.conversation.talkers`), but with the vectors of the wanted voices in place of clusters,
and with one talker more who is everybody else: so far away that a voice which is not much like any wanted one is nearer to him.
What was heard in the last minutes is clustered too, as a conversation is: where the clusters tell who is wanted, they say better
than single stretches how the wanted voices sound in this recording, and how the others do. With that, or what was found without,
all is heard again. Networks that are told the voices have a say in whose each stretch is. A recording streams through in blocks
that are decided with some seconds before and after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.engine.bodies import Finished, Stack, WindowBody, upper_gains
from winnow.engine.conversation.count import centroids, k_means, unlike
from winnow.engine.conversation.follow import CERTAINTY, chances, nearness
from winnow.engine.conversation.levels import FRAME, LEAK, RANGE, SILENCE, Doubles, Flags, Meter, without_short
from winnow.engine.conversation.passes import Network
from winnow.engine.conversation.route import between
from winnow.engine.conversation.talkers import MARGIN
from winnow.engine.conversation.voices import Voices, heard, no_voices
from winnow.models.separator import Separator, cross_fade
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

SAY = 1.0
"""What it counts for, in deviations of the distance of voices, that a network which is told the voice takes all of a stretch for it
instead of nothing. Chosen on training voices at another pitch.
"""

REMEMBERED = 400  # stretches before a window that are known in it, some five minutes of speech
SEVERAL = 3  # talkers from whom on the wanted one is looked for among clusters
CLEARER, SURELY = 0.05, 0.7
"""Of a cosine: by how much a cluster must be more like the reference than all others; from when on one more is that voice too, for
another distance from the microphone can make several clusters of one voice. Chosen on training voices at another pitch.
"""


@dataclass(frozen=True)
class Known:
    """What a recording has said so far. ends: the least and the most likeness with each wanted voice, `(2, voices)`; voices: of the
    last stretches that were the louder ones of their moment, which begin and end from the beginning of the window on, or before it.
    """

    ends: Vectors
    voices: Voices

    def before(self, frame: int) -> Known:
        """For a window that begins at this frame: what was known until then."""
        begins = np.array([stretch.begin for stretch in self.voices.stretches])
        past = self.voices.chosen(np.flatnonzero(begins < frame)[-REMEMBERED:])
        moved = [s._replace(begin=s.begin - frame, end=s.end - frame) for s in past.stretches]
        return replace(self, voices=replace(past, stretches=moved))


def unknown(wanted: Vectors) -> Known:
    """At the beginning of a recording; wanted: `(voices, size)`."""
    ends = np.stack([np.ones(len(wanted)), -np.ones(len(wanted))]).astype(np.float32)
    return Known(ends, no_voices(wanted.shape[1]))


def tracks(
    stems: Stack,
    rate: int,
    wanted: Vectors,
    encoder: VoiceEncoder,
    known: Known | None = None,
    estimates: Stack | None = None,
) -> tuple[Stack, Known]:
    """The wanted voices in a window of a recording, `(voices, channels, time)`, and what is known with it.

    stems: what a network took apart, `(streams, channels, time)`; rate: hertz; wanted: unit vectors, `(voices, size)`;
    known: what was before the window; estimates: of the wanted voices by networks that are told these, `(voices, channels, time)`.
    """
    known = known or unknown(wanted)
    frame = round(FRAME * rate)
    meter = Meter(len(stems), frame)
    meter.feed(stems)
    levels = meter.finish()[0]
    loud = _loud(levels)
    voices = heard(levels, loud, lambda begin, end: stems[:, :, begin:end], frame, rate, encoder)
    likeness = voices.vectors @ wanted.T
    ends = known.ends
    if len(likeness):
        low, high = np.percentile(likeness, ENDS, axis=0).astype(np.float32)
        ends = np.stack([np.minimum(ends[0], low), np.maximum(ends[1], high)])
    known = Known(ends, known.voices.followed_by(voices.chosen(np.flatnonzero(voices.loudest))))
    least = np.minimum(ends.mean(axis=0), encoder.alike - LESS)
    level = least.mean()
    # Everybody else comes first, since what cannot be told is nobody's.
    others = np.full((len(likeness), 1), level, np.float32)
    gains = nearness(1 - np.concatenate([others, likeness - least + level], axis=1))
    if estimates is not None:
        gains[:, 1:] += np.float32(SAY) * opinions(voices, stems, estimates, frame)
    found = chances(voices, levels, loud, gains)
    trusted = max(0.0, 1 - ENOUGH / max(voices.lengths.sum(), 1e-9))
    if trusted:
        clusters = _clusters(known.voices, wanted, encoder.alike - LESS)
        if clusters is None:
            weights = _divided(voices, _weights(voices, found))
        else:
            clear = nearness(1 - voices.vectors @ clusters.vectors.T.astype(np.float32))
            weights = clusters.merged(_weights(voices, chances(voices, levels, loud, clear)), len(wanted))
        found = _again(voices, levels, loud, gains, wanted, weights, trusted)
    shares = _shares(found[:, -len(wanted) :], levels, loud)
    first, second, rise = between(levels.shape[1], frame, 0, stems.shape[2])
    return np.stack(
        [_led(stems, row[:, first] * (1 - rise) + row[:, second] * rise) for row in shares.swapaxes(0, 1)]
    ), known


def opinions(voices: Voices, stems: Stack, estimates: Stack, frame: int) -> Vectors:
    """How much of each stretch of a stem is in each wanted voice's estimate, `(stretches, voices)`, from -0.5, nothing, to 0.5.

    stems, estimates: `(streams, channels, time)`, `(voices, channels, time)`, the latter as sums of the former by least squares;
    frame: samples of one.
    """
    out = np.zeros((len(voices.stretches), len(estimates)), np.float32)
    for row, stretch in zip(out, voices.stretches, strict=True):
        here = slice(stretch.begin * frame, stretch.end * frame)
        parts, wanted = (x[..., here].reshape(len(x), -1).astype(np.float64) for x in (stems, estimates))
        power = parts @ parts.T
        power += (1e-6 * np.trace(power) + 1e-12) * np.eye(len(parts))
        row[:] = np.clip(np.linalg.solve(power, parts @ wanted.T)[stretch.stream], 0, 1) - 0.5
    return out


@dataclass(frozen=True)
class Clusters:
    """vectors: of the clusters, `(clusters, size)`; wanted: number of the wanted voice that each one is, -1 for another one's."""

    vectors: Doubles
    wanted: npt.NDArray[np.int64]

    def merged(self, weights: Doubles, voices: int) -> Doubles:
        """Weights of the clusters `(stretches, clusters)` to those of the talkers, the others first, then each wanted voice."""
        own = weights @ (self.wanted[:, None] == np.arange(voices))
        return np.concatenate([weights[:, self.wanted < 0], own], axis=1)


def _clusters(voices: Voices, wanted: Vectors, least: float) -> Clusters | None:
    """Who there seems to be; None where those are one or two, who are told apart as well without, or where it is not clear who of
    them is wanted. Of a wanted voice that nobody is like there is a cluster that is as it was told; least: cosine that is like.
    """
    found = centroids(voices, None)
    if len(found) < SEVERAL:
        return None
    likeness = found @ wanted.T.astype(np.float64)
    own = (likeness > SURELY) | ((likeness == likeness.max(axis=0)) & (likeness > least))
    second = np.where(own, -1.0, likeness).max(axis=0)
    there = own.any(axis=0)
    unclear = likeness.max(axis=0) - second < CLEARER
    if not there.any() or (unclear & there).any() or (own.sum(axis=1) > 1).any():
        return None
    absent = np.flatnonzero(~there)
    whose = np.where(own.any(axis=1), own.argmax(axis=1), -1)
    if (whose < 0).sum() + there.sum() < SEVERAL:
        return None
    return Clusters(np.concatenate([found, wanted[absent]]), np.concatenate([whose, absent]))


def _divided(voices: Voices, weights: Doubles) -> Doubles:
    """Mean chances of each stretch, `(stretches, 1 + voices)`, with several others in place of one everybody else."""
    group = k_means(voices.vectors.astype(np.float64), OTHERS)
    return np.concatenate([weights[:, :1] * np.eye(OTHERS)[group], weights[:, 1:]], axis=1)


def _again(
    voices: Voices, levels: Doubles, loud: Flags, gains: Vectors, wanted: Vectors, weights: Doubles, trusted: float
) -> Doubles:
    """Chances of all talkers in the stems, `(streams, talkers, frames)`, the wanted ones last, by what they sound like where they
    were found: each has a sound of his own (the model of VBx: Landini et al. 2022), and the reference is some of a wanted one's.

    gains: of the stretches for everybody else and each wanted voice; weights: how much of each stretch seems to be whose,
    `(stretches, talkers)`; trusted: what that counts for, from 0 to 1, the gains for the rest.
    """
    lengths, others = voices.lengths, weights.shape[1] - len(wanted)
    vectors = np.concatenate([voices.vectors, wanted]).astype(np.float64)
    references = REFERENCE * np.eye(len(wanted), others + len(wanted), others)
    gains = np.concatenate([gains[:, :1]] * others + [gains[:, 1:]], axis=1)
    for _ in range(ROUNDS):
        far = unlike(vectors, np.concatenate([weights * lengths[:, None], references]), COUNTS)[: len(lengths)]
        both = (1 - trusted) * gains - trusted * AGAIN / CERTAINTY * far
        found = chances(voices, levels, loud, both.astype(np.float32))
        weights = _weights(voices, found)
    return found


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


class Wanted:
    """One recording whose stems are known, on its way to the wanted voices, in constant memory.

    channels: of the recording; talkers: stems; rate: hertz; wanted, encoder: see `tracks`; told: whether there are estimates of
    networks that are told the voices: then these follow the stems.
    """

    def __init__(
        self, channels: int, talkers: int, rate: int, wanted: Vectors, encoder: VoiceEncoder, told: bool = False
    ) -> None:
        self._rate, self._wanted, self._encoder, self._talkers = rate, wanted, encoder, talkers
        self._mix: Samples = np.zeros((channels, 0), np.float32)
        self._stems: Stack = np.zeros((talkers + told * len(wanted), channels, 0), np.float32)
        self._known = unknown(wanted)
        self._past = 0  # samples of both that have come out already
        self._tail: Stack | None = None  # what the last block said of the beginning of the next

    def feed(self, block: Samples, stems: Stack) -> Finished:
        """Take the next samples, `(channels, time)`, and those of the stems, which may come later, `(stems, channels, time)`."""
        self._take(block, stems)
        size, ahead = (round(seconds * self._rate) for seconds in (BLOCK, AHEAD))
        done = []
        while self._stems.shape[2] - self._past >= size + ahead:
            done.append(self._next(size, size + ahead))
        return self._joined(done)

    def flush(self, stems: Stack) -> Finished:
        """The rest, with the last samples of the stems: altogether as many samples as went in."""
        self._take(self._mix[:, :0], stems)
        left = self._stems.shape[2] - self._past
        return self._joined([self._next(left, left)] if left else [])

    def _take(self, block: Samples, stems: Stack) -> None:
        self._mix = np.concatenate([self._mix, block], axis=1)
        self._stems = np.concatenate([self._stems, stems], axis=2)

    def _next(self, size: int, known: int) -> Finished:
        """The next `size` samples, of which `known` are there, cross-faded with what was said of them before."""
        rate, begin, frame = self._rate, self._past, round(FRAME * self._rate)
        mix = self._mix[:, : begin + known]
        stems = self._stems[:, :, : begin + known]
        stems, told = stems[: self._talkers], stems[self._talkers :]
        found, said = tracks(stems, rate, self._wanted, self._encoder, self._known, told if len(told) else None)
        gains = np.stack([upper_gains(track, mix, rate, True) for track in found])[:, :, begin : begin + size]
        out = found[:, :, begin : begin + size].copy()
        if self._tail is not None:
            shared = min(frame, size)
            out[:, :, :shared] = cross_fade(self._tail[:, :, :shared], out[:, :, :shared])
        self._tail = found[:, :, begin + size : begin + size + frame].copy()
        old = max(0, begin + size - round(PAST * rate))
        self._mix, self._stems, self._past = self._mix[:, old:], self._stems[:, :, old:], begin + size - old
        self._known = said.before(round(old / frame))
        return Finished(out, np.asarray(gains / np.maximum(gains.sum(axis=0), 1), np.float32))

    def _joined(self, done: list[Finished]) -> Finished:
        nothing = np.zeros((len(self._wanted), len(self._mix), 0), np.float32)
        return Finished(
            *(np.concatenate(p, axis=2) for p in zip(Finished(nothing, nothing[:, :1]), *done, strict=True))
        )


class WantedBody:
    """One recording on its way through the networks and `Wanted`; its stems are the wanted voices.

    channels: of the recording, all taken apart together; wanted, encoder: see `tracks`; told: what gives the voice, its first
    stem, for each of the wanted ones, at the network's rate, or nothing.
    """

    def __init__(
        self,
        network: Network,
        channels: int,
        wanted: Vectors,
        encoder: VoiceEncoder,
        told: Sequence[Separator] = (),
    ) -> None:
        separators = [(network.separator, network.talkers), *((each, 1) for each in told)]
        self._parts = [(WindowBody(each, channels, network.rate, True, 0.0), count) for each, count in separators]
        self._waiting: list[Stack] = [np.zeros((count, channels, 0), np.float32) for _, count in self._parts]
        self._wanted = Wanted(channels, network.talkers, network.rate, wanted, encoder, bool(told))

    def feed(self, block: Samples) -> Finished:
        """Take the next samples, `(channels, time)`."""
        return self._wanted.feed(block, self._together([body.feed(block) for body, _ in self._parts]))

    def flush(self) -> Finished:
        """The rest: altogether as many samples as went in."""
        return self._wanted.flush(self._together([body.flush() for body, _ in self._parts]))

    def _together(self, found: list[Finished]) -> Stack:
        """The stems of all networks, as far as every one of them has come."""
        counted = zip(self._waiting, found, self._parts, strict=True)
        known = [np.concatenate([waiting, new.stems[:count]], axis=2) for waiting, new, (_, count) in counted]
        ready = min(each.shape[2] for each in known)
        self._waiting = [each[:, :, ready:] for each in known]
        return np.concatenate([each[:, :, :ready] for each in known])
