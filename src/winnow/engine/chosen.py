"""Wanted voices out of a recording: each by itself, and the rest; block by block, and with their presence over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.dsp.resample import resample
from winnow.engine.conversation.passes import Network, network_of, tells_talkers
from winnow.engine.conversation.wanted import LATENCY, WantedBody
from winnow.engine.presence import SOFTER, STEP, SURE, Follower, Presence
from winnow.engine.run import Opened, Separation, Settings, Stems, separator_of
from winnow.errors import BadOption
from winnow.metrics.activity import RATE
from winnow.models import catalog
from winnow.models.bundle import Bundle
from winnow.models.manifest import CLIP, Cue, Manifest
from winnow.models.methods import METHODS
from winnow.models.separator import Separator
from winnow.models.voices import JoinedVoice, SpectralVoice, VoiceEncoder, default_encoder

CUE = "voice"
REST = "rest"
DEFAULT, TELLER = "talkers-16k", "voice-16k"
"""Takes all talkers apart, and is told the voice: the first one's stems are chosen from with what the second one says of them."""


@dataclass(frozen=True)
class Person:
    """Whose voice is meant. name: of the stem; voice: the unit vector that an encoder made of a recording of it; clip: some speech
    of it, samples at 16 kHz, for networks that hear that too: they do without where it is empty.
    """

    name: str
    voice: tuple[float, ...]
    clip: tuple[float, ...] = ()


@dataclass(frozen=True)
class ChosenSettings(Settings):
    """What a person can ask for. persons: whose voices; remove: they are taken out, so that the rest is what is wanted.

    strength, max_attenuation: of what is taken away, from each voice's output or, with `remove`, from the rest.
    model: takes any two talkers apart, of whom the wanted ones are then chosen, or has a voice cue.
    sure: 0 to 1, an estimate counts only where its presence is that much at least, what it holds elsewhere goes to the rest; of
    itself, where no network hears a clip of the voice, it is 15 dB softer below 0.3, or as it is with a published mask: networks
    that are told a vector rather keep one voice that is not the wanted one than none, but where two speak at once, presence may
    miss the wanted one.
    encoder: bundle that makes the vectors of voices, empty for the one that the model was trained with, or that ships.
    Raises BadOption, UnknownModel.
    """

    model: str = DEFAULT
    persons: tuple[Person, ...] = ()
    remove: bool = False
    sure: float | None = None
    encoder: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sure is not None and not 0 <= self.sure <= 1:
            raise BadOption(f"how sure it is lies between 0 and 1, not {self.sure:g}.")
        names = [person.name for person in self.persons]
        if not names or len(set(names)) < len(names) or REST in names:
            raise BadOption(f'give one voice at least, each with a name of its own that is not "{REST}".')

    def gate(self, heard: bool) -> tuple[float, float]:
        """Presence from which on an estimate counts, 0: it always does; and its gain elsewhere.

        heard: whether a network hears a clip of the voice, and so knows itself where it is.
        """
        if self.sure is not None or self.mask is not None or heard:
            return self.sure or 0.0, 0.0
        return SURE, SOFTER

    def check(self) -> None:
        """Find out whether model, voices and mask go together, before any recording is read. Raises BadOption, BadInput."""
        bundle = find_bundle(str(self.model))
        if not tells_talkers(bundle):
            for each in self.each():
                separator_of(bundle, each)
        elif self.channels == "apart":
            raise BadOption(f"{self.model} takes talkers apart in all channels at once; leave out --channels apart.")
        else:
            separator_of(bundle, self.together())

    def together(self) -> Settings:
        """What takes all talkers apart, without limits."""
        return Settings(**{name: getattr(self, name) for name in ("model", "channels", "threads", "mask", "factor")})

    def each(self) -> list[Settings]:
        """What separates each of the voices, without limits."""
        manifest = find_bundle(str(self.model)).manifest
        told = [told_of(person, manifest) for person in self.persons]
        return [replace(self.together(), cues=tuple((name, tuple(v.tolist())) for name, v in t.items())) for t in told]


def told_of(person: Person, manifest: Manifest) -> dict[str, Samples]:
    """The cues by which a network is told of a person: the vector, and the beginning of the clip if it hears that."""
    cues = {CUE: np.array(person.voice, np.float32)}
    size = next((cue.size for cue in manifest.cues if cue.name == CLIP), 0)
    if size:
        clip = resample(np.array(person.clip, np.float32)[None], RATE, manifest.rate)[0]
        cues[CLIP] = np.resize(clip, size) if clip.size else np.zeros(size, np.float32)  # a short one comes again
    return cues


def find_bundle(model: str) -> Bundle:
    """A bundle with a voice cue, or one that takes talkers apart. Raises BadOption that names those that can, UnknownModel."""
    if model not in METHODS and model != "auto":
        bundle = catalog.find(model)
        if _able(bundle):
            return bundle
    able = [name for name in catalog.names() if _able(catalog.find(name))]
    raise BadOption(f"{model} cannot be told which voice is meant; {_listed(able)}")


def _able(bundle: Bundle) -> bool:
    return tells_talkers(bundle) or any(cue.name == CUE for cue in bundle.manifest.cues)


def encoder_for(bundle: Bundle, named: str = "") -> VoiceEncoder:
    """What makes the vectors that a bundle was trained with: the bundle that is named, else a shipped one, else none at all.

    Raises BadOption where that is another encoder, or not here.
    """
    m = bundle.manifest
    cue = next((cue for cue in m.cues if cue.name == CUE), Cue(CUE))  # what takes talkers apart goes with any encoder
    encoder = catalog.find(named).encoder() if named else _shipped(cue.source)
    if encoder is None or (cue.source and cue.source != encoder.identity):
        found = f", not of {encoder.identity}" if encoder else ""
        raise BadOption(f"{m.name} takes voices of the encoder {cue.source}{found}; give that one with --encoder.")
    if cue.size and cue.size != encoder.size:
        raise BadOption(
            f"{m.name} takes voices of {cue.size} numbers, those of {encoder.identity} have {encoder.size}; give --encoder."
        )
    return encoder


def _shipped(identity: str) -> VoiceEncoder | None:
    """The encoder with an identity, or the usual one for an empty one; None where none has it."""
    usual = default_encoder()
    able = (usual, *(usual.parts if isinstance(usual, JoinedVoice) else ()), SpectralVoice())
    return next((encoder for encoder in able if not identity or encoder.identity == identity), None)


def _listed(names: list[str]) -> str:
    return f"those that can: {', '.join(names)}." if names else "give a bundle that has a voice cue with --model."


class Chosen:
    """The interface of `winnow.engine.run.Separation` for wanted voices: a stem for each of them, then the rest.

    They add up to the recording: where two voices both claim a sound, the rest holds it with the opposite sign.
    """

    def __init__(self, rate: int, channels: int, settings: ChosenSettings, encoder: VoiceEncoder | None = None) -> None:
        self.settings = settings
        bundle = find_bundle(str(settings.model))
        heard = encoder or encoder_for(bundle, settings.encoder)
        self._together = tells_talkers(bundle)
        if self._together:
            network = network_of(bundle, settings.threads)
            tellers = _tellers(network, settings, heard)
            opened = _opened(network, channels, settings.persons, heard, tellers)
            self._separations = [Separation(rate, channels, settings.together(), opened)]
        else:
            tellers = []
            self._separations = [Separation(rate, channels, each) for each in settings.each()]
        hears = bool(tellers) or any(cue.name == CLIP for cue in bundle.manifest.cues)
        self._voices = [
            _Voice(person, rate, channels, heard, settings.gate(hears and bool(person.clip)))
            for person in settings.persons
        ]
        first = self._separations[0]
        self.rate, self.channels, self.model, self.latency = first.rate, channels, first.model, first.latency
        self.stems = (*(person.name for person in settings.persons), REST)

    def watch(self, tell: Callable[[float], None]) -> None:
        """See `Separation.watch`."""
        self._separations[0].watch(tell)

    def feed(self, block: Samples) -> Stems:
        """Give the next samples `(channels, time)`, take what is finished. Raises as `Separation.feed`."""
        return self._apart([separation.feed(block) for separation in self._separations], ended=False)

    def flush(self) -> Stems:
        """The rest, after the last block. Raises BadInput the second time."""
        return self._apart([separation.flush() for separation in self._separations], ended=True)

    @property
    def presence(self) -> Mapping[str, Presence]:
        """Of each voice, as far as it is known."""
        return {voice.name: voice.follower.presence for voice in self._voices}

    def _apart(self, separated: list[Stems], ended: bool) -> Stems:
        """From each voice and the recording, of equal length, to the stems."""
        first, *others = separated[0].values()
        recording = sum(others, start=first)
        names = [voice.name if self._together else CUE for voice in self._voices]
        each_of = separated * len(names) if self._together else separated
        estimates = [stems[name] for stems, name in zip(each_of, names, strict=True)]
        found = [voice.followed(each, recording, ended) for voice, each in zip(self._voices, estimates, strict=True)]
        least, recording = np.float32(self.settings.least_gain), found[0][1]
        kept = least * recording if least and not self.settings.remove else np.float32(0)
        voices = [np.asarray((1 - least) * voice + kept, np.float32) for voice, _ in found]
        return dict(zip(self.stems, [*voices, recording - sum(voices[1:], start=voices[0])], strict=True))


def _opened(
    network: Network, channels: int, persons: tuple[Person, ...], encoder: VoiceEncoder, tellers: list[Separator]
) -> Opened:
    """The wanted voices of what a network takes apart; tellers: see `_tellers`."""
    wanted = np.array([person.voice for person in persons], np.float32)
    body = WantedBody(network, channels, wanted, encoder, tellers)
    stems = (*(person.name for person in persons), REST)
    return Opened(network.name, stems, True, network.rate, LATENCY + network.separator.window, body)


def _tellers(network: Network, settings: ChosenSettings, encoder: VoiceEncoder) -> list[Separator]:
    """What gives each wanted voice by itself, of the shipped network that is told it; none where it does not go with the others, or
    has nothing to hear of an enrolled voice, of whose vector it knows less than the encoder itself.
    """
    if TELLER not in catalog.names():
        return []
    bundle = catalog.find(TELLER)
    source = next((cue.source for cue in bundle.manifest.cues if cue.name == CUE), "")
    found = []
    for person in settings.persons:
        vector = np.array(person.voice, np.float32)
        own = vector if encoder.identity == source else None
        if isinstance(encoder, JoinedVoice):
            own = encoder.part(vector, source)
        if own is None or not person.clip or bundle.manifest.rate != network.rate:
            return []
        told = told_of(replace(person, voice=tuple(own.tolist())), bundle.manifest)
        found.append(bundle.separator(told, settings.threads))
    return found


class _Voice:
    """One wanted voice on its way: followed, and where it is not sure, left out."""

    def __init__(
        self, person: Person, rate: int, channels: int, encoder: VoiceEncoder, gate: tuple[float, float]
    ) -> None:
        self.name = person.name
        self.follower = Follower(np.asarray(person.voice, np.float32), encoder, rate)
        self._gate = Gate(gate[0], rate, gate[1]) if gate[0] else None
        self._waiting = [np.zeros((channels, 0), np.float32)] * 2

    def followed(self, voice: Samples, recording: Samples, ended: bool) -> tuple[Samples, Samples]:
        """The voice and the recording, as far as they are finished; ended: these samples are the last."""
        known = self.follower.feed(voice, recording)
        if ended:
            known += self.follower.flush()
        if self._gate is None:
            return voice, recording
        self._waiting = [np.concatenate(pair, axis=1) for pair in zip(self._waiting, (voice, recording), strict=True)]
        gains = self._gate.gains(known, self._waiting[0].shape[1] if ended else None)
        voice, recording = (part[:, : len(gains)] for part in self._waiting)
        self._waiting = [part[:, len(gains) :] for part in self._waiting]
        return gains * voice, recording


class Gate:
    """A gain that opens where presence reaches a threshold and is `closed` elsewhere, each within 0.1 s."""

    def __init__(self, threshold: float, rate: int, closed: float = 0.0) -> None:
        self._threshold, self._closed, self._size = threshold, closed, rate * STEP
        self._open: list[float] = []  # for frames around the next sample
        self._first = 0  # their number
        self._given = 0  # samples

    def gains(self, presence: list[float], samples: int | None = None) -> npt.NDArray[np.float32]:
        """For the next samples `(time,)`, as many as are known; samples: that are still to come, after the last frame."""
        self._open += [1.0 if value >= self._threshold else self._closed for value in presence]
        centres = (self._first + 0.5 + np.arange(len(self._open))) * self._size
        if samples is None:
            samples = max(0, int(centres[-1]) - self._given) if len(centres) else 0
        if not samples:
            return np.zeros(0, np.float32)
        place = self._given + np.arange(samples) + 0.5
        gains = np.interp(place, centres, self._open)
        self._given += samples
        old = max(0, int(np.searchsorted(centres, self._given)) - 1)
        self._open, self._first = self._open[old:], self._first + old
        return np.asarray(gains, np.float32)
