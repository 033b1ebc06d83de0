"""How many talkers there are, and what each one's voice is like: clusters of voice vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.engine.conversation.levels import FRAME
from winnow.engine.conversation.progress import Tell, nobody, part
from winnow.engine.conversation.voices import STEP, Voices

Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

MOST_TALKERS = 20
MOST = 1000  # vectors that are clustered
LIKE = 0.54
"""Likeness of two clusters, with what is uncertain in a vector taken out, from which they are one talker.

Chosen on simulated conversations of training voices at another pitch, so that the encoder tells them apart no better than people
it never heard (bench/counting.py).
"""

NEAR = round(2 / FRAME)  # frames: stretches that begin within so many share more than their voice
ROUNDS, STEPS = 8, 20  # random beginnings of k-means, and its steps
FAINTEST = 0.05  # likeness within a cluster at least
SHARE, FEWEST, FULL = 0.04, 3.0, 20.0  # of all speech that makes a talker, but from 3 to 20 seconds


def centroids(voices: Voices, speakers: int | None, tell: Tell = nobody) -> Doubles:
    """Unit vectors of the talkers, `(talkers, size)`, the one who speaks most first; as many as asked for, where there are so
    many vectors. speakers: how many, None: found.

    Only the louder stem of a moment takes part: in the other one are remains of the same voice.
    """
    chosen = _spread(np.flatnonzero(voices.loudest))
    vectors = voices.vectors[chosen].astype(np.float64)
    begins = np.array([voices.stretches[k].begin for k in chosen], np.int64)
    seconds = voices.lengths[chosen] * STEP * FRAME * voices.loudest.sum() / max(len(chosen), 1)
    if speakers:
        labels = k_means(vectors, speakers, tell) if len(chosen) >= speakers else np.arange(len(chosen))
    else:
        labels = _found(vectors, seconds, begins, tell)
    names = np.unique(labels)
    mass = np.bincount(labels, seconds) if len(labels) else np.zeros(0)
    found = [
        _mean(vectors[labels == label], seconds[labels == label]) for label in sorted(names, key=lambda k: -mass[k])
    ]
    return np.array(found).reshape(len(found), vectors.shape[1])


def _found(vectors: Doubles, seconds: Doubles, begins: Whole, tell: Tell) -> Whole:
    """The largest number of clusters of which no two are alike, counted up from one."""
    least = least_seconds(float(seconds.sum()))
    labels = np.zeros(len(vectors), np.int64)
    for count in range(2, min(MOST_TALKERS, len(vectors) // 2) + 1):
        tried = k_means(vectors, count, part(tell, (count - 2) / MOST_TALKERS, (count - 1) / MOST_TALKERS))
        if np.bincount(tried, seconds, count).min() < least:
            continue
        if likeness(vectors, tried, begins).max() >= LIKE:
            break
        labels = tried
    return labels


def k_means(vectors: Doubles, count: int, tell: Tell = nobody) -> Whole:
    """The cluster of each vector `(vectors, size)`: of several rounds the one with the least squares."""
    rounds = []
    for seed in range(ROUNDS):
        tell(seed / ROUNDS)
        rounds.append(_round(vectors, count, np.random.default_rng(seed)))
    return min(rounds, key=lambda found: found[1])[0]


def _round(vectors: Doubles, count: int, rng: np.random.Generator) -> tuple[Whole, float]:
    """Nearest means, again and again (Lloyd 1982), from members far apart (Arthur & Vassilvitskii 2007), and the squares left."""
    means = vectors[[rng.integers(len(vectors))]]
    while len(means) < count:
        far = _squares(vectors, means).min(axis=1) + 1e-12
        means = np.concatenate([means, vectors[[rng.choice(len(vectors), p=far / far.sum())]]])
    for _ in range(STEPS):
        member = np.eye(count)[_squares(vectors, means).argmin(axis=1)]
        size = member.sum(axis=0)[:, None]
        means = np.where(size > 0, member.T @ vectors / np.maximum(size, 1), means)
    squares = _squares(vectors, means)
    return squares.argmin(axis=1), float(squares.min(axis=1).sum())


def _squares(vectors: Doubles, means: Doubles) -> Doubles:
    """Of the distances, `(vectors, means)`."""
    both = np.square(vectors).sum(axis=1)[:, None] + np.square(means).sum(axis=1)
    return np.asarray(np.maximum(both - 2 * vectors @ means.T, 0))


def likeness(vectors: Doubles, labels: Whole, begins: Whole) -> Doubles:
    """How alike each two clusters are, `(clusters, clusters)`, 1: one voice; on the diagonal nothing.

    The mean cosine of their members over the geometric mean of those within either: what is uncertain in a vector lowers both
    alike (Spearman's correction for attenuation, 1904). begins: frames; neighbours in time do not count, they are alike for
    other reasons than the voice.
    """
    member = np.eye(int(labels.max()) + 1)[labels]
    apart = np.abs(begins[:, None] - begins[None])
    cosines = vectors @ vectors.T
    sums, counts = (member.T @ (part * (apart > NEAR)) @ member for part in (cosines, np.ones_like(cosines)))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)
    within = np.maximum(np.diag(means), FAINTEST)
    found = means / np.sqrt(np.outer(within, within))
    np.fill_diagonal(found, -np.inf)
    return np.asarray(found)


def _spread(chosen: Whole) -> Whole:
    """As many as are clustered, evenly."""
    return chosen if len(chosen) <= MOST else chosen[np.linspace(0, len(chosen) - 1, MOST).astype(int)]


def least_seconds(whole: float) -> float:
    """How long somebody must speak to count as a talker, of so many seconds of speech."""
    return float(np.clip(SHARE * whole, FEWEST, FULL)) if whole > 2 * FEWEST else 0.0


def _mean(vectors: npt.NDArray[np.floating[Any]], weights: Doubles) -> Doubles:
    mean = (vectors * weights[:, None]).sum(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))
