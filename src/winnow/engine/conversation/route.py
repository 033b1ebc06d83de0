"""Stems led to the tracks of their talkers, with cross-fades of one frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.engine.conversation.follow import Labels

Floats = npt.NDArray[np.float32]


def weights(route: Labels, talkers: int, frame: int, begin: int, end: int) -> Floats:
    """Share of each stem that goes to each talker, for samples from `begin` to before `end`: `(streams, talkers, time)`.

    route: `(streams, frames)`; frame: samples of a frame. Linear between the middles of the frames, so that where a stem goes from
    one talker to another their sum stays what it was.
    """
    place = np.clip((np.arange(begin, end) + 0.5) / frame - 0.5, 0, route.shape[1] - 1)
    first = np.floor(place).astype(np.int64)
    rise = (place - first).astype(np.float32)
    second = np.minimum(first + 1, route.shape[1] - 1)
    talker = np.arange(talkers)[:, None]
    return np.stack([(row[first] == talker) * (1 - rise) + (row[second] == talker) * rise for row in route])
