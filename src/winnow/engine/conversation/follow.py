"""Which talker each stem belongs to, frame by frame: the likeliest path through all assignments (Viterbi 1967).

Stems change places at silences, so a change costs much where a stem is in the middle of a word, and little where it is quiet.
What speaks for a talker is the distance of the voice vectors around; what speaks for two different talkers in two stems is that
their levels go up and down each by themselves, for the talker that a network leaves in both stems goes up and down in both.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from winnow.engine.conversation.levels import FRAME, Doubles, Flags
from winnow.engine.conversation.voices import LENGTH, Voices

Labels = npt.NDArray[np.int16]
"""Talker of each stem, `(streams, frames)`; -1: nobody."""

NOBODY = -1
CHANGE = 4.0  # the cost of a change in the middle of a word, in deviations of the distance
QUIET = 0.1  # share of it where the stem is quiet
DEPTH = 20.0  # dB below the loudest frame around at which a frame is quiet
AROUND = round(0.5 / FRAME)  # frames to either side that are around
APART = 1.5 / LENGTH  # the gain of a frame that is given to two talkers, where the levels have nothing in common
LIKENESS = round(0.75 / FRAME)  # frames to either side over which levels are compared
LONGEST = round(100 / FRAME)  # frames after which the next silence ends a path


def follow(voices: Voices, streams: Doubles, active: Flags, talkers: Doubles) -> Labels:
    """The talker of each active stem, NOBODY elsewhere. streams: levels `(streams, frames)`, dB; talkers: `(talkers, size)`."""
    evidence = _evidence(voices, active, talkers)
    costs = _costs(streams, active)
    bonus = _bonus(streams, active)
    labels = np.full(active.shape, NOBODY, np.int16)
    for frames in _blocks(active):
        labels[:, frames] = _path(evidence[:, frames], costs[:, frames], bonus[:, frames])
    return np.where(active, labels, np.int16(NOBODY))


def _evidence(voices: Voices, active: Flags, talkers: Doubles) -> npt.NDArray[np.float32]:
    """How little each talker's voice differs, `(streams, frames, talkers)`, in deviations of the distance."""
    distances = 1 - voices.vectors @ talkers.T
    own = max(float(np.median(distances.min(axis=1))), 0.02) if len(distances) else 1.0
    found = np.zeros((*active.shape, len(talkers)), np.float32)
    for stretch, distance in zip(voices.stretches, distances, strict=True):
        found[stretch.stream, stretch.begin : stretch.end] -= (distance / own / LENGTH).astype(np.float32)
    return found


def _costs(streams: Doubles, active: Flags) -> Doubles:
    """Of a change of talker at each frame, `(streams, frames)`."""
    padded = np.pad(streams, ((0, 0), (AROUND, AROUND)), mode="edge")
    loudest = np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1, axis=1).max(axis=2)
    share = np.where(active, np.clip(1 - (loudest - streams) / DEPTH, QUIET, 1), QUIET)
    before = np.concatenate([np.full((len(share), 1), QUIET), share[:, :-1]], axis=1)
    return np.asarray(CHANGE * np.minimum(share, before))


def _bonus(streams: Doubles, active: Flags) -> Doubles:
    """Of each pair of stems having different talkers, `(pairs, frames)`; negative where they seem to have the same."""
    pairs = list(combinations(range(len(streams)), 2))
    found = np.zeros((len(pairs), streams.shape[1]))
    for row, (a, b) in zip(found, pairs, strict=True):
        both = active[a] & active[b]
        row[both] = APART * (1 - 2 * _likeness(streams[a], streams[b]))[both]
    return found


def _likeness(a: Doubles, b: Doubles) -> Doubles:
    """Correlation of two series around each place."""
    a, b = np.maximum(a, a.max() - 50), np.maximum(b, b.max() - 50)
    a, b = a - a.mean(), b - b.mean()
    ma, mb = _around(a), _around(b)
    cross = _around(a * b) - ma * mb
    power = (_around(a * a) - ma**2) * (_around(b * b) - mb**2)
    return np.asarray(cross / np.sqrt(np.maximum(power, 1.0)))


def _around(values: Doubles) -> Doubles:
    """Means over the frames around each one."""
    padded = np.pad(values, LIKENESS, mode="edge")
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    size = 2 * LIKENESS + 1
    return np.asarray((sums[size:] - sums[:-size]) / size)


def _blocks(active: Flags) -> list[npt.NDArray[np.int64]]:
    """The frames in which anybody speaks, in blocks that end at a silence, so that a path has an end."""
    frames = np.flatnonzero(active.any(axis=0))
    cuts = [0]
    for place in np.flatnonzero(np.diff(frames) > 1) + 1:
        if place - cuts[-1] >= LONGEST:
            cuts.append(int(place))
    return [block for block in np.split(frames, cuts[1:]) if block.size]


def _path(evidence: npt.NDArray[np.float32], costs: Doubles, bonus: Doubles) -> Labels:
    """The best talkers of all stems, `(streams, frames)`. evidence: `(streams, frames, talkers)`."""
    count, frames, talkers = evidence.shape
    shape = (talkers,) * count
    apart = _differing(count, talkers)
    score = np.zeros(shape)
    came = np.zeros((frames, talkers**count), np.int32)
    for frame in range(frames):
        if frame:
            score, came[frame] = _moved(score, costs[:, frame])
        for stream in range(count):
            score = score + evidence[stream, frame].reshape([-1 if k == stream else 1 for k in range(count)])
        for pair, gain in zip(apart, bonus[:, frame], strict=True):
            score = score + gain * pair
    state = int(score.argmax())
    states = np.zeros(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        states[frame] = state
        state = int(came[frame, state])
    return np.array(np.unravel_index(states, shape), np.int16)


def _differing(count: int, talkers: int) -> list[npt.NDArray[np.float64]]:
    """For each pair of stems the states in which their talkers differ."""
    places = np.indices((talkers,) * count)
    return [np.asarray(places[a] != places[b], np.float64) for a, b in combinations(range(count), 2)]


def _moved(score: Doubles, costs: Doubles) -> tuple[Doubles, npt.NDArray[np.int64]]:
    """The best score of each state one frame on, and the state where it came from; each stem may change by itself."""
    came = np.arange(score.size).reshape(score.shape)
    for axis, cost in enumerate(costs):
        best = np.expand_dims(score.argmax(axis=axis), axis)
        other = np.take_along_axis(score, best, axis) - cost
        change = other > score
        came = np.where(change, np.take_along_axis(came, best, axis), came)
        score = np.where(change, other, score)
    return score, came.ravel()
