"""How much of a recording and of its stems is speech, frame by frame: what the shipped enhancer leaves of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.dsp.resample import StreamResampler
from winnow.dsp.spectrum import Analysis, Spectrum
from winnow.engine.downmix import Downmix
from winnow.models import catalog

Doubles = npt.NDArray[np.float64]
Powers = npt.NDArray[np.float32]

ENHANCER = "denoise-16k"
LOWEST = 1e-10  # power, relative to full scale, that stands for nothing at all


class Spoken:
    """Levels of the speech in a recording `(channels, time)`, and in stems of it `(streams, channels, time)` that come later.

    A separator of talkers leaves noise in its stems. The enhancer's gains for the recording, bin by bin, are applied to the stems
    too: cheaper than to enhance each, and what is no speech in the recording is none in a stem. All are at `rate` hertz.
    """

    def __init__(self, streams: int, channels: int, rate: int) -> None:
        bundle = catalog.find(ENHANCER)
        runner = bundle.runner()
        self._transform, self._rate, self._streams = runner.transform, bundle.manifest.rate, streams
        self._masker, self._downmix = runner.masker(), Downmix(channels)
        self._resamplers = [StreamResampler(rate, self._rate, count) for count in (channels, streams * channels)]
        self._analyses = [Analysis(self._transform, count) for count in (channels, streams * channels)]
        self._gains: Powers = np.zeros((0, self._transform.bins), np.float32)  # of power, that stems have yet to get
        self._mix: list[Powers] = []
        self._stems: list[Powers] = []

    def mix(self, block: Samples) -> None:
        """Take the next samples of the recording."""
        self._heard(self._resamplers[0].feed(block))

    def stems(self, block: Samples) -> None:
        """Take the next samples of the stems, of which the recording was there before."""
        self._gained(self._resamplers[1].feed(block.reshape(block.shape[0] * block.shape[1], block.shape[2])))

    def finish(self, seconds: float, frames: int) -> Doubles:
        """Levels of the recording's speech and of that of each stem, dB of full scale, `(1 + streams, frames)`.

        seconds: of a frame.
        """
        rest = np.zeros((1, self._transform.window), np.float32)
        for resampler, analysed in zip(self._resamplers, (self._heard, self._gained), strict=True):
            last = resampler.flush()
            analysed(np.concatenate([last, np.repeat(rest, len(last), axis=0)], axis=1))
        power = np.concatenate([np.concatenate(self._mix, axis=1), np.concatenate(self._stems, axis=1)])
        each = seconds * self._rate / self._transform.hop  # spectra in a frame
        edges = np.arange(frames + 1) * each + 0.5
        sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1, dtype=np.float64)], axis=1)
        places = np.arange(sums.shape[1])  # a spectrum stands for half a hop to both sides of its middle
        energy = np.stack([np.diff(np.interp(edges, places, row)) for row in sums])
        return np.asarray(10 * np.log10(np.maximum(energy / each, LOWEST)))

    def _heard(self, samples: Samples) -> None:
        spectra = self._analyses[0].feed(samples)
        mask = self._masker.feed(self._downmix.feed(spectra))[0]
        gains = np.minimum(np.square(np.abs(mask)), 1).astype(np.float32)
        self._gains = np.concatenate([self._gains, gains])
        self._mix.append(self._power(spectra, gains).mean(axis=0, keepdims=True))

    def _gained(self, samples: Samples) -> None:
        spectra = self._analyses[1].feed(samples)
        ready = min(spectra.shape[1], len(self._gains))
        power = self._power(spectra[:, :ready], self._gains[:ready])
        self._gains = self._gains[ready:]
        self._stems.append(power.reshape(self._streams, len(power) // self._streams, ready).mean(axis=1))

    def _power(self, spectra: Spectrum, gains: Powers) -> Powers:
        """Mean squares `(rows, T)` of the samples under the windows (Parseval), relative to full scale."""
        scale = 2 / (self._transform.fft * float(np.square(self._transform.analysis).sum()))
        return np.asarray(scale * (np.square(np.abs(spectra)) * gains).sum(axis=2), np.float32)
