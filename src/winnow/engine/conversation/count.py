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
MOST, PIECE = 3000, 10  # vectors that are clustered, and of them those that follow each other
ROUNDS, STEPS = 8, 20  # random beginnings of k-means, and its steps
SHARE, FEWEST, FULL = 0.04, 3.0, 20.0  # of all speech that makes a talker, but from 3 to 20 seconds

VARIANCE, SPREAD = 0.007, 0.6
"""Of unit vectors of stretches, in each of their dimensions: within a voice, and that of voices in units of it."""

EVIDENCE, CAUTION = 0.14, 0.008
"""What a stretch counts for, since stretches overlap and share more than their voice, and what a further talker must gain for each
stretch of the recording: F_A and F_B of Landini et al. 2022, but the latter grows, so that a talker is known by the share that he
has of a recording and not by its length. These four were chosen on simulated conversations of training voices, with a network
that was trained without the people who talk; bench/counting.py shows what each does with known voices at another pitch.
"""

BRIEF = 40  # stretches of half a minute: a shorter recording is judged as one of that length

STAYS, RETURNS = 0.99, 0.7
"""Chances that the next stretch is the same talker's: without a pause between, and with one."""

FIRST = 12  # clusters to begin with
SURE = 5.0  # weight of the beginning: logarithm of the chance of a cluster over that of another
TURNS, STILL = 40, 1e-3  # rounds at most; change of the shares from which on nothing moves any more


def centroids(voices: Voices, speakers: int | None, tell: Tell = nobody) -> Doubles:
    """Unit vectors of the talkers, `(talkers, size)`, the one who speaks most first; as many as asked for, where there are so
    many vectors. speakers: how many, None: found.

    Only the louder stem of a moment takes part: in the other one are remains of the same voice.
    """
    chosen = _spread(np.flatnonzero(voices.loudest))
    vectors = voices.vectors[chosen].astype(np.float64)
    lengths = voices.lengths[chosen]
    seconds = lengths * STEP * FRAME * voices.loudest.sum() / max(len(chosen), 1)
    if speakers:
        labels = k_means(vectors, speakers, tell) if len(chosen) >= speakers else np.arange(len(chosen))
    else:
        labels = _with_enough(shared(vectors, lengths, _runs(voices, chosen), tell), seconds)
    names = np.unique(labels[labels >= 0])
    mass = np.bincount(np.maximum(labels, 0), np.where(labels < 0, 0, seconds)) if len(labels) else np.zeros(0)
    found = [
        _mean(vectors[labels == label], seconds[labels == label]) for label in sorted(names, key=lambda k: -mass[k])
    ]
    return np.array(found).reshape(len(found), vectors.shape[1])


def _runs(voices: Voices, chosen: Whole) -> Whole:
    return np.array([voices.stretches[k].run for k in chosen], np.int64)


def _with_enough(labels: Whole, seconds: Doubles) -> Whole:
    """Labels of the clusters of those who speak long enough to be a talker, -1 for the others; of all where nobody does."""
    if not len(labels):
        return labels
    enough = np.bincount(labels, seconds) >= least_seconds(float(seconds.sum()))
    return np.where(enough[labels], labels, -1) if enough.any() else labels


def shared(vectors: Doubles, lengths: Doubles, runs: Whole, tell: Tell = nobody) -> Whole:
    """The talker of each stretch, of as many as there seem to be: a hidden Markov model whose states are talkers, with a prior
    over their voices, so that nobody is there who explains too little (VBx: Landini et al. 2022), here with variances that are
    the same in all directions.

    vectors: unit, `(stretches, size)`, in order of time; lengths: of the stretches, weights; runs: of stretches without a pause.
    """
    if len(vectors) < 2:
        return np.zeros(len(vectors), np.int64)
    first = k_means(vectors, min(FIRST, len(vectors)), part(tell, 0, 0.5))
    chances = np.exp(SURE * (first[:, None] == np.unique(first)))
    chances /= chances.sum(axis=1, keepdims=True)
    shares = np.full(chances.shape[1], 1 / chances.shape[1])
    known = EVIDENCE / (CAUTION * max(len(vectors), BRIEF))
    stays = np.where(np.diff(runs, prepend=-1) == 0, STAYS, RETURNS)
    for turn in range(TURNS):
        tell(0.5 + 0.5 * turn / TURNS)
        before, far = shares, unlike(vectors, chances * lengths[:, None], known)
        chances, shares = _heard(-EVIDENCE * lengths[:, None] * far, stays, shares)
        if np.abs(shares - before).max() < STILL:
            break
    return np.asarray(chances.argmax(axis=1))


def unlike(vectors: Doubles, weights: Doubles, counts: float) -> Doubles:
    """How unlike each vector is to the voice of each talker, as far as that is known from those that are held to be his: minus the
    logarithm of the likelihood, but for a constant, `(stretches, talkers)`; Landini et al. 2022, equations 16 and 17.

    vectors: unit, `(stretches, size)`; weights: how much of each is whose, `(stretches, talkers)`; counts: for what a stretch does.
    """
    known = counts * SPREAD
    narrower = 1 / (1 + known * weights.sum(axis=0))  # what is not known of a voice, of its variance
    means = known * narrower[:, None] * (weights.T @ vectors)
    return np.asarray(0.5 * (_squares(vectors, means) / VARIANCE + vectors.shape[1] * SPREAD * narrower))


def _heard(logarithms: Doubles, stays: Doubles, shares: Doubles) -> tuple[Doubles, Doubles]:
    """Chance of each talker in each stretch `(stretches, talkers)`, and what share of turns each one takes `(talkers,)`, by
    forward and backward recursion (Rabiner 1989).

    logarithms: of the likelihoods; stays: chance that the talker is the one before; shares: of the turns, as assumed.
    """
    likely = np.exp(logarithms - logarithms.max(axis=1, keepdims=True)) + 1e-300
    forward, backward, sums = np.empty_like(likely), np.ones_like(likely), np.empty(len(likely))
    comes = shares
    for k, row in enumerate(likely):
        moved = row * comes
        sums[k] = moved.sum()
        forward[k] = moved / sums[k]
        if k + 1 < len(likely):
            comes = stays[k + 1] * forward[k] + (1 - stays[k + 1]) * shares
    for k in range(len(likely) - 1, 0, -1):
        after = likely[k] * backward[k]
        backward[k - 1] = (stays[k] * after + (1 - stays[k]) * (after @ shares)) / sums[k]
    begun = (1 - stays[1:, None]) * shares * likely[1:] * backward[1:] / sums[1:, None]
    turns = forward[0] * backward[0] + begun.sum(axis=0)
    return forward * backward, np.maximum(turns / turns.sum(), 1e-12)


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


def _spread(chosen: Whole) -> Whole:
    """As many as are clustered, evenly, in pieces of neighbours: who speaks next tells something too."""
    if len(chosen) <= MOST:
        return chosen
    begins = np.linspace(0, len(chosen) - PIECE, MOST // PIECE).astype(int)
    return np.asarray(chosen[np.unique(begins[:, None] + np.arange(PIECE))])


def least_seconds(whole: float) -> float:
    """How long somebody must speak to count as a talker, of so many seconds of speech."""
    return float(np.clip(SHARE * whole, FEWEST, FULL)) if whole > 2 * FEWEST else 0.0


def _mean(vectors: npt.NDArray[np.floating[Any]], weights: Doubles) -> Doubles:
    mean = (vectors * weights[:, None]).sum(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))
