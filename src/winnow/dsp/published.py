"""Short-time Fourier transform with every size explicit, for the published systems.

The systems differ in window, hop, FFT length and edges, and one of them was broken by an inverse that guessed the FFT length
(254 where it was 255): here one description, an `Stft`, serves both directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]
Spectrum = npt.NDArray[Any]


@dataclass(frozen=True)
class Stft:
    """A transform with a periodic Hann window; samples.

    size: of the FFT, odd ones too; hop; window: its length, at most `size`. centred: frame t is centred on sample `t * hop`, the
    edges are mirrored, and the window lies in the middle of the FFT (librosa); else frame t begins at `t * hop`, nothing is added
    at the edges, and zeros follow the window (tf.signal). root: the square root of the Hann window.
    """

    size: int
    hop: int
    window: int
    centred: bool = True
    root: bool = False

    @property
    def bins(self) -> int:
        """Frequencies, F."""
        return self.size // 2 + 1

    def frames(self, count: int) -> int:
        """Frames, T, of a sound of `count` samples."""
        whole = count + 2 * (self.size // 2) if self.centred else count
        return max(0, 1 + (whole - self._reach) // self.hop)

    @property
    def _reach(self) -> int:
        """Samples that a frame takes in."""
        return self.size if self.centred else self.window

    def shape(self) -> Floats:
        """The window as each frame is multiplied by it, float64 `(size,)` if centred, else `(window,)`."""
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window)
        hann = np.sqrt(hann) if self.root else hann
        if not self.centred:
            return hann
        left = (self.size - self.window) // 2
        return np.pad(hann, (left, self.size - self.window - left))

    def forward(self, samples: Floats) -> Spectrum:
        """`(..., time)` to complex `(..., T, F)`, complex128, whatever the samples' type."""
        x = np.asarray(samples, np.float64)
        if self.centred:
            edge = self.size // 2
            mode: Any = "reflect" if x.shape[-1] > edge else "constant"
            x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(edge, edge)], mode)
        frames = np.lib.stride_tricks.sliding_window_view(x, self._reach, axis=-1)[..., :: self.hop, :]
        return np.asarray(np.fft.rfft(frames * self.shape(), self.size))

    def inverse(self, spectrum: Spectrum, count: int) -> Floats:
        """`(..., T, F)` to `(..., count)` float64, the least-squares inverse: `inverse(forward(x), len(x))` is x.

        Without centring, what no window reaches (the first sample, and what follows the last frame) is 0.
        """
        frames = np.fft.irfft(spectrum, self.size)[..., : self._reach] * self.shape()
        total = (frames.shape[-2] - 1) * self.hop + self._reach
        out, weight = np.zeros((*frames.shape[:-2], total)), np.zeros(total)
        power = self.shape() ** 2
        for t in range(frames.shape[-2]):
            at = slice(t * self.hop, t * self.hop + self._reach)
            out[..., at] += frames[..., t, :]
            weight[at] += power
        out = out / np.where(weight > 1e-10, weight, 1) * (weight > 1e-10)
        edge = self.size // 2 if self.centred else 0
        out = out[..., edge : edge + count]
        return np.pad(out, [(0, 0)] * (out.ndim - 1) + [(0, count - out.shape[-1])])


UNET = Stft(size=255, hop=63, window=255)
"""System 1, 8 kHz: a window of 8064 samples gives 128 frames of 128 bins."""

LOOKING = Stft(size=512, hop=160, window=400, centred=False)
"""System 3, 16 kHz: 3 s give 298 frames of 257 bins."""

VOICEFILTER = Stft(size=1200, hop=160, window=400)
"""System 4, 16 kHz: 3 s give 301 frames of 601 bins."""
