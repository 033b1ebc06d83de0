"""Dereverberation without a network: what the past of a room predicts is taken away (weighted prediction error)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.dsp.spectrum import Transform
from winnow.dsp.stft import istft, stft
from winnow.errors import MissingExtra
from winnow.models.telling import Tell, ignore

Floats = npt.NDArray[np.float32]

HOP = 0.008
"""Seconds; the window is four hops. The figures are those of NARA-WPE (Drude et al. 2018): 512 and 128 samples at 16 kHz."""

DELAY, ITERATIONS = 3, 3
TAPS = 10
"""Hops that each channel looks back, after the delay."""

BINS = 32
"""Frequencies at a time for one channel, between two reports of progress: each is predicted by itself."""


class Dereverberate:
    """WPE (Nakatani et al. 2010; Yoshioka and Nakatani 2012) by nara_wpe, one or many channels; a `Separator`.

    `(mix (channels, time), rate) -> (2, channels, time)`: speech, and the reverberation taken from it; both add up to the mix.
    Each channel is predicted from the past of all of them. The first 24 ms after a sound stay as they are. tell: takes the
    share of a window that is done.
    """

    stems: tuple[str, ...] = ("speech", "reverberation")
    rate: int | None = None
    window = 60.0
    overlap = 5.0
    ordered = True

    def __init__(self) -> None:
        self.tell: Tell = ignore

    def __call__(self, mix: Floats, rate: int) -> Floats:
        """Float32 `(channels, time)` at `rate` hertz to `(2, channels, time)`; pure, any length. Raises MissingExtra."""
        predict = library()
        hop = max(16, round(HOP * rate / 16) * 16)
        transform = Transform(4 * hop, hop, 4 * hop, "hann")
        spectra = np.transpose(stft(mix, transform), (2, 0, 1)).astype(np.complex128)
        if not spectra.any():
            return np.zeros((2, *mix.shape), np.float32)
        dry = np.empty_like(spectra, order="C")
        bins = max(1, BINS // len(mix) ** 2)  # the work for each grows so
        for first in range(0, len(spectra), bins):
            some = np.ascontiguousarray(spectra[first : first + bins])
            dry[first : first + bins] = predict(some, taps=TAPS, delay=DELAY, iterations=ITERATIONS)
            self.tell((first + len(some)) / len(spectra))
        speech = istft(np.transpose(dry, (1, 2, 0)).astype(np.complex64), transform, mix.shape[1])
        return np.stack([speech, mix - speech])


def library() -> Callable[..., Any]:
    """WPE for `(F, channels, T)`, bin by bin, which bounds the memory. Raises MissingExtra."""
    try:
        from nara_wpe.wpe import wpe_v8
    except ImportError:
        raise MissingExtra('WPE needs nara_wpe, which is not installed: pip install "winnow-audio[array]"') from None
    return wpe_v8  # type: ignore[no-any-return]
