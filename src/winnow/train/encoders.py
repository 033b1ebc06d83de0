"""Voice encoders for training: opened by name, their vectors computed once for each clip."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from winnow.errors import BadInput, BadOption
from winnow.models.voices import SpectralVoice, VoiceEncoder, network_encoder

Floats = npt.NDArray[np.float32]

MOST = 20000
"""Vectors that are kept: some megabytes."""


class Vectors:
    """The vectors of clips by an encoder that is not trained; a clip that comes again costs nothing.

    name: of the encoder, see `open_encoder`, which opens it when it is first needed; identity: that it must have, empty for
    any; encoder: in place of the one that is named; most: vectors that are kept.
    """

    def __init__(
        self, name: str = "", identity: str = "", encoder: VoiceEncoder | None = None, most: int = MOST
    ) -> None:
        self._name, self._identity, self._given, self._most = name, identity, encoder, most
        self._kept: OrderedDict[bytes, Floats] = OrderedDict()

    @cached_property
    def encoder(self) -> VoiceEncoder:
        """What makes the vectors. Raises BadInput, also where it is another one than it must be."""
        made = self._given or open_encoder(self._name)
        if self._identity and self._identity != made.identity:
            raise BadInput(
                f"this run's voices are vectors of {self._identity}, not of {made.identity}: its encoder must not change."
            )
        return made

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
    """An encoder by the name or folder of its bundle; the network that ships for an empty name.

    No run: export names its graph anew, and a bundle trained on a run's vectors could not tell whose they were.
    Raises BadInput for what is no bundle, BadOption for a run and for a network that is no encoder.
    """
    from winnow.models import catalog

    if not name:
        return network_encoder() or SpectralVoice()
    if (Path(name) / "config.json").exists():
        raise BadOption(
            f"{name}: a run, not a bundle. Give the bundle that `winnow export {name} -o my-speaker` makes."
        )
    return catalog.find(name).encoder()
