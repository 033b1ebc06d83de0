"""Which talker each stem belongs to, frame by frame: the likeliest path through all assignments (Viterbi 1967).

Stems change places at silences, so a change costs much where a stem is in the middle of a word, and little where it is quiet.
What speaks for a talker is the distance of the voice vectors around; what speaks for two different talkers in two stems is that
their levels go up and down each by themselves, for the talker that a network leaves in both stems goes up and down in both.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.engine.conversation.levels import FRAME, Doubles, Flags
from winnow.engine.conversation.progress import Tell, nobody, part
from winnow.engine.conversation.voices import LENGTH, Voices

Labels = npt.NDArray[np.int16]
"""Talker of each stem, `(streams, frames)`; -1: nobody."""

Whole = npt.NDArray[np.int64]

NOBODY = -1
CHANGE = 4.0  # the cost of a change in the middle of a word, in deviations of the distance
QUIET = 0.1  # share of it where the stem is quiet
DEPTH = 20.0  # dB below the loudest frame around at which a frame is quiet
AROUND = round(0.5 / FRAME)  # frames to either side that are around
APART = 1.5 / LENGTH  # the gain of a frame that is given to two talkers, where the levels have nothing in common
LIKENESS = round(0.75 / FRAME)  # frames to either side over which levels are compared
LONGEST = round(100 / FRAME)  # frames after which the next silence ends a path, if it comes before twice as many
CERTAINTY = 10.0
"""What evidence and costs are multiplied by to be logarithms of chances: the more, the nearer to the best assignment alone; less
leaves more of everybody in every track. Chosen on training voices.
"""
MEMORY = 1 << 22  # numbers that are held where the paths of several blocks are found at once


def follow(voices: Voices, streams: Doubles, active: Flags, talkers: Doubles, tell: Tell = nobody) -> Labels:
    """The talker of each active stem, NOBODY elsewhere. streams: levels `(streams, frames)`, dB; talkers: `(talkers, size)`."""
    evidence = _evidence(voices, active, nearness(1 - voices.vectors @ talkers.T.astype(np.float32)))
    costs = _costs(streams, active)
    bonus = _bonus(streams, active)
    labels = np.full(active.shape, NOBODY, np.int16)
    blocks = _blocks(active, costs)
    groups = _groups(blocks, len(streams), len(talkers))
    for number, group in enumerate(groups):
        step = part(tell, number / len(groups), (number + 1) / len(groups))
        found = _paths(_stacked(evidence, group), _stacked(costs, group), _stacked(bonus, group), step)
        for frames, path in zip(group, found, strict=True):
            labels[:, frames] = path[:, : frames.size]
    return np.where(active, labels, np.int16(NOBODY))


def chances(voices: Voices, streams: Doubles, active: Flags, gains: npt.NDArray[np.float32]) -> Doubles:
    """How likely each talker is the one in each stem, over all assignments instead of the best (forward-backward: Rabiner 1989),
    `(streams, talkers, frames)`; zeros where nobody is active.

    gains: what each stretch's voice says for each talker, `(stretches, talkers)`, as `nearness` or a logarithm of chances over
    CERTAINTY; the others as in `follow`.
    """
    count, talkers = len(streams), gains.shape[1]
    found = np.zeros((count, talkers, active.shape[1]))
    frames = np.flatnonzero(active.any(axis=0))
    if not frames.size:
        return found
    changes = np.exp(-CERTAINTY * _costs(streams, active)[:, frames].T)
    likely = _likely(_evidence(voices, active, gains)[:, frames], _bonus(streams, active)[:, frames])
    forward, backward = np.empty_like(likely), np.ones_like(likely)
    forward[0] = likely[0] / likely[0].sum()
    for frame in range(1, len(frames)):
        moved = _changed(forward[frame - 1], changes[frame]) * likely[frame]
        forward[frame] = moved / moved.sum()
    for frame in range(len(frames) - 1, 0, -1):
        moved = _changed(backward[frame] * likely[frame], changes[frame])
        backward[frame - 1] = moved / moved.sum()
    both = forward * backward
    both /= both.sum(axis=tuple(range(1, both.ndim)), keepdims=True)
    for stream in range(count):
        others = tuple(axis for axis in range(1, count + 1) if axis != stream + 1)
        found[stream][:, frames] = both.sum(axis=others).T
    return found


def _likely(evidence: npt.NDArray[np.float32], bonus: Doubles) -> Doubles:
    """Weight of every assignment at every frame, `(frames, talkers, ...)`, the largest of a frame 1.

    evidence: `(streams, frames, talkers)`; bonus: `(pairs, frames)`.
    """
    count, frames, talkers = evidence.shape
    total = np.zeros((frames, *(talkers,) * count))
    for stream, row in enumerate(evidence.astype(np.float64), start=1):
        total += row.reshape([frames] + [-1 if k == stream else 1 for k in range(1, count + 1)])
    for pair, gain in zip(_differing(count, talkers), bonus, strict=True):
        total += gain.reshape([-1] + [1] * count) * pair
    return np.asarray(np.exp(CERTAINTY * (total - total.max(axis=tuple(range(1, count + 1)), keepdims=True))))


def _changed(weights: Doubles, changes: Doubles) -> Doubles:
    """Weights of the assignments one frame on, each stem changing by itself; changes: weight of its change, `(streams,)`."""
    for axis, change in enumerate(changes):
        weights = weights + change * (weights.sum(axis=axis, keepdims=True) - weights)
    return weights


def nearness(distances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How little each talker's voice differs, `(stretches, talkers)`, in deviations of the distance."""
    own = max(float(np.median(distances.min(axis=1))), 0.02) if len(distances) else 1.0
    return np.asarray(-distances / np.float32(own))


def _evidence(voices: Voices, active: Flags, gains: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What the stretches around say for each talker, `(streams, frames, talkers)`; its frames share what a stretch says."""
    found = np.zeros((*active.shape, gains.shape[1]), np.float32)
    for stretch, gain in zip(voices.stretches, gains, strict=True):
        found[stretch.stream, stretch.begin : stretch.end] += (gain / LENGTH).astype(np.float32)
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
        row[both] = APART * (1 - 2 * likeness(streams[a], streams[b]))[both]
    return found


def likeness(a: Doubles, b: Doubles) -> Doubles:
    """Correlation of two series of levels around each place, `(frames,)`."""
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


def _blocks(active: Flags, costs: Doubles) -> list[Whole]:
    """The frames in which anybody speaks, in blocks that end at a silence, so that paths have an end and can be found side by
    side; where there is no silence, where a change costs least."""
    frames = np.flatnonzero(active.any(axis=0))
    silences = np.flatnonzero(np.diff(frames) > 1) + 1
    cuts = [0]
    while frames.size - cuts[-1] > 2 * LONGEST:
        soonest = cuts[-1] + LONGEST
        after = silences[np.searchsorted(silences, soonest) :]
        if after.size and after[0] <= soonest + LONGEST:
            cuts.append(int(after[0]))
        else:
            cuts.append(soonest + int(costs[:, frames[soonest : soonest + LONGEST]].sum(axis=0).argmin()))
    return [block for block in np.split(frames, cuts[1:]) if block.size]


def _groups(blocks: list[Whole], streams: int, talkers: int) -> list[list[Whole]]:
    """Blocks of which the paths are found at once, so that memory is bounded."""
    numbers = talkers**streams + 2 * streams * (talkers + 2)  # of a frame: where each state came from, evidence, costs
    at_once = max(1, MEMORY // (2 * LONGEST * numbers))
    return [blocks[begin : begin + at_once] for begin in range(0, len(blocks), at_once)]


def _stacked(values: npt.NDArray[Any], blocks: list[Whole]) -> Doubles:
    """`(rows, frames, ...)` at the frames of each block, `(frames, rows, blocks, ...)`; after the end of a block zeros."""
    longest = max(block.size for block in blocks)
    found = np.zeros((longest, len(values), len(blocks), *values.shape[2:]))
    for number, block in enumerate(blocks):
        found[: block.size, :, number] = values[:, block].swapaxes(0, 1)
    return found


def _paths(evidence: Doubles, costs: Doubles, bonus: Doubles, tell: Tell = nobody) -> Labels:
    """The best talkers of all stems, `(blocks, streams, frames)`.

    evidence: `(frames, streams, blocks, talkers)`; costs: `(frames, streams, blocks)`; bonus: `(frames, pairs, blocks)`.
    """
    frames, count, blocks, talkers = evidence.shape
    shape = (talkers,) * count
    apart = _differing(count, talkers)
    score = np.zeros((blocks, *shape))
    came = np.zeros((frames, blocks, talkers**count), np.int32)
    for frame in range(frames):
        tell(frame / frames)
        if frame:
            score, came[frame] = _moved(score, costs[frame])
        for stream, gains in enumerate(evidence[frame], start=1):
            score = score + gains.reshape([blocks] + [-1 if k == stream else 1 for k in range(1, count + 1)])
        for pair, gain in zip(apart, bonus[frame], strict=True):
            score = score + gain.reshape([-1] + [1] * count) * pair
    rows, state = np.arange(blocks), score.reshape(blocks, -1).argmax(axis=1)
    states = np.zeros((frames, blocks), np.int64)
    for frame in range(frames - 1, -1, -1):
        states[frame] = state
        state = came[frame, rows, state]
    return np.array(np.unravel_index(states.T, shape), np.int16).swapaxes(0, 1)


def _differing(count: int, talkers: int) -> list[npt.NDArray[np.float64]]:
    """For each pair of stems the states in which their talkers differ."""
    places = np.indices((talkers,) * count)
    return [np.asarray(places[a] != places[b], np.float64) for a, b in combinations(range(count), 2)]


def _moved(score: Doubles, costs: Doubles) -> tuple[Doubles, npt.NDArray[np.int64]]:
    """The best score of each state one frame on, `(blocks, talkers, ...)`, and the state where it came from, `(blocks, states)`;
    each stem may change by itself. costs: `(streams, blocks)`."""
    states = np.arange(score[0].size).reshape(1, *score.shape[1:])
    came = np.broadcast_to(states, score.shape)
    for axis, cost in enumerate(costs, start=1):
        best = np.expand_dims(score.argmax(axis=axis), axis)
        other = np.take_along_axis(score, best, axis) - cost.reshape([-1] + [1] * (score.ndim - 1))
        change = other > score
        came = np.where(change, np.take_along_axis(came, best, axis), came)
        score = np.where(change, other, score)
    return score, came.reshape(len(score), -1)
