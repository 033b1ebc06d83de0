"""From blocks of a recording to blocks of its stems: the one function that everything above calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Literal, NamedTuple

import numpy as np

from winnow.audio import Samples, whole_rate
from winnow.dsp.masks import least_gain
from winnow.dsp.resample import StreamResampler, fit
from winnow.engine.bodies import Body, Finished, MaskBody, Stack, WindowBody
from winnow.errors import BadAudio, BadInput, BadOption
from winnow.models import catalog
from winnow.models.bundle import Bundle
from winnow.models.manifest import Manifest
from winnow.models.methods import BLIND, METHODS
from winnow.models.separator import Separator

Stems = dict[str, Samples]


@dataclass(frozen=True)
class Settings:
    """What a person can ask for.

    model: a shipped bundle's name, the path of a bundle, "auto": chosen by the recording's sample rate, or a method that needs no
    network (`winnow.models.methods.METHODS`).
    strength: 0 (the recording as it is) to 1 (all that the model does), a linear blend.
    max_attenuation: dB, nothing is lowered by more than this; None: no limit.
    channels: "linked": one gain, found on the downmix, for all channels, so the stereo image stays; "apart": each by itself.
    threads: of the network; more than one pays only for large ones. sources: how many, for the blind methods (None: as many as
    channels). cues: facts that a bundle is told, by name, such as the vector of the voice that is wanted.
    mask, factor: published modes of VoiceFilter, see `winnow.models.voicefilter`.
    Raises BadOption.
    """

    model: str | os.PathLike[str] = "auto"
    strength: float = 1.0
    max_attenuation: float | None = None
    channels: Literal["linked", "apart"] = "linked"
    threads: int = 1
    sources: int | None = None
    cues: tuple[tuple[str, tuple[float, ...]], ...] = ()
    mask: str | None = None
    factor: float | None = None

    def __post_init__(self) -> None:
        if not _within(self.strength, 0, 1):
            raise BadOption(f"the strength is between 0 (nothing) and 1 (all), not {self.strength}.")
        if self.max_attenuation is not None and not _within(self.max_attenuation, 0, 999):
            raise BadOption(f"the largest attenuation is between 0 and 999 dB, not {self.max_attenuation}.")
        if self.channels not in ("linked", "apart"):
            raise BadOption(f'channels are "linked" or "apart", not "{self.channels}".')

    def check_speech(self) -> None:
        """Raises BadOption for a model that does not tell which of its stems is the speech; UnknownModel, BundleError."""
        if self.model in BLIND:
            raise BadOption(
                f"{self.model} does not know which source is the speech; use `winnow separate`, in Python `winnow.split`."
            )
        if self.model == "auto" or self.model in METHODS:
            return
        m = catalog.find(self.model).manifest
        if not m.stems:
            raise BadOption(f"{m.name} only tells voices apart; choose another model, `winnow models` lists all.")
        if "speech" not in m.stems:
            use = "extract` or `winnow remove" if m.cues else "separate"
            raise BadOption(f"{m.name} gives {', '.join(m.stems)} and not the speech; use `winnow {use}`.")

    @property
    def least_gain(self) -> float:
        """The share of the recording that stays whatever the model does, 0 to 1."""
        return least_gain(self.strength, self.max_attenuation)


def _within(value: object, least: float, most: float) -> bool:
    return isinstance(value, Real) and least <= float(value) <= most


class Separation:
    """One recording on its way through a model, block by block, in constant memory; `stems`: the names of what comes out.

    Every call returns stems of equal length `(channels, time)`; over all calls their length is the input's exactly, and
    they add up to the input. rate: hertz, of input and output. Values that are no numbers count as silence.
    opened: what to run in place of the settings' model.
    Raises UnknownModel, BundleError, BadAudio for a rate or a number of channels that cannot be.
    """

    def __init__(
        self, rate: int, channels: int, settings: Settings | None = None, opened: Opened | None = None
    ) -> None:
        if channels < 1:
            raise BadAudio(f"a recording has one channel at least, not {channels}.")
        self.settings = settings or Settings()
        self.rate, self.channels = whole_rate(rate), channels
        self._ended = False
        opened = opened or _open(self.settings, self.rate, channels)
        self.model, self.stems, self.latency = opened.name, opened.stems, opened.latency
        self._body, self._remainder, self._model_rate = opened.body, opened.remainder, opened.rate
        self._parts = len(self.stems) - self._remainder
        self._to_model = StreamResampler(rate, self._model_rate, channels)
        self._from_model = StreamResampler(self._model_rate, rate, channels * self._parts)
        self._waiting: Samples = np.zeros((channels, 0), np.float32)
        # The band above the model's own gets a gain too: that share of the recording goes past the model, and what the model
        # heard of it is taken out of what comes back. With strength 0 nothing is left that was resampled.
        self._past = rate != self._model_rate
        self._heard: Samples = np.zeros((channels, 0), np.float32)
        self._gains: Stack = np.zeros((1, 1, 0), np.float32)
        self._place = 0.0  # of the next sample to be delivered, from the first of the gains, in the model's samples

    def watch(self, tell: Callable[[float], None]) -> None:
        """Have `tell` called with the seconds that are done where a method takes long over a window of the recording."""
        if isinstance(self._body, WindowBody):
            self._body.watch(tell)

    def feed(self, block: Samples) -> Stems:
        """Give the next samples `(channels, time)`, take what is finished.

        Raises BadAudio for another number of channels, BadInput after `flush`.
        """
        self._refuse_after_the_end()
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise BadAudio(f"a block has shape ({self.channels}, time), not {block.shape}.")
        block = np.nan_to_num(np.asarray(block, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        self._waiting = np.concatenate([self._waiting, block], axis=1)
        parts = self._through(self._to_model.feed(block))
        return self._deliver(self._from_model.feed(parts))

    def flush(self) -> Stems:
        """The rest, after the last block. Raises BadInput the second time."""
        self._refuse_after_the_end()
        self._ended = True
        last = self._through(self._to_model.flush())
        rest = self._without_heard(self._body.flush())
        parts = [self._from_model.feed(np.concatenate([last, rest], axis=1)), self._from_model.flush()]
        return self._deliver(fit(np.concatenate(parts, axis=1), self._waiting.shape[1]))

    def _refuse_after_the_end(self) -> None:
        if self._ended:
            raise BadInput("this recording was ended by flush; begin the next one with a new object.")

    def _through(self, block: Samples) -> Samples:
        """Samples at the model's rate to what is finished, all channels of all stems below each other."""
        if self._past:
            self._heard = np.concatenate([self._heard, block], axis=1)
        return self._without_heard(self._body.feed(block))

    def _without_heard(self, finished: Finished) -> Samples:
        """Less what goes past the model."""
        parts, gains = finished.stems, finished.above
        ready = parts.shape[2]
        if self._past:
            heard, self._heard = self._heard[:, :ready], self._heard[:, ready:]
            before = np.broadcast_to(self._gains, (*gains.shape[:2], self._gains.shape[2]))
            self._gains = np.concatenate([before, gains], axis=2)
            parts = parts.copy()
            parts[: len(gains)] -= gains * heard
        return np.asarray(parts.reshape(self._parts * self.channels, ready), np.float32)

    def _deliver(self, parts: Samples) -> Stems:
        ready = min(parts.shape[1], self._waiting.shape[1])
        source, self._waiting = self._waiting[:, :ready], self._waiting[:, ready:]
        stems = list(parts[:, :ready].reshape(self._parts, self.channels, ready))
        if self._past and ready:
            for number, gain in enumerate(self._above(ready)):
                stems[number] = stems[number] + gain * source
        if self._remainder:
            stems.append(source - sum(stems[1:], start=stems[0]))
        return dict(zip(self.stems, stems, strict=True))

    def _above(self, count: int) -> Stack:
        """The gains at the recording's own rate, for the next samples to be delivered, `(stems, channels or 1, time)`."""
        size = self._gains.shape[2]
        if size == 0:  # a recording so short that the model heard nothing of it
            return np.full((1, 1, count), self.settings.least_gain, np.float32)
        pace = self._model_rate / self.rate
        place = self._place + np.arange(count) * pace
        gains = [[np.interp(place, np.arange(size), gain) for gain in row] for row in self._gains]
        old = max(0, int(place[-1]) - 1)
        self._gains, self._place = self._gains[:, :, old:], self._place + count * pace - old
        return np.asarray(gains, np.float32)


class Opened(NamedTuple):
    """A model made ready for one recording; rate: at which its body works; remainder: the last stem is what is left."""

    name: str
    stems: tuple[str, ...]
    remainder: bool
    rate: int
    latency: float
    body: Body


def _open(settings: Settings, rate: int, channels: int) -> Opened:
    if settings.model in METHODS:
        separator = METHODS[str(settings.model)](channels, settings.sources)
        whole = separator.window
        linked = settings.channels == "linked" or settings.model in BLIND
        body: Body = WindowBody(separator, channels, rate, linked, settings.least_gain)
        return Opened(str(settings.model), separator.stems, False, separator.rate or rate, whole, body)
    bundle = catalog.find(catalog.choose(rate) if settings.model == "auto" else settings.model)
    m, linked = bundle.manifest, settings.channels == "linked"
    _check_cues(m, settings)
    if bundle.windowed:
        separator = separator_of(bundle, settings)
        published = getattr(m.settings, "as_published", False)
        body = WindowBody(separator, channels, m.rate, linked, settings.least_gain, network=not published)
        left = tuple(name for name in m.stems if name not in separator.stems)
        return Opened(m.name, (*separator.stems, *left), m.remainder, m.rate, m.latency, body)
    else:
        runner = bundle.runner(settings.threads)
        body = MaskBody(runner, channels, linked, settings.strength, settings.max_attenuation)
    return Opened(m.name, m.stems, m.remainder, m.rate, m.latency, body)


def separator_of(bundle: Bundle, settings: Settings) -> Separator:
    """What runs the windows of a bundle as the settings say. Raises BadOption, BadInput for cues that do not fit it."""
    cues = {name: np.asarray(values, np.float32) for name, values in settings.cues}
    return bundle.separator(cues, settings.threads, mask=settings.mask, factor=settings.factor)


def _check_cues(manifest: Manifest, settings: Settings) -> None:
    """Raises BadOption where a bundle needs to be told more, or less, than it is."""
    needed, given = {cue.name for cue in manifest.cues}, {name for name, _ in settings.cues}
    if given - needed:
        raise BadOption(f"{manifest.name} has no cue named {min(given - needed)}; choose another --model.")
    if needed - given:
        how = "use `winnow extract` or `winnow remove`" if "voice" in needed else "give another --model"
        raise BadOption(f"{manifest.name} works only when it is told the {min(needed - given)}; {how}.")


def separate(blocks: Iterable[Samples], rate: int, channels: int, settings: Settings | None = None) -> Iterator[Stems]:
    """Blocks `(channels, time)` of a recording to blocks of its stems; lazily, in constant memory."""
    separation = Separation(rate, channels, settings)
    for block in blocks:
        yield separation.feed(block)
    yield separation.flush()
