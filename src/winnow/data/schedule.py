"""Who speaks when: stretches of an example for each talker."""

from __future__ import annotations

import numpy as np

from winnow.data.presets import MixConfig

Stretch = tuple[int, int]
"""Begin and length, samples."""
LEAST = 0.3  # seconds; a shorter turn is none


def stretches(rng: np.random.Generator, talkers: int, config: MixConfig) -> list[list[Stretch]]:
    """The stretches of each talker, in a random order of talkers."""
    whole = [[(0, config.samples)] for _ in range(talkers)]
    if talkers == 1:
        return whole
    kind = str(rng.choice(["full", "partial", "conversation"])) if config.overlap == "any" else config.overlap
    if kind == "full":
        return whole
    if kind == "partial":
        share = float(rng.uniform(*config.overlap_share))
        made = [[each] for each in staggered(talkers, config.samples, share)]
    else:
        made = turns(rng, talkers, config)
    return [made[k] for k in rng.permutation(talkers)]


def staggered(talkers: int, length: int, share: float) -> list[Stretch]:
    """One stretch each, equally long, evenly staggered over the whole, so that at least two talk for `share` of the time.

    Where only neighbours overlap, the step s between talkers follows from (K - 1) (l - s) = share L with l = L - (K - 1) s;
    for more overlap the middle is covered from s to L - s, hence s = (1 - share) L / 2.
    """
    step = (length - share * length / (talkers - 1)) / talkers
    if talkers > 2 and length - (talkers - 1) * step > 2 * step:
        step = (1 - share) * length / 2
    each = length - (talkers - 1) * step
    begins = [round(k * step) for k in range(talkers)]
    return [(begin, min(round(each), length - begin)) for begin in begins]


def turns(rng: np.random.Generator, talkers: int, config: MixConfig) -> list[list[Stretch]]:
    """A conversation: one after the other, never the same twice, with pauses that may be negative, until the time is over."""
    made: list[list[Stretch]] = [[] for _ in range(talkers)]
    order = list(range(talkers))  # everybody once, then as it comes
    cursor = last = 0
    while cursor < config.samples - LEAST * config.rate:
        others = [k for k in range(talkers) if k != last or not any(made)]
        last = order.pop(0) if order else int(rng.choice(others))
        room = (config.samples - cursor) // (1 + len(order))  # those who have not spoken yet shall have their turn
        length = min(round(float(rng.uniform(*config.turn)) * config.rate), room)
        begin = max(cursor, _end(made[last]))
        made[last].append((begin, max(0, cursor + length - begin)))
        cursor += length + round(float(rng.uniform(*config.pause)) * config.rate)
        latest = config.samples - round(1.5 * LEAST * config.rate) * len(order)
        cursor = max(min(cursor, latest) if order else cursor, begin + 1)
    return [[each for each in mine if each[1] > 0] for mine in made]


def _end(mine: list[Stretch]) -> int:
    return sum(mine[-1]) if mine else 0


def overlap_share(talkers: list[list[Stretch]], length: int) -> float:
    """Share of the time in which two or more talk."""
    count = np.zeros(length, np.int16)
    for mine in talkers:
        for begin, each in mine:
            count[begin : begin + each] += 1
    return float(np.mean(count > 1))
