"""System 1's inference exactly as its published code does it, with the defects that can be told from outside.

Windows of 8064 samples side by side, each with decibels relative to its own loudest bin; that bin becomes 0 dB again when the
spectrum is rebuilt; the inverse transform takes 254 points for the 255 of the forward one; times ten at the end. Left out: batch
statistics at inference (an exported graph has none), and the loss of the tail (it is silent here, so that the length stays).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.dsp.decibels import amplitude_to_db
from winnow.dsp.published import UNET, Stft
from winnow.models.manifest import SpectralSettings
from winnow.models.session import open_session

Floats = npt.NDArray[np.float32]

WINDOW = 8064
REDUCE_RATE = 0.8
"""Share of the network's slope that is used ("noise attenuation strength")."""

LOUDER = 10.0

WRONG = Stft(size=254, hop=63, window=254)
"""The inverse as published: its library took 2 * (bins - 1) for the length of the transform."""


class PublishedUNet:
    """A `Separator` of windows of 1.008 s at 8 kHz."""

    stems: tuple[str, ...] = ("speech",)
    rate: int | None = 8000
    window = WINDOW / 8000
    overlap = 0.0
    ordered = True

    def __init__(self, graph: bytes, settings: SpectralSettings, name: str) -> None:
        self.settings = settings
        self._session = open_session(graph, name)

    def __call__(self, mix: Floats, rate: int) -> Floats:
        """`(channels, time)` to `(1, channels, time)`; a stretch shorter than a window falls silent, as the tail there does."""
        if mix.shape[1] < WINDOW:
            return np.zeros((1, *mix.shape), np.float32)
        out = np.zeros((1, *mix.shape), np.float32)
        for number, channel in enumerate(mix):
            out[0, number, :WINDOW] = self._window(channel[:WINDOW])
        return out

    def _window(self, samples: Floats) -> Floats:
        c = self.settings
        spectrum = UNET.forward(samples)
        level = amplitude_to_db(np.abs(spectrum))
        scaled = (level - c.centre) / c.span
        out = self._session.run(None, {"spectrum": scaled[None].astype(np.float32)})[0][0]
        noise = out * (c.out_span * REDUCE_RATE) + c.out_centre
        rebuilt = 10 ** ((level - noise) / 20) * np.exp(1j * np.angle(spectrum))
        return np.asarray(WRONG.inverse(rebuilt, len(samples)) * LOUDER, np.float32)
