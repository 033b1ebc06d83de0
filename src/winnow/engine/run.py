"""From blocks of a recording to blocks of its stems: the one function that everything above calls."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Literal

import numpy as np

from winnow.audio import Samples, whole_rate
from winnow.dsp.masks import moderate
from winnow.dsp.resample import StreamResampler, fit
from winnow.dsp.spectrum import Analysis, Spectrum, Synthesis
from winnow.engine.downmix import Downmix
from winnow.errors import BadAudio, BadInput, BadOption
from winnow.models import catalog

Stems = dict[str, Samples]


@dataclass(frozen=True)
class Settings:
    """What a person can ask for.

    model: a shipped bundle's name, the path of a bundle, or "auto": chosen by the recording's sample rate.
    strength: 0 (the recording as it is) to 1 (all that the model does), a linear blend.
    max_attenuation: dB, nothing is lowered by more than this; None: no limit.
    channels: "linked": one gain, found on the downmix, for all channels, so the stereo image stays; "apart": each by itself.
    threads: of the network; more than one pays only for large ones.
    Raises BadOption.
    """

    model: str | os.PathLike[str] = "auto"
    strength: float = 1.0
    max_attenuation: float | None = None
    channels: Literal["linked", "apart"] = "linked"
    threads: int = 1

    def __post_init__(self) -> None:
        if not _within(self.strength, 0, 1):
            raise BadOption(f"the strength is between 0 (nothing) and 1 (all), not {self.strength}.")
        if self.max_attenuation is not None and not _within(self.max_attenuation, 0, 999):
            raise BadOption(f"the largest attenuation is between 0 and 999 dB, not {self.max_attenuation}.")
        if self.channels not in ("linked", "apart"):
            raise BadOption(f'channels are "linked" or "apart", not "{self.channels}".')

    @property
    def least_gain(self) -> float:
        """The share of the recording that stays whatever the model does, 0 to 1."""
        floor = 0.0 if self.max_attenuation is None else 10 ** (-self.max_attenuation / 20)
        return 1 - self.strength * (1 - floor)


def _within(value: object, least: float, most: float) -> bool:
    return isinstance(value, Real) and least <= float(value) <= most


class Separation:
    """One recording on its way through a model, block by block, in constant memory.

    Every call returns stems of equal length `(channels, time)`; over all calls their length is the input's exactly, and
    they add up to the input. rate: hertz, of input and output. Values that are no numbers count as silence.
    Raises UnknownModel, BundleError, BadAudio for a rate or a number of channels that cannot be.
    """

    stems = ("speech", "background")

    def __init__(self, rate: int, channels: int, settings: Settings | None = None) -> None:
        if channels < 1:
            raise BadAudio(f"a recording has one channel at least, not {channels}.")
        self.settings = settings or Settings()
        self.rate, self.channels = whole_rate(rate), channels
        self._ended = False
        auto = self.settings.model == "auto"
        bundle = catalog.find(catalog.choose(rate) if auto else self.settings.model)
        self.model = bundle.manifest.name
        self.latency = bundle.manifest.latency
        self._model_rate = bundle.manifest.rate
        self._runner = bundle.runner(self.settings.threads)
        window = self._runner.settings.window
        self._to_model = StreamResampler(rate, self._model_rate, channels)
        self._from_model = StreamResampler(self._model_rate, rate, channels)
        self._analysis, self._synthesis = Analysis(window, channels), Synthesis(window, channels)
        self._early = window // 2  # what synthesis gives first belongs before the recording
        self._inside = 0  # samples at the model's rate that went in and have not come out
        self._downmix = Downmix(channels) if self.settings.channels == "linked" else None
        self._states = [self._runner.begin() for _ in range(1 if self._downmix else channels)]
        self._waiting: Samples = np.zeros((channels, 0), np.float32)
        # What the model never hears, the band above its own, shall keep what the settings leave of anything: that share
        # goes past the model and is taken out of what comes back from it.
        self._kept = np.float32(self.settings.least_gain)
        self._heard: Samples = np.zeros((channels, 0), np.float32)

    def feed(self, block: Samples) -> Stems:
        """Give the next samples `(channels, time)`, take what is finished.

        Raises BadAudio for another number of channels, BadInput after `flush`.
        """
        self._refuse_after_the_end()
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise BadAudio(f"a block has shape ({self.channels}, time), not {block.shape}.")
        block = np.nan_to_num(np.asarray(block, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        self._waiting = np.concatenate([self._waiting, block], axis=1)
        return self._deliver(self._from_model.feed(self._enhance(self._to_model.feed(block))))

    def flush(self) -> Stems:
        """The rest, after the last block. Raises BadInput the second time."""
        self._refuse_after_the_end()
        self._ended = True
        rest = self._enhance(self._to_model.flush())
        inside = self._inside
        window = self._runner.settings.window
        tail = self._enhance(np.zeros((self.channels, window), np.float32))[:, :inside]
        speech = [self._from_model.feed(np.concatenate([rest, tail], axis=1)), self._from_model.flush()]
        return self._deliver(fit(np.concatenate(speech, axis=1), self._waiting.shape[1]))

    def _refuse_after_the_end(self) -> None:
        if self._ended:
            raise BadInput("this recording was ended by flush; begin the next one with a new object.")

    def _enhance(self, block: Samples) -> Samples:
        """Samples at the model's rate to the speech that is finished, without delay."""
        self._inside += block.shape[1]
        spectrum = self._analysis.feed(block)
        for channel, mask in self._masks(spectrum):
            spectrum[channel] *= mask
        speech = self._synthesis.feed(spectrum)
        cut = min(self._early, speech.shape[1])
        self._early -= cut
        self._inside -= speech.shape[1] - cut
        return self._without_kept(speech[:, cut:], block)

    def _without_kept(self, speech: Samples, block: Samples) -> Samples:
        if not self._kept:
            return speech
        ready = speech.shape[1]
        heard = np.concatenate([self._heard, block], axis=1)
        self._heard = heard[:, ready:]
        return np.asarray(speech - self._kept * heard[:, :ready], np.float32)

    def _masks(self, spectrum: Spectrum) -> Iterator[tuple[int | slice, Spectrum]]:
        """Which channels get which mask `(T, F)`."""
        heard = self._downmix.feed(spectrum)[None] if self._downmix else spectrum
        for i, state in enumerate(self._states):
            mask, self._states[i] = self._runner.step(heard[i], state)
            mask = moderate(mask, self.settings.strength, self.settings.max_attenuation)
            yield (slice(None) if self._downmix else i), mask

    def _deliver(self, speech: Samples) -> Stems:
        ready = min(speech.shape[1], self._waiting.shape[1])
        source, self._waiting = self._waiting[:, :ready], self._waiting[:, ready:]
        speech = speech[:, :ready] + self._kept * source if self._kept else speech[:, :ready]
        return {"speech": speech, "background": source - speech}


def separate(blocks: Iterable[Samples], rate: int, channels: int, settings: Settings | None = None) -> Iterator[Stems]:
    """Blocks `(channels, time)` of a recording to blocks of its stems; lazily, in constant memory."""
    separation = Separation(rate, channels, settings)
    for block in blocks:
        yield separation.feed(block)
    yield separation.flush()
