"""How many talkers there are, and what each one's voice is like: clusters of voice vectors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.engine.conversation.levels import FRAME
from winnow.engine.conversation.progress import Tell, nobody
from winnow.engine.conversation.voices import LENGTH, Voices

Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

TOGETHER = 4  # stretches of one run whose vectors are averaged: about 4 s without a pause are nearly always one talker
MOST_TALKERS = 20
MOST = 1000  # vectors that are clustered; the time goes with their cube
ALONE, ENOUGH = 0.5, 0.6  # stretches that are less alone are left out, where the others are this share of the whole
FACTOR = 1.4
"""Clusters whose mean distance is above this many times the distance of two stretches of one run are two talkers."""

BOUNDS = 0.65, 1.25
"""Least and most of that distance, relative to the one at which the encoder takes two stretches for two voices.

With speaker-16k, on 48 simulated conversations of 40 to 180 s of training voices, a perfect separator's stems that change places
at every turn and leak at -25 dB, the number was right for one, two, three and four people in 15 of 15, 14 of 15, 6 of 9 and 5 of 9;
one person was never split. 1.8 and (0.8, 1.1) gave 6 of 9 for four, but not three for three synthesised voices.
At a fixed distance of 0.5 two of nine LibriSpeech readers are split.
"""

PAIRS = 5  # of stretches of a run, needed to know how far they are apart
SHARE, FEWEST, FULL = 0.04, 3.0, 20.0  # of all speech that makes a talker, but from 3 to 20 seconds


class Merge(NamedTuple):
    """Two clusters become one, named by a member of each; height: their mean distance."""

    height: float
    kept: int
    gone: int


def centroids(voices: Voices, speakers: int | None, usual: float, tell: Tell = nobody) -> Doubles:
    """Unit vectors of the talkers, `(talkers, size)`, the one who speaks most first; as many as asked for, where there are so
    many vectors. speakers: how many, None: found."""
    vectors, seconds = _items(voices)
    if not len(vectors):
        return vectors
    merges = average_linkage(1 - vectors @ vectors.T, seconds, tell)
    labels = _cut(merges, seconds, speakers) if speakers else _at(merges, len(vectors), threshold(voices, usual))
    least = 0.0 if speakers else least_seconds(float(seconds.sum()))
    mass = {int(label): float(seconds[labels == label].sum()) for label in np.unique(labels)}
    names = sorted(mass, key=lambda label: -mass[label])
    kept = [label for label in names if mass[label] >= least][: speakers or MOST_TALKERS] or names[:1]
    return np.stack([_mean(vectors[labels == label], seconds[labels == label]) for label in kept])


def threshold(voices: Voices, usual: float) -> float:
    """The distance above which two clusters are two talkers, measured on the recording itself, near to the usual one."""
    order = sorted(range(len(voices.stretches)), key=lambda i: (voices.stretches[i].run, voices.stretches[i].begin))
    within = [
        1 - voices.vectors[i] @ voices.vectors[j]
        for i, j in zip(order, order[2:], strict=False)
        if voices.stretches[i].run == voices.stretches[j].run
    ]
    measured = FACTOR * float(np.median(within)) if len(within) >= PAIRS else usual
    return float(np.clip(measured, BOUNDS[0] * usual, BOUNDS[1] * usual))


def least_seconds(whole: float) -> float:
    """How long somebody must speak to count as a talker, of so many seconds of speech."""
    return float(np.clip(SHARE * whole, FEWEST, FULL)) if whole > 2 * FEWEST else 0.0


def _items(voices: Voices) -> tuple[Doubles, Doubles]:
    """What is clustered: means over some stretches of a run, and their seconds; spread evenly over a long recording."""
    alone = voices.alone >= ALONE
    lengths = voices.lengths
    if lengths[alone].sum() < ENOUGH * lengths.sum():
        alone[:] = True
    groups: dict[tuple[int, int], list[int]] = {}
    places: dict[int, int] = {}
    for index in np.flatnonzero(alone):
        run = voices.stretches[index].run
        places[run] = places.get(run, -1) + 1
        groups.setdefault((run, places[run] // TOGETHER), []).append(int(index))
    chosen = list(groups.values())
    if len(chosen) > MOST:
        chosen = [chosen[k] for k in np.linspace(0, len(chosen) - 1, MOST).astype(int)]
    vectors = [_mean(voices.vectors[group], lengths[group]) for group in chosen]
    seconds = [_seconds(voices, group) for group in chosen]
    return np.array(vectors, np.float64).reshape(len(chosen), voices.vectors.shape[1]), np.array(seconds)


def _seconds(voices: Voices, group: list[int]) -> float:
    first, last = voices.stretches[group[0]], voices.stretches[group[-1]]
    return min(last.end - first.begin, LENGTH * len(group)) * FRAME


def _mean(vectors: npt.NDArray[np.floating[Any]], weights: Doubles) -> Doubles:
    mean = (vectors * weights[:, None]).sum(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))


def average_linkage(distances: Doubles, weights: Doubles, tell: Tell = nobody) -> list[Merge]:
    """Agglomerative clustering by the mean distance of members (Sokal & Michener 1958), weighted; from the nearest on."""
    left, weights = distances.copy(), weights.copy()
    np.fill_diagonal(left, np.inf)
    merges = []
    for number in range(len(left) - 1):
        tell(number / len(left))
        i, j = sorted(int(k) for k in np.unravel_index(np.argmin(left), left.shape))
        merges.append(Merge(float(left[i, j]), i, j))
        both = (weights[i] * left[i] + weights[j] * left[j]) / (weights[i] + weights[j])
        left[i], left[:, i] = both, both
        left[j], left[:, j], left[i, i] = np.inf, np.inf, np.inf
        weights[i] += weights[j]
    return merges


def _at(merges: list[Merge], count: int, height: float) -> Whole:
    """The cluster of each of `count` vectors where merging stops at a height."""
    labels = np.arange(count)
    for merge in merges:
        if merge.height > height:
            break
        labels[labels == merge.gone] = merge.kept
    return labels


def _cut(merges: list[Merge], seconds: Doubles, speakers: int) -> Whole:
    """Clusters of which `speakers` are large: merging goes on as long as it can, and what is large is halved until it can be."""
    least = least_seconds(float(seconds.sum()))
    while True:
        best, labels = None, np.arange(len(seconds))
        for merge in [None, *merges]:
            if merge is not None:
                labels[labels == merge.gone] = merge.kept
            mass = np.bincount(labels, seconds)
            if (mass > max(least, 0.0)).sum() == speakers:
                best = labels.copy()
        if best is not None or least == 0:
            return np.arange(len(seconds)) if best is None else best
        least = least / 2 if least > 0.1 else 0.0
