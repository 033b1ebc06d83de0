"""Voice encoders for training: opened by name, their vectors computed once for each clip."""

from __future__ import annotations

import hashlib
import tempfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from winnow.errors import BadOption
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
    """An encoder by the folder of its run, or by the name or folder of its bundle; the one that ships for an empty name.

    Raises BadInput for what is none of these, BadOption for a network that is no encoder.
    """
    from winnow.models import catalog

    if not name:
        return default_encoder()
    if (Path(name) / "config.json").exists():
        return _of_run(Path(name))
    return catalog.find(name).encoder()


def _of_run(run: Path) -> VoiceEncoder:
    """Exported for the purpose, so that a vector is the same as that of the bundle to come."""
    from winnow.models.bundle import load_bundle
    from winnow.train.export import export_run, load_run

    if load_run(run)[0].name != "speaker":
        raise BadOption(f"{run}: not a run of `winnow train speaker`, so it makes no vectors of voices.")
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / run.resolve().name
        export_run(run, bundle)
        return load_bundle(bundle).encoder()
