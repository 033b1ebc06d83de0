"""Kind `blind`: several microphones, several sources, no network and nothing known about either.

`Blind` separates a window; `order` keeps the sources in their places from one window to the next.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.dsp.spectrum import Transform
from winnow.dsp.stft import istft, stft
from winnow.errors import BadOption
from winnow.models.blind.ica import fast_ica
from winnow.models.blind.images import images
from winnow.models.blind.order import order
from winnow.models.blind.rank import check_numbers, check_signals
from winnow.models.blind.rooms import METHODS
from winnow.models.telling import Tell, ignore

__all__ = ["NAMES", "Blind", "order", "unseparated"]

Floats = npt.NDArray[np.float32]

NAMES = ("ica", *METHODS)
FRAME = 0.256
"""Seconds of the transform's window, 4096 samples at 16 kHz: as long as the reverberation that is to be undone."""

FRAMES_LEAST = 8
"""A window with fewer frames, about a second, is passed on as it is."""


class Blind:
    """Separates what several microphones recorded; a `Separator` (see docs/separators.md).

    `(mix (channels, time), rate) -> (stems, channels, time)`: the image of each source at every microphone, so that all stems add
    up to the mix. With fewer sources than channels a last stem "rest" holds what no source accounts for. The stems of two windows
    may come in different orders: see `order`. tell: takes the share of a window that is done, for the methods that take long.
    """

    rate: int | None = None
    window = 60.0
    overlap = 10.0
    ordered = False

    def __init__(self, method: str, channels: int, sources: int | None = None) -> None:
        """method: "ica" for mixing desks, "auxiva", "ilrma" or "fastmnmf" for rooms; sources: None for as many as channels.

        Raises BadOption for another method, BadInput for one channel or more sources than channels.
        """
        if method not in NAMES:
            raise BadOption(f'no blind method named "{method}". There are {", ".join(NAMES)}.')
        self.method, self.channels = method, channels
        self.tell: Tell = ignore
        self.sources = channels if sources is None else sources
        check_numbers(channels, self.sources)
        rest = ("rest",) if self.sources < channels else ()
        self.stems: tuple[str, ...] = (*(f"source{k + 1}" for k in range(self.sources)), *rest)

    def __call__(self, mix: Floats, rate: int) -> Floats:
        """Float32 `(channels, time)` at `rate` hertz to `(stems, channels, time)`; pure, any length.

        Raises NotSeparable where the channels are copies of each other or hold too few independent signals,
        MissingExtra where pyroomacoustics is needed and absent. Silence, and less than a second, all go to the first stem.
        """
        if not check_signals(mix, self.sources) or self._short(mix, rate):
            return unseparated(mix, len(self.stems))
        if self.method == "ica":
            return self._complete(mix, instantaneous(mix, self.sources))
        return self._complete(mix, convolutive(mix, rate, self.sources, self.method, self.tell))

    def _short(self, mix: Floats, rate: int) -> bool:
        """Whether there is too little to estimate filters from: the room methods need a few frames per channel."""
        frames = mix.shape[1] // (frame_samples(rate) // 2)
        return self.method != "ica" and frames < max(FRAMES_LEAST, 2 * self.channels)

    def _complete(self, mix: Floats, parts: Floats) -> Floats:
        """What is missing from the mix goes to the rest, or, where there is none and it is rounding only, to all alike."""
        left = mix - parts.sum(axis=0)
        if len(self.stems) > self.sources:
            return np.concatenate([parts, left[None]]).astype(np.float32)
        return np.asarray(parts + left / np.float32(self.sources), np.float32)


def unseparated(mix: Floats, stems: int) -> Floats:
    """Everything in the first of so many stems, `(stems, channels, time)`."""
    out = np.zeros((stems, *mix.shape), np.float32)
    out[0] = mix
    return out


def instantaneous(mix: Floats, sources: int) -> Floats:
    """Images `(sources, channels, time)` by FastICA."""
    signals = mix.astype(np.float64)
    signals -= signals.mean(axis=1, keepdims=True)
    return np.asarray(images(signals, fast_ica(signals, sources) @ signals), np.float32)


def convolutive(mix: Floats, rate: int, sources: int, method: str, tell: Tell = ignore) -> Floats:
    """Images `(sources, channels, time)` by one of METHODS, whose spectra are brought to unit power first."""
    transform = Transform.halves(frame_samples(rate))
    spectra = np.transpose(stft(mix, transform), (1, 2, 0)).astype(np.complex128)
    scale = np.sqrt(np.mean(np.abs(spectra) ** 2))
    parts = METHODS[method](spectra / scale, sources, tell) * scale
    waves = istft(parts.reshape(-1, *parts.shape[2:]).astype(np.complex64), transform, mix.shape[1])
    return waves.reshape(sources, *mix.shape)


def frame_samples(rate: int) -> int:
    """The transform's window at `rate` hertz: a multiple of 512 samples, of which Fourier transforms are fast."""
    return max(1, round(FRAME * rate / 512)) * 512
