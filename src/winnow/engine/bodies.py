"""What happens at a model's own rate: blocks of samples in, finished stems out, in constant memory and of the same length."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.dsp.masks import least_gain, moderate
from winnow.dsp.spectrum import Analysis, Spectrum, Synthesis
from winnow.engine.downmix import Downmix
from winnow.errors import NotSeparable
from winnow.models.blind import unseparated
from winnow.models.bundle import Runner
from winnow.models.separator import Separator, arranged, cross_fade
from winnow.models.telling import Telling

Stack = npt.NDArray[np.float32]
"""Stems `(stems, channels, time)`."""

TOP = 0.75
"""Share of the bins below those whose gain stands for the band that the model does not hear."""


SILENCE = 1e-5
"""Of a bin, relative to full scale: -100 dB."""


class Finished(NamedTuple):
    """What is finished of a recording.

    stems: `(stems, channels, time)`; above: gains for the band above the model's, `(stems, channels or 1, time)`, for the first
    stems only where the others get nothing of it.
    """

    stems: Stack
    above: Stack


class Body(Protocol):
    """One recording on its way through a model."""

    def feed(self, block: Samples) -> Finished:
        """Take the next samples, `(channels, time)`."""
        ...

    def flush(self) -> Finished:
        """The rest: altogether as many samples as went in."""
        ...


class MaskBody:
    """Masks on one continuous spectrogram, for the kinds `frames` and `spectral`.

    strength, max_attenuation: see `moderate`; linked: one mask, found on the downmix, for all channels.
    """

    def __init__(
        self, runner: Runner, channels: int, linked: bool, strength: float, max_attenuation: float | None
    ) -> None:
        self._transform = runner.transform
        self._channels, self._strength, self._limit = channels, strength, max_attenuation
        self._analysis = Analysis(self._transform, channels)
        self._synthesis: Synthesis | None = None
        self._downmix = Downmix(channels) if linked else None
        self._maskers = [runner.masker() for _ in range(1 if linked else channels)]
        self._spectra = np.zeros((channels, 0, self._transform.bins), np.complex64)
        self._least = least_gain(1.0, max_attenuation)
        self._early = self._transform.early
        self._inside = 0  # samples that went in and have not come out
        self._tops: npt.NDArray[np.float32] = np.zeros((len(self._maskers), 0), np.float32)
        # of the next sample to come out, from the centre of the first of them
        self._given = -self._transform.window / 2

    def feed(self, block: Samples) -> Finished:
        """Take the next samples, `(channels, time)`."""
        self._inside += block.shape[1]
        spectrum = self._analysis.feed(block)
        heard = self._downmix.feed(spectrum)[None] if self._downmix else spectrum
        self._spectra = np.concatenate([self._spectra, spectrum], axis=1)
        return self._masked([masker.feed(part) for masker, part in zip(self._maskers, heard, strict=True)])

    def flush(self) -> Finished:
        """The rest: altogether as many samples as went in."""
        inside = self._inside
        first = self.feed(np.zeros((self._channels, self._transform.window), np.float32))
        rest = self._masked([masker.flush() for masker in self._maskers])
        both = zip(first, rest, strict=True)
        return Finished(*(np.concatenate(pair, axis=-1)[..., :inside] for pair in both))

    def _masked(self, masks: list[Spectrum]) -> Finished:
        """Apply the finished masks, one `(stems, T, F)` for each masker, to the spectra that wait for them."""
        mask = np.stack(masks, axis=1)  # (stems, maskers, T, F)
        mask = moderate(mask, 1.0, self._limit)
        ready = mask.shape[2]
        spectra, self._spectra = self._spectra[:, :ready], self._spectra[:, ready:]
        self._remember(mask[0], spectra)
        mask = moderate(mask, self._strength, None)
        stems = (spectra[None] * mask).reshape(mask.shape[0] * self._channels, ready, mask.shape[3])
        if self._synthesis is None:
            self._synthesis = Synthesis(self._transform, len(stems))
        samples = self._synthesis.feed(stems).reshape(mask.shape[0], self._channels, -1)
        cut = min(self._early, samples.shape[2])
        self._early -= cut
        self._inside -= samples.shape[2] - cut
        return Finished(samples[:, :, cut:], self._above(samples.shape[2])[None, :, cut:])

    def _remember(self, mask: Spectrum, spectra: Spectrum) -> None:
        """The gain of the model's upper bins, frame by frame: of power, so that where there is none it is the least gain."""
        low = round(mask.shape[2] * TOP)
        power = np.square(np.abs(spectra[:, :, low:]))
        if len(mask) == 1:
            power = power.sum(0, keepdims=True)
        kept = (power * np.square(np.abs(mask[:, :, low:]))).sum(-1)
        nothing = (SILENCE * self._transform.window) ** 2 * power.shape[2]
        gain = np.sqrt((kept + nothing * self._least**2) / (power.sum(-1) + nothing))
        gain = 1 - self._strength * (1 - gain)  # a mean of squares is not linear, the strength is
        self._tops = np.concatenate([self._tops, gain.astype(np.float32)], axis=1)

    def _above(self, count: int) -> Samples:
        """That gain for the next samples to come out, linear between the centres of the frames."""
        if count == 0:
            return np.zeros((len(self._tops), 0), np.float32)
        hop = self._transform.hop
        place = (self._given + np.arange(count)) / hop
        gains = [np.interp(place, np.arange(len(top)), top) for top in self._tops]
        old = max(0, int((self._given + count) // hop))
        self._tops, self._given = self._tops[:, old:], self._given + count - old * hop
        return np.asarray(gains, np.float32)


class WindowBody:
    """Windows cut out, separated and overlap-added, for what works on whole stretches of samples.

    Stems that may change places are brought into the order of the window before. A window that cannot be separated goes to the
    first stem; NotSeparable is raised at the end where that was so for every one of them.
    linked: all channels at once; share: of the recording that stays in the first stem whatever happens, 0 to 1.
    """

    def __init__(self, separator: Separator, channels: int, rate: int, linked: bool, share: float) -> None:
        self._separator, self._rate, self._share = separator, rate, np.float32(share)
        self._window = max(1, round(separator.window * rate))
        self._shared = round(separator.overlap * rate)
        self._waiting: Samples = np.zeros((channels, 0), np.float32)
        self._tail: Stack | None = None
        self._apart = not linked
        self._failure: NotSeparable | None = None
        self._separated_one = False
        self._given = 0  # samples of each stem that are finished
        self._channels_done = 0  # of this window, where they are worked on apart

    def watch(self, tell: Callable[[float], None]) -> None:
        """Have `tell` called with the seconds that are done, also while a window is in work where its separator tells."""
        if not isinstance(self._separator, Telling):
            return
        hop = self._window - self._shared

        def passed_on(share: float) -> None:
            channels, waiting = self._waiting.shape
            done = (self._channels_done + share) / (channels if self._apart else 1)
            tell((self._given + done * (hop if waiting > self._window else waiting)) / self._rate)

        self._separator.tell = passed_on

    def feed(self, block: Samples) -> Finished:
        """Take the next samples, `(channels, time)`."""
        self._waiting = np.concatenate([self._waiting, block], axis=1)
        done, hop = [], self._window - self._shared
        while self._waiting.shape[1] > self._window:  # so that the last window holds more than what is shared
            stems = self._next(self._waiting[:, : self._window])
            done.append(stems[:, :, :hop])
            self._tail = stems[:, :, hop:].copy()
            self._waiting = self._waiting[:, hop:]
            self._given += hop
        return self._finished(np.concatenate(done, axis=2) if done else None)

    def flush(self) -> Finished:
        """The rest: altogether as many samples as went in. Raises NotSeparable."""
        stems = self._next(self._waiting) if self._waiting.shape[1] else None
        self._waiting = self._waiting[:, :0]
        if self._failure and not self._separated_one:
            raise self._failure
        return self._finished(stems)

    def _finished(self, stems: Stack | None) -> Finished:
        """What such a model does not hear stays to the share that the settings keep of everything."""
        if stems is None:
            stems = np.zeros((len(self._separator.stems), self._waiting.shape[0], 0), np.float32)
        return Finished(stems, np.full((1, 1, stems.shape[2]), self._share, np.float32))

    def _next(self, window: Samples) -> Stack:
        """The stems of a window, cross-faded with what the window before said about the same samples."""
        stems = self._separate(window)
        if self._share:
            stems = stems * (1 - self._share)
            stems[0] += self._share * window
        if self._tail is None or not self._shared:
            return stems
        stems = arranged(self._separator, self._tail, stems)
        stems[:, :, : self._shared] = cross_fade(self._tail, stems[:, :, : self._shared])
        return stems

    def _separate(self, window: Samples) -> Stack:
        parts = np.split(window, len(window)) if self._apart else [window]
        try:
            stems = np.concatenate([self._one(number, part) for number, part in enumerate(parts)], axis=1)
            self._separated_one = True
        except NotSeparable as error:
            stems, self._failure = unseparated(window, len(self._separator.stems)), error
        return np.asarray(stems, np.float32)

    def _one(self, number: int, part: Samples) -> Stack:
        self._channels_done = number
        return self._separator(part, self._rate)


def separated(separator: Separator, mix: Samples, rate: int) -> Stack:
    """A recording in memory through a separator's windows, `(channels, time)` to `(stems, channels, time)`. Raises NotSeparable."""
    body = WindowBody(separator, len(mix), rate, True, 0.0)
    return np.concatenate([body.feed(mix).stems, body.flush().stems], axis=2)
