"""Sources keep their places from one window to the next."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def order(before: Floats, after: Floats) -> tuple[int, ...]:
    """Which stem of `after` goes on with each stem of `before`; both `(stems, channels, time)`, of the same stretch of time.

    The arrangement with the least squared difference. Images at the microphones have a scale of their own, so that differences
    are right where a correlation coefficient would take the leakage in a silent source for the source.
    """
    count = len(before)
    likeness = before.reshape(count, -1).astype(np.float64) @ after.reshape(count, -1).astype(np.float64).T
    if count <= 6:
        return max(permutations(range(count)), key=lambda places: sum(likeness[i, j] for i, j in enumerate(places)))
    return greedy(likeness)


def greedy(likeness: npt.NDArray[np.float64]) -> tuple[int, ...]:
    """The likest pair first, then the likest of the rest: for numbers of stems whose arrangements are too many to try."""
    left, places = likeness.copy(), [0] * len(likeness)
    for _ in places:
        i, j = np.unravel_index(np.argmax(left), left.shape)
        places[int(i)] = int(j)
        left[i, :] = left[:, j] = -np.inf
    return tuple(places)
