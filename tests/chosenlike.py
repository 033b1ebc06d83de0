"""Stand-ins for a network that is told a voice: what it takes for the voice is known exactly."""

import numpy as np

from winnow.engine.chosen import DEFAULT
from winnow.errors import BadOption, UnknownModel
from winnow.models.manifest import Cue, Manifest

RATE = 16000
HIGH, LOW = (1.0, 0.0), (0.0, 1.0)


class Pitch:
    """An encoder that knows two voices: above 500 hertz, and below."""

    size, identity, alike = 2, "pitch", 0.5

    def __init__(self):
        self.asked = []

    def __call__(self, samples, rate):
        self.asked.append(len(samples) / rate)
        loudest = np.abs(np.fft.rfft(samples)).argmax() * rate / max(1, len(samples))
        return np.array(HIGH if loudest > 500 else LOW, np.float32)


class Half:
    """A separator whose voice is what lies above 500 hertz, or, for the other voice, below; windows of 1 s."""

    rate, window, overlap, ordered, stems = RATE, 1.0, 0.25, True, ("voice",)

    def __init__(self, voice):
        self.high = voice[0] > voice[1]

    def __call__(self, mix, rate):
        spectrum = np.fft.rfft(mix)
        kept = (np.fft.rfftfreq(mix.shape[1], 1 / rate) > 500) == self.high
        return np.fft.irfft(spectrum * kept, mix.shape[1])[None].astype(np.float32)


class Everything(Half):
    """A separator that takes all for the voice, less what it is told not to: level of what it gives."""

    def __call__(self, mix, rate):
        return 0.9 * mix[None]


class Bundle:
    """The interface of `winnow.models.bundle.Bundle`, as far as it is needed."""

    windowed = True

    def __init__(self, separator=Half, size=2, cues=True, name="halves", source=""):
        self.made = separator
        self.manifest = Manifest(
            name, "complex", "", RATE, ("voice", "rest"), True, True, 0.0, 0, "", False, (), None, "",
            (Cue("voice", size=size, source=source),) if cues else (),
        )  # fmt: skip

    def separator(self, cues, threads=1, *, mask=None, factor=None):
        if mask is not None or factor is not None:
            raise BadOption(f"{self.manifest.name} has one way to mask: leave out --mask and --factor.")
        return self.made(cues["voice"])


def stand_in(monkeypatch, separator=Half, size=2, encoder=None):
    """Make `halves` the model of that name, and the default; and `plain` one that has no cue."""
    bundles = {name: Bundle(separator, size, name=name) for name in ("halves", DEFAULT)}
    bundles["plain"] = Bundle(separator, cues=False, name="plain")

    def find(name):
        if str(name) not in bundles:
            raise UnknownModel(f'no model named "{name}".')
        return bundles[str(name)]

    monkeypatch.setattr("winnow.models.catalog.find", find)
    monkeypatch.setattr("winnow.models.catalog.names", lambda: list(bundles))
    if encoder is not None:
        monkeypatch.setattr("winnow.engine.chosen.default_encoder", lambda: encoder)
