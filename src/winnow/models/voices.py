"""What tells voices apart: encoders that turn speech into a unit vector, one that needs no network, and two together."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from winnow.dsp.resample import resample
from winnow.metrics.mel import mel_bank

Floats = npt.NDArray[np.float32]
_Doubles = npt.NDArray[np.float64]


class VoiceEncoder(Protocol):
    """Turns the speech of one person into a vector: the cosine of two vectors says how alike the voices are.

    size: numbers in a vector; identity: name of the encoder and what it was made of; vectors of different encoders must
    never be compared. alike: cosine from which two stretches of a few seconds are rather one voice's than two.
    """

    size: int
    identity: str
    alike: float

    def __call__(self, samples: Floats, rate: int) -> Floats:
        """`(time,)` at `rate` hertz to a unit vector `(size,)`; zeros where there is nothing to hear."""


NETWORK = "speaker-16k"
"""The shipped bundle that tells voices apart."""


SPECTRAL = 0.3
"""Share of the cosine that is that of `SpectralVoice`. Chosen on training voices, with a network that was trained without them."""


def default_encoder() -> VoiceEncoder:
    """The shipped network and `SpectralVoice` together, or where there is no network, `SpectralVoice`."""
    network = network_encoder()
    return JoinedVoice(network, SpectralVoice(), SPECTRAL) if network else SpectralVoice()


def network_encoder() -> VoiceEncoder | None:
    """The shipped network alone, as networks that are told a voice are trained with; None where there is none."""
    from winnow.models import catalog

    return catalog.find(NETWORK).encoder() if NETWORK in catalog.names() else None


class JoinedVoice:
    """The vectors of two encoders end to end, so that the cosine of two is the weighted mean of their two cosines: what one hears
    in a bad recording the other may miss, and the mean errs less than either (fusion of scores: Brümmer et al. 2007).

    first, second: encoders; share: weight of the second, above 0 and below 1.
    """

    def __init__(self, first: VoiceEncoder, second: VoiceEncoder, share: float) -> None:
        self.parts = (first, second)
        self._weights = (1 - share, share)
        self.size = first.size + second.size
        self.identity = f"{first.identity}+{share:g}*{second.identity}"
        self.alike = sum(weight * part.alike for weight, part in zip(self._weights, self.parts, strict=True))

    def __call__(self, samples: Floats, rate: int) -> Floats:
        """`(time,)` at `rate` hertz to a unit vector `(size,)`; zeros where neither hears anything."""
        vectors = [
            np.float32(weight**0.5) * part(samples, rate)
            for weight, part in zip(self._weights, self.parts, strict=True)
        ]
        return unit(np.concatenate(vectors))

    def part(self, vector: Floats, identity: str) -> Floats | None:
        """What an encoder of this identity makes of the voice of a vector `(size,)` of both, None if it is neither of them."""
        first, second = self.parts
        for part, numbers in ((first, vector[: first.size]), (second, vector[first.size :])):
            if part.identity == identity:
                return unit(numbers)
        return None


def unit(vector: Floats) -> Floats:
    """A vector `(size,)` at unit length; zeros stay zeros."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)


class SpectralVoice:
    """Long-term statistics of cepstra and pitch, without a network; tells some voices apart, fails on many.

    Mean and deviation of 16 mel cepstra (Davis & Mermelstein 1980) below 3.8 kHz, so that telephone speech fits too, and of
    the logarithm of the pitch (autocorrelation, Boersma 1993), over the frames that are within 35 dB of the loud ones;
    each relative to its mean over many voices, in units of its deviation within a voice.
    """

    RATE, FRAME, HOP = 16000, 512, 160  # hertz, samples
    BANDS, CEPSTRA, HIGHEST = 32, 16, 3800.0
    RANGE, LEAST = 35.0, 1e-5  # dB below the loud frames; root mean square of a loud frame that is no silence

    def __init__(self) -> None:
        self.size = 2 * self.CEPSTRA + 3
        self.identity = "spectral-1"
        self.alike = 0.41

    def __call__(self, samples: Floats, rate: int) -> Floats:
        """`(time,)` at `rate` hertz to a unit vector `(size,)`; zeros for silence and for less than 100 ms."""
        found = self.statistics(samples, rate)
        if found is None:
            return np.zeros(self.size, np.float32)
        return unit(np.asarray((found - _CENTRE) / _SPREAD, np.float32))

    def statistics(self, samples: Floats, rate: int) -> _Doubles | None:
        """The numbers before they are scaled, `(size,)`; None where there is nothing to hear."""
        frames = self._frames(samples, rate)
        if len(frames) < 10:
            return None
        spectrum = np.fft.rfft(frames * _window(), 2 * self.FRAME)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        active = self._active(power)
        if active.sum() < 5:
            return None
        power = power[active]
        cepstra = np.log(power @ _bank().T + 1e-9 * power.mean()).astype(np.float64) @ _cosines().T
        height, voiced = _pitch(power)
        chosen = np.log(height[voiced]) if voiced.sum() > 2 else np.array([np.log(150.0)])
        about = [chosen.mean(), chosen.std(), voiced.mean()]
        return np.concatenate([cepstra.mean(0), cepstra.std(0), about])

    def _frames(self, samples: Floats, rate: int) -> Floats:
        sound = resample(np.nan_to_num(np.asarray(samples, np.float32))[None], rate, self.RATE)[0]
        if len(sound) < self.FRAME:
            return np.zeros((0, self.FRAME), np.float32)
        return np.lib.stride_tricks.sliding_window_view(sound, self.FRAME)[:: self.HOP]

    def _active(self, power: Floats) -> npt.NDArray[np.bool_]:
        level = power[:, 5 : 2 * self.FRAME * 38 // 160].sum(1)
        loud = np.percentile(level, 95)
        least = max(loud * 10 ** (-self.RANGE / 10), (self.FRAME * self.LEAST) ** 2)
        return np.asarray(level > least)


@lru_cache(maxsize=1)
def _window() -> Floats:
    return np.hanning(SpectralVoice.FRAME).astype(np.float32)


@lru_cache(maxsize=1)
def _bank() -> Floats:
    v = SpectralVoice
    return np.asarray(mel_bank(v.RATE, 2 * v.FRAME, v.BANDS, v.HIGHEST), np.float32)


@lru_cache(maxsize=1)
def _cosines() -> _Doubles:
    """The discrete cosine transform without its constant, `(cepstra, bands)`: level does not matter."""
    v = SpectralVoice
    row, column = np.arange(1, v.CEPSTRA + 1)[:, None], np.arange(v.BANDS)[None]
    return np.asarray(np.cos(np.pi * row * (column + 0.5) / v.BANDS) * np.sqrt(2 / v.BANDS))


class _Lags(NamedTuple):
    """Lags of pitches from 400 to 65 hertz, samples.

    waves: autocorrelation at 0 and at them from the power below 2 kHz, `(bins, 1 + lags)`; shape: of the window's own; slope: what
    makes the first of several equal peaks the pitch.
    """

    lags: npt.NDArray[np.intp]
    waves: Floats
    shape: Floats
    slope: Floats


@lru_cache(maxsize=1)
def _lags() -> _Lags:
    v = SpectralVoice
    lags = np.arange(v.RATE // 400, v.RATE // 65 + 1)
    window = np.fft.irfft(np.square(np.abs(np.fft.rfft(np.hanning(v.FRAME), 2 * v.FRAME))))
    bins = np.arange(np.count_nonzero(np.fft.rfftfreq(2 * v.FRAME, 1 / v.RATE) < 2000))
    waves = np.cos(np.pi / v.FRAME * bins[:, None] * np.concatenate([[0], lags])) * np.where(bins, 2, 1)[:, None]
    return _Lags(
        lags, *(np.asarray(a, np.float32) for a in (waves, window[lags] / window[0], 0.1 * np.log2(lags / lags[0])))
    )


def _pitch(power: Floats) -> tuple[_Doubles, npt.NDArray[np.bool_]]:
    """Pitch of frames in hertz, and whether they have one, from power spectra `(frames, FRAME + 1)`."""
    lags, waves, shape, slope = _lags()
    found = power[:, : len(waves)] @ waves
    height = found[:, 1:] / np.maximum(found[:, :1], 1e-20) / shape - slope
    best = height.argmax(1)
    return SpectralVoice.RATE / lags[best], height[np.arange(len(best)), best] > 0.35


# Over 3 s pieces of 360 voices of LibriSpeech, VCTK and the enrolment speech of the DNS challenge (all CC BY 4.0): means,
# and deviations within a voice; cepstra's means, their deviations, then pitch's mean and deviation and the share of voiced frames.
# fmt: off
_CENTRE = np.array(
    [
        9.81, 3.28, 1.85, -0.50, -0.49, -0.76, -0.27, -0.64, -0.10, -0.28, -0.36, -0.31, -0.43, -0.43, -0.40,
        -0.38, 6.29, 4.62, 3.29, 2.57, 2.15, 1.98, 1.70, 1.53, 1.39, 1.31, 1.21, 1.14, 1.07, 1.04, 1.01, 1.00,
        5.04, 0.39, 0.85,
    ]
)
_SPREAD = np.array(
    [
        1.64, 1.37, 0.94, 0.69, 0.57, 0.53, 0.45, 0.39, 0.34, 0.35, 0.30, 0.28, 0.27, 0.28, 0.28, 0.28, 1.05,
        0.68, 0.58, 0.33, 0.29, 0.25, 0.21, 0.19, 0.18, 0.19, 0.18, 0.20, 0.23, 0.23, 0.25, 0.25, 0.09, 0.07,
        0.06,
    ]
)
# fmt: on
