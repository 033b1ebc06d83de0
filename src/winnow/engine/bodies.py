"""What happens at a model's own rate: blocks of samples in, finished stems out, in constant memory and of the same length."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.dsp.masks import least_gain, moderate
from winnow.dsp.spectrum import Analysis, Spectrum, Synthesis, Transform
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
    linked: all channels at once; share: of the recording that stays in the first stem whatever happens, 0 to 1; network: a last
    window that would be short begins earlier, so that it is whole, and what lies above the model's band gets the gain that its
    upper bins have in the first stem. Without that, it gets the share alone.
    """

    def __init__(
        self, separator: Separator, channels: int, rate: int, linked: bool, share: float, network: bool = False
    ) -> None:
        self._separator, self._rate, self._share = separator, rate, np.float32(share)
        self._window = max(1, round(separator.window * rate))
        self._shared = round(separator.overlap * rate)
        self._waiting: Samples = np.zeros((channels, 0), np.float32)
        self._behind = self._waiting  # what was answered, as context for a short last window
        self._tail: Finished | None = None
        self._network, self._apart = network, not linked
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
            found = self._next(self._waiting[:, : self._window], 0)
            done.append(Finished(*(part[..., :hop] for part in found)))
            self._tail = Finished(*(part[..., hop:].copy() for part in found))
            self._behind, self._waiting = self._waiting[:, :hop], self._waiting[:, hop:]
            self._given += hop
        return Finished(*(np.concatenate(parts, axis=-1) for parts in zip(self._nothing(), *done, strict=True)))

    def flush(self) -> Finished:
        """The rest: altogether as many samples as went in. Raises NotSeparable."""
        count = self._waiting.shape[1]
        lack = max(0, self._window - count) if self._network else 0
        before = self._behind[:, max(0, self._behind.shape[1] - lack) :] if lack else self._behind[:, :0]
        window = np.concatenate([before, self._waiting], axis=1)
        found = self._next(window, before.shape[1]) if count else self._nothing()
        self._waiting = self._waiting[:, :0]
        if self._failure and not self._separated_one:
            raise self._failure
        return found

    def _nothing(self) -> Finished:
        channels = len(self._waiting)
        rows = channels if self._network and self._apart else 1
        return Finished(
            np.zeros((len(self._separator.stems), channels, 0), np.float32), np.zeros((1, rows, 0), np.float32)
        )

    def _next(self, window: Samples, known: int) -> Finished:
        """The stems of a window less its first `known` samples, cross-faded with what the window before said of the same ones."""
        stems = self._separate(window)
        above = upper_gains(stems[0], window, self._rate, not self._apart) if self._network else np.zeros((1, 1))
        above = np.broadcast_to(self._share + (1 - self._share) * above, (len(above), window.shape[1]))
        if self._share:
            stems = stems * (1 - self._share)
            stems[0] += self._share * window
        found = Finished(stems[..., known:].copy(), np.array(above[None, :, known:], np.float32))
        if self._tail is None or not self._shared:
            return found
        found = Finished(arranged(self._separator, self._tail.stems, found.stems), found.above)
        for before, part in zip(self._tail, found, strict=True):
            part[..., : self._shared] = cross_fade(before, part[..., : self._shared])
        return found

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


def upper_gains(stem: Samples, mix: Samples, rate: int, linked: bool) -> Samples:
    """What a stem holds of the mix's upper bins, sample by sample: `(channels, time)` twice to `(channels or 1, time)`, 0 to 1.

    The root of the ratio of powers in the upper quarter of the bins, in frames of 32 ms, linear between their centres.
    """
    size = 2 * max(1, round(rate * 0.016))
    transform = Transform.halves(size)
    padding = ((0, 0), (0, size))
    low = round(transform.bins * TOP)
    both = (Analysis(transform, len(x)).feed(np.pad(x, padding))[..., low:] for x in (stem, mix))
    kept, power = (np.square(np.abs(x)).sum(-1) for x in both)
    if linked:
        kept, power = kept.sum(0, keepdims=True), power.sum(0, keepdims=True)
    nothing = (SILENCE * size) ** 2 * (transform.bins - low)
    gains = np.sqrt(np.minimum(kept / (power + nothing), 1))
    place = np.arange(mix.shape[1]) / transform.hop
    return np.asarray([np.interp(place, np.arange(len(gain)), gain) for gain in gains], np.float32)


def separated(separator: Separator, mix: Samples, rate: int) -> Stack:
    """A recording in memory through a separator's windows, `(channels, time)` to `(stems, channels, time)`. Raises NotSeparable."""
    body = WindowBody(separator, len(mix), rate, True, 0.0)
    return np.concatenate([body.feed(mix).stems, body.flush().stems], axis=2)
